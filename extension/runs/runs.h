/*
 * runs.h
 *		Running tasks under a lock, and the record of runs.
 */
#ifndef PGX_RUNS_H
#define PGX_RUNS_H

#include "lease/lease.h"

/* Which run: of a slot ("every" is null), or of a period. */
typedef struct Run
{
	Oid			fn_oid;			/* the SQL function that was called */
	const LockName *name;
	const char *slot;
	const Interval *every;
} Run;

/* run_task.c */
extern void RunTask(Hold *hold, const text *task);
extern void CheckTask(const text *task);
extern void CheckTaskSnapshot(const char *function);

/* run_record.c */
extern void CheckSlot(const text *slot);
extern void CheckEvery(const Interval *every);
extern bool HasRun(const Run *run);
extern bool HasCrashed(const Run *run, int64 token);
extern void RecordRun(const Run *run, TimestampTz started, int64 token);
extern bool RecordStart(const Run *run, int64 token);
extern bool RecordFinish(const Run *run, int64 token, bool succeeded);
extern uint64 ForgetRuns(Oid fn_oid, const Interval *older_than);

#endif							/* PGX_RUNS_H */
