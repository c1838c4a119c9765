/*
 * acquire.c
 *		The one way in which a lock is taken.
 *
 * All that may fail for want of room or of rights is done first; then the
 * lock manager is asked; then comes what must be done under the lock (rights
 * again, the token).  Whatever fails from the asking on, the lock is released
 * before the error goes on: LockAcquire() can raise an error although the
 * lock was granted in the same moment.
 *
 * A transaction-scope lock belongs to the transaction's resource owner, not
 * to the portal's, so that it has the same owner whether or not we waited in
 * a subtransaction.
 */
#include "pg_exclusive.h"

#include "access/xact.h"
#include "miscadmin.h"
#include "utils/builtins.h"
#include "utils/inval.h"
#include "utils/memutils.h"
#include "utils/resowner.h"
#include "utils/snapmgr.h"
#include "utils/timeout.h"
#include "storage/lmgr.h"
#include "tcop/tcopprot.h"

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
 * The variable alone does nothing in the middle of a statement; the timer
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
static void
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
	bool		ours = users_timeout == 0 || wait < users_timeout;
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
 * CheckAfterGrant(name, fn_oid, ns, waited) - is it still right to have it?
 *
 * Rights and the registry may have changed while we waited, and a namespace
 * may be dropped while we are granted one of its locks (see namespace.c).
 */
void
CheckAfterGrant(const LockName *name, Oid fn_oid, Namespace *ns, bool waited)
{
	bool		interop = ns->interop;

	if (waited)
		AcceptInvalidationMessages();
	else if (likely(!NamespaceIsStale(ns)))
		return;
	ns = LookupNamespace(name->bytes, name->nslen, fn_oid);
	CheckNamespaceUsage(ns);
	if (ns->interop != interop)
		ereport(ERROR,
				(errcode(ERRCODE_OBJECT_NOT_IN_PREREQUISITE_STATE),
				 errmsg("lock namespace \"%s\" was registered anew meanwhile",
						ns->name),
				 errhint("Try again.")));
}

/*
 * QueueUp(request, hold, ns, since) - wait for a lock that is taken
 *
 * Returns false when the time is over.
 */
static bool
QueueUp(const AcquireRequest *request, Hold *hold, Namespace *ns,
		TimestampTz since)
{
	bool		granted = true;

	UpdateEntry(hold->entry, ENTRY_WAITING, 0, since);
	if (request->wait == PGX_WAIT_FOREVER)
		WaitInQueue(hold);
	else
		granted = WaitInQueueFor(hold, request->wait);
	CountTime(ns->shared, COUNT_WAIT_TOTAL, COUNT_WAIT_MAX, since,
			  GetCurrentTimestamp());
	return granted;
}

/*
 * TakeLock(request, hold, ns) - ask, wait, and finish under the lock
 */
static AcquireResult
TakeLock(const AcquireRequest *request, Hold *hold, Namespace *ns)
{
	TimestampTz since = 0;
	int64		token;
	bool		free;

	if (request->wait != PGX_NO_WAIT)
		since = GetCurrentTimestamp();
	free = AskLockManager(&hold->tag, hold->mode, hold->xact, true) !=
		LOCKACQUIRE_NOT_AVAIL;
	if (!free)
	{
		ReportCollision(request->name, &hold->tag, ns->shared);
		if (request->wait == PGX_NO_WAIT)
			return ACQUIRE_BUSY;
		if (!QueueUp(request, hold, ns, since))
			return ACQUIRE_TIMED_OUT;
	}
	CheckAfterGrant(request->name, request->fn_oid, ns, !free);
	if (unlikely(pg_atomic_read_u32(&ns->shared->permits) > 0))
		RefuseSemaphore(request->name, ns);
	if (unlikely(hold->lock_delay > 0) &&
		!SitOutDelay(hold, request->name, request->fn_oid, ns, since,
					 request->wait))
	{
		GiveBack(hold);
		return request->wait == PGX_NO_WAIT ?
			ACQUIRE_BUSY : ACQUIRE_TIMED_OUT;
	}
	token = DrawToken(request->fn_oid);
	CHECK_FOR_INTERRUPTS();		/* the last moment to give it back */
	HoldGranted(hold, token,
				request->at != 0 ? request->at : GetCurrentTimestamp());
	return ACQUIRE_GRANTED;
}

/*
 * AlreadyHeld(name, hold) - a session holds a name once
 */
void
AlreadyHeld(const LockName *name, const Hold *hold)
{
	ereport(ERROR,
			(errcode(ERRCODE_OBJECT_IN_USE),
			 errmsg("lock \"%s/%s\" is already held by this session",
					LockNameNamespace(name), LockNameKey(name)),
			 hold == NULL ?
			 errdetail("It was taken with a built-in advisory lock function.") :
			 !EntryIsNamed(hold->entry, name) ?
			 errdetail("It is held by the name \"%s/%s\", which has the same id.",
					   LockNameNamespace(EntryName(hold->entry)),
					   LockNameKey(EntryName(hold->entry))) :
			 hold->in_task ?
			 errdetail("Its task is running.") :
			 errdetail("It is held %s at %s scope.",
					   hold->mode == ShareLock ? "shared" : "exclusively",
					   hold->xact ? "transaction" : "session"),
			 errhint("Two threads of one connection are one session; locks do not nest.")));
}

/*
 * CheckReentry(request, tag) - true if this is asked for again, harmlessly
 */
static bool
CheckReentry(const AcquireRequest *request, const LOCKTAG *tag, Hold **hold)
{
	*hold = request->unheld ? NULL : FindHoldById(request->name->id);
	if (*hold == NULL)
	{
		if (tag->locktag_field4 == PGX_CLASS_INTEROP &&
			(LockModeHeldByMe(tag, ExclusiveLock) ||
			 LockModeHeldByMe(tag, ShareLock)))
			AlreadyHeld(request->name, NULL);
		return false;
	}
	if (request->xact && (*hold)->xact && !(*hold)->in_task &&
		(*hold)->mode == request->mode &&
		EntryIsNamed((*hold)->entry, request->name) &&
		memcmp(&(*hold)->tag, tag, sizeof(LOCKTAG)) == 0)
		return true;
	AlreadyHeld(request->name, *hold);
	return false;				/* not reached */
}

/*
 * AcquireLock(request, hold) - take a lock, or say why not
 *
 * *hold is the hold when granted (or had already), else NULL.  An error
 * leaves no lock.
 */
AcquireResult
AcquireLock(const AcquireRequest *request, Hold **hold)
{
	Namespace  *ns;
	LOCKTAG		tag;
	volatile AcquireResult result;
	Hold	   *mine;

	CheckNotStandby("a lock function");
	AttachShared();
	ns = LookupNamespace(request->name->bytes, request->name->nslen,
						 request->fn_oid);
	CheckNamespaceUsage(ns);
	LockNameTag(request->name, NamespaceLockClass(ns), &tag);
	if (CheckReentry(request, &tag, hold))
		return ACQUIRE_ALREADY;

	mine = PrepareHold(request->name, &tag, request->mode, request->xact, ns);
	PG_TRY();
	{
		result = TakeLock(request, mine, ns);
	}
	PG_CATCH();
	{
		GiveBack(mine);
		ForgetHold(mine);
		PG_RE_THROW();
	}
	PG_END_TRY();

	if (result == ACQUIRE_GRANTED)
	{
		Count(ns->shared, COUNT_GRANTS);
		*hold = mine;
		return result;
	}
	Count(ns->shared, result == ACQUIRE_BUSY ?
		  COUNT_REFUSALS : COUNT_TIMEOUTS);
	ForgetHold(mine);
	*hold = NULL;
	return result;
}

/*
 * ReleaseXactHold(hold) - free a transaction-scope lock before its time
 *
 * Only for a lock that was taken in this call and under which nothing was
 * done.
 */
void
ReleaseXactHold(Hold *hold)
{
	ResourceOwner save = CurrentResourceOwner;

	Assert(hold->xact);
	CurrentResourceOwner = CurTransactionResourceOwner;
	LockRelease(&hold->tag, hold->mode, false);
	CurrentResourceOwner = save;
	ForgetHold(hold);
}

/*
 * RefuseUnlockAfterWrites(what) - 25001 when the transaction has written
 *
 * The next holder would read what was there before.
 */
void
RefuseUnlockAfterWrites(const char *what)
{
	if (unlikely(TransactionHasWritten()))
		ereport(ERROR,
				(errcode(ERRCODE_ACTIVE_SQL_TRANSACTION),
				 errmsg("cannot execute %s in a transaction that has written",
						what),
				 errdetail("The next holder of the lock would not see the changes."),
				 errhint("COMMIT first, or take the lock at transaction scope with try_xact_lock().")));
}
