/*
 * cancel.c
 *		A statement that is cancelled leaves no lock that it has taken.
 *
 * A cancel, or a statement_timeout, can strike after a lock function has
 * returned and before its statement has ended.  Then the client sees 57014 and
 * nothing of the grant.  So session-scope locks that a statement has taken are
 * released when it is cancelled.  After any other error they are kept, as they
 * are after ROLLBACK.
 */
#include "lock/lock.h"

#include "executor/executor.h"
#include "executor/spi.h"
#include "tcop/pquery.h"
#include "utils/portal.h"

static ExecutorRun_hook_type next_executor_run;
static int	depth;				/* of statements within statements */

static void
ForgetUnanswered(void)
{
	dlist_mutable_iter iter;

	dlist_foreach_modify(iter, &my_holds.unanswered)
	{
		dlist_delete(iter.cur);
		dlist_container(Hold, unanswered, iter.cur)->is_unanswered = false;
	}
}

static void
ReleaseUnanswered(void)
{
	dlist_iter	iter;

	dlist_foreach(iter, &my_holds.unanswered)
		ReleaseAfterAbort(dlist_container(Hold, unanswered, iter.cur));
}

/*
 * RunStatement(...) - and see how it ends
 */
static void
RunStatement(QueryDesc *query, ScanDirection direction,
			 uint64 count PGX_EXECUTE_ONCE_ARG)
{
	if (depth == 0)
		ForgetUnanswered();
	depth++;
	PG_TRY();
	{
		if (next_executor_run != NULL)
			next_executor_run(query, direction, count PGX_EXECUTE_ONCE);
		else
			standard_ExecutorRun(query, direction, count PGX_EXECUTE_ONCE);
	}
	PG_CATCH();
	{
		depth--;
		if (depth == 0 && geterrcode() == ERRCODE_QUERY_CANCELED)
			ReleaseUnanswered();
		PG_RE_THROW();
	}
	PG_END_TRY();
	depth--;
	if (depth == 0)
		ForgetUnanswered();
}

/*
 * InPlainQuery() - was this called by a query of the client's own?
 *
 * Not by a function, a DO block or a procedure.
 */
bool
InPlainQuery(void)
{
	/* a function or a DO block would be connected to SPI */
	return depth == 1 &&
		SPI_unregister_relation("none") == SPI_ERROR_UNCONNECTED &&
		ActivePortal != NULL && ActivePortal->stmts != NIL &&
		linitial_node(PlannedStmt, ActivePortal->stmts)->commandType !=
		CMD_UTILITY;
}

/*
 * WatchStatements() - from the loading of the module on
 */
void
WatchStatements(void)
{
	next_executor_run = ExecutorRun_hook;
	ExecutorRun_hook = RunStatement;
}
