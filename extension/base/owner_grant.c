/*
 * owner_grant.c
 *		GRANT and REVOKE on our own tables, run as the extension's owner.
 *
 * These are DDL, so event triggers may want to hear of them.  An event
 * trigger runs with the rights and the search_path of the role that called
 * us, as after any command of its own.  It never runs as our owner.
 */
#include "base/base.h"

#include "access/xact.h"
#include "catalog/namespace.h"
#include "catalog/pg_class.h"
#include "catalog/pg_type.h"
#include "commands/event_trigger.h"
#include "commands/extension.h"
#include "executor/spi.h"
#include "miscadmin.h"
#include "nodes/makefuncs.h"
#include "utils/acl.h"
#include "utils/builtins.h"
#include "utils/lsyscache.h"

PG_FUNCTION_INFO_V1(pgx_take_back_grants);

/*
 * RegistryName(info) - as a statement names it
 *
 * We know its OID and write its name.  Somebody might rename the schema at
 * that very moment, and put another one in its place.
 */
static RangeVar *
RegistryName(const ExtensionInfo *info)
{
	RangeVar   *name = makeRangeVar(get_namespace_name(info->internal_schema),
									get_rel_name(info->registry), -1);

	if (name->schemaname == NULL || name->relname == NULL ||
		RangeVarGetRelid(name, AccessShareLock, true) != info->registry)
		ereport(ERROR,
				(errcode(ERRCODE_OBJECT_NOT_IN_PREREQUISITE_STATE),
				 errmsg("a schema of pg_exclusive is being renamed"),
				 errhint("Try again.")));
	return name;
}

/*
 * ExecuteGrant(info, grant) - as owner, with the caller's event triggers
 */
static void
ExecuteGrant(const ExtensionInfo *info, GrantStmt *grant)
{
	bool		complete = EventTriggerBeginCompleteQuery();
	Oid			userid;
	int			seccontext;

	PG_TRY();
	{
		EventTriggerDDLCommandStart((Node *) grant);
		SwitchToExtensionOwner(info, &userid, &seccontext);
		ExecuteGrantStmt(grant);
		SetUserIdAndSecContext(userid, seccontext);
		EventTriggerDDLCommandEnd((Node *) grant);
	}
	PG_FINALLY();
	{
		if (complete)
			EventTriggerEndCompleteQuery();
	}
	PG_END_TRY();
	CommandCounterIncrement();
}

/*
 * GrantRegistry(fn_oid, role, give) - let a role read the registry, or not
 *
 * A namespace names its role.  While the role has this grant, DROP ROLE is
 * refused.
 */
void
GrantRegistry(Oid fn_oid, Oid role, bool give)
{
	const ExtensionInfo *info = GetExtensionInfo(fn_oid);
	GrantStmt  *grant = makeNode(GrantStmt);
	AccessPriv *privilege = makeNode(AccessPriv);
	RoleSpec   *grantee = makeNode(RoleSpec);

	privilege->priv_name = "select";
	grantee->roletype = ROLESPEC_CSTRING;
	grantee->rolename = GetUserNameFromId(role, false);
	grantee->location = -1;
	grant->is_grant = give;
	grant->targtype = ACL_TARGET_OBJECT;
	grant->objtype = OBJECT_TABLE;
	grant->objects = list_make1(RegistryName(info));
	grant->privileges = list_make1(privilege);
	grant->grantees = list_make1(grantee);
	ExecuteGrant(info, grant);
}

/* What roles were given by ALTER DEFAULT PRIVILEGES on what was just made. */
static const char inherited[] =
"SELECT pg_catalog.format('REVOKE ALL ON %s %s FROM %s', kind, object, "
"CASE WHEN grantee = 0 THEN 'PUBLIC' ELSE grantee::pg_catalog.regrole::text END) "
"FROM (SELECT CASE relkind WHEN 'S' THEN 'SEQUENCE' ELSE 'TABLE' END, "
"oid, oid::pg_catalog.regclass::text, relacl, relowner FROM pg_catalog.pg_class "
"UNION ALL SELECT 'ROUTINE', oid, oid::pg_catalog.regprocedure::text, proacl, proowner "
"FROM pg_catalog.pg_proc "
"UNION ALL SELECT 'SCHEMA', oid, oid::pg_catalog.regnamespace::text, nspacl, nspowner "
"FROM pg_catalog.pg_namespace) o (kind, id, object, acl, owner), "
"pg_catalog.aclexplode(acl), pg_catalog.pg_depend d "
"WHERE grantee <> owner AND (grantee <> 0 OR kind <> 'ROUTINE') "
"AND d.objid = id AND d.deptype = 'e' AND d.refobjid = $1 "
"AND d.classid = CASE kind WHEN 'ROUTINE' THEN 'pg_catalog.pg_proc'::pg_catalog.regclass "
"WHEN 'SCHEMA' THEN 'pg_catalog.pg_namespace'::pg_catalog.regclass "
"ELSE 'pg_catalog.pg_class'::pg_catalog.regclass END";

/*
 * _take_back_grants() - for the end of the installation script
 */
Datum
pgx_take_back_grants(PG_FUNCTION_ARGS)
{
	Oid			type = OIDOID;
	Datum		value = ObjectIdGetDatum(CurrentExtensionObject);
	SPITupleTable *statements;

	if (!creating_extension)
		ereport(ERROR,
				(errcode(ERRCODE_OBJECT_NOT_IN_PREREQUISITE_STATE),
				 errmsg("no extension is being created")));
	SPI_connect();
	if (SPI_execute_with_args(inherited, 1, &type, &value, NULL, true, 0) !=
		SPI_OK_SELECT)
		elog(ERROR, "could not look for inherited privileges");
	statements = SPI_tuptable;
	for (uint64 i = 0; i < statements->numvals; i++)
		(void) SPI_execute(SPI_getvalue(statements->vals[i],
										statements->tupdesc, 1), false, 0);
	SPI_finish();
	PG_RETURN_VOID();
}
