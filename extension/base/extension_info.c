/*
 * install.c
 *		Where the extension lives in this database: its schema, owner, tables.
 *
 * A database has at most one installation, in a schema of its user's choice.
 * We find it from the SQL function that was called, remember it, and forget
 * it when the relcache says that the registry of namespaces has changed or
 * gone (DROP EXTENSION).  A trigger makes every change of the registry's rows
 * such a message too, so one version number covers all that is cached of it.
 */
#include "pg_exclusive.h"

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

static Install install;
static bool install_valid;
static uint64 install_version = 1;

PG_FUNCTION_INFO_V1(pgx_namespace_registry_changed);

static void
ForgetInstall(Datum arg, Oid relid)
{
	if (!OidIsValid(relid) || relid == install.registry)
	{
		install_valid = false;
		install_version++;
	}
}

/*
 * InstallVersion() - changes whenever what was read of the registry may have
 */
uint64
InstallVersion(void)
{
	return install_version;
}

static Oid
OurRelation(const char *name)
{
	Oid			relid = get_relname_relid(name, install.schema);

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
 * GetInstall(fn_oid) - the installation that a function of ours belongs to
 */
Install *
GetInstall(Oid fn_oid)
{
	static bool callback_registered = false;

	if (likely(install_valid))
		return &install;

	if (!callback_registered)
	{
		CacheRegisterRelcacheCallback(ForgetInstall, (Datum) 0);
		callback_registered = true;
	}
	install.schema = get_func_namespace(fn_oid);
	install.registry = OurRelation("namespace_registry");
	install.registry_pkey = OurRelation("namespace_registry_pkey");
	install.token_system = OurRelation("token_system");
	install.token_base = OurRelation("token_base");
	install.token_epoch = OurRelation("token_epoch");
	install.owner = OwnerOf(install.registry);
	install.epoch_stored = false;
	install_valid = true;
	return &install;
}

/*
 * BecomeOwner(install, userid, seccontext) - act as the extension's owner
 *
 * For fixed statements on our own tables only.  The caller puts back what it
 * gets with SetUserIdAndSecContext(); after an error the (sub)transaction's
 * abort does.
 */
void
BecomeOwner(const Install *inst, Oid *userid, int *seccontext)
{
	GetUserIdAndSecContext(userid, seccontext);
	SetUserIdAndSecContext(inst->owner,
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
