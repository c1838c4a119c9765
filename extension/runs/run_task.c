/*
 * run_task.c
 *		Running a task under a lock.
 *
 * try_run_exclusive() runs it in the caller's transaction and keeps the lock
 * to the end of that, so the next holder sees its work.  run_exclusive() is a
 * procedure.  It waits in a transaction of its own, starts the task's
 * transaction after the grant, commits, and then frees the lock.
 */
#include "runs/runs.h"

#include "access/xact.h"
#include "executor/spi.h"
#include "nodes/parsenodes.h"
#include "parser/parser.h"
#include "tcop/dest.h"
#include "utils/builtins.h"
#include "utils/guc.h"
#include "utils/memutils.h"

PG_FUNCTION_INFO_V1(pgx_try_run_exclusive);
PG_FUNCTION_INFO_V1(pgx_run_exclusive);

/*
 * TaskErrorContext(task) - turn the parser's error position into the task's
 */
static void
TaskErrorContext(void *task)
{
	int			position = geterrposition();

	if (position > 0)
	{
		errposition(0);
		internalerrposition(position);
		internalerrquery((const char *) task);
	}
}

/*
 * ParseTask(task) - its statements, unanalysed; 22023 if there are none
 */
static List *
ParseTask(char *task)
{
	ErrorContextCallback context;
	List	   *statements;

	context.callback = TaskErrorContext;
	context.arg = task;
	context.previous = error_context_stack;
	error_context_stack = &context;
	statements = raw_parser(task, RAW_PARSE_DEFAULT);
	error_context_stack = context.previous;
	if (statements == NIL)
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
				 errmsg("task is empty"),
				 errhint("A task is one SQL statement or more.")));
	return statements;
}

/*
 * CheckTask(task) - refuse what is no task, before any lock is taken
 */
void
CheckTask(const text *task)
{
	char	   *sql = text_to_cstring(task);

	list_free_deep(ParseTask(sql));
	pfree(sql);
}

/*
 * CheckTaskSnapshot(function) - 25001 where the task would read old data
 */
void
CheckTaskSnapshot(const char *function)
{
	if (IsolationUsesXactSnapshot())
		ereport(ERROR,
				(errcode(ERRCODE_ACTIVE_SQL_TRANSACTION),
				 errmsg("cannot execute %s at isolation level REPEATABLE READ or SERIALIZABLE",
						function),
				 errdetail("The transaction's snapshot is older than the lock, so the task would not see what the last holder did."),
				 errhint("Use CALL run_exclusive(), which starts the task's transaction after the grant.")));
}

/*
 * RethrowWithHint() - for what cannot run in a function, such as VACUUM
 */
static void
RethrowWithHint(void)
{
	ErrorData  *error;

	MemoryContextSwitchTo(PortalContext);
	error = CopyErrorData();
	FlushErrorState();
	if (error->hint == NULL)
		error->hint = "A task runs in a function. Take the lock with wait_lock(), run the command by itself, and unlock() then, or use the command line: pg_exclusive run.";
	ReThrowError(error);
}

/*
 * Execute(sql, nonatomic) - run SQL and throw its rows away
 */
static void
Execute(const char *sql, bool nonatomic)
{
	SPIExecuteOptions options = {0};
	volatile int result = 0;

	options.allow_nonatomic = nonatomic;
	options.dest = None_Receiver;
	PG_TRY();
	{
		result = SPI_execute_extended(sql, &options);
	}
	PG_CATCH();
	{
		if (geterrcode() == ERRCODE_ACTIVE_SQL_TRANSACTION)
			RethrowWithHint();
		PG_RE_THROW();
	}
	PG_END_TRY();
	if (result == SPI_ERROR_TRANSACTION)
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_TRANSACTION_TERMINATION),
				 errmsg("a task cannot begin or end a transaction"),
				 errhint("CALL run_exclusive() takes a CALL of a procedure that commits.")));
	if (result == SPI_ERROR_COPY)
		ereport(ERROR,
				(errcode(ERRCODE_FEATURE_NOT_SUPPORTED),
				 errmsg("a task cannot COPY to or from the client")));
	if (result < 0)
		elog(ERROR, "could not run a task: %s",
			 SPI_result_code_string(result));
}

/*
 * RunTask(hold, task) - run it here and now, under a lock of this transaction
 *
 * Each statement has a fresh snapshot, taken after the grant.  Settings that
 * the task changes are put back.
 */
void
RunTask(Hold *hold, const text *task)
{
	int64		id = hold->id;
	int			nestlevel = NewGUCNestLevel();

	if (SPI_connect() != SPI_OK_CONNECT)
		elog(ERROR, "SPI_connect failed");
	hold->in_task = true;
	PG_TRY();
	{
		Execute(text_to_cstring(task), false);
	}
	PG_FINALLY();
	{
		hold = FindHoldById(id);
		if (hold != NULL)
			hold->in_task = false;
	}
	PG_END_TRY();
	SPI_finish();
	AtEOXact_GUC(false, nestlevel);
	if (hold == NULL)
		ereport(ERROR,
				(errcode(ERRCODE_OBJECT_NOT_IN_PREREQUISITE_STATE),
				 errmsg("the lock was freed while its task was running")));
}

/*
 * try_run_exclusive(namespace, key, task, wait) - the pattern
 */
Datum
pgx_try_run_exclusive(PG_FUNCTION_ARGS)
{
	LockName	name;
	text	   *task;
	AcquireRequest request = {0};
	Hold	   *hold;

	CheckNotStandby("try_run_exclusive()");
	LockNameArgs(&name, fcinfo);
	task = RequiredTextArg(fcinfo, 2, "task");
	CheckTask(task);
	CheckTaskSnapshot("try_run_exclusive()");
	request.name = &name;
	request.fn_oid = fcinfo->flinfo->fn_oid;
	request.mode = ExclusiveLock;
	request.xact = true;
	request.wait = WaitArg(fcinfo, 3);
	(void) AcquireLock(&request, &hold);
	if (hold == NULL)
		PG_RETURN_BOOL(false);
	RunTask(hold, task);
	PG_RETURN_BOOL(true);
}

/*
 * RunStatements(sql) - one by one, a CALL or DO free to commit
 *
 * One by one, because in the mode that lets a CALL commit, SPI gives all
 * statements one snapshot, and the second would not see the first's work.
 */
static void
RunStatements(char *sql)
{
	ListCell   *lc;

	foreach(lc, ParseTask(sql))
	{
		RawStmt    *raw = lfirst_node(RawStmt, lc);
		bool		nonatomic = IsA(raw->stmt, CallStmt) ||
		IsA(raw->stmt, DoStmt);

		if (raw->stmt_len == 0)
			Execute(sql + raw->stmt_location, nonatomic);
		else
			Execute(pnstrdup(sql + raw->stmt_location, raw->stmt_len),
					nonatomic);
	}
}

/*
 * RequireHold(id, token, committed) - raise if the task has lost its own lock
 */
static Hold *
RequireHold(int64 id, int64 token, bool committed)
{
	Hold	   *hold = FindHoldById(id);

	if (hold == NULL || hold->token != token)
		ereport(ERROR,
				(errcode(ERRCODE_OBJECT_NOT_IN_PREREQUISITE_STATE),
				 errmsg("the lock was freed while its task was running"),
				 committed ?
				 errdetail("What the task did is committed.") :
				 errdetail("What the task had not committed itself is rolled back.")));
	return hold;
}

/*
 * RunAndCommit(hold, sql) - the task's transaction, from begin to commit
 *
 * A lock that the task has lost is noticed before the commit, so that nothing
 * is published without it.
 */
static void
RunAndCommit(Hold *hold, char *sql)
{
	int64		token = hold->token;
	int64		id = hold->id;

	PG_TRY();
	{
		SPI_commit();			/* so the task's snapshot is a younger one */
		hold->in_task = true;
		RunStatements(sql);
		(void) RequireHold(id, token, false);
		SPI_commit();
	}
	PG_CATCH();
	{
		hold = FindHoldById(id);
		if (hold != NULL && hold->token == token)
			ReleaseAfterAbort(hold);
		PG_RE_THROW();
	}
	PG_END_TRY();
	ReleaseHold(RequireHold(id, token, true));
}

/*
 * run_exclusive(namespace, key, task, wait, INOUT ran) - for long work
 */
Datum
pgx_run_exclusive(PG_FUNCTION_ARGS)
{
	LockName	name;
	char	   *sql;
	AcquireRequest request = {0};
	Hold	   *hold;
	TupleDesc	row;

	CheckNotStandby("run_exclusive()");
	LockNameArgs(&name, fcinfo);
	CheckTask(RequiredTextArg(fcinfo, 2, "task"));
	sql = text_to_cstring(PG_GETARG_TEXT_PP(2));	/* as long as the CALL */
	request.name = &name;
	request.fn_oid = fcinfo->flinfo->fn_oid;
	request.mode = ExclusiveLock;
	request.wait = WaitArg(fcinfo, 3);
	row = BeginProcedure(fcinfo, "run_exclusive",
						 "Use try_run_exclusive(), which runs the task in the transaction.");
	(void) AcquireLock(&request, &hold);
	if (hold != NULL)
		RunAndCommit(hold, sql);
	pfree(sql);
	return EndProcedure(row, BoolGetDatum(hold != NULL), false);
}
