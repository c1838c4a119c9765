/*
 * owner_sql.c
 *		Fixed statements on our own tables, run as the extension's owner.
 *
 * Users have no rights on the tables.  The statements are ours alone, with
 * values as parameters; they run in a security-restricted context and with a
 * search_path that no user can fill, so that neither an operator nor a
 * function of somebody else's is ever called with the owner's rights.
 */
#include "base/base.h"

#include "catalog/pg_type.h"
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
 * AddText(query, value) - the same for a string; NULL is null
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
 * We find our schema by its OID and write its name; somebody might rename it
 * at that very moment and put another in its place.
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
			if (get_rel_namespace(lfirst_oid(relation)) != info->schema)
				ereport(ERROR,
						(errcode(ERRCODE_OBJECT_NOT_IN_PREREQUISITE_STATE),
						 errmsg("the schema of pg_exclusive was renamed meanwhile"),
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
	char	   *schema = get_namespace_name(info->schema);
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
 * ExecuteAsOwner(query, sql) - run it; %1$s in it is our schema
 *
 * The caller is connected to SPI.  Returns how many rows were processed; they
 * are in SPI_tuptable.
 */
uint64
ExecuteAsOwner(OwnerQuery *query, const char *sql)
{
	const ExtensionInfo *info = GetExtensionInfo(query->fn_oid);
	int			nestlevel = NewGUCNestLevel();
	SPIPlanPtr	plan;
	Oid			userid;
	int			seccontext;
	int			result;

	(void) set_config_option("search_path", "pg_catalog, pg_temp",
							 PGC_USERSET, PGC_S_SESSION,
							 GUC_ACTION_SAVE, true, 0, false);
	SwitchToExtensionOwner(info, &userid, &seccontext);
	plan = Prepare(info, query, sql);
	result = SPI_execute_plan(plan, query->values, query->nulls, false, 0);
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
