/*
 * table.c
 *		Fixed statements on our own tables, run as the extension's owner.
 *
 * Users have no rights on the tables.  The statements are ours alone, with
 * values as parameters; they run in a security-restricted context and with a
 * search_path that no user can fill, so that neither an operator nor a
 * function of somebody else's is ever called with the owner's rights.
 */
#include "pg_exclusive.h"

#include "catalog/pg_type.h"
#include "executor/spi.h"
#include "miscadmin.h"
#include "utils/builtins.h"
#include "utils/guc.h"
#include "utils/lsyscache.h"
#include "utils/plancache.h"

/*
 * AddArg(st, type, value, isnull) - the next parameter
 */
void
AddArg(Statement *st, Oid type, Datum value, bool isnull)
{
	Assert(st->nargs < (int) lengthof(st->types));
	st->types[st->nargs] = type;
	st->values[st->nargs] = value;
	st->nulls[st->nargs] = isnull ? 'n' : ' ';
	st->nargs++;
}

/*
 * AddText(st, value) - the same for a string; NULL is null
 */
void
AddText(Statement *st, const char *value)
{
	AddArg(st, TEXTOID, value ? CStringGetTextDatum(value) : (Datum) 0,
		   value == NULL);
}

/*
 * CheckPlan(install, plan) - does it speak of our own tables only?
 *
 * We find our schema by its OID and write its name; somebody might rename it
 * at that very moment and put another in its place.
 */
static void
CheckPlan(const Install *install, SPIPlanPtr plan)
{
	ListCell   *source;
	ListCell   *relation;

	foreach(source, SPI_plan_get_plan_sources(plan))
	{
		foreach(relation, ((CachedPlanSource *) lfirst(source))->relationOids)
		{
			if (get_rel_namespace(lfirst_oid(relation)) != install->schema)
				ereport(ERROR,
						(errcode(ERRCODE_OBJECT_NOT_IN_PREREQUISITE_STATE),
						 errmsg("the schema of pg_exclusive was renamed meanwhile"),
						 errhint("Try again.")));
		}
	}
}

/*
 * Prepare(install, st, sql) - parse the statement, with our schema in it
 */
static SPIPlanPtr
Prepare(const Install *install, Statement *st, const char *sql)
{
	char	   *schema = get_namespace_name(install->schema);
	SPIPlanPtr	plan;

	if (schema == NULL)
		ereport(ERROR,
				(errcode(ERRCODE_UNDEFINED_SCHEMA),
				 errmsg("the schema of pg_exclusive does not exist")));
	plan = SPI_prepare(psprintf(sql, quote_identifier(schema)), st->nargs,
					   st->types);
	if (plan == NULL)
		elog(ERROR, "could not prepare \"%s\": %s", sql,
			 SPI_result_code_string(SPI_result));
	CheckPlan(install, plan);
	return plan;
}

/*
 * ExecuteAsOwner(st, sql) - run it; %1$s in it is our schema
 *
 * The caller is connected to SPI.  Returns how many rows were processed; they
 * are in SPI_tuptable.
 */
uint64
ExecuteAsOwner(Statement *st, const char *sql)
{
	const Install *install = GetInstall(st->fn_oid);
	int			nestlevel = NewGUCNestLevel();
	SPIPlanPtr	plan;
	Oid			userid;
	int			seccontext;
	int			result;

	(void) set_config_option("search_path", "pg_catalog, pg_temp",
							 PGC_USERSET, PGC_S_SESSION,
							 GUC_ACTION_SAVE, true, 0, false);
	BecomeOwner(install, &userid, &seccontext);
	plan = Prepare(install, st, sql);
	result = SPI_execute_plan(plan, st->values, st->nulls, false, 0);
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
