/*
 * lock_arrays.c
 *		Several locks in one call.
 *
 * Whatever goes wrong in such a call, the locks it has taken so far are freed
 * before it ends.  try_lock_all() takes them in the order of their ids, equal
 * ids once, so that two callers with the same keys in different order never
 * wait for each other in a circle.
 */
#include "lock/lock.h"

#include "catalog/pg_type.h"
#include "funcapi.h"
#include "miscadmin.h"
#include "port/pg_bitutils.h"
#include "utils/array.h"
#include "utils/builtins.h"
#include "utils/tuplestore.h"

PG_FUNCTION_INFO_V1(pgx_try_lock_all);
PG_FUNCTION_INFO_V1(pgx_try_lock_first);
PG_FUNCTION_INFO_V1(pgx_try_lock_each);

/* As many keys as may well be asked for again by the same session. */
#define FEW_KEYS	64

typedef struct LockKey
{
	int64		id;
	text	   *text;
	int64		token;			/* 0: not taken by this call */
} LockKey;

typedef struct LockKeyArray
{
	text	   *ns;
	LockKey    *keys;
	int			n;
	AcquireRequest request;
	LockName	name;
} LockKeyArray;

/*
 * LockKeyArrayArgs(fcinfo) - namespace and keys, the first two arguments
 */
static LockKeyArray *
LockKeyArrayArgs(FunctionCallInfo fcinfo)
{
	LockKeyArray *keys = palloc0(sizeof(LockKeyArray));
	Datum	   *values;
	bool	   *nulls;

	CheckNotStandby("a lock function");
	keys->ns = RequiredTextArg(fcinfo, 0, "namespace");
	keys->n = -1;
	values = ArrayArg(fcinfo, 1, TEXTOID, "keys", &nulls, &keys->n);
	keys->keys = palloc0(sizeof(LockKey) * (keys->n + 1));
	for (int i = 0; i < keys->n; i++)
	{
		if (nulls[i])
			ereport(ERROR,
					(errcode(ERRCODE_NULL_VALUE_NOT_ALLOWED),
					 errmsg("a key must not be null")));
		keys->keys[i].text = DatumGetTextPP(values[i]);
		if (keys->n > FEW_KEYS)
			LockNameInitOnce(&keys->name, keys->ns, keys->keys[i].text);
		else
			LockNameInit(&keys->name, keys->ns, keys->keys[i].text);
		keys->keys[i].id = keys->name.id;
	}
	keys->request.name = &keys->name;
	keys->request.fn_oid = fcinfo->flinfo->fn_oid;
	keys->request.mode = ExclusiveLock;
	return keys;
}

/*
 * CheckNoneHeld(keys) - 55006 before anything is taken
 */
static void
CheckNoneHeld(LockKeyArray *keys)
{
	for (int i = 0; i < keys->n; i++)
	{
		Hold	   *hold = FindHoldById(keys->keys[i].id);

		if (hold == NULL)
			continue;
		LockNameFill(&keys->name, keys->ns, keys->keys[i].text,
					 keys->keys[i].id);
		ReportAlreadyHeld(&keys->name, hold);
	}
}

/*
 * TakeKey(keys, key) - one of them
 */
static bool
TakeKey(LockKeyArray *keys, LockKey *key)
{
	Hold	   *hold;

	LockNameFill(&keys->name, keys->ns, key->text, key->id);
	(void) AcquireLock(&keys->request, &hold);
	if (hold == NULL)
		return false;
	key->token = hold->token;
	return true;
}

/*
 * FreeKeys(keys) - what this call has taken
 */
static void
FreeKeys(LockKeyArray *keys)
{
	for (int i = 0; i < keys->n; i++)
	{
		Hold	   *hold;

		if (keys->keys[i].token == 0)
			continue;
		hold = FindHoldById(keys->keys[i].id);
		if (hold != NULL && hold->token == keys->keys[i].token)
			ReleaseHold(hold);
		keys->keys[i].token = 0;
	}
}

#define ST_SORT SortBox
#define ST_ELEMENT_TYPE LockKey
#define ST_COMPARE(a, b) ((a)->id < (b)->id ? -1 : (a)->id > (b)->id)
#define ST_SCOPE static
#define ST_DEFINE
#include "lib/sort_template.h"

/*
 * SortKeys(keys, n) - by id
 *
 * Ids are hashes and so evenly spread.  Put each into one of about n boxes by
 * its first bits, and little is left to compare.
 */
static LockKey *
SortKeys(const LockKey *keys, int n)
{
	int			bits = pg_ceil_log2_32(Max(n, 2));
	int			shift = 64 - bits;
	int		   *ends = palloc0(sizeof(int) * ((1 << bits) + 1));
	LockKey    *sorted = palloc(sizeof(LockKey) * (n + 1));

#define BoxOf(key) (((uint64) (key).id ^ (UINT64CONST(1) << 63)) >> shift)
	for (int i = 0; i < n; i++)
		ends[BoxOf(keys[i]) + 1]++;
	for (int box = 0; box < 1 << bits; box++)
		ends[box + 1] += ends[box];
	for (int i = 0; i < n; i++)
		sorted[ends[BoxOf(keys[i])]++] = keys[i];
#undef BoxOf
	for (int box = 0, start = 0; box < 1 << bits; start = ends[box++])
	{
		if (ends[box] - start > 1)
			SortBox(sorted + start, ends[box] - start);
	}
	pfree(ends);
	return sorted;
}

/*
 * CheckSameKey(keys, a, b) - two keys with one id are one, or a collision
 */
static void
CheckSameKey(LockKeyArray *keys, const LockKey *a, const LockKey *b)
{
	LockName	other;

	if (VARSIZE_ANY_EXHDR(a->text) == VARSIZE_ANY_EXHDR(b->text) &&
		memcmp(VARDATA_ANY(a->text), VARDATA_ANY(b->text),
			   VARSIZE_ANY_EXHDR(a->text)) == 0)
		return;
	LockNameFill(&keys->name, keys->ns, a->text, a->id);
	LockNameFill(&other, keys->ns, b->text, b->id);
	WarnOfCollision(&keys->name, &other,
					LookupNamespace(VARDATA_ANY(keys->ns),
									VARSIZE_ANY_EXHDR(keys->ns),
									keys->request.fn_oid)->shared);
}

/*
 * DistinctKeys(keys) - how many locks they are, once sorted
 */
static int
DistinctKeys(const LockKeyArray *keys)
{
	int			n = 0;

	for (int i = 0; i < keys->n; i++)
		n += i == 0 || keys->keys[i].id != keys->keys[i - 1].id;
	return n;
}

/*
 * TakeAll(keys, wait) - in order, up to the first that is taken
 *
 * Without waits in between, all are granted at the same time.
 */
static bool
TakeAll(LockKeyArray *keys, int64 wait)
{
	TimestampTz since = GetCurrentTimestamp();

	if (wait == PGX_NO_WAIT)
		keys->request.at = since;
	for (int i = 0; i < keys->n; i++)
	{
		if (i > 0 && keys->keys[i].id == keys->keys[i - 1].id)
		{
			CheckSameKey(keys, &keys->keys[i], &keys->keys[i - 1]);
			continue;
		}
		keys->request.wait = wait;
		if (wait > 0)
			keys->request.wait =
				Max(0, wait - (GetCurrentTimestamp() - since) / 1000);
		if (!TakeKey(keys, &keys->keys[i]))
			return false;
	}
	return true;
}

/*
 * try_lock_all(namespace, keys, mode, wait) - all or none
 */
Datum
pgx_try_lock_all(PG_FUNCTION_ARGS)
{
	LockKeyArray *keys = LockKeyArrayArgs(fcinfo);
	int64		wait = WaitArg(fcinfo, 3);
	volatile bool all = false;

	keys->request.mode = LockModeArg(fcinfo, 2);
	(void) LookupNamespace(VARDATA_ANY(keys->ns),
						   VARSIZE_ANY_EXHDR(keys->ns),
						   fcinfo->flinfo->fn_oid);
	CheckNoneHeld(keys);
	keys->request.unheld = true;
	keys->keys = SortKeys(keys->keys, keys->n);
	CheckRoomForHolds(DistinctKeys(keys));
	ExpectHolds(keys->n);
	PG_TRY();
	{
		all = TakeAll(keys, wait);
	}
	PG_FINALLY();
	{
		if (!all)
			FreeKeys(keys);
	}
	PG_END_TRY();
	PG_RETURN_BOOL(all);
}

/*
 * try_lock_first(namespace, keys) - the first that is free, by array order
 */
Datum
pgx_try_lock_first(PG_FUNCTION_ARGS)
{
	LockKeyArray *keys = LockKeyArrayArgs(fcinfo);

	(void) LookupNamespace(VARDATA_ANY(keys->ns),
						   VARSIZE_ANY_EXHDR(keys->ns),
						   fcinfo->flinfo->fn_oid);
	for (int i = 0; i < keys->n; i++)
	{
		LockKey    *key = &keys->keys[i];

		if (FindHoldById(key->id) == NULL && TakeKey(keys, key))
			PG_RETURN_TEXT_P(key->text);
	}
	PG_RETURN_NULL();
}

/*
 * EachRow(keys, i, rsinfo) - try one and say how it went
 *
 * A key given twice has the same answer twice.
 */
static void
EachRow(LockKeyArray *keys, int i, ReturnSetInfo *rsinfo)
{
	LockKey    *key = &keys->keys[i];
	Hold	   *hold = FindHoldById(key->id);
	bool		taken = hold != NULL || TakeKey(keys, key);
	Datum		values[3];
	bool		nulls[3] = {0};

	values[0] = PointerGetDatum(key->text);
	values[1] = BoolGetDatum(taken);
	values[2] = Int64GetDatum(hold != NULL ? hold->token : key->token);
	nulls[2] = !taken;
	tuplestore_putvalues(rsinfo->setResult, rsinfo->setDesc, values, nulls);
}

/*
 * try_lock_each(namespace, keys) - a row per key
 */
Datum
pgx_try_lock_each(PG_FUNCTION_ARGS)
{
	LockKeyArray *keys = LockKeyArrayArgs(fcinfo);
	volatile bool done = false;

	InitMaterializedSRF(fcinfo, 0);
	CheckNoneHeld(keys);
	PG_TRY();
	{
		for (int i = 0; i < keys->n; i++)
			EachRow(keys, i, (ReturnSetInfo *) fcinfo->resultinfo);
		done = true;
	}
	PG_FINALLY();
	{
		if (!done)
			FreeKeys(keys);
	}
	PG_END_TRY();
	return (Datum) 0;
}
