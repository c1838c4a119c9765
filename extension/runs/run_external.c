/*
 * run_external.c
 *		Records of runs whose work is outside the database.
 *
 * begin_run() and finish_run() are two transactions under one session-scope
 * hold or one lease, with the work in between.  After a crash in between, the
 * record says "started" with the token of a hold that is gone, and on_crash
 * decides.  With "retry" it runs again (at least once), "skip" does not (at most once).
 */
#include "runs/runs.h"

#include "utils/builtins.h"

PG_FUNCTION_INFO_V1(pgx_begin_run);
PG_FUNCTION_INFO_V1(pgx_finish_run);
PG_FUNCTION_INFO_V1(pgx_forget_lock_runs);

/*
 * SessionToken(name, fn_oid) - of this session's hold; 55000 unless it lasts
 * until unlock()
 */
static int64
SessionToken(const LockName *name, Oid fn_oid)
{
	Hold	   *hold = FindHold(name);

	if (hold == NULL)
		(void) LookupNamespace(name->bytes, name->nslen, fn_oid);
	if (hold == NULL || hold->xact || hold->permit ||
		hold->mode != ExclusiveLock)
		ereport(ERROR,
				(errcode(ERRCODE_OBJECT_NOT_IN_PREREQUISITE_STATE),
				 errmsg("lock \"%s/%s\" is not held exclusively by this session at session scope",
						LockNameNamespace(name), LockNameKey(name)),
				 errhint("Take it with try_lock() or wait_lock() first, and keep it until finish_run().")));
	return hold->token;
}

/*
 * LeaseToken(name, token, fn_oid) - the same; 55000 unless it is of a lease
 * that is alive
 */
static int64
LeaseToken(const LockName *name, int64 token, Oid fn_oid)
{
	if (!HasLease(name, token, fn_oid))
		ereport(ERROR,
				(errcode(ERRCODE_OBJECT_NOT_IN_PREREQUISITE_STATE),
				 errmsg("the lease of lock \"%s/%s\" with token " INT64_FORMAT " is lost",
						LockNameNamespace(name), LockNameKey(name), token),
				 errhint("Take it with acquire_lease() first, and renew it until finish_run().")));
	return token;
}

/*
 * HolderToken(fcinfo, argno, name) - the token of the lease that is given, or
 * else of this session's hold
 */
static int64
HolderToken(FunctionCallInfo fcinfo, int argno, const LockName *name)
{
	if (PG_ARGISNULL(argno))
		return SessionToken(name, fcinfo->flinfo->fn_oid);
	return LeaseToken(name, PG_GETARG_INT64(argno), fcinfo->flinfo->fn_oid);
}

/*
 * OnCrashArg(fcinfo, argno) - true for "retry"
 */
static bool
OnCrashArg(FunctionCallInfo fcinfo, int argno)
{
	char	   *on_crash = "retry";

	if (!PG_ARGISNULL(argno))
		on_crash = text_to_cstring(PG_GETARG_TEXT_PP(argno));
	if (strcmp(on_crash, "retry") != 0 && strcmp(on_crash, "skip") != 0)
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
				 errmsg("invalid value for on_crash: \"%s\"", on_crash),
				 errhint("The values are \"retry\" and \"skip\".")));
	return strcmp(on_crash, "retry") == 0;
}

/*
 * begin_run(namespace, key, slot, on_crash, every, token) - may it run?  If
 * so, it is recorded as begun.
 */
Datum
pgx_begin_run(PG_FUNCTION_ARGS)
{
	LockName	name;
	Run			run = {fcinfo->flinfo->fn_oid, &name};
	bool		retry;
	int64		token;

	CheckNotStandby("begin_run()");
	LockNameArgs(&name, fcinfo);
	CheckSlot(RequiredTextArg(fcinfo, 2, "slot"));
	run.slot = text_to_cstring(PG_GETARG_TEXT_PP(2));
	retry = OnCrashArg(fcinfo, 3);
	if (!PG_ARGISNULL(4))
	{
		run.every = PG_GETARG_INTERVAL_P(4);
		CheckEvery(run.every);
	}
	CheckTaskSnapshot("begin_run()");
	token = HolderToken(fcinfo, 5, &name);
	if (HasCrashed(&run, token) && !retry)
		PG_RETURN_BOOL(false);
	if (HasRun(&run))
		PG_RETURN_BOOL(false);
	PG_RETURN_BOOL(RecordStart(&run, token));
}

/*
 * finish_run(namespace, key, slot, succeeded, token) - record how it ended
 */
Datum
pgx_finish_run(PG_FUNCTION_ARGS)
{
	LockName	name;
	Run			run = {fcinfo->flinfo->fn_oid, &name};
	bool		succeeded;

	CheckNotStandby("finish_run()");
	LockNameArgs(&name, fcinfo);
	CheckSlot(RequiredTextArg(fcinfo, 2, "slot"));
	run.slot = text_to_cstring(PG_GETARG_TEXT_PP(2));
	succeeded = DatumGetBool(RequiredArg(fcinfo, 3, "succeeded"));
	if (!RecordFinish(&run, HolderToken(fcinfo, 4, &name), succeeded))
		ereport(ERROR,
				(errcode(ERRCODE_OBJECT_NOT_IN_PREREQUISITE_STATE),
				 errmsg("no run \"%s\" was begun under this hold", run.slot)));
	PG_RETURN_VOID();
}

/*
 * forget_lock_runs(older_than) - housekeeping
 */
Datum
pgx_forget_lock_runs(PG_FUNCTION_ARGS)
{
	Interval   *older_than;

	CheckNotStandby("forget_lock_runs()");
	older_than = DatumGetIntervalP(RequiredArg(fcinfo, 0, "older_than"));
	if (IntervalMicroseconds(older_than) < 0)
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
				 errmsg("older_than must not be negative")));
	PG_RETURN_INT64(ForgetRuns(fcinfo->flinfo->fn_oid, older_than));
}
