/*
 * lock_status.c
 *		Holders and waiters, as the lock manager has them, with names.
 */
#include "views/views.h"

#include "access/xlog.h"
#include "funcapi.h"
#include "miscadmin.h"
#include "utils/builtins.h"
#include "utils/tuplestore.h"

PG_FUNCTION_INFO_V1(pgx_lock_status);

/* Texts that many rows have, made once. */
typedef struct Words
{
	Datum		exclusive;
	Datum		shared;
	Datum		session;
	Datum		transaction;
} Words;

/* What was looked up for the last row, since rows come in runs. */
typedef struct Last
{
	char		namespace[PGX_NAMESPACE_BYTES + 1];
	Datum		namespace_text;
	bool		sees;
	Oid			roleid;
	Datum		role;			/* 0: dropped */
} Last;

/* A row's key: a text with room for the longest. */
typedef union KeyText
{
	char		data[VARHDRSZ + PGX_KEY_BYTES];
	int32		align;
} KeyText;

/*
 * LookUpRole(last, roleid) - its name
 */
static void
LookUpRole(Last *last, Oid roleid)
{
	const char *role;

	if (last->roleid == roleid)
		return;
	role = GetUserNameFromId(roleid, true);
	last->role = role ? CStringGetTextDatum(role) : (Datum) 0;
	last->roleid = roleid;
}

/*
 * LookUpNamespace(last, namespace, fn_oid) - SeesNamespace(), and its text
 */
static void
LookUpNamespace(Last *last, const char *namespace, Oid fn_oid)
{
	if (strcmp(last->namespace, namespace) == 0)
		return;
	last->sees = SeesNamespace(namespace, fn_oid);
	last->namespace_text = CStringGetTextDatum(namespace);
	strlcpy(last->namespace, namespace, sizeof(last->namespace));
}

/*
 * FillRow(...) - the columns that a holder and a waiter have in common
 */
static void
FillRow(Datum *values, bool *nulls, const EntryCopy *copy, const Words *words,
		const Last *last, KeyText *key)
{
	const LockEntry *entry = &copy->entry;
	char	   *reason;

	values[COL_NAMESPACE] = last->namespace_text;
	values[COL_LOCK_ID] = Int64GetDatum(entry->id);
	values[COL_MODE] = entry->mode == ShareLock ? words->shared :
		words->exclusive;
	values[COL_SCOPE] = entry->xact ? words->transaction : words->session;
	values[COL_TOKEN] = Int64GetDatum(entry->token);
	nulls[COL_TOKEN] = entry->token == 0;
	values[COL_PID] = Int32GetDatum(copy->who->pid);
	values[COL_ROLE] = last->role;
	nulls[COL_ROLE] = last->role == (Datum) 0;
	values[COL_SINCE] = TimestampTzGetDatum(entry->since);
	nulls[COL_SINCE] = entry->since == 0;
	values[COL_PERMIT] = Int32GetDatum(entry->lockclass - PGX_CLASS_PERMIT);
	nulls[COL_PERMIT] = entry->lockclass <= PGX_CLASS_PERMIT;
	values[COL_PERMITS] = Int32GetDatum(entry->permits);
	nulls[COL_PERMITS] = entry->permits == 0;
	values[COL_DELAYED_UNTIL] = TimestampTzGetDatum(entry->until);
	nulls[COL_DELAYED_UNTIL] = entry->until == 0 ||
		entry->state != ENTRY_WAITING;
	nulls[COL_YIELD_REQUESTED] = nulls[COL_EXPIRES_AT] = true;
	if (!last->sees)
	{
		nulls[COL_KEY] = nulls[COL_APPLICATION] = nulls[COL_ADDR] = true;
		nulls[COL_LOCK_ID] = true;
		return;
	}
	SET_VARSIZE(key, VARHDRSZ + entry->keylen);
	memcpy(VARDATA(key), copy->bytes + entry->nslen + 1, entry->keylen);
	values[COL_KEY] = PointerGetDatum(key);
	values[COL_APPLICATION] = copy->who->application_name;
	values[COL_ADDR] = copy->who->addr;
	nulls[COL_ADDR] = !copy->who->has_addr;
	reason = YieldReason(entry->id, entry->token);
	nulls[COL_YIELD_REQUESTED] = reason == NULL || entry->token == 0;
	if (reason != NULL)
		values[COL_YIELD_REQUESTED] = CStringGetTextDatum(reason);
}

/*
 * FillWaiter(values, nulls, queue, lock) - the columns of one who waits
 */
static void
FillWaiter(Datum *values, bool *nulls, WaitQueue *queue,
		   const LockInstanceData *lock)
{
	values[COL_QUEUE_POSITION] = Int32GetDatum(QueuePosition(queue, lock));
	nulls[COL_QUEUE_POSITION] = false;
	if (lock->waitLockMode == NoLock &&
		lock->locktag.locktag_field4 == PGX_CLASS_GATE)
	{
		values[COL_BLOCKED_BY] = PermitHolders(queue);
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
	EntrySnapshot snapshot;
	HTAB	   *queues;
	Last		last = {{0}};
	KeyText		key;
	Words		words = {CStringGetTextDatum("exclusive"),
		CStringGetTextDatum("shared"),
		CStringGetTextDatum("session"),
	CStringGetTextDatum("transaction")};

	InitMaterializedSRF(fcinfo, 0);
	if (RecoveryInProgress())
		return (Datum) 0;
	AttachShared();
	locks = GetLockStatusData();
	SnapshotEntries(&snapshot, locks->nelements);
	queues = BuildWaitQueues(locks, &snapshot);
	for (int i = 0; i < locks->nelements; i++)
	{
		const LockInstanceData *lock = &locks->locks[i];
		EntryCopy  *copy = FindEntryCopy(&snapshot, lock);
		bool		granted;
		WaitQueue  *queue;
		Datum		values[NUM_COLS];
		bool		nulls[NUM_COLS] = {0};

		if (copy == NULL)
			continue;
		LookUpRole(&last, copy->entry.roleid);
		LookUpNamespace(&last, copy->bytes, fcinfo->flinfo->fn_oid);
		FillRow(values, nulls, copy, &words, &last, &key);
		granted = IsHolder(lock, &copy->entry);
		values[COL_GRANTED] = BoolGetDatum(granted);
		queue = GetWaitQueue(queues, &lock->locktag);
		values[COL_WAITERS] = Int32GetDatum(queue ? queue->waiters : 0);
		nulls[COL_QUEUE_POSITION] = nulls[COL_BLOCKED_BY] = true;
		if (!granted)
			FillWaiter(values, nulls, queue, lock);
		tuplestore_putvalues(rsinfo->setResult, rsinfo->setDesc, values,
							 nulls);
	}
	AddLeaseRows(rsinfo, queues, fcinfo->flinfo->fn_oid);
	return (Datum) 0;
}
