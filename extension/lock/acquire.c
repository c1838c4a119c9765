/*
 * acquire.c
 *		The one way in which a lock is taken.
 *
 * All that may fail for want of room or of rights is done first.  Then the
 * lock manager is asked.  Then comes what must be done under the lock (rights
 * again, the token).  Whatever fails from the asking on, the lock is released
 * before the error goes on.  LockAcquire() can raise an error although the
 * lock was granted in the same moment.
 */
#include "lock/lock.h"

#include "access/xact.h"
#include "miscadmin.h"
#include "utils/resowner.h"

/*
 * QueueUp(request, hold, since) - wait for a lock that is taken
 *
 * Returns false when the time is over.
 */
static bool
QueueUp(const AcquireRequest *request, Hold *hold, TimestampTz since)
{
	BeginWait(hold, since);
	if (request->wait != PGX_WAIT_FOREVER)
		return WaitInQueueFor(hold, request->wait);
	WaitInQueue(hold);
	return true;
}

/*
 * GiveUp(request, hold) - the lock is granted, but shut for longer than we
 * wait
 */
static AcquireResult
GiveUp(const AcquireRequest *request, Hold *hold)
{
	GiveBack(hold);
	return request->wait == PGX_NO_WAIT ? ACQUIRE_BUSY : ACQUIRE_TIMED_OUT;
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
	bool		leased = MayHaveLease(request->name->id);

	if (request->wait != PGX_NO_WAIT)
		since = GetCurrentTimestamp();
	else if (unlikely(leased) && LeaseIsShut(request->name))
	{
		CheckCollision(request->name, &hold->tag, ns->shared);
		return ACQUIRE_BUSY;
	}
	free = AskLockManager(&hold->tag, hold->mode, hold->xact, true) !=
		LOCKACQUIRE_NOT_AVAIL;
	if (!free)
	{
		CheckCollision(request->name, &hold->tag, ns->shared);
		if (request->wait == PGX_NO_WAIT)
			return ACQUIRE_BUSY;
		if (!QueueUp(request, hold, since))
			return ACQUIRE_TIMED_OUT;
	}
	leased = MayHaveLease(request->name->id);
	if (unlikely(leased) &&
		!WaitForLease(hold, request->name, since, request->wait))
		return GiveUp(request, hold);
	RecheckNamespace(request->name, request->fn_oid, ns, !free || leased);
	if (unlikely(pg_atomic_read_u32(&ns->shared->permits) > 0))
		CheckNotSemaphore(request->name);
	if (unlikely(hold->lock_delay > 0 || ns->max_lease > 0) &&
		!WaitForLockDelay(hold, request->name, request->fn_oid, ns, since,
						  request->wait))
		return GiveUp(request, hold);
	token = DrawToken(request->fn_oid);
	CHECK_FOR_INTERRUPTS();		/* the last moment to give it back */
	HoldGranted(hold, token,
				request->at != 0 ? request->at : GetCurrentTimestamp());
	return ACQUIRE_GRANTED;
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
			ReportAlreadyHeld(request->name, NULL);
		return false;
	}
	if (request->xact && (*hold)->xact && !(*hold)->in_task &&
		(*hold)->mode == request->mode &&
		EntryIsNamed((*hold)->entry, request->name) &&
		memcmp(&(*hold)->tag, tag, sizeof(LOCKTAG)) == 0)
		return true;
	ReportAlreadyHeld(request->name, *hold);
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
	WatchHolds();
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
		EndWait(mine, WAIT_FAILED);
		ForgetHold(mine, HOLD_LOST);
		PG_RE_THROW();
	}
	PG_END_TRY();

	if (result == ACQUIRE_GRANTED)
	{
		EndWait(mine, WAIT_GRANTED);
		Count(ns->shared, COUNT_GRANTS);
		*hold = mine;
		return result;
	}
	EndWait(mine, WAIT_TIMED_OUT);
	Count(ns->shared, result == ACQUIRE_BUSY ?
		  COUNT_REFUSALS : COUNT_TIMEOUTS);
	ForgetHold(mine, HOLD_LOST);
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
	ForgetHold(hold, HOLD_UNLOCKED);
}

/*
 * CheckNoWrites(what) - 25001 when the transaction has written
 *
 * The next holder would read what was there before.
 */
void
CheckNoWrites(const char *what)
{
	if (unlikely(TransactionHasWritten()))
		ereport(ERROR,
				(errcode(ERRCODE_ACTIVE_SQL_TRANSACTION),
				 errmsg("cannot execute %s in a transaction that has written",
						what),
				 errdetail("The next holder of the lock would not see the changes."),
				 errhint("COMMIT first, or take the lock at transaction scope with try_xact_lock().")));
}
