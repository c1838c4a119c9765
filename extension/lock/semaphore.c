/*
 * semaphore.c
 *		Counting semaphores, with at most N holders of a name.
 *
 * Each permit is a lock of its own (class PGX_CLASS_PERMIT + number).  The
 * lock manager cannot wait for any one of N, so those who wait queue for one
 * more lock, the gate.  Its holder, the head of the queue, tries the permits
 * without waiting, and sleeps on a condition variable that is broadcast
 * whenever a permit is given back or a session ends.  Nobody polls.
 *
 * The head's sleep is outside deadlock detection, so a wait must be finite.
 * A caller that does not wait skips the gate, but is refused while the head of
 * the queue sleeps.
 */
#include "lock/lock.h"

#include "miscadmin.h"
#include "pgstat.h"
#include "utils/guc.h"
#include "utils/snapmgr.h"

/*
 * DelayOfPermit(request, tag, ns) - until when a permit just taken is unclean
 */
static TimestampTz
DelayOfPermit(const PermitRequest *request, const LOCKTAG *tag, Namespace *ns)
{
	volatile TimestampTz until = 0;

	PG_TRY();
	{
		until = UncleanUntil(request->name, tag->locktag_field4, ns);
	}
	PG_CATCH();
	{
		LockRelease(tag, ExclusiveLock, true);
		PG_RE_THROW();
	}
	PG_END_TRY();
	return until;
}

/*
 * TryPermit(request, hold, ns, permit) - one of them, without waiting
 *
 * On success the hold's tag is the permit's.
 */
static bool
TryPermit(PermitRequest *request, Hold *hold, Namespace *ns, int permit)
{
	LOCKTAG		tag;
	TimestampTz until = 0;

	LockNameTag(request->name, PGX_CLASS_PERMIT + permit, &tag);
	if (AskLockManager(&tag, ExclusiveLock, false, true) ==
		LOCKACQUIRE_NOT_AVAIL)
		return false;
	if (hold->lock_delay > 0 || ns->max_lease > 0)
		until = DelayOfPermit(request, &tag, ns);
	if (until > GetCurrentTimestamp())
	{
		LockRelease(&tag, ExclusiveLock, true);
		if (request->soonest == 0 || until < request->soonest)
			request->soonest = until;
		return false;
	}
	if (LockModeHeldByMe(&hold->tag, ExclusiveLock))
		LockRelease(&hold->tag, ExclusiveLock, true);	/* the gate */
	hold->tag = tag;
	SetEntryPermit(hold->entry, tag.locktag_field4, request->permits);
	return true;
}

static bool
TryPermits(PermitRequest *request, Hold *hold, Namespace *ns)
{
	request->soonest = 0;
	for (int permit = 1; permit <= request->permits; permit++)
	{
		if (TryPermit(request, hold, ns, permit))
			return true;
	}
	return false;
}

/*
 * SleepAtGate(request, hold, ns) - as the head of the queue
 */
static bool
SleepAtGate(PermitRequest *request, Hold *hold, Namespace *ns)
{
	ConditionVariable *given_back = PermitCondition();
	bool		granted;

	InvalidateCatalogSnapshot();	/* else it pins xmin while we wait */
	ConditionVariablePrepareToSleep(given_back);
	while (!(granted = TryPermits(request, hold, ns)))
	{
		int64		left = MillisecondsLeft(request->since, request->wait);

		if (left <= 0)
			break;
		if (request->soonest != 0)
			left = Min(left, 1 + Max(0, request->soonest -
									 GetCurrentTimestamp()) / 1000);
		(void) ConditionVariableTimedSleep(given_back, Max(left, 1),
										   PermitWaitEvent());
	}
	ConditionVariableCancelSleep();
	return granted;
}

/*
 * PassGate(request, hold) - become the head of the queue
 */
static bool
PassGate(const PermitRequest *request, Hold *hold)
{
	BeginWait(hold, request->since);
	return AskLockManager(&hold->tag, ExclusiveLock, false, true) !=
		LOCKACQUIRE_NOT_AVAIL ||
		WaitInQueueFor(hold, request->wait);
}

static AcquireResult
TakePermit(PermitRequest *request, Hold *hold, Namespace *ns)
{
	bool		head_sleeps = CheckSemaphore(request->name, request->permits);
	bool		waited = false;
	int64		token;

	if (request->wait == PGX_NO_WAIT)
	{
		if (head_sleeps || !TryPermits(request, hold, ns))
			return ACQUIRE_BUSY;
	}
	else
	{
		bool		watching = WatchClient();
		volatile bool granted = false;

		waited = true;
		PG_TRY();
		{
			granted = PassGate(request, hold) &&
				SleepAtGate(request, hold, ns);
		}
		PG_FINALLY();
		{
			ConditionVariableCancelSleep();
			UnwatchClient(watching);
		}
		PG_END_TRY();
		if (!granted)
			return ACQUIRE_TIMED_OUT;
	}
	RecheckNamespace(request->name, request->fn_oid, ns, waited);
	token = DrawToken(request->fn_oid);
	CHECK_FOR_INTERRUPTS();		/* the last moment to give it back */
	HoldGranted(hold, token, GetCurrentTimestamp());
	return ACQUIRE_GRANTED;
}

/*
 * PreparePermit(request, ns) - a hold whose lock is the gate, for now
 */
static Hold *
PreparePermit(const PermitRequest *request, Namespace *ns)
{
	LOCKTAG		gate;
	Hold	   *hold = FindHoldById(request->name->id);

	if (hold != NULL)
		ReportAlreadyHeld(request->name, hold);
	LockNameTag(request->name, PGX_CLASS_GATE, &gate);
	hold = PrepareHold(request->name, &gate, ExclusiveLock, false, ns);
	SetEntryPermit(hold->entry, PGX_CLASS_GATE, request->permits);
	hold->permit = true;
	pg_atomic_fetch_add_u32(&ns->shared->permits, 1);
	return hold;
}

/*
 * AcquirePermit(request) - the hold, or NULL when no permit is free
 */
Hold *
AcquirePermit(PermitRequest *request)
{
	Namespace  *ns;
	Hold	   *hold;
	volatile AcquireResult result;

	CheckNotStandby("a lock function");
	AttachShared();
	WatchHolds();
	ns = LookupNamespace(request->name->bytes, request->name->nslen,
						 request->fn_oid);
	CheckNamespaceUsage(ns);
	if (ns->interop)
		ereport(ERROR,
				(errcode(ERRCODE_FEATURE_NOT_SUPPORTED),
				 errmsg("an interop namespace has no semaphores"),
				 errdetail("Built-in advisory locks would not exclude them.")));
	request->since = GetCurrentTimestamp();
	hold = PreparePermit(request, ns);
	PG_TRY();
	{
		result = TakePermit(request, hold, ns);
	}
	PG_CATCH();
	{
		GiveBack(hold);
		EndWait(hold, WAIT_FAILED);
		ForgetHold(hold, HOLD_LOST);
		PG_RE_THROW();
	}
	PG_END_TRY();

	Count(ns->shared, result == ACQUIRE_GRANTED ? COUNT_GRANTS :
		  result == ACQUIRE_BUSY ? COUNT_REFUSALS : COUNT_TIMEOUTS);
	EndWait(hold, result == ACQUIRE_GRANTED ? WAIT_GRANTED : WAIT_TIMED_OUT);
	if (result == ACQUIRE_GRANTED)
		return hold;
	GiveBack(hold);				/* the gate */
	ForgetHold(hold, HOLD_LOST);
	return NULL;
}

/*
 * PermitArgs(fcinfo, request, name) - namespace, key and number of permits
 */
void
PermitArgs(FunctionCallInfo fcinfo, PermitRequest *request, LockName *name)
{
	LockNameArgs(name, fcinfo);
	request->name = name;
	request->fn_oid = fcinfo->flinfo->fn_oid;
	request->permits = DatumGetInt32(RequiredArg(fcinfo, 2, "permits"));
	if (request->permits < 1 || request->permits > PGX_PERMITS_MAX)
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
				 errmsg("permits must be between 1 and %d",
						PGX_PERMITS_MAX)));
}

/*
 * PermitWaitArg(fcinfo, request) - the wait, which must be finite
 */
void
PermitWaitArg(FunctionCallInfo fcinfo, PermitRequest *request)
{
	request->wait = WaitArg(fcinfo, 3);
	if (request->wait == PGX_WAIT_FOREVER)
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
				 errmsg("a wait for a permit must have a limit"),
				 errdetail("It is outside deadlock detection.")));
}
