/*
 * break_lock.c
 *		break_lock(): an operator ends the sessions that hold a lock.
 *
 * pg_terminate_backend() decides whether he may.  What else those sessions
 * held is lost with them, so it is named.  A lease has no session.  Its token
 * dies at once, and the lock stays shut until the deadline that the owner
 * believes in.
 */
#include "lease/lease.h"

#include "catalog/pg_authid.h"
#include "lib/stringinfo.h"
#include "miscadmin.h"
#include "nodes/pg_list.h"
#include "pgstat.h"
#include "storage/latch.h"
#include "utils/acl.h"
#include "utils/builtins.h"
#include "utils/fmgrprotos.h"

PG_FUNCTION_INFO_V1(pgx_break_lock);

/* How long to wait for a terminated backend to be gone, in milliseconds. */
#define TERMINATE_TIMEOUT 5000

/* How often to look whether the holders have given up, in milliseconds. */
#define LOOK_INTERVAL 100

typedef struct Victim
{
	int64		id;
	int			procno;
	int			pid;			/* 0: does not hold it */
	int64		token;
	uint16		lockclass;		/* the lock, or a permit of a semaphore */
	Oid			fn_oid;
	StringInfoData others;		/* for the log */
	StringInfoData seen;		/* for the caller, masked */
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
		victim->token = entry->token;
		victim->lockclass = entry->lockclass;
	}
	else
	{
		appendStringInfo(&victim->others, "%s\"%s/%s\"",
						 victim->others.len > 0 ? ", " : "",
						 LockNameNamespace(name), LockNameKey(name));
		if (SeesNamespace(LockNameNamespace(name), victim->fn_oid))
			appendStringInfo(&victim->seen, "%s\"%s/%s\"",
							 victim->seen.len > 0 ? ", " : "",
							 LockNameNamespace(name), LockNameKey(name));
		else
			appendStringInfo(&victim->seen, "%sa lock in \"%s\"",
							 victim->seen.len > 0 ? ", " : "",
							 LockNameNamespace(name));
	}
}

/*
 * Terminate(name, victim, reason) - end one session, and say what is lost
 */
static bool
Terminate(const LockName *name, Victim *victim, const char *reason)
{
	int			nslots;

	/* for its log; without effect when it lives on, but ends otherwise */
	SharedSlots(&nslots)[victim->procno].broken_pid = victim->pid;
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
	if (victim->seen.len > 0)
		ereport(NOTICE,
				(errmsg("process %d also held %s", victim->pid,
						victim->seen.data)));
	return true;
}

/*
 * FindVictim(name, procno, fn_oid) - this backend, if it holds the lock
 */
static Victim *
FindVictim(const LockName *name, int procno, Oid fn_oid)
{
	Victim	   *victim = palloc0(sizeof(Victim));
	int			nslots;

	victim->id = name->id;
	victim->procno = procno;
	victim->fn_oid = fn_oid;
	initStringInfo(&victim->others);
	initStringInfo(&victim->seen);
	VisitEntries(&SharedSlots(&nslots)[procno], 0, true, DescribeVictim,
				 victim);
	if (victim->pid != 0 && IsHeldBy(name, victim->lockclass, procno))
		return victim;
	pfree(victim->others.data);
	pfree(victim->seen.data);
	pfree(victim);
	return NULL;
}

/*
 * FindVictims(name, fn_oid) - all who hold it now
 *
 * All at once, before the first is terminated: who is granted the lock after
 * that is none of them.
 */
static List *
FindVictims(const LockName *name, Oid fn_oid)
{
	List	   *victims = NIL;
	int			nslots;

	(void) SharedSlots(&nslots);
	for (int i = 0; i < nslots; i++)
	{
		Victim	   *victim = FindVictim(name, i, fn_oid);

		if (victim != NULL)
			victims = lappend(victims, victim);
	}
	return victims;
}

/*
 * IsStillThere(name, victim) - does it have the same grant?
 */
static bool
IsStillThere(const LockName *name, const Victim *victim)
{
	const Victim *now = FindVictim(name, victim->procno,
								   victim->fn_oid);

	return now != NULL && now->pid == victim->pid &&
		now->token == victim->token;
}

/*
 * FindLeaseToken(name) - the lease to be broken, or 0; 42501 when the caller
 * may not
 *
 * The rules are those of pg_terminate_backend().
 */
static int64
FindLeaseToken(const LockName *name)
{
	LeaseCopy	copy;
	Oid			owner;

	if (!CopyLease(name->id, &copy) || copy.state != LEASE_HELD)
		return 0;
	owner = copy.owner.roleid;
	if (superuser_arg(owner) ? !superuser() :
		(!has_privs_of_role(GetUserId(), owner) &&
		 !has_privs_of_role(GetUserId(), ROLE_PG_SIGNAL_BACKEND)))
		ereport(ERROR,
				(errcode(ERRCODE_INSUFFICIENT_PRIVILEGE),
				 errmsg("permission denied to break the lease of lock \"%s/%s\"",
						LockNameNamespace(name), LockNameKey(name)),
				 errhint("You need the privileges of its owner, or of pg_signal_backend when the owner is no superuser.")));
	return copy.owner.token;
}

static bool
EndLease(const LockName *name, int64 token, const char *reason)
{
	if (token == 0 || !BreakLease(name, token))
		return false;
	ereport(LOG,
			(errmsg("lease of lock \"%s/%s\" was broken by role \"%s\": %s",
					LockNameNamespace(name), LockNameKey(name),
					GetUserNameFromId(GetOuterUserId(), false), reason)));
	return true;
}

/*
 * IsAnyLeft(name, victims, token) - of the holders that were found?
 */
static bool
IsAnyLeft(const LockName *name, List *victims, int64 token)
{
	LeaseCopy	copy;
	ListCell   *lc;

	if (token != 0 && CopyLease(name->id, &copy) && copy.owner.token == token)
		return true;
	foreach(lc, victims)
	{
		if (IsStillThere(name, lfirst(lc)))
			return true;
	}
	return false;
}

/*
 * WaitForYield(name, victims, token, wait) - until the holders have given up,
 * or the time is over
 */
static void
WaitForYield(const LockName *name, List *victims, int64 token, int64 wait)
{
	TimestampTz since = GetCurrentTimestamp();

	while (IsAnyLeft(name, victims, token))
	{
		int64		left = MillisecondsLeft(since, wait);

		if (left <= 0)
			return;
		(void) WaitLatch(MyLatch,
						 WL_LATCH_SET | WL_TIMEOUT | WL_EXIT_ON_PM_DEATH,
						 Min(left, LOOK_INTERVAL), PG_WAIT_EXTENSION);
		ResetLatch(MyLatch);
		CHECK_FOR_INTERRUPTS();
	}
}

/*
 * break_lock(namespace, key, reason, after) - how many holders were ended
 */
Datum
pgx_break_lock(PG_FUNCTION_ARGS)
{
	LockName	name;
	char	   *reason;
	int64		after = PG_ARGISNULL(3) ? 0 : WaitArg(fcinfo, 3);
	List	   *victims;
	int64		token;
	ListCell   *lc;
	int			broken = 0;

	CheckNotStandby("break_lock()");
	LockNameArgs(&name, fcinfo);
	reason = text_to_cstring(RequiredTextArg(fcinfo, 2, "reason"));
	AttachShared();
	CheckNamespaceRole(LookupNamespace(name.bytes, name.nslen,
									   fcinfo->flinfo->fn_oid));
	if (FindHold(&name) != NULL)
		ereport(ERROR,
				(errcode(ERRCODE_OBJECT_IN_USE),
				 errmsg("lock \"%s/%s\" is held by this session",
						LockNameNamespace(&name), LockNameKey(&name)),
				 errhint("Use unlock().")));
	token = FindLeaseToken(&name);
	victims = FindVictims(&name, fcinfo->flinfo->fn_oid);
	if (after != 0 && IsAnyLeft(&name, victims, token))
	{
		RequestYield(&name, reason, fcinfo->flinfo->fn_oid);
		WaitForYield(&name, victims, token, after);
	}
	broken += EndLease(&name, token, reason);
	foreach(lc, victims)
	{
		Victim	   *victim = lfirst(lc);

		if (IsStillThere(&name, victim))
			broken += Terminate(&name, victim, reason);
	}
	PG_RETURN_INT32(broken);
}
