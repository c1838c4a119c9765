/*
 * extension_info.c
 *		The schema, the owner and the tables of the extension in this database.
 *
 * A database has at most one installation, in a schema of its user's choice.
 * We find it from the SQL function that was called, by way of pg_depend.  A
 * relation that merely has the name of ours is never taken for it.
 *
 * What was found is remembered until the relcache says that the registry of
 * namespaces has changed or gone.  A trigger makes every change of the
 * registry's rows such a message, so one version number covers all that is
 * cached of it.
 */
#include "base/base.h"

#include "access/genam.h"
#include "access/htup_details.h"
#include "access/table.h"
#include "access/xlog.h"
#include "catalog/dependency.h"
#include "catalog/indexing.h"
#include "catalog/pg_class.h"
#include "catalog/pg_depend.h"
#include "catalog/pg_extension.h"
#include "catalog/pg_proc.h"
#include "commands/trigger.h"
#include "miscadmin.h"
#include "utils/acl.h"
#include "utils/fmgroids.h"
#include "utils/inval.h"
#include "utils/rel.h"
#include "utils/syscache.h"

static ExtensionInfo info;
static bool info_valid;
static uint64 info_version = 1;

PG_FUNCTION_INFO_V1(pgx_namespace_registry_changed);
PG_FUNCTION_INFO_V1(pgx_guard_table);

/* Our relations, and where each is remembered. */
static const struct
{
	const char *name;
	Oid		   *relid;
}			relations[] =

{
	{"namespace_registry", &info.registry},
	{"run_record", &info.run_record},
	{"fence_record", &info.fence_record},
	{"token_system", &info.token_system},
	{"token_base", &info.token_base},
	{"token_epoch", &info.token_epoch},
};

static void
ForgetExtensionInfo(Datum arg, Oid relid)
{
	if (!OidIsValid(relid) || relid == info.registry)
	{
		info_valid = false;
		info_version++;
	}
}

/*
 * ExtensionInfoVersion() - changes whenever the registry may have changed
 */
uint64
ExtensionInfoVersion(void)
{
	return info_version;
}

/*
 * ScanByOid(...) - the rows of a catalog with these keys, by an index
 */
static SysScanDesc
ScanByOid(Relation catalog, Oid index, ScanKeyData *keys, int nkeys,
		  const AttrNumber *columns, const Oid *values)
{
	for (int i = 0; i < nkeys; i++)
		ScanKeyInit(&keys[i], columns[i], BTEqualStrategyNumber, F_OIDEQ,
					ObjectIdGetDatum(values[i]));
	return systable_beginscan(catalog, index, true, NULL, nkeys, keys);
}

/*
 * SchemaOfExtension(extension) - where the user wanted it to be
 */
static Oid
SchemaOfExtension(Oid extension)
{
	AttrNumber	column = Anum_pg_extension_oid;
	Relation	catalog = table_open(ExtensionRelationId, AccessShareLock);
	ScanKeyData key;
	SysScanDesc scan = ScanByOid(catalog, ExtensionOidIndexId, &key, 1,
								 &column, &extension);
	HeapTuple	tuple = systable_getnext(scan);
	Oid			schema = InvalidOid;

	if (HeapTupleIsValid(tuple))
		schema = ((Form_pg_extension) GETSTRUCT(tuple))->extnamespace;
	systable_endscan(scan);
	table_close(catalog, AccessShareLock);
	return schema;
}

/*
 * RememberRelation(relid) - if it is one that we need
 */
static void
RememberRelation(Oid relid)
{
	HeapTuple	tuple = SearchSysCache1(RELOID, ObjectIdGetDatum(relid));
	Form_pg_class rel;

	if (!HeapTupleIsValid(tuple))
		return;
	rel = (Form_pg_class) GETSTRUCT(tuple);
	for (int i = 0; i < lengthof(relations); i++)
	{
		if (strcmp(NameStr(rel->relname), relations[i].name) == 0)
			*relations[i].relid = relid;
	}
	if (relid == info.registry)
	{
		info.owner = rel->relowner;
		info.internal_schema = rel->relnamespace;
	}
	ReleaseSysCache(tuple);
}

/*
 * FindRelations() - among the members of the extension
 */
static void
FindRelations(void)
{
	const AttrNumber columns[] = {
		Anum_pg_depend_refclassid, Anum_pg_depend_refobjid
	};
	const Oid	values[] = {ExtensionRelationId, info.extension};
	Relation	catalog = table_open(DependRelationId, AccessShareLock);
	ScanKeyData keys[2];
	SysScanDesc scan = ScanByOid(catalog, DependReferenceIndexId, keys, 2,
								 columns, values);
	HeapTuple	tuple;

	while (HeapTupleIsValid(tuple = systable_getnext(scan)))
	{
		Form_pg_depend member = (Form_pg_depend) GETSTRUCT(tuple);

		if (member->classid == RelationRelationId &&
			member->deptype == DEPENDENCY_EXTENSION)
			RememberRelation(member->objid);
	}
	systable_endscan(scan);
	table_close(catalog, AccessShareLock);
	for (int i = 0; i < lengthof(relations); i++)
	{
		if (!OidIsValid(*relations[i].relid))
			ereport(ERROR,
					(errcode(ERRCODE_UNDEFINED_TABLE),
					 errmsg("pg_exclusive is damaged: it has no relation \"%s\"",
							relations[i].name),
					 errhint("Drop the extension and create it again.")));
	}
}

/*
 * FindPrimaryKey() - the registry's own index
 */
static void
FindPrimaryKey(void)
{
	Relation	rel = table_open(info.registry, AccessShareLock);

	info.registry_pkey = PrimaryKeyIndexOf(rel);
	table_close(rel, AccessShareLock);
	if (!OidIsValid(info.registry_pkey))
		ereport(ERROR,
				(errcode(ERRCODE_UNDEFINED_OBJECT),
				 errmsg("pg_exclusive is damaged: its registry has no primary key"),
				 errhint("Drop the extension and create it again.")));
}

/*
 * GetExtensionInfo(fn_oid) - the extension that a function of ours belongs to
 *
 * Raises 42704 when it was dropped while the function waited.
 */
ExtensionInfo *
GetExtensionInfo(Oid fn_oid)
{
	static bool callback_registered = false;
	Oid			extension;

	if (likely(info_valid))
		return &info;

	if (!callback_registered)
	{
		CacheRegisterRelcacheCallback(ForgetExtensionInfo, (Datum) 0);
		callback_registered = true;
	}
	extension = getExtensionOfObject(ProcedureRelationId, fn_oid);
	if (!OidIsValid(extension))
		ereport(ERROR,
				(errcode(ERRCODE_UNDEFINED_OBJECT),
				 errmsg("extension \"pg_exclusive\" does not exist"),
				 errdetail("It was dropped while this call waited, or the function that was called is not its own.")));
	memset(&info, 0, sizeof(info));
	info.extension = extension;
	info.schema = SchemaOfExtension(extension);
	FindRelations();
	FindPrimaryKey();
	info_valid = true;
	return &info;
}

/*
 * SwitchToExtensionOwner(of, userid, seccontext) - act as its owner
 *
 * For fixed statements on our own tables only.  The caller puts back what it
 * gets with SetUserIdAndSecContext().  After an error the abort of the
 * (sub)transaction does so.
 */
void
SwitchToExtensionOwner(const ExtensionInfo *of, Oid *userid, int *seccontext)
{
	GetUserIdAndSecContext(userid, seccontext);
	SetUserIdAndSecContext(of->owner,
						   *seccontext | SECURITY_LOCAL_USERID_CHANGE |
						   SECURITY_RESTRICTED_OPERATION);
}

/*
 * CheckNotStandby(what) - a lock on a standby would exclude nobody
 */
void
CheckNotStandby(const char *what)
{
	if (unlikely(RecoveryInProgress()))
		ereport(ERROR,
				(errcode(ERRCODE_READ_ONLY_SQL_TRANSACTION),
				 errmsg("cannot execute %s during recovery", what),
				 errdetail("A lock on a standby would exclude nobody on the primary."),
				 errhint("Connect to the primary, for example with target_session_attrs=read-write.")));
}

static Relation
TriggerRelation(FunctionCallInfo fcinfo, const char *function)
{
	if (!CALLED_AS_TRIGGER(fcinfo))
		ereport(ERROR,
				(errcode(ERRCODE_E_R_I_E_TRIGGER_PROTOCOL_VIOLATED),
				 errmsg("function \"%s\" was not called by trigger manager",
						function)));
	return ((TriggerData *) fcinfo->context)->tg_relation;
}

/*
 * _namespace_registry_changed() - the trigger that tells every session
 */
Datum
pgx_namespace_registry_changed(PG_FUNCTION_ARGS)
{
	CacheInvalidateRelcache(TriggerRelation(fcinfo,
											"_namespace_registry_changed"));
	return PointerGetDatum(NULL);
}

/*
 * _guard_table() - the trigger that lets only the owner write our tables
 *
 * A grant on all tables of a database must not let a role open a namespace
 * that is protected.
 */
Datum
pgx_guard_table(PG_FUNCTION_ARGS)
{
	Relation	rel = TriggerRelation(fcinfo, "_guard_table");

	if (!has_privs_of_role(GetUserId(), rel->rd_rel->relowner))
		ereport(ERROR,
				(errcode(ERRCODE_INSUFFICIENT_PRIVILEGE),
				 errmsg("permission denied for table \"%s\" of pg_exclusive",
						RelationGetRelationName(rel)),
				 errdetail("Only its owner may write it, whatever is granted on it."),
				 errhint("Use the functions of the extension.")));
	return PointerGetDatum(NULL);
}
