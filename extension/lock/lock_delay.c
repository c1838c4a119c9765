/*
 * lock_delay.c
 *		lock_delay gives a holder time to notice that it must stop.
 *
 * When a session ends without having unlocked, it leaves a mark (entry.h)
 * until the delay of the namespace is over.  After a server start, a crash
 * restart or a promotion, nobody could leave marks, and leases are forgotten.
 * So every name of a namespace that is older than our shared memory counts as
 * unclean from the latter's creation, for as long as a lease may last.
 * Whoever is granted such a lock keeps it and waits, so that the queue stays
 * in order, and draws the token at the end.
 */
#include "lock/lock.h"

#include "miscadmin.h"
#include "pgstat.h"
#include "storage/latch.h"
#include "utils/snapmgr.h"

typedef struct Search
{
	uint16		lockclass;
	TimestampTz until;
} Search;

static void
TakeMark(const LockEntry *entry, const LockName *name,
		 const BackendSlot *slot, void *arg)
{
	Search	   *search = arg;

	if (entry->lockclass == search->lockclass &&
		entry->until > search->until)
		search->until = entry->until;
}

/*
 * UncleanUntil(name, lockclass, ns) - when this lock may be granted again
 */
TimestampTz
UncleanUntil(const LockName *name, uint16 lockclass, const Namespace *ns)
{
	Search		search = {lockclass, 0};
	Search		mark = {lockclass, 0};
	int			nslots;
	BackendSlot *slots = SharedSlots(&nslots);

	if (SharedCreatedAt() > ns->created_at)
		search.until = SharedOpensAt(Max(ns->lock_delay, ns->max_lease));
	if (ns->lock_delay == 0)
		return search.until;
	for (int i = 0; i < nslots; i++)
		VisitUnclean(&slots[i], name->id, TakeMark, &mark);
	if (mark.until != 0)
		search.until = Max(search.until, GetCurrentTimestamp() +
						   mark.until - LeaseClock());
	return search.until;
}

/*
 * SleepUntil(until) - interruptible, by a clock that nobody sets
 */
static void
SleepUntil(TimestampTz until)
{
	int64		deadline = LeaseClock() + until - GetCurrentTimestamp();

	for (;;)
	{
		int64		ms = (deadline - LeaseClock() + 999) / 1000;

		CHECK_FOR_INTERRUPTS();
		if (ms <= 0)
			return;
		(void) WaitLatch(MyLatch,
						 WL_LATCH_SET | WL_TIMEOUT | WL_EXIT_ON_PM_DEATH,
						 Min(ms, 60000), LockDelayWaitEvent());
		ResetLatch(MyLatch);
	}
}

/*
 * WaitForLockDelay(hold, name, fn_oid, ns, since, wait) - wait for the delay
 * to end, with the lock in hand
 *
 * Returns false when "wait", which began at "since", ends before.
 */
bool
WaitForLockDelay(Hold *hold, const LockName *name, Oid fn_oid, Namespace *ns,
				 TimestampTz since, int64 wait)
{
	TimestampTz until = UncleanUntil(name, hold->tag.locktag_field4, ns);
	TimestampTz limit = since + wait * 1000;
	bool		watching;

	if (until <= GetCurrentTimestamp())
		return true;
	if (wait == PGX_NO_WAIT)
		return false;
	BeginWait(hold, since);
	DelayEntry(hold->entry, until);
	InvalidateCatalogSnapshot();	/* else it pins xmin while we wait */
	watching = WatchClient();
	PG_TRY();
	{
		SleepUntil(wait == PGX_WAIT_FOREVER ? until : Min(until, limit));
	}
	PG_FINALLY();
	{
		UnwatchClient(watching);
	}
	PG_END_TRY();
	if (wait != PGX_WAIT_FOREVER && limit < until)
		return false;
	RecheckNamespace(name, fn_oid, ns, true);
	return true;
}
