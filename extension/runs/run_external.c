/*
 * run_external.c
 *		Records of runs whose work is outside the database.
 *
 * begin_run() and finish_run() are two transactions under one session-scope
 * hold, with the work in between.  After a crash in between, the record says
 * "started" with the token of a hold that is gone, and on_crash decides:
 * "retry" runs again (at least once), "skip" does not (at most once).
 */
#include "runs/runs.h"

#include "utils/builtins.h"

PG_FUNCTION_INFO_V1(pgx_begin_run);
PG_FUNCTION_INFO_V1(pgx_finish_run);
PG_FUNCTION_INFO_V1(pgx_forget_lock_runs);

/*
 * RequireSessionHold(name, fn_oid) - 55000 unless held until unlock()
 */
static Hold *
RequireSessionHold(const LockName *name, Oid fn_oid)
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
	return hold;
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
 * begin_run(namespace, key, slot, on_crash, every) - may it run?  If so, it
 * is recorded as begun.
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
	token = RequireSessionHold(&name, run.fn_oid)->token;
	if (HasCrashed(&run, token) && !retry)
		PG_RETURN_BOOL(false);
	if (HasRun(&run))
		PG_RETURN_BOOL(false);
	RecordStart(&run, token);
	PG_RETURN_BOOL(true);
}

/*
 * finish_run(namespace, key, slot, succeeded) - record how it ended
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
	if (!RecordFinish(&run, RequireSessionHold(&name, run.fn_oid)->token,
					  succeeded))
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
