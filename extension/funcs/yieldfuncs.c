/*
 * yieldfuncs.c
 *		Asking the holder of a lock to give it up, and being asked.
 */
#include "lease/lease.h"

#include "utils/builtins.h"

PG_FUNCTION_INFO_V1(pgx_request_lock);
PG_FUNCTION_INFO_V1(pgx_yield_requested);

/*
 * request_lock(namespace, key, reason) - leave a note for the holders
 *
 * True when somebody holds the lock.
 */
Datum
pgx_request_lock(PG_FUNCTION_ARGS)
{
	LockName	name;
	text	   *reason;

	CheckNotStandby("request_lock()");
	LockNameArgs(&name, fcinfo);
	reason = RequiredTextArg(fcinfo, 2, "reason");
	AttachShared();
	CheckNamespaceRole(LookupNamespace(name.bytes, name.nslen,
									   fcinfo->flinfo->fn_oid));
	RequestYield(&name, text_to_cstring(reason), fcinfo->flinfo->fn_oid);
	PG_RETURN_BOOL(IsNameHeld(name.id));
}

/*
 * yield_requested(namespace, key, token) - why the holder with this token was
 * asked to give the lock up, or NULL
 *
 * With a null token the holder is this session.
 */
Datum
pgx_yield_requested(PG_FUNCTION_ARGS)
{
	LockName	name;
	int64		token;
	char	   *reason;

	CheckNotStandby("yield_requested()");
	LockNameArgs(&name, fcinfo);
	AttachShared();
	CheckNamespaceRole(LookupNamespace(name.bytes, name.nslen,
									   fcinfo->flinfo->fn_oid));
	if (!PG_ARGISNULL(2))
		token = PG_GETARG_INT64(2);
	else
	{
		Hold	   *hold = FindHold(&name);

		if (hold == NULL)
			PG_RETURN_NULL();
		token = hold->token;
	}
	reason = YieldReason(name.id, token);
	if (reason == NULL)
		PG_RETURN_NULL();
	PG_RETURN_TEXT_P(cstring_to_text(reason));
}
