/*
 * lease_wait.c
 *		How a lock waits for the end of a lease.
 *
 * A session that is granted a lock by the lock manager may find that the lock
 * is leased.  It keeps the lock and waits until the lease is over.  So the
 * queue behind it stays in order, and nobody polls.  The end of a lease wakes
 * it.  When it is cancelled or terminated, the next in the queue takes its
 * place.  The deadlock detector knows only the lock manager's own waits, and
 * this is none.
 */
#include "lock/lock.h"

#include "utils/snapmgr.h"

/*
 * LeaseIsShut(name) - would a session that is granted the lock have to wait?
 */
bool
LeaseIsShut(const LockName *name)
{
	Lease	   *lease = LockLease(name->id);
	bool		shut;

	if (lease == NULL)
		return false;
	ExpireLease(lease);
	shut = lease->state != LEASE_FREE;
	UnlockLease(lease);
	return shut;
}

/*
 * SleepUntilOpen(hold, name, since, wait) - false when the wait is over
 */
static bool
SleepUntilOpen(Hold *hold, const LockName *name, TimestampTz since,
			   int64 wait)
{
	for (;;)
	{
		Lease	   *lease = LockLease(name->id);
		bool		free;
		int64		opens;
		int64		left;

		if (lease == NULL)
			return true;
		ExpireLease(lease);
		free = lease->state == LEASE_FREE;
		opens = lease->opens - LeaseClock();
		ConditionVariablePrepareToSleep(&lease->changed);
		UnlockLease(lease);
		if (free)
			return true;
		DelayEntry(hold->entry, GetCurrentTimestamp() + opens);
		left = MillisecondsLeft(since, wait);
		if (left <= 0)
			return false;
		(void) ConditionVariableTimedSleep(&lease->changed,
										   Min(left, Max(opens, 0) / 1000 + 1),
										   LeaseWaitEvent());
	}
}

/*
 * WaitForLease(hold, name, since, wait) - wait until a lease of the lock is
 * over, with the lock in hand
 *
 * Returns false when "wait", which began at "since", ends before.
 */
bool
WaitForLease(Hold *hold, const LockName *name, TimestampTz since, int64 wait)
{
	volatile bool open = false;
	bool		watching;

	if (!LeaseIsShut(name))
		return true;
	CheckCollision(name, &hold->tag, hold->ns);
	if (wait == PGX_NO_WAIT)
		return false;
	BeginWait(hold, since);
	InvalidateCatalogSnapshot();	/* else it pins xmin while we wait */
	watching = WatchClient();
	PG_TRY();
	{
		open = SleepUntilOpen(hold, name, since, wait);
	}
	PG_FINALLY();
	{
		ConditionVariableCancelSleep();
		UnwatchClient(watching);
	}
	PG_END_TRY();
	return open;
}
