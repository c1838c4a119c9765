/*
 * extension_info.c
 *		Where the extension lives in this database: its schema, owner, tables.
 *
 * A database has at most one installation, in a schema of its user's choice.
 * We find it from the SQL function that was called, remember it, and forget
 * it when the relcache says that the registry of namespaces has changed or
 * gone (DROP EXTENSION).  A trigger makes every change of the registry's rows
 * such a message too, so one version number covers all that is cached of it.
 */
#include "base/base.h"

#include "access/htup_details.h"
#include "access/xact.h"
#include "access/xlog.h"
#include "catalog/pg_class.h"
#include "commands/trigger.h"
#include "miscadmin.h"
#include "utils/builtins.h"
#include "utils/inval.h"
#include "utils/lsyscache.h"
#include "utils/memutils.h"
#include "utils/rel.h"
#include "utils/relcache.h"
#include "utils/syscache.h"

static ExtensionInfo info;
static bool info_valid;
static uint64 info_version = 1;

PG_FUNCTION_INFO_V1(pgx_namespace_registry_changed);

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

static Oid
OurRelation(const char *name)
{
	Oid			relid = get_relname_relid(name, info.schema);

	if (!OidIsValid(relid))
		ereport(ERROR,
				(errcode(ERRCODE_UNDEFINED_TABLE),
				 errmsg("pg_exclusive is damaged: there is no relation \"%s\"",
						name),
				 errhint("Drop the extension and create it again.")));
	return relid;
}

static Oid
OwnerOf(Oid relid)
{
	HeapTuple	tuple = SearchSysCache1(RELOID, ObjectIdGetDatum(relid));
	Oid			owner;

	if (!HeapTupleIsValid(tuple))
		elog(ERROR, "cache lookup failed for relation %u", relid);
	owner = ((Form_pg_class) GETSTRUCT(tuple))->relowner;
	ReleaseSysCache(tuple);
	return owner;
}

/*
 * GetExtensionInfo(fn_oid) - the extension that a function of ours belongs to
 */
ExtensionInfo *
GetExtensionInfo(Oid fn_oid)
{
	static bool callback_registered = false;

	if (likely(info_valid))
		return &info;

	if (!callback_registered)
	{
		CacheRegisterRelcacheCallback(ForgetExtensionInfo, (Datum) 0);
		callback_registered = true;
	}
	info.schema = get_func_namespace(fn_oid);
	info.registry = OurRelation("namespace_registry");
	info.registry_pkey = OurRelation("namespace_registry_pkey");
	info.token_system = OurRelation("token_system");
	info.token_base = OurRelation("token_base");
	info.token_epoch = OurRelation("token_epoch");
	info.owner = OwnerOf(info.registry);
	info.epoch_stored = false;
	info_valid = true;
	return &info;
}

/*
 * SwitchToExtensionOwner(of, userid, seccontext) - act as its owner
 *
 * For fixed statements on our own tables only.  The caller puts back what it
 * gets with SetUserIdAndSecContext(); after an error the (sub)transaction's
 * abort does.
 */
void
SwitchToExtensionOwner(const ExtensionInfo *of, Oid *userid,
					   int *seccontext)
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

/*
 * _namespace_registry_changed() - the trigger on the registry
 */
Datum
pgx_namespace_registry_changed(PG_FUNCTION_ARGS)
{
	if (!CALLED_AS_TRIGGER(fcinfo))
		ereport(ERROR,
				(errcode(ERRCODE_E_R_I_E_TRIGGER_PROTOCOL_VIOLATED),
				 errmsg("function \"%s\" was not called by trigger manager",
						"_namespace_registry_changed")));
	CacheInvalidateRelcache(((TriggerData *) fcinfo->context)->tg_relation);
	return PointerGetDatum(NULL);
}
