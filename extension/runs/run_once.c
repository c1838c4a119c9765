/*
 * run_once.c
 *		Tasks that run once per slot, or once per period.
 *
 * Exclusion alone does not make a short task run once.  A session that comes
 * a moment later finds the lock free.  So the run is recorded, in the same
 * transaction as the task, under the lock that is kept to its end.  Record
 * and work commit together or not at all, and the next holder sees both.
 */
#include "runs/runs.h"

#include "utils/builtins.h"

PG_FUNCTION_INFO_V1(pgx_try_run_once);
PG_FUNCTION_INFO_V1(pgx_try_run_every);

/*
 * TryRun(run, task) - lock, look at the record, run, record
 *
 * When there is nothing to do, a lock that we took just now is freed at once.
 */
static bool
TryRun(const Run *run, const text *task)
{
	AcquireRequest request = {0};
	Hold	   *hold;
	AcquireResult result;
	TimestampTz started;
	int64		token;

	request.name = run->name;
	request.fn_oid = run->fn_oid;
	request.mode = ExclusiveLock;
	request.xact = true;
	request.wait = PGX_NO_WAIT;
	result = AcquireLock(&request, &hold);
	if (hold == NULL)
		return false;
	if (HasRun(run))
	{
		if (result == ACQUIRE_GRANTED)
			ReleaseXactHold(hold);
		return false;
	}
	token = hold->token;
	started = GetCurrentTimestamp();
	RunTask(hold, task);
	RecordRun(run, started, token);
	return true;
}

/*
 * try_run_once(namespace, key, slot, task) - once per slot, ever
 */
Datum
pgx_try_run_once(PG_FUNCTION_ARGS)
{
	LockName	name;
	Run			run = {fcinfo->flinfo->fn_oid, &name};
	text	   *slot;
	text	   *task;

	CheckNotStandby("try_run_once()");
	LockNameArgs(&name, fcinfo);
	slot = RequiredTextArg(fcinfo, 2, "slot");
	task = RequiredTextArg(fcinfo, 3, "task");
	CheckSlot(slot);
	CheckTask(task);
	CheckTaskSnapshot("try_run_once()");
	run.slot = text_to_cstring(slot);
	PG_RETURN_BOOL(TryRun(&run, task));
}

/*
 * try_run_every(namespace, key, every, task) - once per period
 */
Datum
pgx_try_run_every(PG_FUNCTION_ARGS)
{
	LockName	name;
	Run			run = {fcinfo->flinfo->fn_oid, &name, ""};
	text	   *task;

	CheckNotStandby("try_run_every()");
	LockNameArgs(&name, fcinfo);
	run.every = DatumGetIntervalP(RequiredArg(fcinfo, 2, "every"));
	CheckEvery(run.every);
	task = RequiredTextArg(fcinfo, 3, "task");
	CheckTask(task);
	CheckTaskSnapshot("try_run_every()");
	PG_RETURN_BOOL(TryRun(&run, task));
}
