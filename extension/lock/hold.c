/*
 * hold.c
 *		What this session holds, and how it notices that it no longer does.
 *
 * A Hold annotates a lock of this session: scope, mode, token, and the entry
 * that tells the others.  Locks can go without a word to us: at the end of a
 * transaction or subtransaction, by pg_advisory_unlock_all(), DISCARD ALL, or
 * a built-in unlock of an interop id.  After the lock manager has released
 * locks, the resource owner calls us back, and we forget what it denies.
 *
 * The callback runs after commit, where an error would be a PANIC: it only
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
static Hold *pending;			/* prepared, not yet granted */

/* Granted holds, oldest first. */
static dlist_head session_holds = DLIST_STATIC_INIT(session_holds);
static dlist_head interop_holds = DLIST_STATIC_INIT(interop_holds);
static dlist_head xact_holds = DLIST_STATIC_INIT(xact_holds);

/* There are holds to be released when the transaction has been rolled back. */
static bool release_after_abort;

static inline Hold *
HoldOf(dlist_node *node)
{
	return dlist_container(Hold, node, node);
}

static inline bool
StillHeld(const Hold *hold)
{
	return LockModeHeldByMe(&hold->tag, hold->mode);
}

/*
 * ForgetHold(hold, why) - drop our record of a lock that is not ours; never
 * fails
 */
void
ForgetHold(Hold *hold, HoldEnd why)
{
	if (hold->granted)
	{
		TimestampTz now = GetCurrentTimestamp();

		dlist_delete(&hold->node);
		CountTime(hold->ns, SPAN_HOLD, hold->granted_at, now);
		LogHold(hold, why, now);
	}
	if (hold->reserved)
		pg_atomic_fetch_sub_u32(&hold->ns->holds, 1);
	if (hold->permit)
	{
		pg_atomic_fetch_sub_u32(&hold->ns->permits, 1);
		WakePermitWaiters();
	}
	if (hold == pending)
		pending = NULL;
	if (hold->entry->state != ENTRY_UNCLEAN)
		FreeEntry(hold->entry);
	DropHold(hold);
}

/*
 * ForgetLost(list, why) - forget the holds in a list that the lock manager
 * denies
 */
static void
ForgetLost(dlist_head *list, HoldEnd why)
{
	dlist_mutable_iter iter;

	dlist_foreach_modify(iter, list)
	{
		if (!StillHeld(HoldOf(iter.cur)))
			ForgetHold(HoldOf(iter.cur), why);
	}
}

static void
ForgetAll(dlist_head *list, HoldEnd why)
{
	while (!dlist_is_empty(list))
		ForgetHold(HoldOf(dlist_head_node(list)), why);
}

static bool
ReleaseAs(Hold *hold, HoldEnd why)
{
	bool		released = StillHeld(hold) &&
	LockRelease(&hold->tag, hold->mode, true);

	ForgetHold(hold, released ? why : HOLD_LOST);
	return released;
}

/*
 * ReleaseAfterAbort(hold) - free a session-scope lock once what was done under
 * it has been rolled back; an error is on its way
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
	if (unlikely(release_after_abort) && isTopLevel && !isCommit)
	{
		release_after_abort = false;
		(void) VisitSessionHolds(ReleaseDoomed, NULL);
	}
	if (!dlist_is_empty(&xact_holds))
	{
		if (isTopLevel)
			ForgetAll(&xact_holds,
					  isCommit ? HOLD_COMMITTED : HOLD_ROLLED_BACK);
		else if (!isCommit)
			ForgetLost(&xact_holds, HOLD_ROLLED_BACK);
	}
	if (!dlist_is_empty(&session_holds) &&
		!StillHeld(HoldOf(dlist_head_node(&session_holds))))
		ForgetLost(&session_holds, HOLD_LOST);
	if (!dlist_is_empty(&interop_holds))
		ForgetLost(&interop_holds, HOLD_LOST);
}

/*
 * BeforePrepare(...) - a prepared transaction cannot keep our annotations
 */
static void
BeforePrepare(XactEvent event, void *arg)
{
	if (event == XACT_EVENT_PRE_PREPARE && !dlist_is_empty(&xact_holds))
		ereport(ERROR,
				(errcode(ERRCODE_FEATURE_NOT_SUPPORTED),
				 errmsg("cannot PREPARE a transaction that holds a pg_exclusive lock at transaction scope"),
				 errhint("Take the lock at session scope, with try_lock() or wait_lock().")));
}

/*
 * MarkUnclean(list) - the session ends with these locks in its hands
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
							 GetCurrentTimestamp() + hold->lock_delay);
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

	MarkUnclean(&xact_holds);
	MarkUnclean(&session_holds);
	MarkUnclean(&interop_holds);
	AbortOutOfAnyTransaction();
	if (pending != NULL)
	{
		if (StillHeld(pending))
			LockRelease(&pending->tag, pending->mode, true);
		ForgetHold(pending, why);
	}
	ForgetAll(&xact_holds, why);
	while (!dlist_is_empty(&session_holds))
		ReleaseAs(HoldOf(dlist_head_node(&session_holds)), why);
	while (!dlist_is_empty(&interop_holds))
		ReleaseAs(HoldOf(dlist_head_node(&interop_holds)), why);
	FreeAllEntries();
}

static void
WatchHolds(void)
{
	RegisterResourceReleaseCallback(AfterLocks, NULL);
	RegisterXactCallback(BeforePrepare, NULL);
	before_shmem_exit(ReleaseAtExit, (Datum) 0);
	watching = true;
}

/*
 * FindHoldById(id) - this session's hold of a lock, by whatever name, or NULL
 *
 * Asks the lock manager, so that a hold lost in this very statement is not
 * taken for one.
 */
Hold *
FindHoldById(int64 id)
{
	Hold	   *hold = GetHold(id);

	if (hold == NULL || !hold->granted)
		return NULL;
	if (unlikely(!StillHeld(hold)))
	{
		ForgetHold(hold, HOLD_LOST);
		return NULL;
	}
	return hold;
}

/*
 * LookFor(list, token) - the session-scope hold with a token, or NULL
 *
 * From the newest on, for that is what is freed most often.
 */
static Hold *
LookFor(dlist_head *list, int64 token)
{
	dlist_iter	iter;

	dlist_reverse_foreach(iter, list)
	{
		if (HoldOf(iter.cur)->token == token)
			return HoldOf(iter.cur);
	}
	return NULL;
}

/*
 * FindToken(token) - this session's session-scope hold with a token, or NULL
 */
Hold *
FindToken(int64 token)
{
	Hold	   *hold = LookFor(&session_holds, token);

	if (hold == NULL)
		hold = LookFor(&interop_holds, token);
	return hold == NULL ? NULL : FindHoldById(hold->id);
}

/*
 * PruneLostHolds() - forget what the lock manager denies, and count the rest
 */
int
PruneLostHolds(void)
{
	ForgetLost(&session_holds, HOLD_LOST);
	ForgetLost(&interop_holds, HOLD_LOST);
	return NumHolds();
}

/*
 * CheckRoomForHolds(more) - 53400 when so many more are over the quota
 *
 * All sessions of a server share one lock table.  When it is full, nobody can
 * even log in.  So a runaway loop is stopped before it takes another lock.
 */
void
CheckRoomForHolds(int more)
{
	int			held;

	if (likely(NumHolds() + more <= pgx_max_locks_per_session))
		return;
	held = PruneLostHolds();
	if (held + more > pgx_max_locks_per_session)
		ereport(ERROR,
				(errcode(ERRCODE_CONFIGURATION_LIMIT_EXCEEDED),
				 errmsg("too many locks in this session"),
				 errdetail("It holds %d, asks for %d more, and the limit is %d.",
						   held, more, pgx_max_locks_per_session),
				 errhint("Free some first, or have a superuser raise \"%s\".",
						 "pg_exclusive.max_locks_per_session")));
}

/*
 * PrepareHold(...) - all that may fail for want of room, before the lock is
 * asked for
 *
 * The caller calls HoldGranted() or ForgetHold() next, whatever happens.
 */
Hold *
PrepareHold(const LockName *name, const LOCKTAG *tag, LOCKMODE mode,
			bool xact, Namespace *ns)
{
	Hold	   *hold;
	LockEntry  *entry;

	if (unlikely(!watching))
		WatchHolds();
	CheckRoomForHolds(1);
	entry = ReserveEntry(name);
	hold = AddHold(name->id);
	if (!ReserveInNamespace(ns) &&
		!(AnyLease() && SweepLeases() && ReserveInNamespace(ns)))
	{
		DropHold(hold);
		ReportNamespaceFull(ns);
	}
	hold->tag = *tag;
	hold->mode = mode;
	hold->xact = xact;
	hold->granted = false;
	hold->in_task = false;
	hold->doomed = false;
	hold->reserved = ns->max_holds != 0;
	hold->permit = false;
	hold->lock_delay = ns->lock_delay;
	hold->token = 0;
	hold->waiting_since = 0;
	hold->ns = ns->shared;
	hold->entry = entry;
	PublishEntry(entry, name, tag->locktag_field4, mode, xact);
	NoteRole(hold);
	pending = hold;
	return hold;
}

/*
 * HoldGranted(hold, token, now) - the lock is ours; never fails
 */
void
HoldGranted(Hold *hold, int64 token, TimestampTz now)
{
	hold->granted = true;
	hold->token = token;
	hold->granted_at = now;
	pending = NULL;
	UpdateEntry(hold->entry, ENTRY_HELD, token, now);
	if (hold->xact)
	{
		dlist_push_tail(&xact_holds, &hold->node);
		return;
	}
	if (hold->tag.locktag_field4 == PGX_CLASS_INTEROP)
		dlist_push_tail(&interop_holds, &hold->node);
	else
		dlist_push_tail(&session_holds, &hold->node);
}

/*
 * ReleaseHold(hold) - free a session-scope lock
 *
 * False when it was gone.
 */
bool
ReleaseHold(Hold *hold)
{
	return ReleaseAs(hold, HOLD_UNLOCKED);
}

/*
 * VisitSessionHolds(visitor, arg) - for each session-scope hold
 *
 * The visitor may release its hold.  Returns how often it returned true.
 */
int
VisitSessionHolds(HoldVisitor visitor, void *arg)
{
	dlist_mutable_iter iter;
	int			count = 0;

	dlist_foreach_modify(iter, &session_holds)
		count += visitor(HoldOf(iter.cur), arg);
	dlist_foreach_modify(iter, &interop_holds)
		count += visitor(HoldOf(iter.cur), arg);
	return count;
}
