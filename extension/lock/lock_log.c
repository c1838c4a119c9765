/*
 * lock_log.c
 *		Lines in the server's log about waits and holds that were long.
 *
 * pg_exclusive.log_min_wait and pg_exclusive.log_min_hold work like
 * log_min_duration_statement.  Some holds end after their transaction has
 * committed, where an error would be a PANIC.  So nothing here looks anything
 * up.  It only formats what is at hand, as the server itself does for warnings
 * at that point.
 */
#include "lock/lock.h"

#include "miscadmin.h"

static const char *const wait_ends[] = {
	[WAIT_GRANTED] = "granted",
	[WAIT_TIMED_OUT] = "timed out",
	[WAIT_FAILED] = "canceled"
};

static const char *const hold_ends[] = {
	[HOLD_UNLOCKED] = "unlock",
	[HOLD_COMMITTED] = "commit",
	[HOLD_ROLLED_BACK] = "rollback",
	[HOLD_SESSION_ENDED] = "session end",
	[HOLD_LOST] = "loss",
	[HOLD_EXPIRED] = "expiry",
	[HOLD_BROKEN] = "break"
};

/*
 * IsLong(span, limit) - is it to be logged?  The limit is in milliseconds.
 */
static bool
IsLong(int64 span, int limit)
{
	return limit >= 0 && span >= limit * INT64CONST(1000);
}

/* The role that asked for the last lock, looked up while that was possible. */
static Oid	role;
static char role_name[NAMEDATALEN];

/*
 * NoteRole(hold) - look up whose hold this will be, if it may be logged
 */
void
NoteRole(const Hold *hold)
{
	if (likely(pgx_log_min_hold < 0 && pgx_log_min_wait < 0) ||
		role == hold->entry->roleid)
		return;
	role = hold->entry->roleid;
	strlcpy(role_name, GetUserNameFromId(role, false), NAMEDATALEN);
}

/*
 * Detail(hold) - of which kind it is, and whose
 */
static int
Detail(const Hold *hold)
{
	const BackendSlot *slot = MySlot();

	return errdetail("Mode %s, scope %s, token " INT64_FORMAT ", role \"%s\", client %s, application \"%s\".",
					 hold->permit ? "permit" :
					 hold->mode == ShareLock ? "shared" : "exclusive",
					 hold->xact ? "transaction" : "session", hold->token,
					 role == hold->entry->roleid ? role_name : "",
					 slot->has_addr ? slot->addr : "local",
					 slot->application_name);
}

/*
 * LogWait(hold, why, now) - a wait has ended
 */
void
LogWait(const Hold *hold, WaitEnd why, TimestampTz now)
{
	int64		span = now - hold->waiting_since;
	LockName	name;

	if (likely(!IsLong(span, pgx_log_min_wait)))
		return;
	CopyEntryName(hold->entry, &name);
	ereport(LOG,
			(errmsg("wait for lock \"%s/%s\" ended after %.3f ms: %s",
					LockNameNamespace(&name), LockNameKey(&name),
					span / 1000.0, wait_ends[why]),
			 Detail(hold), errhidestmt(true), errhidecontext(true)));
}

/*
 * LogHold(hold, why, now) - a hold has ended
 */
void
LogHold(const Hold *hold, HoldEnd why, TimestampTz now)
{
	int64		span = now - hold->granted_at;
	LockName	name;

	if (likely(!IsLong(span, pgx_log_min_hold)))
		return;
	CopyEntryName(hold->entry, &name);
	ereport(LOG,
			(errmsg("hold of lock \"%s/%s\" ended after %.3f ms: %s",
					LockNameNamespace(&name), LockNameKey(&name),
					span / 1000.0, hold_ends[why]),
			 Detail(hold), errhidestmt(true), errhidecontext(true)));
}
