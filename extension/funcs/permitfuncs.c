/*
 * permitfuncs.c
 *		The SQL functions of counting semaphores.
 */
#include "pg_exclusive.h"

PG_FUNCTION_INFO_V1(pgx_try_lock_permit);
PG_FUNCTION_INFO_V1(pgx_try_permit);
PG_FUNCTION_INFO_V1(pgx_wait_permit);

/*
 * PermitArgs(fcinfo, request, name) - namespace, key and number of permits
 */
static void
PermitArgs(FunctionCallInfo fcinfo, PermitRequest *request, LockName *name)
{
	LockNameArgs(name, fcinfo);
	request->name = name;
	request->fn_oid = fcinfo->flinfo->fn_oid;
	if (PG_ARGISNULL(2))
		ereport(ERROR,
				(errcode(ERRCODE_NULL_VALUE_NOT_ALLOWED),
				 errmsg("permits must not be null")));
	request->permits = PG_GETARG_INT32(2);
	if (request->permits < 1 || request->permits > PGX_PERMITS_MAX)
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
				 errmsg("permits must be between 1 and %d",
						PGX_PERMITS_MAX)));
}

static void
PermitWaitArg(FunctionCallInfo fcinfo, PermitRequest *request)
{
	request->wait = WaitArg(fcinfo, 3);
	if (request->wait == PGX_WAIT_FOREVER)
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
				 errmsg("a wait for a permit must have a limit"),
				 errdetail("It is outside deadlock detection.")));
}

/*
 * try_lock_permit(namespace, key, permits, wait) - the permit's number
 */
Datum
pgx_try_lock_permit(PG_FUNCTION_ARGS)
{
	LockName	name;
	PermitRequest request = {0};
	Hold	   *hold;

	PermitArgs(fcinfo, &request, &name);
	PermitWaitArg(fcinfo, &request);
	hold = AcquirePermit(&request);
	if (hold == NULL)
		PG_RETURN_NULL();
	PG_RETURN_INT32(hold->tag.locktag_field4 - PGX_CLASS_PERMIT);
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
