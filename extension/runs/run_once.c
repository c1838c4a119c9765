/*
 * runs.c
 *		Tasks that run once per slot, or once per period.
 *
 * Exclusion alone does not make a short task run once: whoever comes a moment
 * later finds the lock free.  So the run is recorded, in the same transaction
 * as the task, under the lock that is kept to its end: record and work
 * commit together or not at all, and the next holder sees both.
 */
#include "pg_exclusive.h"

#include "access/xact.h"
#include "catalog/pg_type.h"
#include "executor/spi.h"
#include "miscadmin.h"
#include "utils/builtins.h"
#include "utils/guc.h"

PG_FUNCTION_INFO_V1(pgx_try_run_once);
PG_FUNCTION_INFO_V1(pgx_try_run_every);

static const char has_succeeded[] =
"SELECT FROM %1$s.run_record WHERE namespace = $1 AND key = $2 AND kind = $3 "
"AND slot = $4 AND state = 'succeeded'";

static const char is_recent[] =
"SELECT FROM %1$s.run_record WHERE namespace = $1 AND key = $2 AND kind = $3 "
"AND state = 'succeeded' AND started_at > pg_catalog.clock_timestamp() - $4 / 2";

static const char record_success[] =
"INSERT INTO %1$s.run_record AS r (namespace, key, kind, slot, state, started_at, finished_at, "
"token, role, application_name, client_addr) "
"VALUES ($1, $2, $3, $4, 'succeeded', $5, pg_catalog.clock_timestamp(), $6, $7, "
"pg_catalog.current_setting('application_name'), pg_catalog.inet_client_addr()) "
"ON CONFLICT (namespace, key, kind, slot) DO UPDATE SET state = excluded.state, "
"attempts = r.attempts + 1, started_at = excluded.started_at, "
"finished_at = excluded.finished_at, token = excluded.token, role = excluded.role, "
"application_name = excluded.application_name, client_addr = excluded.client_addr";

/*
 * AddRun(st, name, kind) - the first parameters of all of them
 */
void
AddRun(Statement *st, const LockName *name, const char *kind)
{
	AddText(st, LockNameNamespace(name));
	AddText(st, LockNameKey(name));
	AddText(st, kind);
}

/*
 * HasRun(...) - is there a successful run that makes another unnecessary?
 *
 * One for this slot; or, with "every", one that started less than half of it
 * ago.
 */
bool
HasRun(Oid fn_oid, const LockName *name, const char *slot,
	   const Interval *every)
{
	Statement	st = {fn_oid};
	bool		found;

	SPI_connect();
	AddRun(&st, name, every ? "every" : "once");
	if (every != NULL)
		AddArg(&st, INTERVALOID, IntervalPGetDatum(every), false);
	else
		AddText(&st, slot);
	found = ExecuteAsOwner(&st, every ? is_recent : has_succeeded) > 0;
	SPI_finish();
	return found;
}

static void
RecordRun(Oid fn_oid, const LockName *name, const char *slot,
		  const Interval *every, TimestampTz started, int64 token)
{
	Statement	st = {fn_oid};

	SPI_connect();
	AddRun(&st, name, every ? "every" : "once");
	AddText(&st, slot);
	AddArg(&st, TIMESTAMPTZOID, TimestampTzGetDatum(started), false);
	AddArg(&st, INT8OID, Int64GetDatum(token), false);
	AddText(&st, GetUserNameFromId(GetOuterUserId(), false));
	ExecuteAsOwner(&st, record_success);
	SPI_finish();
}

/*
 * RunRecorded(...) - lock, look at the record, run, record
 *
 * When there is nothing to do, a lock that we took just now is freed at once.
 */
static bool
RunRecorded(Oid fn_oid, const LockName *name, const char *slot,
			const Interval *every, const text *task)
{
	AcquireRequest request = {0};
	Hold	   *hold;
	AcquireResult result;
	TimestampTz started;
	int64		token;

	request.name = name;
	request.fn_oid = fn_oid;
	request.mode = ExclusiveLock;
	request.xact = true;
	request.wait = PGX_NO_WAIT;
	result = AcquireLock(&request, &hold);
	if (hold == NULL)
		return false;
	if (HasRun(fn_oid, name, slot, every))
	{
		if (result == ACQUIRE_GRANTED)
			ReleaseXactHold(hold);
		return false;
	}
	token = hold->token;
	started = GetCurrentTimestamp();
	RunTask(hold, task);
	RecordRun(fn_oid, name, slot, every, started, token);
	return true;
}

/*
 * try_run_once(namespace, key, slot, task) - once per slot, ever
 */
Datum
pgx_try_run_once(PG_FUNCTION_ARGS)
{
	LockName	name;
	text	   *slot;
	text	   *task;

	CheckNotStandby("try_run_once()");
	LockNameArgs(&name, fcinfo);
	slot = RequiredTextArg(fcinfo, 2, "slot");
	task = RequiredTextArg(fcinfo, 3, "task");
	CheckSlot(slot);
	CheckTask(task);
	CheckTaskSnapshot("try_run_once()");
	PG_RETURN_BOOL(RunRecorded(fcinfo->flinfo->fn_oid, &name,
							   text_to_cstring(slot), NULL, task));
}

/*
 * CheckSlot(slot) - a slot's name has the limits of a key
 */
void
CheckSlot(const text *slot)
{
	int			len = VARSIZE_ANY_EXHDR(slot);

	if (len == 0)
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_NAME),
				 errmsg("slot must not be empty")));
	if (len > PGX_KEY_MAX)
		ereport(ERROR,
				(errcode(ERRCODE_NAME_TOO_LONG),
				 errmsg("slot is too long"),
				 errdetail("It has %d bytes, the limit is %d.", len,
						   PGX_KEY_MAX)));
}

/*
 * CheckEvery(every) - a period is positive
 */
void
CheckEvery(const Interval *every)
{
	if (IntervalMicroseconds(every) <= 0)
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
				 errmsg("every must be greater than zero")));
}

/*
 * try_run_every(namespace, key, every, task) - once per period
 */
Datum
pgx_try_run_every(PG_FUNCTION_ARGS)
{
	LockName	name;
	Interval   *every;
	text	   *task;

	CheckNotStandby("try_run_every()");
	LockNameArgs(&name, fcinfo);
	if (PG_ARGISNULL(2))
		ereport(ERROR,
				(errcode(ERRCODE_NULL_VALUE_NOT_ALLOWED),
				 errmsg("every must not be null")));
	every = PG_GETARG_INTERVAL_P(2);
	CheckEvery(every);
	task = RequiredTextArg(fcinfo, 3, "task");
	CheckTask(task);
	CheckTaskSnapshot("try_run_every()");
	PG_RETURN_BOOL(RunRecorded(fcinfo->flinfo->fn_oid, &name, "", every,
							   task));
}
