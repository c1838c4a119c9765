/*
 * leasefuncs.c
 *		The SQL functions for leases: locks without a session.
 *
 * Each can be called from any session.  A lease belongs to a client that has
 * its token and the privileges of its owner.
 */
#include "lease/lease.h"

#include "catalog/pg_type.h"

PG_FUNCTION_INFO_V1(pgx_acquire_lease);
PG_FUNCTION_INFO_V1(pgx_renew_lease);
PG_FUNCTION_INFO_V1(pgx_release_lease);
PG_FUNCTION_INFO_V1(pgx_hand_over_lease);
PG_FUNCTION_INFO_V1(pgx_renew_leases);

/*
 * LeaseArgs(fcinfo, name, what) - namespace, key and token
 */
static int64
LeaseArgs(FunctionCallInfo fcinfo, LockName *name, const char *what)
{
	CheckNotStandby(what);
	LockNameArgs(name, fcinfo);
	return DatumGetInt64(RequiredArg(fcinfo, 2, "token"));
}

/*
 * acquire_lease(namespace, key, ttl, wait) - the token, or NULL when taken
 */
Datum
pgx_acquire_lease(PG_FUNCTION_ARGS)
{
	LockName	name;
	LeaseRequest request = {&name, fcinfo->flinfo->fn_oid};
	int64		token;

	CheckNotStandby("acquire_lease()");
	LockNameArgs(&name, fcinfo);
	request.ttl = TtlDatum(RequiredArg(fcinfo, 2, "ttl"));
	request.wait = WaitArg(fcinfo, 3);
	token = AcquireLease(&request);
	if (token == 0)
		PG_RETURN_NULL();
	PG_RETURN_INT64(token);
}

/*
 * renew_lease(namespace, key, token, ttl) - false when it is lost
 */
Datum
pgx_renew_lease(PG_FUNCTION_ARGS)
{
	LockName	name;
	int64		token = LeaseArgs(fcinfo, &name, "renew_lease()");
	int64		ttl = 0;

	if (!PG_ARGISNULL(3))
		ttl = TtlDatum(PG_GETARG_DATUM(3));
	PG_RETURN_BOOL(RenewLease(&name, token, ttl, fcinfo->flinfo->fn_oid));
}

/*
 * release_lease(namespace, key, token) - false when it is lost
 */
Datum
pgx_release_lease(PG_FUNCTION_ARGS)
{
	LockName	name;
	int64		token = LeaseArgs(fcinfo, &name, "release_lease()");

	PG_RETURN_BOOL(ReleaseLease(&name, token, fcinfo->flinfo->fn_oid));
}

/*
 * hand_over_lease(namespace, key, token) - the next token, or NULL when lost
 */
Datum
pgx_hand_over_lease(PG_FUNCTION_ARGS)
{
	LockName	name;
	int64		token = LeaseArgs(fcinfo, &name, "hand_over_lease()");

	token = HandOverLease(&name, token, fcinfo->flinfo->fn_oid);
	if (token == 0)
		PG_RETURN_NULL();
	PG_RETURN_INT64(token);
}

/* The arguments of _renew_leases(), taken apart, and its results. */
typedef struct Renewals
{
	int			n;
	Datum	   *namespaces;
	Datum	   *keys;
	Datum	   *tokens;
	Datum	   *held;
	int			nheld;
	Datum	   *asked;
	int			nasked;
} Renewals;

/*
 * RenewAll(renewals, fn_oid) - each on its own
 */
static void
RenewAll(Renewals *renewals, Oid fn_oid)
{
	for (int i = 0; i < renewals->n; i++)
	{
		int64		token = DatumGetInt64(renewals->tokens[i]);
		LockName	name;

		LockNameInit(&name, DatumGetTextPP(renewals->namespaces[i]),
					 DatumGetTextPP(renewals->keys[i]));
		if (!RenewLease(&name, token, 0, fn_oid))
			continue;
		renewals->held[renewals->nheld++] = renewals->tokens[i];
		if (IsYieldRequested(name.id, token))
			renewals->asked[renewals->nasked++] = renewals->tokens[i];
	}
}

/*
 * _renew_leases(namespaces, keys, tokens) - those still held, and those of
 * them that somebody else has asked for
 */
Datum
pgx_renew_leases(PG_FUNCTION_ARGS)
{
	Renewals	renewals = {-1};
	bool	   *nulls[3];
	Datum		values[2];
	bool		isnull[2] = {0};

	CheckNotStandby("_renew_leases()");
	renewals.namespaces = ArrayArg(fcinfo, 0, TEXTOID, "namespaces",
								   &nulls[0], &renewals.n);
	renewals.keys = ArrayArg(fcinfo, 1, TEXTOID, "keys", &nulls[1],
							 &renewals.n);
	renewals.tokens = ArrayArg(fcinfo, 2, INT8OID, "tokens", &nulls[2],
							   &renewals.n);
	for (int i = 0; i < renewals.n; i++)
	{
		if (nulls[0][i] || nulls[1][i] || nulls[2][i])
			ereport(ERROR,
					(errcode(ERRCODE_NULL_VALUE_NOT_ALLOWED),
					 errmsg("namespace, key and token must not be null")));
	}
	renewals.held = palloc(sizeof(Datum) * (renewals.n + 1));
	renewals.asked = palloc(sizeof(Datum) * (renewals.n + 1));
	RenewAll(&renewals, fcinfo->flinfo->fn_oid);
	values[0] = TokenArray(renewals.held, renewals.nheld);
	values[1] = TokenArray(renewals.asked, renewals.nasked);
	return RecordDatum(fcinfo, values, isnull);
}
