/*
 * lockfuncs.c
 *		The SQL functions that take, free and ask about locks.
 */
#include "lock/lock.h"

#include "access/htup_details.h"
#include "access/xact.h"
#include "funcapi.h"
#include "utils/builtins.h"

PG_FUNCTION_INFO_V1(pgx_try_lock);
PG_FUNCTION_INFO_V1(pgx_try_xact_lock);
PG_FUNCTION_INFO_V1(pgx_wait_lock);
PG_FUNCTION_INFO_V1(pgx_unlock);
PG_FUNCTION_INFO_V1(pgx_unlock_all);
PG_FUNCTION_INFO_V1(pgx_holds_lock);
PG_FUNCTION_INFO_V1(pgx_fencing_token);
PG_FUNCTION_INFO_V1(pgx_try_lock_permit);
PG_FUNCTION_INFO_V1(pgx_lock_id);
PG_FUNCTION_INFO_V1(pgx_namespace_id);

/*
 * LockArgs(fcinfo, request, name) - namespace, key, mode and wait
 */
static void
LockArgs(FunctionCallInfo fcinfo, AcquireRequest *request, LockName *name)
{
	LockNameArgs(name, fcinfo);
	request->name = name;
	request->fn_oid = fcinfo->flinfo->fn_oid;
	request->mode = LockModeArg(fcinfo, 2);
	request->wait = WaitArg(fcinfo, 3);
}

/*
 * TryLock(fcinfo, xact) - at either scope
 */
static bool
TryLock(FunctionCallInfo fcinfo, bool xact)
{
	LockName	name;
	AcquireRequest request = {0};
	Hold	   *hold;

	LockArgs(fcinfo, &request, &name);
	request.xact = xact;
	(void) AcquireLock(&request, &hold);
	return hold != NULL;
}

/*
 * try_lock(namespace, key, mode, wait) - take a lock for the session
 */
Datum
pgx_try_lock(PG_FUNCTION_ARGS)
{
	PG_RETURN_BOOL(TryLock(fcinfo, false));
}

/*
 * WarnNoBlock() - as SET LOCAL does, once per statement
 */
static void
WarnNoBlock(void)
{
	static TimestampTz warned;

	if (warned == GetCurrentStatementStartTimestamp())
		return;
	warned = GetCurrentStatementStartTimestamp();
	ereport(WARNING,
			(errcode(ERRCODE_NO_ACTIVE_SQL_TRANSACTION),
			 errmsg("try_xact_lock() can only be used in transaction blocks"),
			 errdetail("The lock is free again when this statement ends."),
			 errhint("BEGIN first, or use try_lock() and unlock().")));
}

/*
 * try_xact_lock(namespace, key, mode, wait) - until the transaction ends
 */
Datum
pgx_try_xact_lock(PG_FUNCTION_ARGS)
{
	bool		taken = TryLock(fcinfo, true);

	if (taken && !IsTransactionBlock() && InPlainQuery())
		WarnNoBlock();
	PG_RETURN_BOOL(taken);
}

/*
 * wait_lock(namespace, key, mode, wait, INOUT acquired) - wait without a
 * snapshot
 *
 * The transaction of the CALL is ended first, so that while we wait no
 * snapshot of ours holds back vacuum or CREATE INDEX CONCURRENTLY.
 */
Datum
pgx_wait_lock(PG_FUNCTION_ARGS)
{
	LockName	name;
	AcquireRequest request = {0};
	Hold	   *hold;
	TupleDesc	row;

	CheckNotStandby("wait_lock()");
	LockArgs(fcinfo, &request, &name);
	row = BeginProcedure(fcinfo, "wait_lock",
						 "Use try_lock() with a wait, which works in a transaction.");
	(void) AcquireLock(&request, &hold);
	return EndProcedure(row, BoolGetDatum(hold != NULL), false);
}

/*
 * WarnNotHeld(name, hold) - say why there is nothing to unlock
 */
static void
WarnNotHeld(const LockName *name, const Hold *hold)
{
	ereport(WARNING,
			(errcode(ERRCODE_OBJECT_NOT_IN_PREREQUISITE_STATE),
			 errmsg("lock \"%s/%s\" is not held by this session at session scope",
					LockNameNamespace(name), LockNameKey(name)),
			 hold != NULL ?
			 errdetail("It is held at transaction scope and is freed when the transaction ends.") :
			 errdetail("It was never taken, is free already, or was freed by DISCARD ALL or pg_advisory_unlock_all()."),
			 hold != NULL ? 0 :
			 errhint("Behind a connection pooler, the lock may belong to another server session.")));
}

static void
CheckNotInTask(const Hold *hold)
{
	if (hold->in_task)
		ereport(ERROR,
				(errcode(ERRCODE_OBJECT_IN_USE),
				 errmsg("cannot free a lock while its task is running")));
}

/*
 * unlock(namespace, key) - free a lock of this session
 */
Datum
pgx_unlock(PG_FUNCTION_ARGS)
{
	LockName	name;
	Hold	   *hold;

	CheckNotStandby("unlock()");
	LockNameArgs(&name, fcinfo);
	hold = FindHold(&name);
	if (hold == NULL || hold->xact)
	{
		(void) LookupNamespace(name.bytes, name.nslen,
							   fcinfo->flinfo->fn_oid);
		WarnNotHeld(&name, hold);
		PG_RETURN_BOOL(false);
	}
	CheckNotInTask(hold);
	CheckNoWrites("unlock()");
	PG_RETURN_BOOL(ReleaseHold(hold));
}

/*
 * CheckRelease(hold, ns) - may a hold in the given namespace be freed now?
 */
static bool
CheckRelease(Hold *hold, void *ns)
{
	if (ns != NULL && hold->ns != ns)
		return false;
	CheckNotInTask(hold);
	CheckNoWrites("unlock_all()");
	return true;
}

/*
 * ReleaseIn(hold, ns) - release a hold, if it is in the given namespace
 */
static bool
ReleaseIn(Hold *hold, void *ns)
{
	return (ns == NULL || hold->ns == ns) && ReleaseHold(hold);
}

/*
 * unlock_all(namespace) - free all session-scope locks, and say how many
 */
Datum
pgx_unlock_all(PG_FUNCTION_ARGS)
{
	SharedNamespace *ns = NULL;

	CheckNotStandby("unlock_all()");
	if (!PG_ARGISNULL(0))
	{
		LockName	name;

		NamespaceNameInit(&name, PG_GETARG_TEXT_PP(0));
		ns = LookupNamespace(name.bytes, name.nslen,
							 fcinfo->flinfo->fn_oid)->shared;
	}
	(void) VisitSessionHolds(CheckRelease, ns); /* all or none */
	PG_RETURN_INT32(VisitSessionHolds(ReleaseIn, ns));
}

/*
 * holds_lock(namespace, key) - does this session hold it?
 */
Datum
pgx_holds_lock(PG_FUNCTION_ARGS)
{
	LockName	name;

	CheckNotStandby("holds_lock()");
	LockNameArgs(&name, fcinfo);
	if (FindHold(&name) != NULL)
		PG_RETURN_BOOL(true);
	(void) LookupNamespace(name.bytes, name.nslen, fcinfo->flinfo->fn_oid);
	PG_RETURN_BOOL(false);
}

/*
 * fencing_token(namespace, key) - the token of this session's hold, or NULL
 */
Datum
pgx_fencing_token(PG_FUNCTION_ARGS)
{
	LockName	name;
	Hold	   *hold;

	CheckNotStandby("fencing_token()");
	LockNameArgs(&name, fcinfo);
	hold = FindHold(&name);
	if (hold != NULL)
		PG_RETURN_INT64(hold->token);
	(void) LookupNamespace(name.bytes, name.nslen, fcinfo->flinfo->fn_oid);
	PG_RETURN_NULL();
}

/*
 * try_lock_permit(namespace, key, permits, wait) - the permit's number
 */
Datum
pgx_try_lock_permit(PG_FUNCTION_ARGS)
{
	LockName	name;
	PermitRequest request = {0};
	Hold	   *hold;

	PermitArgs(fcinfo, &request, &name);
	PermitWaitArg(fcinfo, &request);
	hold = AcquirePermit(&request);
	if (hold == NULL)
		PG_RETURN_NULL();
	PG_RETURN_INT32(hold->tag.locktag_field4 - PGX_CLASS_PERMIT);
}

/*
 * lock_id(namespace, key) - the 64-bit id of a name
 */
Datum
pgx_lock_id(PG_FUNCTION_ARGS)
{
	LockName	name;

	LockNameArgs(&name, fcinfo);
	PG_RETURN_INT64(name.id);
}

/*
 * _namespace_id(namespace) - the 64-bit id of a namespace
 */
Datum
pgx_namespace_id(PG_FUNCTION_ARGS)
{
	LockName	name;

	NamespaceNameInit(&name, RequiredTextArg(fcinfo, 0, "namespace"));
	PG_RETURN_INT64(name.id);
}
