/*
 * status.c
 *		Who holds and who waits: the lock manager's answer, with names.
 */
#include "status.h"

#include "access/xlog.h"
#include "funcapi.h"
#include "miscadmin.h"
#include "utils/builtins.h"

PG_FUNCTION_INFO_V1(pgx_lock_status);

/* What was looked up for the last row, since rows come in runs. */
typedef struct Last
{
	char		namespace[PGX_NAMESPACE_MAX + 1];
	bool		sees;
	Oid			roleid;
	char	   *role;			/* NULL: dropped */
} Last;

/*
 * RoleName(last, roleid) - its name, or NULL
 */
static char *
RoleName(Last *last, Oid roleid)
{
	if (last->roleid != roleid)
	{
		last->role = GetUserNameFromId(roleid, true);
		last->roleid = roleid;
	}
	return last->role;
}

/*
 * Sees(last, namespace, fn_oid) - SeesNamespace()
 */
static bool
Sees(Last *last, const char *namespace, Oid fn_oid)
{
	if (strcmp(last->namespace, namespace) != 0)
	{
		last->sees = SeesNamespace(namespace, fn_oid);
		strlcpy(last->namespace, namespace, sizeof(last->namespace));
	}
	return last->sees;
}

enum
{
	COL_NAMESPACE, COL_KEY, COL_LOCK_ID, COL_MODE, COL_SCOPE, COL_GRANTED,
	COL_TOKEN, COL_PID, COL_ROLE, COL_APPLICATION, COL_ADDR, COL_SINCE,
	COL_WAITERS, COL_QUEUE_POSITION,
	COL_PERMIT, COL_PERMITS, COL_DELAYED_UNTIL, COL_BLOCKED_BY, /* 0.2.0 */
	NUM_COLS
};

/*
 * FillRow(...) - the columns that a holder and a waiter have in common
 */
static void
FillRow(Datum *values, bool *nulls, const Note *note, const SlotNote *who,
		const char *role, bool sees)
{
	const LockEntry *entry = &note->entry;

	values[COL_NAMESPACE] = CStringGetTextDatum(note->bytes);
	values[COL_LOCK_ID] = Int64GetDatum(entry->id);
	values[COL_SCOPE] = CStringGetTextDatum(entry->xact ?
											"transaction" : "session");
	values[COL_TOKEN] = Int64GetDatum(entry->token);
	nulls[COL_TOKEN] = entry->token == 0;
	values[COL_PID] = Int32GetDatum(note->key.pid);
	nulls[COL_ROLE] = role == NULL;
	if (role != NULL)
		values[COL_ROLE] = CStringGetTextDatum(role);
	values[COL_SINCE] = TimestampTzGetDatum(entry->since);
	nulls[COL_SINCE] = entry->since == 0;
	values[COL_PERMIT] = Int32GetDatum(entry->lockclass - PGX_CLASS_PERMIT);
	nulls[COL_PERMIT] = entry->lockclass <= PGX_CLASS_PERMIT;
	values[COL_PERMITS] = Int32GetDatum(entry->permits);
	nulls[COL_PERMITS] = entry->permits == 0;
	values[COL_DELAYED_UNTIL] = TimestampTzGetDatum(entry->until);
	nulls[COL_DELAYED_UNTIL] = entry->until == 0 ||
		entry->state != ENTRY_WAITING;
	if (!sees)
	{
		nulls[COL_KEY] = nulls[COL_APPLICATION] = nulls[COL_ADDR] = true;
		nulls[COL_LOCK_ID] = true;
		return;
	}
	values[COL_KEY] =
		PointerGetDatum(cstring_to_text_with_len(note->bytes +
												 entry->nslen + 1,
												 entry->keylen));
	values[COL_APPLICATION] = CStringGetTextDatum(who->application_name);
	values[COL_ADDR] = who->addr;
	nulls[COL_ADDR] = !who->has_addr;
}

/*
 * FillWaiter(values, nulls, crowd, lock) - the columns of one who waits
 */
static void
FillWaiter(Datum *values, bool *nulls, Crowd *crowd,
		   const LockInstanceData *lock)
{
	values[COL_QUEUE_POSITION] = Int32GetDatum(QueuePosition(crowd, lock));
	nulls[COL_QUEUE_POSITION] = false;
	if (lock->waitLockMode == NoLock &&
		lock->locktag.locktag_field4 == PGX_CLASS_GATE)
	{
		values[COL_BLOCKED_BY] = PermitHolders(crowd);
		nulls[COL_BLOCKED_BY] = false;
	}
}

/*
 * _lock_status() - all holders and waiters of our locks in this database
 */
Datum
pgx_lock_status(PG_FUNCTION_ARGS)
{
	ReturnSetInfo *rsinfo = (ReturnSetInfo *) fcinfo->resultinfo;
	LockData   *locks;
	Notes		notes;
	HTAB	   *crowds;
	Last		last = {{0}};
	MemoryContext row;
	MemoryContext old;

	InitMaterializedSRF(fcinfo, 0);
	if (RecoveryInProgress())
		return (Datum) 0;
	AttachShared();
	locks = GetLockStatusData();
	TakeNotes(&notes);
	crowds = GatherCrowds(locks, &notes);
	row = AllocSetContextCreate(CurrentMemoryContext, "pg_exclusive row",
								ALLOCSET_SMALL_SIZES);
	for (int i = 0; i < locks->nelements; i++)
	{
		const LockInstanceData *lock = &locks->locks[i];
		Note	   *note = IsOurs(lock) ? FindNote(&notes, lock) : NULL;
		bool		granted;
		const char *role;
		bool		sees;
		Crowd	   *crowd;
		Datum		values[NUM_COLS];
		bool		nulls[NUM_COLS] = {0};

		if (note == NULL)
			continue;
		granted = IsHolder(lock, &note->entry);
		role = RoleName(&last, note->entry.roleid);
		sees = Sees(&last, note->bytes, fcinfo->flinfo->fn_oid);
		old = MemoryContextSwitchTo(row);
		FillRow(values, nulls, note, &notes.slots[note->slot], role, sees);
		values[COL_GRANTED] = BoolGetDatum(granted);
		values[COL_MODE] = CStringGetTextDatum(note->entry.mode == ShareLock ?
											   "shared" : "exclusive");
		MemoryContextSwitchTo(old);
		crowd = CrowdOf(crowds, &lock->locktag);
		values[COL_WAITERS] = Int32GetDatum(crowd ? crowd->waiters : 0);
		nulls[COL_QUEUE_POSITION] = nulls[COL_BLOCKED_BY] = true;
		if (!granted)
			FillWaiter(values, nulls, crowd, lock);
		tuplestore_putvalues(rsinfo->setResult, rsinfo->setDesc, values,
							 nulls);
		MemoryContextReset(row);
	}
	return (Datum) 0;
}
