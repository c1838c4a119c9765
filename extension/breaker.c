/*
 * breaker.c
 *		break_lock(): an operator ends the sessions that hold a lock.
 *
 * pg_terminate_backend() decides whether he may.  What else those sessions
 * held is lost with them, so it is named.
 */
#include "pg_exclusive.h"

#include "miscadmin.h"
#include "utils/builtins.h"
#include "utils/fmgrprotos.h"

PG_FUNCTION_INFO_V1(pgx_break_lock);

/* How long to wait for a terminated backend to be gone, in milliseconds. */
#define TERMINATE_TIMEOUT 5000

typedef struct Victim
{
	int64		id;
	int			pid;			/* 0: does not hold it */
	uint16		lockclass;		/* the lock, or a permit of a semaphore */
	StringInfoData others;
} Victim;

static void
DescribeVictim(const LockEntry *entry, const LockName *name,
			   const BackendSlot *slot, void *arg)
{
	Victim	   *victim = arg;

	if (entry->state != ENTRY_HELD)
		return;
	if (entry->id == victim->id)
	{
		victim->pid = slot->pid;
		victim->lockclass = entry->lockclass;
	}
	else
		appendStringInfo(&victim->others, "%s\"%s/%s\"",
						 victim->others.len > 0 ? ", " : "",
						 LockNameNamespace(name), LockNameKey(name));
}

/*
 * Terminate(name, victim, reason) - end one session, and say what is lost
 */
static bool
Terminate(const LockName *name, Victim *victim, const char *reason)
{
	if (!DatumGetBool(DirectFunctionCall2(pg_terminate_backend,
										  Int32GetDatum(victim->pid),
										  Int64GetDatum(TERMINATE_TIMEOUT))))
		return false;
	ereport(LOG,
			(errmsg("lock \"%s/%s\" was broken by role \"%s\": %s",
					LockNameNamespace(name), LockNameKey(name),
					GetUserNameFromId(GetOuterUserId(), false), reason),
			 errdetail("Terminated process %d; other locks lost with it: %s.",
					   victim->pid,
					   victim->others.len > 0 ? victim->others.data : "none")));
	if (victim->others.len > 0)
		ereport(NOTICE,
				(errmsg("process %d also held %s", victim->pid,
						victim->others.data)));
	return true;
}

/*
 * BreakOne(name, slots, procno, reason) - one backend, if it is a holder
 */
static bool
BreakOne(const LockName *name, BackendSlot *slots, int procno,
		 const char *reason)
{
	Victim		victim = {name->id, 0};

	initStringInfo(&victim.others);
	VisitEntries(&slots[procno], 0, true, DescribeVictim, &victim);
	return victim.pid != 0 && IsHeldBy(name, victim.lockclass, procno) &&
		Terminate(name, &victim, reason);
}

/*
 * break_lock(namespace, key, reason) - how many sessions were terminated
 */
Datum
pgx_break_lock(PG_FUNCTION_ARGS)
{
	LockName	name;
	char	   *reason;
	Namespace  *ns;
	int			nslots;
	BackendSlot *slots;
	int			broken = 0;

	CheckNotStandby("break_lock()");
	LockNameArgs(&name, fcinfo);
	reason = text_to_cstring(RequiredTextArg(fcinfo, 2, "reason"));
	AttachShared();
	ns = LookupNamespace(name.bytes, name.nslen, fcinfo->flinfo->fn_oid);
	CheckNamespaceRole(ns);
	if (FindHold(&name) != NULL)
		ereport(ERROR,
				(errcode(ERRCODE_OBJECT_IN_USE),
				 errmsg("lock \"%s/%s\" is held by this session",
						LockNameNamespace(&name), LockNameKey(&name)),
				 errhint("Use unlock().")));
	slots = SharedSlots(&nslots);
	for (int i = 0; i < nslots; i++)
		broken += BreakOne(&name, slots, i, reason);
	PG_RETURN_INT32(broken);
}
