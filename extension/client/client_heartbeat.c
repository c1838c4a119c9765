/*
 * client_heartbeat.c
 *		Is this still the backend, and does it still hold what it was granted?
 *
 * A client's belief is renewed by the lock manager's answer, never by the
 * mere fact that the session answers.  DISCARD ALL leaves a session alive and
 * without locks, and a pooler may have put another one in its place.
 */
#include "client/client.h"

#include "catalog/pg_type.h"
#include "miscadmin.h"
#include "utils/array.h"
#include "utils/builtins.h"

PG_FUNCTION_INFO_V1(pgx_session);
PG_FUNCTION_INFO_V1(pgx_heartbeat);

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
	Datum		values[3];
	bool		nulls[3] = {0};

	values[0] = Int32GetDatum(MyProcPid);
	values[1] = Int64GetDatum(Nonce());
	values[2] = CStringGetTextDatum(PGX_VERSION);
	return RecordDatum(fcinfo, values, nulls);
}

/* Tokens that a heartbeat asks about. */
typedef struct Asked
{
	Datum	   *tokens;			/* sorted */
	bool	   *held;
	int			n;
	Datum	   *yields;			/* those asked to yield */
	int			nyields;
} Asked;

static int
CompareTokens(const void *a, const void *b)
{
	int64		x = DatumGetInt64(*(const Datum *) a);
	int64		y = DatumGetInt64(*(const Datum *) b);

	return x < y ? -1 : x > y;
}

/*
 * MarkTokenHeld(hold, asked) - this one is still held, says the lock manager
 */
static bool
MarkTokenHeld(Hold *hold, void *arg)
{
	Asked	   *asked = arg;
	Datum		token = Int64GetDatum(hold->token);
	Datum	   *found = bsearch(&token, asked->tokens, asked->n,
								sizeof(Datum), CompareTokens);

	if (found != NULL && LockModeHeldByMe(&hold->tag, hold->mode))
	{
		asked->held[found - asked->tokens] = true;
		if (IsYieldRequested(hold->id, hold->token))
			asked->yields[asked->nyields++] = token;
	}
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
	Datum		values[3];
	bool		nulls[3] = {0};
	Datum	   *lost;

	CheckNotStandby("_heartbeat()");
	asked.n = -1;
	asked.tokens = ArrayArg(fcinfo, 0, INT8OID, "tokens", &isnull, &asked.n);
	asked.held = palloc0(asked.n + 1);
	lost = palloc(sizeof(Datum) * (asked.n + 1));
	asked.yields = palloc(sizeof(Datum) * (asked.n + 1));
	qsort(asked.tokens, asked.n, sizeof(Datum), CompareTokens);
	(void) VisitSessionHolds(MarkTokenHeld, &asked);
	for (int i = 0; i < asked.n; i++)
	{
		if (!asked.held[i])
			lost[nlost++] = asked.tokens[i];
	}
	values[0] = Int64GetDatum(Nonce());
	values[1] = TokenArray(lost, nlost);
	values[2] = TokenArray(asked.yields, asked.nyields);
	return RecordDatum(fcinfo, values, nulls);
}
