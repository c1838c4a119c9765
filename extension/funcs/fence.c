/*
 * fence.c
 *		Fencing at the resource, where an old token is refused.
 *
 * The highest token seen per lock is kept in a table.  The check locks that
 * row to the end of the writer's transaction, so that a writer with a newer
 * token waits for one who has passed, and one with an older token, who comes
 * after, fails whatever he believes.
 */
#include "lock/lock.h"

#include "access/xact.h"
#include "catalog/pg_type.h"
#include "commands/trigger.h"
#include "executor/spi.h"
#include "storage/proc.h"
#include "utils/acl.h"
#include "utils/builtins.h"
#include "utils/rel.h"

PG_FUNCTION_INFO_V1(pgx_check_fence);
PG_FUNCTION_INFO_V1(pgx_fence_guard);

static const char remember_token[] =
"INSERT INTO %1$s.fence_record AS f (namespace, key, token) VALUES ($1, $2, $3) "
"ON CONFLICT (namespace, key) DO UPDATE SET token = excluded.token "
"WHERE f.token <= excluded.token";

static const char recorded_token[] =
"SELECT token FROM %1$s.fence_record WHERE namespace = $1 AND key = $2";

/*
 * CheckToken(name, token, fn_oid) - 22023 for one that was never given out
 *
 * Else one call with the largest bigint would shut a name for good.
 */
static void
CheckToken(const LockName *name, int64 token, Oid fn_oid)
{
	int64		newest = NewestToken(fn_oid);

	if (token < 1 || token > newest)
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
				 errmsg("fencing token " INT64_FORMAT " of lock \"%s/%s\" was never given out",
						token, LockNameNamespace(name), LockNameKey(name))));
}

/*
 * ReportStale(name, token, query) - 40001; later holders have larger tokens
 *
 * Also where the recorded token comes from another server, by a subscription.
 */
static void
ReportStale(const LockName *name, int64 token, OwnerQuery *query)
{
	bool		isnull;

	query->nargs = 2;
	if (ExecuteAsOwner(query, recorded_token) > 0)
		RaiseTokens(DatumGetInt64(ResultColumn(1, &isnull)), query->fn_oid);
	ereport(ERROR,
			(errcode(ERRCODE_T_R_SERIALIZATION_FAILURE),
			 errmsg("fencing token " INT64_FORMAT " of lock \"%s/%s\" is stale",
					token, LockNameNamespace(name), LockNameKey(name)),
			 errdetail("A later holder of the lock has been here."),
			 errhint("Stop: this process no longer holds the lock.")));
}

/*
 * CheckFence(name, token, fn_oid) - 40001 for a token older than one seen
 */
static void
CheckFence(const LockName *name, int64 token, Oid fn_oid)
{
	Namespace  *ns;
	OwnerQuery	query = {fn_oid};

	CheckNotStandby("check_fence()");
	AttachShared();
	ns = LookupNamespace(name->bytes, name->nslen, fn_oid);
	CheckNamespaceRole(ns);
	CheckToken(name, token, fn_oid);
	SPI_connect();
	AddText(&query, LockNameNamespace(name));
	AddText(&query, LockNameKey(name));
	AddArg(&query, INT8OID, Int64GetDatum(token), false);
	if (ExecuteAsOwner(&query, remember_token) == 0)
		ReportStale(name, token, &query);
	SPI_finish();
}

/*
 * check_fence(namespace, key, token) - the same for SQL
 */
Datum
pgx_check_fence(PG_FUNCTION_ARGS)
{
	LockName	name;

	LockNameArgs(&name, fcinfo);
	CheckFence(&name, DatumGetInt64(RequiredArg(fcinfo, 2, "token")),
			   fcinfo->flinfo->fn_oid);
	PG_RETURN_VOID();
}

/*
 * GuardedToken(data, row) - the value of the token column of the new row
 */
static int64
GuardedToken(TriggerData *data, HeapTuple row)
{
	TupleDesc	desc = RelationGetDescr(data->tg_relation);
	const char *column = data->tg_trigger->tgnargs > 2 ?
	data->tg_trigger->tgargs[2] : "token";
	int			attno = SPI_fnumber(desc, column);
	bool		isnull;
	Datum		value;

	if (attno <= 0 || SPI_gettypeid(desc, attno) != INT8OID)
		ereport(ERROR,
				(errcode(ERRCODE_UNDEFINED_COLUMN),
				 errmsg("fence_guard: table \"%s\" has no column \"%s\" of type bigint",
						RelationGetRelationName(data->tg_relation), column)));
	value = SPI_getbinval(row, desc, attno, &isnull);
	if (isnull)
		ereport(ERROR,
				(errcode(ERRCODE_NULL_VALUE_NOT_ALLOWED),
				 errmsg("fence_guard: column \"%s\" must not be null",
						column)));
	return DatumGetInt64(value);
}

static void
CheckGuard(FunctionCallInfo fcinfo)
{
	TriggerData *data = (TriggerData *) fcinfo->context;

	if (!CALLED_AS_TRIGGER(fcinfo) ||
		!TRIGGER_FIRED_BEFORE(data->tg_event) ||
		!TRIGGER_FIRED_FOR_ROW(data->tg_event) ||
		TRIGGER_FIRED_BY_DELETE(data->tg_event))
		ereport(ERROR,
				(errcode(ERRCODE_E_R_I_E_TRIGGER_PROTOCOL_VIOLATED),
				 errmsg("fence_guard must be fired by a row trigger BEFORE INSERT OR UPDATE")));
	if (data->tg_trigger->tgnargs < 2 || data->tg_trigger->tgnargs > 3)
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
				 errmsg("fence_guard takes two or three arguments: namespace, key, and the name of a column")));
}

/*
 * fence_guard() - check the token of every row that is written
 *
 * A statement may write many rows with one token.  What has passed in this
 * subtransaction is not checked again, since its row is locked.
 */
Datum
pgx_fence_guard(PG_FUNCTION_ARGS)
{
	static int64 last_id;
	static int64 last_token;
	static FullTransactionId last_xid;
	static SubTransactionId last_subxid;
	TriggerData *data = (TriggerData *) fcinfo->context;
	HeapTuple	row;
	LockName	name;
	int64		token;

	CheckGuard(fcinfo);
	row = TRIGGER_FIRED_BY_UPDATE(data->tg_event) ?
		data->tg_newtuple : data->tg_trigtuple;
	LockNameInit(&name, cstring_to_text(data->tg_trigger->tgargs[0]),
				 cstring_to_text(data->tg_trigger->tgargs[1]));
	token = GuardedToken(data, row);
	if (name.id != last_id || token != last_token ||
		GetCurrentSubTransactionId() != last_subxid ||
		!FullTransactionIdIsValid(last_xid) ||
		!FullTransactionIdEquals(GetTopFullTransactionIdIfAny(), last_xid))
	{
		CheckFence(&name, token, fcinfo->flinfo->fn_oid);
		last_id = name.id;
		last_token = token;
		last_subxid = GetCurrentSubTransactionId();
		last_xid = GetTopFullTransactionIdIfAny();
	}
	return PointerGetDatum(row);
}
