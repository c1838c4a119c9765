/*
 * namespacefuncs.c
 *		Registering and dropping namespaces.
 *
 * A change that takes something away locks the registry against all who read
 * it in order to lock (not against pg_dump), moves the database's generation
 * forward, and only then looks for holds.  namespace.c says why none slips
 * through.
 */
#include "views/views.h"

#include "catalog/pg_type.h"
#include "executor/spi.h"
#include "miscadmin.h"
#include "storage/lmgr.h"
#include "utils/builtins.h"
#include "utils/syscache.h"

PG_FUNCTION_INFO_V1(pgx_lock_namespace);
PG_FUNCTION_INFO_V1(pgx_drop_lock_namespace);
PG_FUNCTION_INFO_V1(pgx_pause_lock_namespace);
PG_FUNCTION_INFO_V1(pgx_resume_lock_namespace);

/* In microseconds; far more than any holder needs to notice, or to renew. */
#define MAX_LOCK_DELAY	(365 * USECS_PER_DAY)
#define MAX_MAX_LEASE	(365 * USECS_PER_DAY)

#define SETTINGS(row) \
	"pg_catalog.format('allowed_role %%s, interop %%s, max_holds %%s, lock_delay %%s, max_lease %%s', " \
	"coalesce(" row "allowed_role::regrole::text, 'null'), " row "interop, " \
	"coalesce(" row "max_holds::text, 'null'), " \
	"coalesce(" row "lock_delay::text, 'null'), " \
	"coalesce(" row "max_lease::text, 'null'))"

static const char insert_namespace[] =
"INSERT INTO %1$s.namespace_registry (name, allowed_role, interop, max_holds, lock_delay, max_lease) "
"VALUES ($1, $2, $3, $4, $5, $6) ON CONFLICT (name) DO NOTHING";

static const char compare_namespace[] =
"WITH asked (allowed_role, interop, max_holds, lock_delay, max_lease) AS "
"(VALUES ($2::regrole, $3::boolean, $4::integer, $5::interval, $6::interval)) "
"SELECT (r.allowed_role::regrole, r.interop, r.max_holds, r.lock_delay, r.max_lease) "
"IS NOT DISTINCT FROM (a.allowed_role, a.interop, a.max_holds, a.lock_delay, a.max_lease), "
SETTINGS("r.") ", " SETTINGS("a.")
" FROM %1$s.namespace_registry r, asked a WHERE r.name = $1";

/*
 * CheckDefault(fcinfo, name) - 22023 for "default" with settings
 *
 * CREATE EXTENSION registers it, so a dump cannot.  After a restore it would
 * be open to everybody.
 */
static void
CheckDefault(FunctionCallInfo fcinfo, const char *name)
{
	if (strcmp(name, "default") == 0 &&
		(!PG_ARGISNULL(1) || !PG_ARGISNULL(3) || !PG_ARGISNULL(4) ||
		 !PG_ARGISNULL(5) ||
		 (!PG_ARGISNULL(2) && PG_GETARG_BOOL(2))))
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
				 errmsg("lock namespace \"default\" cannot have settings"),
				 errdetail("A dump would not keep them."),
				 errhint("Register another namespace; \"default\" can be dropped.")));
}

/*
 * CheckMaxLease(fcinfo, interop) - 22023 when it makes no sense
 */
static void
CheckMaxLease(FunctionCallInfo fcinfo, bool interop)
{
	int64		max_lease;

	if (PG_ARGISNULL(5))
		return;
	max_lease = IntervalMicroseconds(PG_GETARG_INTERVAL_P(5));
	if (max_lease < 1000 || max_lease > MAX_MAX_LEASE)
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
				 errmsg("max_lease must be between 1 ms and 365 days")));
	if (interop)
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
				 errmsg("an interop namespace cannot have leases"),
				 errdetail("Built-in advisory locks would not exclude them.")));
}

/*
 * CheckSettings(fcinfo, name) - 22023 for what makes no sense, 42704 for no
 * role
 */
static void
CheckSettings(FunctionCallInfo fcinfo, const char *name)
{
	bool		has_role = !PG_ARGISNULL(1);
	bool		interop = !PG_ARGISNULL(2) && PG_GETARG_BOOL(2);

	if (has_role &&
		!SearchSysCacheExists1(AUTHOID, ObjectIdGetDatum(PG_GETARG_OID(1))))
		ereport(ERROR,
				(errcode(ERRCODE_UNDEFINED_OBJECT),
				 errmsg("role with OID %u does not exist", PG_GETARG_OID(1))));
	if (has_role && interop)
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
				 errmsg("an interop namespace cannot have an allowed role"),
				 errdetail("Any role can take its locks with pg_advisory_lock().")));
	if (!PG_ARGISNULL(3) && PG_GETARG_INT32(3) <= 0)
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
				 errmsg("max_holds must be greater than zero")));
	if (!PG_ARGISNULL(4) &&
		(IntervalMicroseconds(PG_GETARG_INTERVAL_P(4)) < 0 ||
		 IntervalMicroseconds(PG_GETARG_INTERVAL_P(4)) > MAX_LOCK_DELAY))
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
				 errmsg("lock_delay must be between 0 and 365 days")));
	CheckMaxLease(fcinfo, interop);
	CheckDefault(fcinfo, name);
}

/*
 * IsRegistered(query, name) - with the same settings; 42710 with others
 */
static bool
IsRegistered(OwnerQuery *query, const char *name)
{
	bool		isnull;

	if (ExecuteAsOwner(query, compare_namespace) == 0)
		return false;
	if (!DatumGetBool(ResultColumn(1, &isnull)))
		ereport(ERROR,
				(errcode(ERRCODE_DUPLICATE_OBJECT),
				 errmsg("lock namespace \"%s\" is registered with other settings",
						name),
				 errdetail("Registered: %s.  Asked for: %s.",
						   TextDatumGetCString(ResultColumn(2, &isnull)),
						   TextDatumGetCString(ResultColumn(3, &isnull)))));
	return true;
}

/*
 * UseDetail(pid) - of NamespaceInUse()
 */
static int
UseDetail(int pid)
{
	if (pid == 0)
		return errdetail("One of its locks is leased.");
	return errdetail("Process %d holds one of its locks or waits for it.",
					 pid);
}

/*
 * CheckNotInUseAsOther(name, interop) - 55006 while somebody has its locks
 * where ours would not exclude them
 *
 * They took them before the namespace, or the extension, was made anew.
 */
static void
CheckNotInUseAsOther(const char *name, bool interop)
{
	int			pid;

	if (NamespaceInUse(name, !interop, interop, &pid))
		ereport(ERROR,
				(errcode(ERRCODE_OBJECT_IN_USE),
				 errmsg(interop ?
						"lock namespace \"%s\" is in use, and not as an interop namespace" :
						"lock namespace \"%s\" is in use as an interop namespace",
						name),
				 UseDetail(pid)));
}

/*
 * Register(query, name, role, interop) - add the row, unless somebody has just
 * done so
 */
static void
Register(OwnerQuery *query, const char *name, Oid role, bool interop)
{
	/*
	 * Two GRANTs at once fail with "tuple concurrently updated".  This is
	 * before the insert.  A session that waits here must hold nothing that a
	 * drop in the other's transaction would wait for.
	 */
	if (OidIsValid(role))
		LockRelationOid(GetExtensionInfo(query->fn_oid)->registry,
						ShareUpdateExclusiveLock);
	if (ExecuteAsOwner(query, insert_namespace) > 0)
	{
		CheckNotInUseAsOther(name, interop);
		if (OidIsValid(role))
			GrantRegistry(query->fn_oid, role, true);
	}
	else if (!IsRegistered(query, name))
		ereport(ERROR,
				(errcode(ERRCODE_T_R_SERIALIZATION_FAILURE),
				 errmsg("could not register lock namespace \"%s\" due to concurrent update",
						name)));
}

/*
 * lock_namespace(name, allowed_role, interop, max_holds, lock_delay,
 * max_lease) - register a namespace
 */
Datum
pgx_lock_namespace(PG_FUNCTION_ARGS)
{
	LockName	name;
	OwnerQuery	query = {fcinfo->flinfo->fn_oid};
	Oid			role = PG_ARGISNULL(1) ? InvalidOid : PG_GETARG_OID(1);
	bool		interop = !PG_ARGISNULL(2) && PG_GETARG_BOOL(2);

	CheckNotStandby("lock_namespace()");
	NamespaceNameInit(&name, RequiredTextArg(fcinfo, 0, "namespace"));
	CheckSettings(fcinfo, name.bytes);
	AttachShared();				/* holds begin to count before created_at */

	SPI_connect();
	AddText(&query, name.bytes);
	AddArg(&query, REGROLEOID, fcinfo->args[1].value, PG_ARGISNULL(1));
	AddArg(&query, BOOLOID, BoolGetDatum(interop), false);
	AddArg(&query, INT4OID, fcinfo->args[3].value, PG_ARGISNULL(3));
	AddArg(&query, INTERVALOID, fcinfo->args[4].value, PG_ARGISNULL(4));
	AddArg(&query, INTERVALOID, fcinfo->args[5].value, PG_ARGISNULL(5));
	if (!IsRegistered(&query, name.bytes))
		Register(&query, name.bytes, role, interop);
	SPI_finish();
	PG_RETURN_INT64(name.id);
}

/*
 * LockRegistry(fn_oid) - keep everybody out, and have them look again
 */
static void
LockRegistry(Oid fn_oid)
{
	LockRelationOid(GetExtensionInfo(fn_oid)->registry, ExclusiveLock);
	pg_atomic_fetch_add_u32(&MySharedDatabase()->generation, 1);
}

/*
 * RevokeRegistry(fn_oid, role) - take the grant from a role that no
 * namespace names any more
 */
static void
RevokeRegistry(Oid fn_oid, Oid role)
{
	OwnerQuery	query = {fn_oid};

	if (!SearchSysCacheExists1(AUTHOID, ObjectIdGetDatum(role)))
		return;					/* see OwnerRoleDetail() */
	AddArg(&query, REGROLEOID, ObjectIdGetDatum(role), false);
	if (ExecuteAsOwner(&query, "SELECT FROM %1$s.namespace_registry WHERE allowed_role::regrole = $1") > 0)
		return;
	GrantRegistry(fn_oid, role, false);
}

/*
 * ChangeNamespace(query, name, sql) - 42704 when there is none of that name
 */
static void
ChangeNamespace(OwnerQuery *query, const char *name, const char *sql)
{
	if (ExecuteAsOwner(query, sql) == 0)
		ereport(ERROR,
				(errcode(ERRCODE_UNDEFINED_OBJECT),
				 errmsg("lock namespace \"%s\" does not exist", name)));
}

/*
 * drop_lock_namespace(name) - forget a namespace that is not in use
 */
Datum
pgx_drop_lock_namespace(PG_FUNCTION_ARGS)
{
	LockName	name;
	OwnerQuery	query = {fcinfo->flinfo->fn_oid};
	Datum		role;
	bool		isnull;
	int			pid;

	CheckNotStandby("drop_lock_namespace()");
	NamespaceNameInit(&name, RequiredTextArg(fcinfo, 0, "namespace"));
	LockRegistry(query.fn_oid);
	if (NamespaceInUse(name.bytes, true, true, &pid))
		ereport(ERROR,
				(errcode(ERRCODE_OBJECT_IN_USE),
				 errmsg("lock namespace \"%s\" is in use", name.bytes),
				 UseDetail(pid)));
	SPI_connect();
	AddText(&query, name.bytes);
	ChangeNamespace(&query, name.bytes,
					"DELETE FROM %1$s.namespace_registry WHERE name = $1 RETURNING allowed_role::regrole");
	role = ResultColumn(1, &isnull);
	if (!isnull)
		RevokeRegistry(query.fn_oid, DatumGetObjectId(role));
	SPI_finish();
	PG_RETURN_VOID();
}

/*
 * pause_lock_namespace(name, reason) - refuse new acquires, with the reason
 *
 * Those who wait now are refused when they are granted.
 */
Datum
pgx_pause_lock_namespace(PG_FUNCTION_ARGS)
{
	LockName	name;
	OwnerQuery	query = {fcinfo->flinfo->fn_oid};
	text	   *reason;

	CheckNotStandby("pause_lock_namespace()");
	NamespaceNameInit(&name, RequiredTextArg(fcinfo, 0, "namespace"));
	reason = RequiredTextArg(fcinfo, 1, "reason");
	if (VARSIZE_ANY_EXHDR(reason) >= sizeof(((Namespace *) 0)->paused_reason))
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
				 errmsg("reason is too long"),
				 errdetail("The limit is %zu bytes.",
						   sizeof(((Namespace *) 0)->paused_reason) - 1)));
	LockRegistry(query.fn_oid);
	SPI_connect();
	AddText(&query, name.bytes);
	AddText(&query, text_to_cstring(reason));
	AddText(&query, GetUserNameFromId(GetOuterUserId(), false));
	ChangeNamespace(&query, name.bytes,
					"UPDATE %1$s.namespace_registry SET paused_at = pg_catalog.clock_timestamp(), "
					"paused_reason = $2, paused_by = $3 WHERE name = $1");
	SPI_finish();
	PG_RETURN_VOID();
}

/*
 * resume_lock_namespace(name) - the end of a pause
 */
Datum
pgx_resume_lock_namespace(PG_FUNCTION_ARGS)
{
	LockName	name;
	OwnerQuery	query = {fcinfo->flinfo->fn_oid};

	CheckNotStandby("resume_lock_namespace()");
	NamespaceNameInit(&name, RequiredTextArg(fcinfo, 0, "namespace"));
	LockRegistry(query.fn_oid);
	SPI_connect();
	AddText(&query, name.bytes);
	ChangeNamespace(&query, name.bytes,
					"UPDATE %1$s.namespace_registry SET paused_at = NULL, "
					"paused_reason = NULL, paused_by = NULL WHERE name = $1");
	SPI_finish();
	PG_RETURN_VOID();
}
