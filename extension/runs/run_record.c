/*
 * run_record.c
 *		Every statement on the table run_record, which has the runs.
 *
 * The caller holds the lock of the run's name.  So at most one session writes
 * a row at a time, and what it reads is what the last holder committed.
 */
#include "runs/runs.h"

#include "access/xact.h"
#include "catalog/pg_type.h"
#include "executor/spi.h"
#include "miscadmin.h"
#include "utils/builtins.h"
#include "utils/guc.h"

static const char has_succeeded[] =
"SELECT FROM %1$s.run_record WHERE namespace = $1 AND key = $2 AND kind = $3 "
"AND slot = $4 AND state = 'succeeded'";

static const char is_recent[] =
"SELECT FROM %1$s.run_record WHERE namespace = $1 AND key = $2 AND kind = $3 "
"AND state = 'succeeded' AND started_at > $4 AND started_at <= pg_catalog.clock_timestamp()";

static const char record_success[] =
"INSERT INTO %1$s.run_record AS r (namespace, key, kind, slot, state, started_at, finished_at, "
"succeeded_at, token, role, every, application_name, client_addr) "
"VALUES ($1, $2, $3, $4, 'succeeded', $5, pg_catalog.clock_timestamp(), "
"pg_catalog.clock_timestamp(), $6, $7, $8, "
"pg_catalog.current_setting('application_name'), pg_catalog.inet_client_addr()) "
"ON CONFLICT (namespace, key, kind, slot) DO UPDATE SET state = excluded.state, "
"attempts = r.attempts + 1, started_at = excluded.started_at, "
"finished_at = excluded.finished_at, succeeded_at = excluded.succeeded_at, "
"token = excluded.token, role = excluded.role, every = excluded.every, "
"application_name = excluded.application_name, client_addr = excluded.client_addr";

static const char started_by[] =
"SELECT token, $5 IS NULL OR (started_at > $5 AND started_at <= pg_catalog.clock_timestamp()) "
"FROM %1$s.run_record WHERE namespace = $1 AND key = $2 AND kind = $3 "
"AND slot = $4 AND state = 'started'";

static const char record_start[] =
"INSERT INTO %1$s.run_record AS r (namespace, key, kind, slot, state, started_at, "
"token, role, every, application_name, client_addr) "
"VALUES ($1, $2, $3, $4, 'started', pg_catalog.clock_timestamp(), $5, $6, $7, "
"pg_catalog.current_setting('application_name'), pg_catalog.inet_client_addr()) "
"ON CONFLICT (namespace, key, kind, slot) DO UPDATE SET state = excluded.state, "
"attempts = r.attempts + 1, started_at = excluded.started_at, finished_at = NULL, "
"token = excluded.token, role = excluded.role, every = excluded.every, "
"application_name = excluded.application_name, client_addr = excluded.client_addr "
"WHERE CASE r.state WHEN 'started' THEN r.token <= excluded.token "
"WHEN 'succeeded' THEN $8 IS NOT NULL AND (r.started_at <= $8 "
"OR r.started_at > pg_catalog.clock_timestamp()) "
"ELSE true END";

static const char record_finish[] =
"UPDATE %1$s.run_record SET state = CASE WHEN $5 THEN 'succeeded' ELSE 'failed' END, "
"finished_at = pg_catalog.clock_timestamp(), "
"succeeded_at = CASE WHEN $5 THEN pg_catalog.clock_timestamp() ELSE succeeded_at END, "
"failed_at = CASE WHEN $5 THEN failed_at ELSE pg_catalog.clock_timestamp() END "
"WHERE namespace = $1 AND key = $2 AND slot = $3 AND token = $4 AND state = 'started' "
"AND kind = (SELECT kind FROM %1$s.run_record WHERE namespace = $1 AND key = $2 AND slot = $3 "
"AND token = $4 AND state = 'started' ORDER BY started_at DESC LIMIT 1)";

static const char forget_runs[] =
"DELETE FROM %1$s.run_record WHERE finished_at < $1";

/*
 * CheckSlot(slot) - a slot's name has the limits of a key
 */
void
CheckSlot(const text *slot)
{
	CheckNameLength("slot", slot, PGX_KEY_MAX);
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

static const char *
KindOf(const Run *run)
{
	return run->every != NULL ? "every" : "once";
}

/*
 * BeginQuery(query, run) - connect to SPI, and add the first three parameters
 */
static void
BeginQuery(OwnerQuery *query, const Run *run)
{
	query->fn_oid = run->fn_oid;
	SPI_connect();
	AddText(query, LockNameNamespace(run->name));
	AddText(query, LockNameKey(run->name));
	AddText(query, KindOf(run));
}

/*
 * AddEvery(query, run) - the period, or null
 */
static void
AddEvery(OwnerQuery *query, const Run *run)
{
	AddArg(query, INTERVALOID, IntervalPGetDatum(run->every),
		   run->every == NULL);
}

/*
 * TimeAgo(interval, parts) - when one of so many parts of it began
 *
 * A month counts as 30 days.  Before the calendar begins it is -infinity, so
 * that no period is too long.
 */
static TimestampTz
TimeAgo(const Interval *interval, int parts)
{
	TimestampTz now = GetCurrentTimestamp();
	int64		usecs = IntervalMicroseconds(interval) / parts;

	return usecs >= now - MIN_TIMESTAMP ? DT_NOBEGIN : now - usecs;
}

/*
 * AddPeriodStart(query, run) - half a period ago, or null
 *
 * A run that started earlier is due again.  So is one that started in the
 * future, by a clock that was wrong.
 */
static void
AddPeriodStart(OwnerQuery *query, const Run *run)
{
	AddArg(query, TIMESTAMPTZOID, run->every == NULL ? (Datum) 0 :
		   TimestampTzGetDatum(TimeAgo(run->every, 2)), run->every == NULL);
}

/*
 * HasRun(run) - is there a successful run that makes another unnecessary?
 *
 * That is one for this slot.  With "every", it is one that started less than
 * half of it ago.
 */
bool
HasRun(const Run *run)
{
	OwnerQuery	query = {0};
	bool		found;

	BeginQuery(&query, run);
	if (run->every != NULL)
		AddPeriodStart(&query, run);
	else
		AddText(&query, run->slot);
	found = ExecuteAsOwner(&query, run->every ? is_recent : has_succeeded) > 0;
	SPI_finish();
	return found;
}

/*
 * RecordRun(run, started, token) - record a success, with the task's work
 */
void
RecordRun(const Run *run, TimestampTz started, int64 token)
{
	OwnerQuery	query = {0};

	BeginQuery(&query, run);
	AddText(&query, run->slot);
	AddArg(&query, TIMESTAMPTZOID, TimestampTzGetDatum(started), false);
	AddArg(&query, INT8OID, Int64GetDatum(token), false);
	AddText(&query, GetUserNameFromId(GetOuterUserId(), false));
	AddEvery(&query, run);
	ExecuteAsOwner(&query, record_success);
	SPI_finish();
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
 * HasCrashed(run, token) - did an earlier hold begin it and not finish it?
 *
 * With "every", only a run of this period counts.  Raises 55000 when the run
 * was begun under this very hold.
 */
bool
HasCrashed(const Run *run, int64 token)
{
	OwnerQuery	query = {0};
	bool		crashed = false;
	bool		isnull;

	BeginQuery(&query, run);
	AddText(&query, run->slot);
	AddPeriodStart(&query, run);
	if (ExecuteAsOwner(&query, started_by) > 0)
	{
		if (DatumGetInt64(ResultColumn(1, &isnull)) == token)
			ereport(ERROR,
					(errcode(ERRCODE_OBJECT_NOT_IN_PREREQUISITE_STATE),
					 errmsg("run \"%s\" was already begun under this hold",
							run->slot)));
		crashed = DatumGetBool(ResultColumn(2, &isnull));
	}
	SPI_finish();
	return crashed;
}

/*
 * RecordStart(run, token) - record that it has begun
 *
 * Returns false when it need not begin after all.  A lease may run out between
 * our look and this statement, which waits for a transaction of the next
 * holder, or of the one before, that writes the same row.
 */
bool
RecordStart(const Run *run, int64 token)
{
	OwnerQuery	query = {0};
	uint64		started;

	BeginQuery(&query, run);
	AddText(&query, run->slot);
	AddArg(&query, INT8OID, Int64GetDatum(token), false);
	AddText(&query, GetUserNameFromId(GetOuterUserId(), false));
	AddEvery(&query, run);
	AddPeriodStart(&query, run);
	started = ExecuteAsOwner(&query, record_start);
	SPI_finish();
	CommitDurably();
	return started > 0;
}

/*
 * RecordFinish(run, token, succeeded) - record how it ended
 *
 * Of two that have one slot, by "once" and by "every", it is the last begun.
 * Returns false when none was begun under the hold with this token.
 */
bool
RecordFinish(const Run *run, int64 token, bool succeeded)
{
	OwnerQuery	query = {run->fn_oid};
	uint64		finished;

	SPI_connect();
	AddText(&query, LockNameNamespace(run->name));
	AddText(&query, LockNameKey(run->name));
	AddText(&query, run->slot);
	AddArg(&query, INT8OID, Int64GetDatum(token), false);
	AddArg(&query, BOOLOID, BoolGetDatum(succeeded), false);
	finished = ExecuteAsOwner(&query, record_finish);
	SPI_finish();
	CommitDurably();
	return finished > 0;
}

/*
 * ForgetRuns(fn_oid, older_than) - delete what finished longer ago
 */
uint64
ForgetRuns(Oid fn_oid, const Interval *older_than)
{
	OwnerQuery	query = {fn_oid};
	uint64		forgotten;

	SPI_connect();
	/* 0: all of them, also those of a clock that was wrong */
	AddArg(&query, TIMESTAMPTZOID,
		   TimestampTzGetDatum(IntervalMicroseconds(older_than) == 0 ?
							   DT_NOEND : TimeAgo(older_than, 1)), false);
	forgotten = ExecuteAsOwner(&query, forget_runs);
	SPI_finish();
	return forgotten;
}
