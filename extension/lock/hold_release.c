/*
 * hold_release.c
 *		How holds end without unlock().
 *
 * Locks can go without a word to us at the end of a transaction or
 * subtransaction, by pg_advisory_unlock_all(), DISCARD ALL, or a built-in
 * unlock of an interop id.  After the lock manager has released locks, the
 * resource owner calls us back, and we forget what it denies.
 *
 * The callback runs after commit, where an error would be a PANIC.  So it only
 * follows pointers, and never allocates, waits or raises.
 *
 * Nothing but pg_advisory_unlock_all() and DISCARD ALL can free a session's
 * hold in our private class behind our back, and they free all at once.  So
 * while the oldest such hold is still there, all are, and one look suffices.
 */
#include "lock/lock.h"

#include "access/xact.h"
#include "miscadmin.h"
#include "storage/ipc.h"
#include "utils/resowner.h"
#include "utils/timeout.h"

static bool watching;			/* our callbacks are registered */

/* There are holds to be released when the transaction has been rolled back. */
static bool release_after_abort;

static void
ForgetAll(dlist_head *list, HoldEnd why)
{
	while (!dlist_is_empty(list))
		ForgetHold(HoldOf(dlist_head_node(list)), why);
}

/*
 * ReleaseAfterAbort(hold) - free a session-scope lock once what was done under
 * it has been rolled back, as an error is on its way
 */
void
ReleaseAfterAbort(Hold *hold)
{
	hold->doomed = true;
	release_after_abort = true;
}

/* For VisitSessionHolds(): the holds of tasks that failed. */
static bool
ReleaseDoomed(Hold *hold, void *arg)
{
	return hold->doomed && ReleaseAs(hold, HOLD_ROLLED_BACK);
}

/*
 * AfterLocks(...) - called whenever a resource owner has released its locks
 */
static void
AfterLocks(ResourceReleasePhase phase, bool isCommit, bool isTopLevel,
		   void *arg)
{
	if (phase != RESOURCE_RELEASE_AFTER_LOCKS)
		return;
	if (unlikely(release_after_abort) && !isCommit)
	{
		release_after_abort = false;
		(void) VisitSessionHolds(ReleaseDoomed, NULL);
	}
	if (!dlist_is_empty(&my_holds.xact))
	{
		if (isTopLevel)
			ForgetAll(&my_holds.xact,
					  isCommit ? HOLD_COMMITTED : HOLD_ROLLED_BACK);
		else if (!isCommit)
			ForgetLost(&my_holds.xact, HOLD_ROLLED_BACK);
	}
	if (!dlist_is_empty(&my_holds.session) &&
		!StillHeld(HoldOf(dlist_head_node(&my_holds.session))))
		ForgetLost(&my_holds.session, HOLD_LOST);
	if (!dlist_is_empty(&my_holds.interop))
		ForgetLost(&my_holds.interop, HOLD_LOST);
}

/*
 * BeforePrepare(...) - a prepared transaction cannot keep our annotations
 */
static void
BeforePrepare(XactEvent event, void *arg)
{
	if (event == XACT_EVENT_PRE_PREPARE && !dlist_is_empty(&my_holds.xact))
		ereport(ERROR,
				(errcode(ERRCODE_FEATURE_NOT_SUPPORTED),
				 errmsg("cannot PREPARE a transaction that holds a pg_exclusive lock at transaction scope"),
				 errhint("Take the lock at session scope, with try_lock() or wait_lock().")));
}

/*
 * MarkUnclean(list) - the session ends and still has these locks
 *
 * Where the namespace has a lock_delay, the mark is there before the lock is
 * free.
 */
static void
MarkUnclean(dlist_head *list)
{
	dlist_iter	iter;

	dlist_foreach(iter, list)
	{
		Hold	   *hold = HoldOf(iter.cur);

		if (!StillHeld(hold))
			continue;
		Count(hold->ns, COUNT_UNCLEAN);
		if (hold->lock_delay > 0)
			MarkEntryUnclean(hold->entry,
							 LeaseClock() + hold->lock_delay);
	}
}

/*
 * SessionEnd() - why this session ends with locks in its hands
 */
static HoldEnd
SessionEnd(void)
{
	if (MySlot()->broken_pid == MyProcPid)
		return HOLD_BROKEN;
	if (get_timeout_indicator(IDLE_SESSION_TIMEOUT, false))
		return HOLD_EXPIRED;
	return HOLD_SESSION_ENDED;
}

/*
 * ReleaseAtExit(...) - the session ends
 *
 * The resource owner does not call us for session locks then.  We run before
 * the server's own cleanup, and free what is left ourselves, the lock first.
 */
static void
ReleaseAtExit(int code, Datum arg)
{
	HoldEnd		why = SessionEnd();

	MarkUnclean(&my_holds.xact);
	MarkUnclean(&my_holds.session);
	MarkUnclean(&my_holds.interop);
	AbortOutOfAnyTransaction();
	if (my_holds.pending != NULL)
	{
		if (StillHeld(my_holds.pending))
			LockRelease(&my_holds.pending->tag, my_holds.pending->mode, true);
		ForgetHold(my_holds.pending, why);
	}
	ForgetAll(&my_holds.xact, why);
	while (!dlist_is_empty(&my_holds.session))
		ReleaseAs(HoldOf(dlist_head_node(&my_holds.session)), why);
	while (!dlist_is_empty(&my_holds.interop))
		ReleaseAs(HoldOf(dlist_head_node(&my_holds.interop)), why);
	FreeAllEntries();
}

/*
 * WatchHolds() - to be called before the first lock is asked for
 */
void
WatchHolds(void)
{
	if (likely(watching))
		return;
	RegisterResourceReleaseCallback(AfterLocks, NULL);
	RegisterXactCallback(BeforePrepare, NULL);
	before_shmem_exit(ReleaseAtExit, (Datum) 0);
	watching = true;
}
