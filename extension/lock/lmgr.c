/*
 * lmgr.c
 *		Asking the server's lock manager, and waiting in its queue.
 *
 * A transaction-scope lock belongs to the transaction's resource owner, not
 * to the portal's.  So it has the same owner whether or not we waited in a
 * subtransaction.
 *
 * LockAcquire() can raise an error although the lock was granted in the same
 * moment.  A caller that gets an error calls GiveBack() before it passes the
 * error on.
 */
#include "lock/lock.h"

#include "access/xact.h"
#include "miscadmin.h"
#include "storage/lmgr.h"
#include "tcop/tcopprot.h"
#include "utils/memutils.h"
#include "utils/resowner.h"
#include "utils/snapmgr.h"
#include "utils/timeout.h"

/* How often a waiter looks whether its client is still there, in ms. */
#define CLIENT_CHECK_INTERVAL 1000

/*
 * AskLockManager(tag, mode, xact, nowait) - LockAcquire() with our owner
 */
LockAcquireResult
AskLockManager(const LOCKTAG *tag, LOCKMODE mode, bool xact, bool nowait)
{
	ResourceOwner save = CurrentResourceOwner;
	LockAcquireResult result;

	if (!xact)
		return LockAcquire(tag, mode, true, nowait);
	CurrentResourceOwner = CurTransactionResourceOwner;
	PG_TRY();
	{
		result = LockAcquire(tag, mode, false, nowait);
	}
	PG_FINALLY();
	{
		CurrentResourceOwner = save;
	}
	PG_END_TRY();
	return result;
}

/*
 * GiveBack(hold) - free what an acquire that failed may have been granted
 */
void
GiveBack(Hold *hold)
{
	ResourceOwner save = CurrentResourceOwner;

	LockErrorCleanup();
	if (LockModeHeldByMe(&hold->tag, hold->mode))
	{
		if (hold->xact)
			CurrentResourceOwner = CurTransactionResourceOwner;
		LockRelease(&hold->tag, hold->mode, !hold->xact);
		CurrentResourceOwner = save;
	}
}

/*
 * WatchClient() - notice a client that goes away while we wait
 *
 * The variable alone does nothing in the middle of a statement.  The timer
 * must be armed too.
 */
bool
WatchClient(void)
{
	if (MyProcPort == NULL || client_connection_check_interval > 0)
		return false;
	client_connection_check_interval = CLIENT_CHECK_INTERVAL;
	enable_timeout_after(CLIENT_CONNECTION_CHECK_TIMEOUT,
						 CLIENT_CHECK_INTERVAL);
	return true;
}

void
UnwatchClient(bool watching)
{
	if (!watching)
		return;
	disable_timeout(CLIENT_CONNECTION_CHECK_TIMEOUT, false);
	client_connection_check_interval = 0;
}

/*
 * WaitInQueue(hold) - wait for the lock for as long as the user lets us
 */
void
WaitInQueue(Hold *hold)
{
	bool		watching = WatchClient();

	InvalidateCatalogSnapshot();	/* else it pins xmin while we wait */
	PG_TRY();
	{
		(void) AskLockManager(&hold->tag, hold->mode, hold->xact, false);

		/*
		 * A timer that struck between the grant and its being disabled has
		 * left a cancel behind, which must be raised here, where it gives the
		 * lock back, and not after the call has returned.
		 */
		CHECK_FOR_INTERRUPTS();
	}
	PG_FINALLY();
	{
		UnwatchClient(watching);
	}
	PG_END_TRY();
}

/*
 * WaitInQueueFor(hold, wait) - the same for a limited time
 *
 * Returns false when the time is over.  The server's lock timer does the
 * work, in a subtransaction to recover from its error.  If the user's own
 * lock_timeout is shorter, that one strikes and stays an error.
 */
bool
WaitInQueueFor(Hold *hold, int64 wait)
{
	MemoryContext context = CurrentMemoryContext;
	ResourceOwner owner = CurrentResourceOwner;
	int			users_timeout = LockTimeout;
	bool		ours = users_timeout == 0 || wait <= users_timeout;
	volatile bool granted = false;

	if (!ours)
	{
		WaitInQueue(hold);
		return true;
	}

	BeginInternalSubTransaction(NULL);
	PG_TRY();
	{
		LockTimeout = (int) wait;
		WaitInQueue(hold);
		LockTimeout = users_timeout;
		ReleaseCurrentSubTransaction();
		granted = true;
	}
	PG_CATCH();
	{
		ErrorData  *error;

		LockTimeout = users_timeout;
		MemoryContextSwitchTo(context);
		error = CopyErrorData();
		FlushErrorState();
		GiveBack(hold);
		RollbackAndReleaseCurrentSubTransaction();
		MemoryContextSwitchTo(context);
		CurrentResourceOwner = owner;
		if (error->sqlerrcode != ERRCODE_LOCK_NOT_AVAILABLE)
			ReThrowError(error);
		FreeErrorData(error);
	}
	PG_END_TRY();

	MemoryContextSwitchTo(context);
	CurrentResourceOwner = owner;
	return granted;
}

/*
 * MillisecondsLeft(since, wait) - of a wait outside the lock manager's queue
 *
 * Raises 55P03 when the user's own lock_timeout is shorter and is over.
 */
int64
MillisecondsLeft(TimestampTz since, int64 wait)
{
	int64		waited = (GetCurrentTimestamp() - since) / 1000;

	if (LockTimeout == 0 || (wait != PGX_WAIT_FOREVER && wait <= LockTimeout))
		return wait == PGX_WAIT_FOREVER ? INT_MAX : wait - waited;
	if (LockTimeout <= waited)
		ereport(ERROR,
				(errcode(ERRCODE_LOCK_NOT_AVAILABLE),
				 errmsg("canceling statement due to lock timeout")));
	return LockTimeout - waited;
}
