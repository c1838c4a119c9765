/*
 * namespace.c
 *		Namespaces as a session knows them, with who may lock, and how.
 *
 * A row of the registry is read once and kept until something says that it may
 * have changed.  Two things do.  One is an invalidation message, for what has
 * committed.  The other is the database's generation in shared memory, which
 * drop_lock_namespace() and the like move forward before they look for holds.
 * So whoever is granted a lock while a namespace is being dropped either is
 * seen by the dropper, or sees the new generation, comes here again and waits
 * for the dropper's table lock.
 */
#include "lock/lock.h"

#include "access/genam.h"
#include "access/htup_details.h"
#include "access/stratnum.h"
#include "access/table.h"
#include "catalog/pg_authid.h"
#include "catalog/pg_collation.h"
#include "commands/trigger.h"
#include "miscadmin.h"
#include "utils/acl.h"
#include "utils/builtins.h"
#include "utils/fmgroids.h"
#include "utils/hsearch.h"
#include "utils/inval.h"
#include "utils/lsyscache.h"
#include "utils/memutils.h"
#include "utils/rel.h"
#include "utils/snapmgr.h"

/* Columns of namespace_registry. */
enum
{
	ATT_NAME = 1,
	ATT_ALLOWED_ROLE,
	ATT_INTEROP,
	ATT_MAX_HOLDS,
	ATT_LOCK_DELAY,
	ATT_MAX_LEASE,
	ATT_CREATED_AT,
	ATT_PAUSED_AT,
	ATT_PAUSED_BY,
	ATT_PAUSED_REASON
};

static HTAB *cache;
static uint32 cache_generation;
static uint64 cache_version = 1;
static uint64 seen_info_version;

PG_FUNCTION_INFO_V1(pgx_sees_namespace);
PG_FUNCTION_INFO_V1(pgx_skip_default);

/*
 * CurrentVersion() - the version that a cached namespace must have
 */
static inline uint64
CurrentVersion(void)
{
	uint32		generation =
	pg_atomic_read_u32(&MySharedDatabase()->generation);

	if (unlikely(generation != cache_generation ||
				 ExtensionInfoVersion() != seen_info_version))
	{
		cache_generation = generation;
		seen_info_version = ExtensionInfoVersion();
		cache_version++;
	}
	return cache_version;
}

bool
NamespaceIsStale(const Namespace *ns)
{
	return ns->version != CurrentVersion();
}

static void
MakeCache(void)
{
	HASHCTL		ctl = {0};

	ctl.keysize = PGX_NAMESPACE_BYTES + 1;
	ctl.entrysize = sizeof(Namespace);
	ctl.hcxt = TopMemoryContext;
	cache = hash_create("pg_exclusive namespaces", 16, &ctl,
						HASH_ELEM | HASH_STRINGS | HASH_CONTEXT);
}

/*
 * FillNamespace(ns, tuple, desc) - from a row of the registry
 */
static void
FillNamespace(Namespace *ns, HeapTuple tuple, TupleDesc desc)
{
	bool		isnull;
	Datum		value;

	value = heap_getattr(tuple, ATT_ALLOWED_ROLE, desc, &isnull);
	ns->restricted = !isnull;
	ns->allowed_role = isnull ? InvalidOid : DatumGetObjectId(value);
	value = heap_getattr(tuple, ATT_INTEROP, desc, &isnull);
	ns->interop = DatumGetBool(value);
	value = heap_getattr(tuple, ATT_MAX_HOLDS, desc, &isnull);
	ns->max_holds = isnull ? 0 : DatumGetInt32(value);
	value = heap_getattr(tuple, ATT_LOCK_DELAY, desc, &isnull);
	ns->lock_delay =
		isnull ? 0 : IntervalMicroseconds(DatumGetIntervalP(value));
	value = heap_getattr(tuple, ATT_MAX_LEASE, desc, &isnull);
	ns->max_lease =
		isnull ? 0 : IntervalMicroseconds(DatumGetIntervalP(value));
	value = heap_getattr(tuple, ATT_CREATED_AT, desc, &isnull);
	ns->created_at = DatumGetTimestampTz(value);
	(void) heap_getattr(tuple, ATT_PAUSED_AT, desc, &isnull);
	ns->paused = !isnull;
	value = heap_getattr(tuple, ATT_PAUSED_REASON, desc, &isnull);
	ns->paused_reason[0] = '\0';
	if (!isnull)
		strlcpy(ns->paused_reason, TextDatumGetCString(value),
				sizeof(ns->paused_reason));
}

/*
 * ReadNamespace(ns, fn_oid, lockmode) - read the row as it is now
 *
 * Returns false when there is none.  The snapshot is a new one at every
 * isolation level, as who may lock is not part of the user's transaction.
 * With RowShareLock we wait for a change that is going on (LockRegistry()),
 * and neither that nor we are in the way of pg_dump.
 */
static bool
ReadNamespace(Namespace *ns, Oid fn_oid, LOCKMODE lockmode)
{
	const ExtensionInfo *info = GetExtensionInfo(fn_oid);
	Relation	rel = table_open(info->registry, lockmode);
	Snapshot	snapshot = RegisterSnapshot(GetLatestSnapshot());
	ScanKeyData key;
	SysScanDesc scan;
	HeapTuple	tuple;
	bool		found;

	ScanKeyEntryInitialize(&key, 0, ATT_NAME, BTEqualStrategyNumber,
						   InvalidOid, C_COLLATION_OID, F_TEXTEQ,
						   CStringGetTextDatum(ns->name));
	scan = systable_beginscan(rel, info->registry_pkey, true, snapshot,
							  1, &key);
	tuple = systable_getnext(scan);
	found = HeapTupleIsValid(tuple);
	if (found)
		FillNamespace(ns, tuple, RelationGetDescr(rel));
	systable_endscan(scan);
	UnregisterSnapshot(snapshot);
	table_close(rel, lockmode);
	return found;
}

static void
ReportNotRegistered(const char *name, Oid fn_oid)
{
	char	   *schema = get_namespace_name(GetExtensionInfo(fn_oid)->schema);

	ereport(ERROR,
			(errcode(ERRCODE_UNDEFINED_OBJECT),
			 errmsg("lock namespace \"%s\" does not exist", name),
			 schema == NULL ? 0 :	/* dropped meanwhile */
			 errhint("Register it first: SELECT %s.lock_namespace(%s);",
					 quote_identifier(schema),
					 quote_literal_cstr(name))));
}

/*
 * LookupNamespace(name, len, fn_oid) - the namespace, or 42704
 *
 * fn_oid is the SQL function that was called.  The result stays where it is
 * for the session.  Its contents may be refreshed by a later look-up.
 */
Namespace *
LookupNamespace(const char *name, int len, Oid fn_oid)
{
	static Namespace *last = NULL;	/* most calls are for the same again */
	char		key[PGX_NAMESPACE_BYTES + 1];
	uint64		version = CurrentVersion();
	Namespace  *ns;
	Namespace	fresh;
	LockName	nsname;

	if (likely(last != NULL && last->version == version &&
			   strncmp(last->name, name, len) == 0 && last->name[len] == '\0'))
		return last;
	if (unlikely(len > PGX_NAMESPACE_BYTES))
		ReportNotRegistered(pnstrdup(name, len), fn_oid);
	memcpy(key, name, len);
	key[len] = '\0';
	if (cache == NULL)
		MakeCache();
	ns = hash_search(cache, key, HASH_FIND, NULL);
	if (likely(ns != NULL && ns->version == version))
		return last = ns;

	strcpy(fresh.name, key);
	if (!ReadNamespace(&fresh, fn_oid, RowShareLock))
		ReportNotRegistered(key, fn_oid);
	NamespaceNameInit(&nsname, cstring_to_text(key));
	fresh.shared = GetSharedNamespace(nsname.id);
	fresh.version = version;
	ns = hash_search(cache, key, HASH_ENTER, NULL);
	*ns = fresh;
	return last = ns;
}

/*
 * OwnerRoleDetail(role) - whom a namespace is for
 *
 * DROP OWNED takes away the grant that keeps a role from being dropped, and a
 * restored database may lack it.  Then only superusers can use the namespace.
 */
static int
OwnerRoleDetail(Oid role)
{
	char	   *name = GetUserNameFromId(role, true);

	if (name == NULL)
		return errdetail("The role it is for does not exist here.");
	return errdetail("Only roles with the privileges of role \"%s\" may use it.",
					 name);
}

static bool
HasNamespaceRole(const Namespace *ns)
{
	return !ns->restricted ||
		has_privs_of_role(GetUserId(), ns->allowed_role);
}

/*
 * CheckNamespaceRole(ns) - 42501 without the privileges of its role
 */
void
CheckNamespaceRole(const Namespace *ns)
{
	if (!HasNamespaceRole(ns))
		ereport(ERROR,
				(errcode(ERRCODE_INSUFFICIENT_PRIVILEGE),
				 errmsg("permission denied for lock namespace \"%s\"",
						ns->name),
				 OwnerRoleDetail(ns->allowed_role)));
}

/*
 * CheckNamespaceUsage(ns) - may the current role lock here now?
 *
 * 42501 without the privileges of the namespace's role, 55000 while paused.
 */
void
CheckNamespaceUsage(const Namespace *ns)
{
	CheckNamespaceRole(ns);
	if (unlikely(ns->paused))
		ereport(ERROR,
				(errcode(ERRCODE_OBJECT_NOT_IN_PREREQUISITE_STATE),
				 errmsg("lock namespace \"%s\" is paused: %s",
						ns->name, ns->paused_reason),
				 errhint("Try again after resume_lock_namespace().")));
}

/*
 * NamespaceLockClass(ns) - which locktag_field4 its locks have
 */
uint16
NamespaceLockClass(const Namespace *ns)
{
	return ns->interop ? PGX_CLASS_INTEROP : PGX_CLASS_LOCK;
}

/*
 * SeesNamespace(name, fn_oid) - may the current role see its keys?
 *
 * As in pg_stat_activity, those who may use it and pg_read_all_stats may.
 * Keys of a namespace that is gone are for the latter only.
 */
bool
SeesNamespace(const char *name, Oid fn_oid)
{
	Namespace	ns;

	if (has_privs_of_role(GetUserId(), ROLE_PG_READ_ALL_STATS))
		return true;
	if (strlcpy(ns.name, name, sizeof(ns.name)) >= sizeof(ns.name) ||
		!ReadNamespace(&ns, fn_oid, AccessShareLock))
		return false;
	return HasNamespaceRole(&ns);
}

/*
 * _skip_default() - the trigger that ignores "default" where it is registered
 *
 * CREATE EXTENSION registers it, and so a row that a subscription copies from
 * another server finds it here.
 */
Datum
pgx_skip_default(PG_FUNCTION_ARGS)
{
	Namespace	ns = {"default"};

	if (!CALLED_AS_TRIGGER(fcinfo))
		ereport(ERROR,
				(errcode(ERRCODE_E_R_I_E_TRIGGER_PROTOCOL_VIOLATED),
				 errmsg("function \"%s\" was not called by trigger manager",
						"_skip_default")));
	if (ReadNamespace(&ns, fcinfo->flinfo->fn_oid, AccessShareLock))
		return PointerGetDatum(NULL);
	return PointerGetDatum(((TriggerData *) fcinfo->context)->tg_trigtuple);
}

/*
 * _sees_namespace(namespace) - the same for SQL
 */
Datum
pgx_sees_namespace(PG_FUNCTION_ARGS)
{
	text	   *name = RequiredTextArg(fcinfo, 0, "namespace");

	PG_RETURN_BOOL(SeesNamespace(text_to_cstring(name),
								 fcinfo->flinfo->fn_oid));
}

/*
 * RecheckNamespace(name, fn_oid, ns, waited) - is it still right to have it?
 *
 * Rights and the registry may have changed while we waited, and a namespace
 * may be dropped while we are granted one of its locks (see namespace.c).
 */
void
RecheckNamespace(const LockName *name, Oid fn_oid, Namespace *ns, bool waited)
{
	bool		interop = ns->interop;

	if (waited)
		AcceptInvalidationMessages();
	else if (likely(!NamespaceIsStale(ns)))
		return;
	ns = LookupNamespace(name->bytes, name->nslen, fn_oid);
	CheckNamespaceUsage(ns);
	if (ns->interop != interop)
		ereport(ERROR,
				(errcode(ERRCODE_OBJECT_NOT_IN_PREREQUISITE_STATE),
				 errmsg("lock namespace \"%s\" was registered anew meanwhile",
						ns->name),
				 errhint("Try again.")));
}

/*
 * ReserveInNamespace(ns) - count one more hold against max_holds
 *
 * Returns false, and counts nothing, if there is no room.
 */
bool
ReserveInNamespace(const Namespace *ns)
{
	if (ns->max_holds == 0 ||
		pg_atomic_fetch_add_u32(&ns->shared->holds, 1) < ns->max_holds)
		return true;
	pg_atomic_fetch_sub_u32(&ns->shared->holds, 1);
	return false;
}

void
ReportNamespaceFull(const Namespace *ns)
{
	ereport(ERROR,
			(errcode(ERRCODE_CONFIGURATION_LIMIT_EXCEEDED),
			 errmsg("too many locks in lock namespace \"%s\"", ns->name),
			 errdetail("Its max_holds is %d.", ns->max_holds)));
}
