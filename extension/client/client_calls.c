/*
 * client_calls.c
 *		The calls of the client library, one or many in a statement.
 *
 * These are scalars in a target list, which is the cheapest shape of a call.
 * Why something was refused or failed is asked for with _details() in the
 * same statement.
 *
 * Many threads of a client share one session.  What they ask is
 * carried in one statement, over arrays.  An element that fails must not
 * stop the others, so a failure is caught in a subtransaction.  Those that
 * succeed share one.  Session-scope locks stay whatever becomes of it.
 */
#include "client/client.h"

#include "access/xact.h"
#include "catalog/pg_type.h"
#include "funcapi.h"
#include "miscadmin.h"
#include "utils/array.h"
#include "utils/builtins.h"
#include "utils/memutils.h"
#include "utils/resowner.h"

PG_FUNCTION_INFO_V1(pgx_try);
PG_FUNCTION_INFO_V1(pgx_unlock_token);
PG_FUNCTION_INFO_V1(pgx_calls);
PG_FUNCTION_INFO_V1(pgx_wait_token);
PG_FUNCTION_INFO_V1(pgx_try_permit);
PG_FUNCTION_INFO_V1(pgx_wait_permit);
PG_FUNCTION_INFO_V1(pgx_try_lease);

/*
 * TryToken(name, mode, ordinal, fn_oid) - a try without wait
 *
 * Returns the token, or 0 when refused.  Then _details() tells who has it.
 */
static int64
TryToken(const LockName *name, char mode, int ordinal, Oid fn_oid)
{
	AcquireRequest request = {0};
	Hold	   *hold;

	if (mode != 'x' && mode != 's')
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
				 errmsg((unsigned char) mode < 128 ?
						"invalid lock mode: \"%c\"" :
						"invalid lock mode: \"\\%o\"",
						(unsigned char) mode)));
	request.name = name;
	request.fn_oid = fn_oid;
	request.mode = mode == 's' ? ShareLock : ExclusiveLock;
	(void) AcquireLock(&request, &hold);
	if (hold != NULL)
		return hold->token;
	DetailRefusal(ordinal, name, fn_oid);
	return 0;
}

/*
 * _try(namespace, key, mode) - a try without wait, for the token
 */
Datum
pgx_try(PG_FUNCTION_ARGS)
{
	LockName	name;
	char		mode = DatumGetChar(RequiredArg(fcinfo, 2, "mode"));
	int64		token;

	ForgetDetails();
	LockNameArgs(&name, fcinfo);
	token = TryToken(&name, mode, 1, fcinfo->flinfo->fn_oid);
	if (token == 0)
		PG_RETURN_NULL();
	PG_RETURN_INT64(token);
}

/*
 * UnlockToken(token) - free the grant with this token, if it is still ours
 */
static bool
UnlockToken(int64 token)
{
	Hold	   *hold = FindToken(token);

	if (hold == NULL)
		return false;
	CheckNoWrites("unlock()");
	ReleaseHold(hold);
	return true;
}

/*
 * _unlock(token) - the same for SQL
 */
Datum
pgx_unlock_token(PG_FUNCTION_ARGS)
{
	CheckNotStandby("_unlock()");
	PG_RETURN_BOOL(!PG_ARGISNULL(0) && UnlockToken(PG_GETARG_INT64(0)));
}

/* The arguments of _calls(), taken apart. */
typedef struct Calls
{
	int			n;
	const char *ops;
	Datum	   *namespaces;
	Datum	   *keys;
	Datum	   *tokens;
	bool	   *nulls[3];
	Datum	   *results;
	bool	   *result_nulls;
	Oid			fn_oid;
} Calls;

/*
 * RunCall(calls, i) - element i; the token, or 0 for no
 */
static int64
RunCall(const Calls *calls, int i)
{
	LockName	name;
	int64		token = 0;

	if (!calls->nulls[2][i])
		token = DatumGetInt64(calls->tokens[i]);
	if (calls->ops[i] == 'u')
		return UnlockToken(token) ? token : 0;
	if (calls->ops[i] == 'h')
		return FindToken(token) != NULL ? token : 0;
	if (calls->nulls[0][i] || calls->nulls[1][i])
		ereport(ERROR,
				(errcode(ERRCODE_NULL_VALUE_NOT_ALLOWED),
				 errmsg("namespace and key must not be null")));
	LockNameInit(&name, DatumGetTextPP(calls->namespaces[i]),
				 DatumGetTextPP(calls->keys[i]));
	return TryToken(&name, calls->ops[i], i + 1, calls->fn_oid);
}

/*
 * GiveBackAll(calls, n) - what the first n elements took
 *
 * When the whole call fails, nobody learns their tokens.
 */
static void
GiveBackAll(const Calls *calls, int n)
{
	for (int i = 0; i < n; i++)
	{
		Hold	   *hold;

		if ((calls->ops[i] != 'x' && calls->ops[i] != 's') ||
			calls->result_nulls[i])
			continue;
		hold = FindToken(DatumGetInt64(calls->results[i]));
		if (hold != NULL)
			(void) ReleaseHold(hold);
	}
}

/*
 * RunUntilFailure(calls, from) - elements from "from" on
 *
 * Returns the element to go on with.  A cancel is no element's own failure
 * and goes on to the caller.
 */
static int
RunUntilFailure(const Calls *calls, int from)
{
	MemoryContext context = CurrentMemoryContext;
	ResourceOwner owner = CurrentResourceOwner;
	volatile int i = from;

	BeginInternalSubTransaction(NULL);
	MemoryContextSwitchTo(context);
	PG_TRY();
	{
		for (; i < calls->n; i++)
		{
			int64		token = RunCall(calls, i);

			calls->results[i] = Int64GetDatum(token);
			calls->result_nulls[i] = token == 0;
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
		{
			GiveBackAll(calls, i);
			ReThrowError(error);
		}
		calls->result_nulls[i] = true;
		DetailError(i + 1, error);
		FreeErrorData(error);
		i++;
	}
	PG_END_TRY();
	MemoryContextSwitchTo(context);
	CurrentResourceOwner = owner;
	return i;
}

/*
 * _calls(ops, namespaces, keys, tokens) - many calls, a result each
 *
 * ops has a character per element: x and s try, u unlocks by token, h asks
 * whether the token is still held.
 */
Datum
pgx_calls(PG_FUNCTION_ARGS)
{
	Calls		calls = {0};
	text	   *ops = RequiredTextArg(fcinfo, 0, "ops");
	int			lower = 1;

	CheckNotStandby("_calls()");
	ForgetDetails();
	calls.n = VARSIZE_ANY_EXHDR(ops);
	calls.ops = VARDATA_ANY(ops);
	calls.fn_oid = fcinfo->flinfo->fn_oid;
	calls.namespaces = ArrayArg(fcinfo, 1, TEXTOID, "namespaces",
								&calls.nulls[0], &calls.n);
	calls.keys = ArrayArg(fcinfo, 2, TEXTOID, "keys", &calls.nulls[1],
						  &calls.n);
	calls.tokens = ArrayArg(fcinfo, 3, INT8OID, "tokens", &calls.nulls[2],
							&calls.n);
	calls.results = palloc0(sizeof(Datum) * (calls.n + 1));
	calls.result_nulls = palloc0(calls.n + 1);
	for (int i = 0; i < calls.n;)
		i = RunUntilFailure(&calls, i);
	PG_RETURN_ARRAYTYPE_P(construct_md_array(calls.results,
											 calls.result_nulls, 1,
											 &calls.n, &lower, INT8OID, 8,
											 FLOAT8PASSBYVAL,
											 TYPALIGN_DOUBLE));
}

/*
 * _wait_lock(namespace, key, mode, wait, INOUT token) - wait_lock() that
 * returns the token; NULL when the time is over
 */
Datum
pgx_wait_token(PG_FUNCTION_ARGS)
{
	LockName	name;
	AcquireRequest request = {0};
	Hold	   *hold;
	TupleDesc	row;

	CheckNotStandby("_wait_lock()");
	ForgetDetails();
	LockNameArgs(&name, fcinfo);
	request.name = &name;
	request.fn_oid = fcinfo->flinfo->fn_oid;
	request.mode = LockModeArg(fcinfo, 2);
	request.wait = WaitArg(fcinfo, 3);
	row = BeginProcedure(fcinfo, "_wait_lock", "Call it outside.");
	(void) AcquireLock(&request, &hold);
	if (hold == NULL)
		DetailRefusal(1, &name, request.fn_oid);
	return EndProcedure(row, TokenDatum(hold), hold == NULL);
}

/*
 * _try_permit(namespace, key, permits) - without wait, for the token
 */
Datum
pgx_try_permit(PG_FUNCTION_ARGS)
{
	LockName	name;
	PermitRequest request = {0};
	Hold	   *hold;

	ForgetDetails();
	PermitArgs(fcinfo, &request, &name);
	hold = AcquirePermit(&request);
	if (hold == NULL)
		PG_RETURN_NULL();
	PG_RETURN_INT64(hold->token);
}

/*
 * _wait_permit(namespace, key, permits, wait, INOUT token) - without a
 * snapshot, for the token
 */
Datum
pgx_wait_permit(PG_FUNCTION_ARGS)
{
	LockName	name;
	PermitRequest request = {0};
	Hold	   *hold;
	TupleDesc	row;

	ForgetDetails();
	PermitArgs(fcinfo, &request, &name);
	PermitWaitArg(fcinfo, &request);
	row = BeginProcedure(fcinfo, "_wait_permit", "Call it outside.");
	hold = AcquirePermit(&request);
	return EndProcedure(row, TokenDatum(hold), hold == NULL);
}

/*
 * _try_lease(namespace, key, ttl) - without wait, for the token
 */
Datum
pgx_try_lease(PG_FUNCTION_ARGS)
{
	LockName	name;
	LeaseRequest request = {&name, fcinfo->flinfo->fn_oid};
	int64		token;

	ForgetDetails();
	LockNameArgs(&name, fcinfo);
	request.ttl = TtlDatum(RequiredArg(fcinfo, 2, "ttl"));
	token = AcquireLease(&request);
	if (token != 0)
		PG_RETURN_INT64(token);
	DetailRefusal(1, &name, request.fn_oid);
	PG_RETURN_NULL();
}
