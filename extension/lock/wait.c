/*
 * wait.c
 *		What a waiting session tells others: its entry, the counters, and a
 *		line of context with every message that the server writes meanwhile.
 *
 * BeginWait() is called inside a PG_TRY block, whose end takes the context
 * away again.  A session waits for one lock at a time, so one context is
 * enough.
 */
#include "lock/lock.h"

#include "utils/timestamp.h"

static ErrorContextCallback wait_context;

/*
 * AddHolder(context, hold) - who holds what we wait for, if that is known
 */
static void
AddHolder(StringInfo context, const Hold *hold)
{
	Holder		holder;
	char	   *by;

	if (!FindHolder(&hold->tag, &holder))
		return;
	by = holder.pid == 0 ? "a lease" : psprintf("pid %d", holder.pid);
	if (holder.application_name[0] != '\0')
		by = psprintf("%s (%s)", holder.application_name, by);
	appendStringInfo(context, ", held by %s since %s", by,
					 timestamptz_to_str(holder.since));
}

/*
 * DescribeWait(arg) - the error context callback
 *
 * The server reports waits, cancels and deadlocks with none of its locks in
 * hand, so the holder can be looked up.
 */
static void
DescribeWait(void *arg)
{
	const Hold *hold = arg;
	LockName	name;
	StringInfoData context;

	if (hold->entry->state != ENTRY_WAITING)
		return;
	CopyEntryName(hold->entry, &name);
	initStringInfo(&context);
	appendStringInfo(&context, "%s \"%s/%s\"",
					 hold->permit ? "semaphore" : "lock",
					 LockNameNamespace(&name), LockNameKey(&name));
	if (hold->permit)
		appendStringInfo(&context, " of %d permits", hold->entry->permits);
	else if (!LockModeHeldByMe(&hold->tag, hold->mode))
		AddHolder(&context, hold);
	else if (hold->entry->until != 0)
		appendStringInfo(&context, ", which may be granted from %s on",
						 timestamptz_to_str(hold->entry->until));
	errcontext("%s", context.data);
	pfree(context.data);
}

/*
 * PermitWaitEvent(), LockDelayWaitEvent() - wait_event of pg_stat_activity
 */
uint32
PermitWaitEvent(void)
{
	static uint32 event = 0;

	if (event == 0)
		event = NamedWaitEvent("PgExclusivePermit");
	return event;
}

uint32
LockDelayWaitEvent(void)
{
	static uint32 event = 0;

	if (event == 0)
		event = NamedWaitEvent("PgExclusiveLockDelay");
	return event;
}

uint32
LeaseWaitEvent(void)
{
	static uint32 event = 0;

	if (event == 0)
		event = NamedWaitEvent("PgExclusiveLease");
	return event;
}

/*
 * BeginWait(hold, since) - it is taken, and we wait for it
 */
void
BeginWait(Hold *hold, TimestampTz since)
{
	UpdateEntry(hold->entry, ENTRY_WAITING, 0, since);
	if (hold->waiting_since != 0)
		return;
	hold->waiting_since = since;
	wait_context.callback = DescribeWait;
	wait_context.arg = hold;
	wait_context.previous = error_context_stack;
	error_context_stack = &wait_context;
}

/*
 * EndWait(hold, why) - the wait is over, if there was one
 */
void
EndWait(Hold *hold, WaitEnd why)
{
	TimestampTz now;

	if (hold->waiting_since == 0)
		return;
	now = GetCurrentTimestamp();
	CountTime(hold->ns, SPAN_WAIT, hold->waiting_since, now);
	LogWait(hold, why, now);
	hold->waiting_since = 0;
}
