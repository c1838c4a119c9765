/*
 * outside.c
 *		Records of runs whose work is outside the database.
 *
 * begin_run() and finish_run() are two transactions under one session-scope
 * hold, with the work in between.  After a crash in between, the record says
 * "started" with the token of a hold that is gone, and on_crash decides:
 * "retry" runs again (at least once), "skip" does not (at most once).
 */
#include "pg_exclusive.h"

#include "access/xact.h"
#include "catalog/pg_type.h"
#include "executor/spi.h"
#include "miscadmin.h"
#include "utils/builtins.h"
#include "utils/guc.h"

PG_FUNCTION_INFO_V1(pgx_begin_run);
PG_FUNCTION_INFO_V1(pgx_finish_run);
PG_FUNCTION_INFO_V1(pgx_forget_lock_runs);

static const char started_by[] =
"SELECT token, $5 IS NULL OR started_at > pg_catalog.clock_timestamp() - $5 / 2 "
"FROM %1$s.run_record WHERE namespace = $1 AND key = $2 AND kind = $3 "
"AND slot = $4 AND state = 'started'";

static const char record_start[] =
"INSERT INTO %1$s.run_record AS r (namespace, key, kind, slot, state, started_at, "
"token, role, application_name, client_addr) "
"VALUES ($1, $2, $3, $4, 'started', pg_catalog.clock_timestamp(), $5, $6, "
"pg_catalog.current_setting('application_name'), pg_catalog.inet_client_addr()) "
"ON CONFLICT (namespace, key, kind, slot) DO UPDATE SET state = excluded.state, "
"attempts = r.attempts + 1, started_at = excluded.started_at, finished_at = NULL, "
"token = excluded.token, role = excluded.role, "
"application_name = excluded.application_name, client_addr = excluded.client_addr";

static const char record_finish[] =
"UPDATE %1$s.run_record SET state = CASE WHEN $5 THEN 'succeeded' ELSE 'failed' END, "
"finished_at = pg_catalog.clock_timestamp() "
"WHERE namespace = $1 AND key = $2 AND slot = $3 AND token = $4 AND state = 'started'";

static const char forget_runs[] =
"DELETE FROM %1$s.run_record WHERE finished_at < pg_catalog.clock_timestamp() - $1";

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
 * CommitDurably() - have this transaction's commit flushed
 *
 * "At most once" would be a lie if the record of a start could be lost.
 */
static void
CommitDurably(void)
{
	if (synchronous_commit == SYNCHRONOUS_COMMIT_OFF)
		(void) set_config_option("synchronous_commit", "on",
								 PGC_USERSET, PGC_S_SESSION,
								 GUC_ACTION_LOCAL, true, 0, false);
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
 * CrashedRun(...) - has an earlier hold begun this run and not finished it?
 *
 * With "every", in this period.
 */
static bool
CrashedRun(Oid fn_oid, const LockName *name, const char *slot,
		   const Interval *every, int64 token)
{
	Statement	st = {fn_oid};
	bool		crashed = false;
	bool		isnull;

	SPI_connect();
	AddRun(&st, name, every ? "every" : "once");
	AddText(&st, slot);
	AddArg(&st, INTERVALOID, IntervalPGetDatum(every), every == NULL);
	if (ExecuteAsOwner(&st, started_by) > 0)
	{
		if (DatumGetInt64(ResultColumn(1, &isnull)) == token)
			ereport(ERROR,
					(errcode(ERRCODE_OBJECT_NOT_IN_PREREQUISITE_STATE),
					 errmsg("run \"%s\" was already begun under this hold",
							slot)));
		crashed = DatumGetBool(ResultColumn(2, &isnull));
	}
	SPI_finish();
	return crashed;
}

static void
RecordStart(Oid fn_oid, const LockName *name, const char *kind,
			const char *slot, int64 token)
{
	Statement	st = {fn_oid};

	SPI_connect();
	AddRun(&st, name, kind);
	AddText(&st, slot);
	AddArg(&st, INT8OID, Int64GetDatum(token), false);
	AddText(&st, GetUserNameFromId(GetOuterUserId(), false));
	ExecuteAsOwner(&st, record_start);
	SPI_finish();
	CommitDurably();
}

/*
 * begin_run(namespace, key, slot, on_crash, every) - may it run, and if so,
 * record that it has begun
 */
Datum
pgx_begin_run(PG_FUNCTION_ARGS)
{
	Oid			fn_oid = fcinfo->flinfo->fn_oid;
	LockName	name;
	char	   *slot;
	bool		retry;
	Interval   *every = PG_ARGISNULL(4) ? NULL : PG_GETARG_INTERVAL_P(4);
	const char *kind = every ? "every" : "once";
	int64		token;

	CheckNotStandby("begin_run()");
	LockNameArgs(&name, fcinfo);
	CheckSlot(RequiredTextArg(fcinfo, 2, "slot"));
	slot = text_to_cstring(PG_GETARG_TEXT_PP(2));
	retry = OnCrashArg(fcinfo, 3);
	if (every != NULL)
		CheckEvery(every);
	CheckTaskSnapshot("begin_run()");
	token = RequireSessionHold(&name, fn_oid)->token;
	if (CrashedRun(fn_oid, &name, slot, every, token) && !retry)
		PG_RETURN_BOOL(false);
	if (HasRun(fn_oid, &name, slot, every))
		PG_RETURN_BOOL(false);
	RecordStart(fn_oid, &name, kind, slot, token);
	PG_RETURN_BOOL(true);
}

/*
 * finish_run(namespace, key, slot, succeeded) - record how it ended
 */
Datum
pgx_finish_run(PG_FUNCTION_ARGS)
{
	Statement	st = {fcinfo->flinfo->fn_oid};
	LockName	name;
	char	   *slot;
	int64		token;

	CheckNotStandby("finish_run()");
	LockNameArgs(&name, fcinfo);
	CheckSlot(RequiredTextArg(fcinfo, 2, "slot"));
	slot = text_to_cstring(PG_GETARG_TEXT_PP(2));
	if (PG_ARGISNULL(3))
		ereport(ERROR,
				(errcode(ERRCODE_NULL_VALUE_NOT_ALLOWED),
				 errmsg("succeeded must not be null")));
	token = RequireSessionHold(&name, st.fn_oid)->token;
	SPI_connect();
	AddText(&st, LockNameNamespace(&name));
	AddText(&st, LockNameKey(&name));
	AddText(&st, slot);
	AddArg(&st, INT8OID, Int64GetDatum(token), false);
	AddArg(&st, BOOLOID, fcinfo->args[3].value, false);
	if (ExecuteAsOwner(&st, record_finish) == 0)
		ereport(ERROR,
				(errcode(ERRCODE_OBJECT_NOT_IN_PREREQUISITE_STATE),
				 errmsg("no run \"%s\" was begun under this hold", slot)));
	SPI_finish();
	CommitDurably();
	PG_RETURN_VOID();
}

/*
 * forget_lock_runs(older_than) - housekeeping
 */
Datum
pgx_forget_lock_runs(PG_FUNCTION_ARGS)
{
	Statement	st = {fcinfo->flinfo->fn_oid};
	uint64		forgotten;

	CheckNotStandby("forget_lock_runs()");
	if (PG_ARGISNULL(0))
		ereport(ERROR,
				(errcode(ERRCODE_NULL_VALUE_NOT_ALLOWED),
				 errmsg("older_than must not be null")));
	if (IntervalMicroseconds(PG_GETARG_INTERVAL_P(0)) < 0)
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
				 errmsg("older_than must not be negative")));
	SPI_connect();
	AddArg(&st, INTERVALOID, PG_GETARG_DATUM(0), false);
	forgotten = ExecuteAsOwner(&st, forget_runs);
	SPI_finish();
	PG_RETURN_INT64(forgotten);
}
