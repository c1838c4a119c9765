/*
 * procedure.c
 *		How procedures leave the transaction of the CALL and return a value.
 *
 * When a lock changes hands, the next holder is already waiting.  So what can
 * be done before the wait is not done after it.
 */
#include "base/base.h"

#include "access/htup_details.h"
#include "access/xact.h"
#include "executor/spi.h"
#include "funcapi.h"

/*
 * BeginProcedure(fcinfo, name, hint) - leave the transaction of the CALL
 *
 * So that we wait without its snapshot.  Raises 25001 in a transaction block
 * or a function.  Arguments are to be read before.  The transaction that we
 * wait in is READ COMMITTED, whatever the default.  At other levels its first
 * look at the registry would pin a snapshot.
 *
 * Returns the row type for EndProcedure().  It is in the portal's memory,
 * which lives as long as the CALL.
 */
TupleDesc
BeginProcedure(FunctionCallInfo fcinfo, const char *name, const char *hint)
{
	TupleDesc	row;

	if (fcinfo->context == NULL || !IsA(fcinfo->context, CallContext) ||
		castNode(CallContext, fcinfo->context)->atomic || IsSubTransaction())
		ereport(ERROR,
				(errcode(ERRCODE_ACTIVE_SQL_TRANSACTION),
				 errmsg("%s() cannot be called in a transaction block or a function",
						name),
				 errdetail("It ends the transaction in order to wait without a snapshot."),
				 errhint("%s", hint)));
	row = ResultRow(fcinfo);
	if (SPI_connect_ext(SPI_OPT_NONATOMIC) != SPI_OK_CONNECT)
		elog(ERROR, "SPI_connect failed");
	SPI_commit();
	XactIsoLevel = XACT_READ_COMMITTED;
	return row;
}

/*
 * EndProcedure(row, value, isnull) - the result, in a transaction of the
 * caller's own kind
 */
Datum
EndProcedure(TupleDesc row, Datum value, bool isnull)
{
	HeapTuple	tuple;
	MemoryContext old;

	/* Where int8 is by reference, SPI_finish() frees the value. */
	old = MemoryContextSwitchTo(PortalContext);
	tuple = heap_form_tuple(row, &value, &isnull);
	MemoryContextSwitchTo(old);
	if (XactIsoLevel != DefaultXactIsoLevel)
		SPI_commit();
	SPI_finish();
	return HeapTupleGetDatum(tuple);
}
