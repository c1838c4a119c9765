/*
 * args.c
 *		Arguments and results of SQL functions.
 *
 * Our functions are not STRICT, so each checks its own arguments for null.
 * An argument that must not be null raises 22004.
 */
#include "base/base.h"

#include "access/htup_details.h"
#include "catalog/pg_type.h"
#include "funcapi.h"
#include "utils/array.h"
#include "utils/builtins.h"

/*
 * RequiredArg(fcinfo, argno, what) - an argument that must not be null
 */
Datum
RequiredArg(FunctionCallInfo fcinfo, int argno, const char *what)
{
	if (PG_ARGISNULL(argno))
		ereport(ERROR,
				(errcode(ERRCODE_NULL_VALUE_NOT_ALLOWED),
				 errmsg("%s must not be null", what)));
	return PG_GETARG_DATUM(argno);
}

/*
 * RequiredTextArg(fcinfo, argno, what) - a text that must not be null
 */
text *
RequiredTextArg(FunctionCallInfo fcinfo, int argno, const char *what)
{
	return DatumGetTextPP(RequiredArg(fcinfo, argno, what));
}

/*
 * LockNameArgs(name, fcinfo) - the name in the first two arguments
 */
void
LockNameArgs(LockName *name, FunctionCallInfo fcinfo)
{
	text	   *ns = RequiredTextArg(fcinfo, 0, "namespace");
	text	   *key = RequiredTextArg(fcinfo, 1, "key");

	LockNameInit(name, ns, key);
}

/*
 * LockModeArg(fcinfo, argno) - 'exclusive' or 'shared'
 */
LOCKMODE
LockModeArg(FunctionCallInfo fcinfo, int argno)
{
	char	   *mode = text_to_cstring(RequiredTextArg(fcinfo, argno, "mode"));
	LOCKMODE	result = NoLock;

	if (strcmp(mode, "exclusive") == 0)
		result = ExclusiveLock;
	else if (strcmp(mode, "shared") == 0)
		result = ShareLock;
	else
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
				 errmsg("invalid lock mode: \"%s\"", mode),
				 errhint("The modes are \"exclusive\" and \"shared\".")));
	pfree(mode);
	return result;
}

/*
 * IntervalMicroseconds(interval) - its length, a month counted as 30 days
 *
 * Saturates instead of overflowing.
 */
int64
IntervalMicroseconds(const Interval *interval)
{
	double		usecs = (double) interval->time +
	((double) interval->day + 30.0 * interval->month) * USECS_PER_DAY;

	if (usecs >= (double) PG_INT64_MAX)
		return PG_INT64_MAX;
	if (usecs <= (double) PG_INT64_MIN)
		return PG_INT64_MIN;
	return interval->time +
		((int64) interval->day + 30 * (int64) interval->month) * USECS_PER_DAY;
}

/*
 * WaitArg(fcinfo, argno) - a wait limit in milliseconds
 *
 * NULL, and what the server's timer cannot express, is no limit.  Rounded
 * up, so that a positive wait does wait.
 */
int64
WaitArg(FunctionCallInfo fcinfo, int argno)
{
	int64		usecs;

	if (PG_ARGISNULL(argno))
		return PGX_WAIT_FOREVER;
	usecs = IntervalMicroseconds(PG_GETARG_INTERVAL_P(argno));
	if (usecs < 0)
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
				 errmsg("wait must not be negative")));
	if (usecs / 1000 >= INT_MAX)
		return PGX_WAIT_FOREVER;
	return (usecs + 999) / 1000;
}

/*
 * TtlDatum(ttl) - a ttl in microseconds; 22023 below a millisecond
 */
int64
TtlDatum(Datum ttl)
{
	int64		usecs = IntervalMicroseconds(DatumGetIntervalP(ttl));

	if (usecs < 1000)
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
				 errmsg("ttl must be at least one millisecond")));
	return usecs;
}

/*
 * ArrayArg(fcinfo, argno, type, what, nulls, n) - a text[] or bigint[]
 *
 * It must have *n elements.  With a negative *n it may have any number, which
 * is then stored there.
 */
Datum *
ArrayArg(FunctionCallInfo fcinfo, int argno, Oid type, const char *what,
		 bool **nulls, int *n)
{
	ArrayType  *array = DatumGetArrayTypeP(RequiredArg(fcinfo, argno, what));
	Datum	   *values;
	int			count;

	if (type == TEXTOID)
		deconstruct_array(array, TEXTOID, -1, false, TYPALIGN_INT,
						  &values, nulls, &count);
	else
		deconstruct_array(array, INT8OID, 8, FLOAT8PASSBYVAL,
						  TYPALIGN_DOUBLE, &values, nulls, &count);
	if (*n >= 0 && count != *n)
		ereport(ERROR,
				(errcode(ERRCODE_ARRAY_SUBSCRIPT_ERROR),
				 errmsg("arrays must have the same length")));
	*n = count;
	return values;
}

/*
 * TokenArray(tokens, n) - a bigint[]
 */
Datum
TokenArray(Datum *tokens, int n)
{
	return PointerGetDatum(construct_array(tokens, n, INT8OID, 8,
										   FLOAT8PASSBYVAL,
										   TYPALIGN_DOUBLE));
}

/*
 * ResultRow(fcinfo) - the type of what the function returns
 */
TupleDesc
ResultRow(FunctionCallInfo fcinfo)
{
	TupleDesc	row;

	if (get_call_result_type(fcinfo, NULL, &row) != TYPEFUNC_COMPOSITE)
		elog(ERROR, "return type must be a row type");
	return BlessTupleDesc(row);
}

/*
 * RecordDatum(fcinfo, values, nulls) - a row of the function's result type
 */
Datum
RecordDatum(FunctionCallInfo fcinfo, Datum *values, bool *nulls)
{
	return HeapTupleGetDatum(heap_form_tuple(ResultRow(fcinfo), values,
											 nulls));
}
