/*
 * owner_sql.c
 *		Fixed statements on our own tables, run as the extension's owner.
 *
 * Users have no rights on the tables.  The statements are ours alone, with
 * values as parameters.  They run in a security-restricted context, with a
 * search_path that no user can fill, and in replica mode.  So no operator,
 * function, trigger or rule of another role is ever called with the owner's
 * rights.
 */
#include "base/base.h"

#include "catalog/pg_type.h"
#include "commands/trigger.h"
#include "executor/spi.h"
#include "miscadmin.h"
#include "utils/builtins.h"
#include "utils/guc.h"
#include "utils/lsyscache.h"
#include "utils/plancache.h"

/*
 * AddArg(query, type, value, isnull) - the next parameter
 */
void
AddArg(OwnerQuery *query, Oid type, Datum value, bool isnull)
{
	Assert(query->nargs < (int) lengthof(query->types));
	query->types[query->nargs] = type;
	query->values[query->nargs] = value;
	query->nulls[query->nargs] = isnull ? 'n' : ' ';
	query->nargs++;
}

/*
 * AddText(query, value) - a string as the next parameter, or null
 */
void
AddText(OwnerQuery *query, const char *value)
{
	AddArg(query, TEXTOID, value ? CStringGetTextDatum(value) : (Datum) 0,
		   value == NULL);
}

/*
 * CheckPlan(info, plan) - does it speak of our own tables only?
 *
 * We know the OIDs of our tables and write their names.  Somebody might rename
 * the schema at that very moment, and put another one in its place.
 */
static void
CheckPlan(const ExtensionInfo *info, SPIPlanPtr plan)
{
	ListCell   *source;
	ListCell   *relation;

	foreach(source, SPI_plan_get_plan_sources(plan))
	{
		foreach(relation, ((CachedPlanSource *) lfirst(source))->relationOids)
		{
			Oid			relid = lfirst_oid(relation);

			if (relid != info->registry && relid != info->run_record &&
				relid != info->fence_record)
				ereport(ERROR,
						(errcode(ERRCODE_OBJECT_NOT_IN_PREREQUISITE_STATE),
						 errmsg("a schema of pg_exclusive is being renamed"),
						 errhint("Try again.")));
		}
	}
}

/*
 * Prepare(info, query, sql) - parse the statement, with our schema in it
 */
static SPIPlanPtr
Prepare(const ExtensionInfo *info, OwnerQuery *query, const char *sql)
{
	char	   *schema = get_namespace_name(info->internal_schema);
	SPIPlanPtr	plan;

	if (schema == NULL)
		ereport(ERROR,
				(errcode(ERRCODE_UNDEFINED_SCHEMA),
				 errmsg("the schema of pg_exclusive does not exist")));
	plan = SPI_prepare(psprintf(sql, quote_identifier(schema)), query->nargs,
					   query->types);
	if (plan == NULL)
		elog(ERROR, "could not prepare \"%s\": %s", sql,
			 SPI_result_code_string(SPI_result));
	CheckPlan(info, plan);
	return plan;
}

/*
 * Execute(info, query, sql) - in replica mode
 *
 * So no trigger and no rule fires that others have put on our tables.  Ours
 * fire always.  The variable is set directly.  By way of the setting, every
 * plan that the session has cached would be thrown away.
 */
static int
Execute(const ExtensionInfo *info, OwnerQuery *query, const char *sql)
{
	int			replication_role = SessionReplicationRole;
	volatile int result = 0;

	PG_TRY();
	{
		SessionReplicationRole = SESSION_REPLICATION_ROLE_REPLICA;
		result = SPI_execute_plan(Prepare(info, query, sql), query->values,
								  query->nulls, false, 0);
	}
	PG_FINALLY();
	{
		SessionReplicationRole = replication_role;
	}
	PG_END_TRY();
	return result;
}

/*
 * ExecuteAsOwner(query, sql) - run it; %1$s in it is the schema of our tables
 *
 * The caller is connected to SPI.  Returns how many rows were processed.  They
 * are in SPI_tuptable.
 */
uint64
ExecuteAsOwner(OwnerQuery *query, const char *sql)
{
	const ExtensionInfo *info = GetExtensionInfo(query->fn_oid);
	int			nestlevel = NewGUCNestLevel();
	Oid			userid;
	int			seccontext;
	int			result;

	(void) set_config_option("search_path", "pg_catalog, pg_temp",
							 PGC_USERSET, PGC_S_SESSION,
							 GUC_ACTION_SAVE, true, 0, false);
	SwitchToExtensionOwner(info, &userid, &seccontext);
	result = Execute(info, query, sql);
	SetUserIdAndSecContext(userid, seccontext);
	AtEOXact_GUC(true, nestlevel);
	if (result < 0)
		elog(ERROR, "could not execute \"%s\": %s", sql,
			 SPI_result_code_string(result));
	return SPI_processed;
}

/*
 * ResultColumn(column, isnull) - a column of the first row, counted from 1
 */
Datum
ResultColumn(int column, bool *isnull)
{
	return SPI_getbinval(SPI_tuptable->vals[0], SPI_tuptable->tupdesc,
						 column, isnull);
}
