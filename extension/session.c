/*
 * session.c
 *		What the client library calls: one call, many calls, a heartbeat.
 *
 * Many threads of a client share one session; what they ask meanwhile is
 * carried in one statement, over arrays.  An element that fails must not
 * stop the others, so each failure is caught in a subtransaction; those that
 * succeed share one.  Session-scope locks stay whatever becomes of it.
 */
#include "pg_exclusive.h"

#include "access/xact.h"
#include "catalog/pg_type.h"
#include "funcapi.h"
#include "miscadmin.h"
#include "utils/array.h"
#include "utils/builtins.h"
#include "utils/memutils.h"
#include "utils/resowner.h"

PG_FUNCTION_INFO_V1(pgx_session);
PG_FUNCTION_INFO_V1(pgx_call);
PG_FUNCTION_INFO_V1(pgx_calls);
PG_FUNCTION_INFO_V1(pgx_heartbeat);

/* The columns that _call() and _calls() share, in this order. */
enum
{
	COL_TOKEN, COL_OK, COL_HOLDER_PID, COL_HOLDER_ROLE,
	COL_HOLDER_APPLICATION, COL_HOLDER_ADDR, COL_HOLDER_SINCE, NUM_COLS
};

/*
 * Nonce() - a random number that tells this backend from any other
 */
static int64
Nonce(void)
{
	static int64 nonce = 0;

	while (nonce == 0)
	{
		if (!pg_strong_random(&nonce, sizeof(nonce)))
			ereport(ERROR,
					(errcode(ERRCODE_INTERNAL_ERROR),
					 errmsg("could not generate random values")));
	}
	return nonce;
}

/*
 * _session() - which backend this is
 */
Datum
pgx_session(PG_FUNCTION_ARGS)
{
	TupleDesc	desc;
	Datum		values[3];
	bool		nulls[3] = {0};

	if (get_call_result_type(fcinfo, NULL, &desc) != TYPEFUNC_COMPOSITE)
		elog(ERROR, "return type must be a row type");
	values[0] = Int32GetDatum(MyProcPid);
	values[1] = Int64GetDatum(Nonce());
	values[2] = CStringGetTextDatum(PGX_VERSION);
	return HeapTupleGetDatum(heap_form_tuple(BlessTupleDesc(desc), values,
											 nulls));
}

/*
 * DescribeHolder(name, fn_oid, values, nulls) - who has what we were refused
 */
static void
DescribeHolder(const LockName *name, Oid fn_oid, Datum *values, bool *nulls)
{
	Namespace  *ns = LookupNamespace(name->bytes, name->nslen, fn_oid);
	LOCKTAG		tag;
	Holder		holder;
	char	   *role;

	LockNameTag(name, NamespaceLockClass(ns), &tag);
	if (!FindHolder(&tag, &holder))
		return;
	nulls[COL_HOLDER_PID] = false;
	values[COL_HOLDER_PID] = Int32GetDatum(holder.pid);
	role = GetUserNameFromId(holder.entry.roleid, true);
	nulls[COL_HOLDER_ROLE] = role == NULL;
	if (role != NULL)
		values[COL_HOLDER_ROLE] = CStringGetTextDatum(role);
	nulls[COL_HOLDER_APPLICATION] = false;
	values[COL_HOLDER_APPLICATION] =
		CStringGetTextDatum(holder.application_name);
	nulls[COL_HOLDER_ADDR] = !holder.has_addr;
	if (holder.has_addr)
		values[COL_HOLDER_ADDR] = CStringGetTextDatum(holder.addr);
	nulls[COL_HOLDER_SINCE] = false;
	values[COL_HOLDER_SINCE] = TimestampTzGetDatum(holder.entry.since);
}

static bool
TryCall(const LockName *name, LOCKMODE mode, Oid fn_oid, Datum *values,
		bool *nulls)
{
	AcquireRequest request = {0};
	Hold	   *hold;

	request.name = name;
	request.fn_oid = fn_oid;
	request.mode = mode;
	(void) AcquireLock(&request, &hold);
	if (hold == NULL)
	{
		DescribeHolder(name, fn_oid, values, nulls);
		return false;
	}
	values[COL_TOKEN] = Int64GetDatum(hold->token);
	nulls[COL_TOKEN] = false;
	return true;
}

/*
 * HoldCall(name, release, token, ...) - unlock, or ask about, one grant
 *
 * With a token only that grant counts: a later one of the same name, made
 * behind the client's back, is not his.
 */
static bool
HoldCall(const LockName *name, bool release, bool any, int64 token,
		 Datum *values, bool *nulls)
{
	Hold	   *hold = FindHold(name->id);

	if (hold == NULL || hold->xact || (!any && hold->token != token))
		return false;
	values[COL_TOKEN] = Int64GetDatum(hold->token);
	nulls[COL_TOKEN] = false;
	if (release)
	{
		RefuseUnlockAfterWrites("unlock");
		ReleaseHold(hold);
	}
	return true;
}

/*
 * OneCall(op, name, ...) - fill in the columns for one call
 */
static void
OneCall(const text *op, const LockName *name, bool any, int64 token,
		Oid fn_oid, Datum *values, bool *nulls)
{
	const char *s = VARDATA_ANY(op);
	int			len = VARSIZE_ANY_EXHDR(op);
	bool		ok;

	CheckNotStandby("a lock function");
	for (int i = 0; i < NUM_COLS; i++)
		nulls[i] = true;
	if (len == 9 && memcmp(s, "exclusive", 9) == 0)
		ok = TryCall(name, ExclusiveLock, fn_oid, values, nulls);
	else if (len == 6 && memcmp(s, "shared", 6) == 0)
		ok = TryCall(name, ShareLock, fn_oid, values, nulls);
	else if (len == 6 && memcmp(s, "unlock", 6) == 0)
		ok = HoldCall(name, true, any, token, values, nulls);
	else if (len == 5 && memcmp(s, "holds", 5) == 0)
		ok = HoldCall(name, false, any, token, values, nulls);
	else
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
				 errmsg("invalid operation: \"%s\"", text_to_cstring(op))));
	values[COL_OK] = BoolGetDatum(ok);
	nulls[COL_OK] = false;
}

/*
 * _call(op, namespace, key, token) - one call; errors are raised
 */
Datum
pgx_call(PG_FUNCTION_ARGS)
{
	LockName	name;
	TupleDesc	desc;
	Datum		values[NUM_COLS];
	bool		nulls[NUM_COLS];
	text	   *op = RequiredTextArg(fcinfo, 0, "op");

	LockNameInit(&name, RequiredTextArg(fcinfo, 1, "namespace"),
				 RequiredTextArg(fcinfo, 2, "key"));
	OneCall(op, &name, PG_ARGISNULL(3),
			PG_ARGISNULL(3) ? 0 : PG_GETARG_INT64(3),
			fcinfo->flinfo->fn_oid, values, nulls);
	if (get_call_result_type(fcinfo, NULL, &desc) != TYPEFUNC_COMPOSITE)
		elog(ERROR, "return type must be a row type");
	return HeapTupleGetDatum(heap_form_tuple(BlessTupleDesc(desc), values,
											 nulls));
}

/* The arrays of _calls(), taken apart. */
typedef struct Calls
{
	int			n;
	Datum	   *ops;
	Datum	   *namespaces;
	Datum	   *keys;
	Datum	   *tokens;
	bool	   *nulls[4];
} Calls;

static Datum *
TakeArray(FunctionCallInfo fcinfo, int argno, Oid type, bool **nulls, int *n)
{
	Datum	   *values;
	int			count;

	if (PG_ARGISNULL(argno))
		ereport(ERROR,
				(errcode(ERRCODE_NULL_VALUE_NOT_ALLOWED),
				 errmsg("an array must not be null")));
	if (type == TEXTOID)
		deconstruct_array(PG_GETARG_ARRAYTYPE_P(argno), TEXTOID, -1, false,
						  TYPALIGN_INT, &values, nulls, &count);
	else
		deconstruct_array(PG_GETARG_ARRAYTYPE_P(argno), INT8OID, 8,
						  FLOAT8PASSBYVAL, TYPALIGN_DOUBLE, &values, nulls,
						  &count);
	if (*n >= 0 && count != *n)
		ereport(ERROR,
				(errcode(ERRCODE_ARRAY_SUBSCRIPT_ERROR),
				 errmsg("arrays must have the same length")));
	*n = count;
	return values;
}

/*
 * RunCall(calls, i, fn_oid, row, rownulls) - element i of the arrays
 */
static void
RunCall(const Calls *calls, int i, Oid fn_oid, Datum *row, bool *rownulls)
{
	LockName	name;

	if (calls->nulls[0][i] || calls->nulls[1][i] || calls->nulls[2][i])
		ereport(ERROR,
				(errcode(ERRCODE_NULL_VALUE_NOT_ALLOWED),
				 errmsg("op, namespace and key must not be null")));
	LockNameInit(&name, DatumGetTextPP(calls->namespaces[i]),
				 DatumGetTextPP(calls->keys[i]));
	OneCall(DatumGetTextPP(calls->ops[i]), &name, calls->nulls[3][i],
			DatumGetInt64(calls->tokens[i]), fn_oid, row, rownulls);
}

/* Columns of _calls() before the shared ones. */
#define CALLS_LEADING 4

/*
 * CatchCall(error, row, nulls) - the columns of an element that failed
 */
static void
CatchCall(const ErrorData *error, Datum *row, bool *nulls)
{
	for (int i = 1; i < CALLS_LEADING + NUM_COLS; i++)
		nulls[i] = true;
	row[1] = CStringGetTextDatum(unpack_sql_state(error->sqlerrcode));
	row[2] = CStringGetTextDatum(error->message);
	nulls[1] = nulls[2] = false;
	if (error->hint != NULL)
	{
		row[3] = CStringGetTextDatum(error->hint);
		nulls[3] = false;
	}
}

/*
 * RunCaught(calls, from, ...) - elements from "from" on, up to a failure
 *
 * Returns the element to go on with.  A cancel or a shutdown is nobody's own
 * failure and goes on to the caller.
 */
static int
RunCaught(const Calls *calls, int from, Oid fn_oid, ReturnSetInfo *rsinfo)
{
	MemoryContext context = CurrentMemoryContext;
	ResourceOwner owner = CurrentResourceOwner;
	Datum		row[CALLS_LEADING + NUM_COLS];
	bool		nulls[CALLS_LEADING + NUM_COLS];
	volatile int i = from;

	BeginInternalSubTransaction(NULL);
	MemoryContextSwitchTo(context);
	PG_TRY();
	{
		for (; i < calls->n; i++)
		{
			row[0] = Int32GetDatum(i + 1);
			nulls[0] = false;
			nulls[1] = nulls[2] = nulls[3] = true;
			RunCall(calls, i, fn_oid, row + CALLS_LEADING,
					nulls + CALLS_LEADING);
			tuplestore_putvalues(rsinfo->setResult, rsinfo->setDesc, row,
								 nulls);
		}
		ReleaseCurrentSubTransaction();
	}
	PG_CATCH();
	{
		ErrorData  *error;

		MemoryContextSwitchTo(context);
		error = CopyErrorData();
		FlushErrorState();
		RollbackAndReleaseCurrentSubTransaction();
		MemoryContextSwitchTo(context);
		CurrentResourceOwner = owner;
		if (error->sqlerrcode == ERRCODE_QUERY_CANCELED)
			ReThrowError(error);
		row[0] = Int32GetDatum(i + 1);
		nulls[0] = false;
		CatchCall(error, row, nulls);
		FreeErrorData(error);
		tuplestore_putvalues(rsinfo->setResult, rsinfo->setDesc, row, nulls);
		i++;
	}
	PG_END_TRY();
	MemoryContextSwitchTo(context);
	CurrentResourceOwner = owner;
	return i;
}

/*
 * _calls(ops, namespaces, keys, tokens) - many calls, a row each
 */
Datum
pgx_calls(PG_FUNCTION_ARGS)
{
	Calls		calls;

	calls.n = -1;
	calls.ops = TakeArray(fcinfo, 0, TEXTOID, &calls.nulls[0], &calls.n);
	calls.namespaces = TakeArray(fcinfo, 1, TEXTOID, &calls.nulls[1],
								 &calls.n);
	calls.keys = TakeArray(fcinfo, 2, TEXTOID, &calls.nulls[2], &calls.n);
	calls.tokens = TakeArray(fcinfo, 3, INT8OID, &calls.nulls[3], &calls.n);
	InitMaterializedSRF(fcinfo, 0);
	for (int i = 0; i < calls.n;)
		i = RunCaught(&calls, i, fcinfo->flinfo->fn_oid,
					  (ReturnSetInfo *) fcinfo->resultinfo);
	return (Datum) 0;
}

/* Tokens that a heartbeat asks about. */
typedef struct Asked
{
	Datum	   *tokens;			/* sorted */
	bool	   *held;
	int			n;
} Asked;

static int
CompareTokens(const void *a, const void *b)
{
	int64		x = DatumGetInt64(*(const Datum *) a);
	int64		y = DatumGetInt64(*(const Datum *) b);

	return x < y ? -1 : x > y;
}

/*
 * TickOff(hold, asked) - this one is still held, says the lock manager
 */
static bool
TickOff(Hold *hold, void *arg)
{
	Asked	   *asked = arg;
	Datum		token = Int64GetDatum(hold->token);
	Datum	   *found = bsearch(&token, asked->tokens, asked->n,
								sizeof(Datum), CompareTokens);

	if (found != NULL && LockModeHeldByMe(&hold->tag, hold->mode))
		asked->held[found - asked->tokens] = true;
	return found != NULL;
}

/*
 * _heartbeat(tokens) - which of these grants are gone?
 */
Datum
pgx_heartbeat(PG_FUNCTION_ARGS)
{
	Asked		asked = {0};
	bool	   *isnull;
	int			nlost = 0;
	TupleDesc	desc;
	Datum		values[2];
	bool		nulls[2] = {0};
	Datum	   *lost;

	CheckNotStandby("_heartbeat()");
	asked.n = -1;
	asked.tokens = TakeArray(fcinfo, 0, INT8OID, &isnull, &asked.n);
	asked.held = palloc0(asked.n + 1);
	lost = palloc(sizeof(Datum) * (asked.n + 1));
	qsort(asked.tokens, asked.n, sizeof(Datum), CompareTokens);
	(void) VisitSessionHolds(TickOff, &asked);
	for (int i = 0; i < asked.n; i++)
	{
		if (!asked.held[i])
			lost[nlost++] = asked.tokens[i];
	}
	if (get_call_result_type(fcinfo, NULL, &desc) != TYPEFUNC_COMPOSITE)
		elog(ERROR, "return type must be a row type");
	values[0] = Int64GetDatum(Nonce());
	values[1] = PointerGetDatum(construct_array(lost, nlost, INT8OID, 8,
												FLOAT8PASSBYVAL,
												TYPALIGN_DOUBLE));
	return HeapTupleGetDatum(heap_form_tuple(BlessTupleDesc(desc), values,
											 nulls));
}
