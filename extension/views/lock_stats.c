/*
 * lock_stats.c
 *		Counters per namespace, kept in shared memory since the server started.
 */
#include "views/views.h"

#include "access/xlog.h"
#include "catalog/pg_type.h"
#include "executor/spi.h"
#include "funcapi.h"
#include "utils/array.h"
#include "utils/builtins.h"
#include "utils/tuplestore.h"

PG_FUNCTION_INFO_V1(pgx_lock_stats);
PG_FUNCTION_INFO_V1(pgx_reset_lock_stats);

/* A namespace name, as its shared counters are found. */
typedef void (*NamespaceVisitor) (text *name, SharedNamespace *ns, void *arg);

/*
 * VisitNamespaces(fn_oid, visitor, arg) - for each that is registered
 */
static void
VisitNamespaces(Oid fn_oid, NamespaceVisitor visitor, void *arg)
{
	OwnerQuery	query = {fn_oid};
	uint64		n;

	SPI_connect();
	n = ExecuteAsOwner(&query, "SELECT name FROM %1$s.namespace_registry ORDER BY name");
	for (uint64 i = 0; i < n; i++)
	{
		bool		isnull;
		Datum		value = SPI_getbinval(SPI_tuptable->vals[i],
										  SPI_tuptable->tupdesc, 1, &isnull);
		LockName	name;

		NamespaceNameInit(&name, DatumGetTextPP(value));
		visitor(DatumGetTextPP(value), GetSharedNamespace(name.id), arg);
	}
	SPI_finish();
}

static Datum
CounterDatum(SharedNamespace *ns, Counter counter)
{
	uint64		value = pg_atomic_read_u64(&ns->counters[counter]);
	Interval   *interval;

	switch (counter)
	{
		case COUNT_WAIT_TOTAL:
		case COUNT_WAIT_MAX:
		case COUNT_HOLD_TOTAL:
		case COUNT_HOLD_MAX:
			interval = palloc0(sizeof(Interval));
			interval->time = value;
			return IntervalPGetDatum(interval);
		default:
			return Int64GetDatum(value);
	}
}

static Datum
HistogramDatum(SharedNamespace *ns, Span span)
{
	pg_atomic_uint64 *counts = ns->histograms[span];
	Datum		buckets[NUM_BUCKETS];

	for (int i = 0; i < NUM_BUCKETS; i++)
		buckets[i] = Int64GetDatum(pg_atomic_read_u64(&counts[i]));
	return PointerGetDatum(construct_array(buckets, NUM_BUCKETS, INT8OID,
										   sizeof(int64), FLOAT8PASSBYVAL,
										   TYPALIGN_DOUBLE));
}

static void
AddRow(text *name, SharedNamespace *ns, void *arg)
{
	ReturnSetInfo *rsinfo = arg;
	Datum		values[1 + NUM_COUNTERS + NUM_SPANS];
	bool		nulls[1 + NUM_COUNTERS + NUM_SPANS] = {0};

	values[0] = PointerGetDatum(name);
	for (int i = 0; i < NUM_COUNTERS; i++)
		values[1 + i] = CounterDatum(ns, i);
	for (int i = 0; i < NUM_SPANS; i++)
		values[1 + NUM_COUNTERS + i] = HistogramDatum(ns, i);
	tuplestore_putvalues(rsinfo->setResult, rsinfo->setDesc, values, nulls);
}

/*
 * _lock_stats() - a row per namespace
 */
Datum
pgx_lock_stats(PG_FUNCTION_ARGS)
{
	InitMaterializedSRF(fcinfo, 0);
	if (!RecoveryInProgress())
		VisitNamespaces(fcinfo->flinfo->fn_oid, AddRow, fcinfo->resultinfo);
	return (Datum) 0;
}

static void
Reset(text *name, SharedNamespace *ns, void *arg)
{
	for (int i = 0; i < NUM_COUNTERS; i++)
		pg_atomic_write_u64(&ns->counters[i], 0);
	for (int i = 0; i < NUM_BUCKETS; i++)
	{
		pg_atomic_write_u64(&ns->histograms[SPAN_WAIT][i], 0);
		pg_atomic_write_u64(&ns->histograms[SPAN_HOLD][i], 0);
	}
}

/*
 * reset_lock_stats() - all to zero
 */
Datum
pgx_reset_lock_stats(PG_FUNCTION_ARGS)
{
	CheckNotStandby("reset_lock_stats()");
	VisitNamespaces(fcinfo->flinfo->fn_oid, Reset, NULL);
	PG_RETURN_VOID();
}
