/*
 * status.c
 *		Who holds and who waits: the lock manager's answer, with names.
 *
 * The lock manager is read first, the entries after it.  A lock without an
 * entry has gone in between, an entry without a lock never was or is no more;
 * neither is shown.
 */
#include "pg_exclusive.h"

#include "access/xlog.h"
#include "catalog/pg_authid.h"
#include "funcapi.h"
#include "miscadmin.h"
#include "utils/acl.h"
#include "utils/builtins.h"
#include "utils/fmgrprotos.h"
#include "utils/hsearch.h"

PG_FUNCTION_INFO_V1(pgx_lock_status);

typedef struct NoteKey
{
	int64		id;
	int32		pid;
	uint32		lockclass;
} NoteKey;

/* An entry, kept until we have the lock manager's word for it. */
typedef struct Note
{
	NoteKey		key;
	LockEntry	entry;
	char	   *bytes;			/* "namespace NUL key NUL" */
	int			slot;			/* in Notes.slots */
} Note;

typedef struct SlotNote
{
	int			pid;
	char		application_name[NAMEDATALEN];
	Datum		addr;
	bool		has_addr;
} SlotNote;

typedef struct Notes
{
	HTAB	   *hash;
	SlotNote   *slots;
	int			nslots;
} Notes;

typedef struct Waiting
{
	LOCKTAG		tag;			/* hash key */
	int			waiters;
	int		   *pids;			/* the queue, read when first asked for */
	int			npids;
} Waiting;

static void
TakeNote(const LockEntry *entry, const LockName *name,
		 const BackendSlot *slot, void *arg)
{
	Notes	   *notes = arg;
	SlotNote   *who;
	NoteKey		key = {entry->id, slot->pid, entry->lockclass};
	Note	   *note;
	bool		found;

	if (notes->nslots == 0 || notes->slots[notes->nslots - 1].pid != slot->pid)
	{
		who = &notes->slots[notes->nslots++];
		who->pid = slot->pid;
		strlcpy(who->application_name, slot->application_name, NAMEDATALEN);
		who->has_addr = slot->has_addr;
		if (slot->has_addr)
			who->addr = DirectFunctionCall1(inet_in,
											CStringGetDatum(slot->addr));
	}
	note = hash_search(notes->hash, &key, HASH_ENTER, &found);
	memcpy(&note->entry, entry, offsetof(LockEntry, name));
	note->bytes = palloc(name->nslen + 1 + name->keylen + 1);
	memcpy(note->bytes, name->bytes, name->nslen + 1 + name->keylen + 1);
	note->slot = notes->nslots - 1;
}

/*
 * TakeNotes(notes) - all entries of this database
 */
static void
TakeNotes(Notes *notes)
{
	HASHCTL		ctl = {0};
	int			nslots;
	BackendSlot *slots = SharedSlots(&nslots);

	ctl.keysize = sizeof(NoteKey);
	ctl.entrysize = sizeof(Note);
	ctl.hcxt = CurrentMemoryContext;
	notes->hash = hash_create("pg_exclusive notes", 1024, &ctl,
							  HASH_ELEM | HASH_BLOBS | HASH_CONTEXT);
	notes->slots = palloc(nslots * sizeof(SlotNote));
	notes->nslots = 0;
	for (int i = 0; i < nslots; i++)
		VisitEntries(&slots[i], 0, true, TakeNote, notes);
}

static inline bool
IsOurs(const LockInstanceData *lock)
{
	uint16		lockclass = lock->locktag.locktag_field4;

	return lock->locktag.locktag_type == LOCKTAG_ADVISORY &&
		lock->locktag.locktag_field1 == MyDatabaseId &&
		(lockclass == PGX_CLASS_LOCK || lockclass == PGX_CLASS_INTEROP ||
		 lockclass == PGX_CLASS_GATE ||
		 (lockclass > PGX_CLASS_PERMIT &&
		  lockclass <= PGX_CLASS_PERMIT + PGX_PERMITS_MAX));
}

static Note *
FindNote(const Notes *notes, const LockInstanceData *lock)
{
	NoteKey		key;

	key.id = (int64) ((uint64) lock->locktag.locktag_field2 << 32 |
					  lock->locktag.locktag_field3);
	key.pid = lock->pid;
	key.lockclass = lock->locktag.locktag_field4;
	return hash_search(notes->hash, &key, HASH_FIND, NULL);
}

/*
 * CountWaiters(locks) - a hash of those locks that somebody waits for
 */
static HTAB *
CountWaiters(const LockData *locks)
{
	HASHCTL		ctl = {0};
	HTAB	   *hash;

	ctl.keysize = sizeof(LOCKTAG);
	ctl.entrysize = sizeof(Waiting);
	ctl.hcxt = CurrentMemoryContext;
	hash = hash_create("pg_exclusive waiters", 64, &ctl,
					   HASH_ELEM | HASH_BLOBS | HASH_CONTEXT);
	for (int i = 0; i < locks->nelements; i++)
	{
		const LockInstanceData *lock = &locks->locks[i];
		Waiting    *waiting;
		bool		found;

		if (lock->waitLockMode == NoLock || !IsOurs(lock))
			continue;
		waiting = hash_search(hash, &lock->locktag, HASH_ENTER, &found);
		if (!found)
		{
			waiting->waiters = 0;
			waiting->pids = NULL;
		}
		waiting->waiters++;
	}
	return hash;
}

/*
 * QueuePosition(waiting, pid) - counted from 1, or 0 if it is gone
 */
static int
QueuePosition(Waiting *waiting, int pid)
{
	if (waiting->pids == NULL)
	{
		waiting->pids = palloc(MaxBackends * sizeof(int));
		waiting->npids = PeekQueue(&waiting->tag, waiting->pids, MaxBackends);
	}
	for (int i = 0; i < waiting->npids; i++)
	{
		if (waiting->pids[i] == pid)
			return i + 1;
	}
	return 0;
}

/*
 * RoleName(roleid) - as text; remembered, since rows come in runs
 */
static Datum
RoleName(Oid roleid, bool *isnull)
{
	static Oid	last = InvalidOid;
	static char name[NAMEDATALEN];

	if (roleid != last)
	{
		char	   *found = GetUserNameFromId(roleid, true);

		last = InvalidOid;
		if (found == NULL)
		{
			*isnull = true;
			return (Datum) 0;
		}
		strlcpy(name, found, sizeof(name));
		pfree(found);
		last = roleid;
	}
	return CStringGetTextDatum(name);
}

/*
 * Sees(namespace, fn_oid) - SeesNamespace(), remembered for the last one
 */
typedef struct LastSeen
{
	char		name[PGX_NAMESPACE_MAX + 1];
	bool		sees;
} LastSeen;

static bool
Sees(LastSeen *last, const char *name, Oid fn_oid)
{
	if (strcmp(last->name, name) != 0)
	{
		last->sees = SeesNamespace(name, fn_oid);
		strlcpy(last->name, name, sizeof(last->name));
	}
	return last->sees;
}

enum
{
	COL_NAMESPACE, COL_KEY, COL_LOCK_ID, COL_MODE, COL_SCOPE, COL_GRANTED,
	COL_TOKEN, COL_PID, COL_ROLE, COL_APPLICATION, COL_ADDR, COL_SINCE,
	COL_WAITERS, COL_QUEUE_POSITION,
	COL_PERMIT, COL_PERMITS, COL_DELAYED_UNTIL,		/* since 0.2.0 */
	NUM_COLS
};

/*
 * FillRow(...) - the columns that a holder and a waiter have in common
 */
static void
FillRow(Datum *values, bool *nulls, const Note *note, const SlotNote *who,
		bool sees)
{
	const LockEntry *entry = &note->entry;

	values[COL_NAMESPACE] = CStringGetTextDatum(note->bytes);
	values[COL_LOCK_ID] = Int64GetDatum(entry->id);
	values[COL_SCOPE] = CStringGetTextDatum(entry->xact ?
											"transaction" : "session");
	values[COL_TOKEN] = Int64GetDatum(entry->token);
	nulls[COL_TOKEN] = entry->token == 0;
	values[COL_PID] = Int32GetDatum(note->key.pid);
	values[COL_ROLE] = RoleName(entry->roleid, &nulls[COL_ROLE]);
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
 * IsHolder(lock, entry) - or does it wait?
 *
 * Who has the lock in the lock manager and still waits sits out a lock_delay,
 * or is the head of a semaphore's queue.
 */
static bool
IsHolder(const LockInstanceData *lock, const LockEntry *entry)
{
	return lock->waitLockMode == NoLock && entry->state != ENTRY_WAITING;
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
	HTAB	   *waiters;
	LastSeen	last = {{0}};

	InitMaterializedSRF(fcinfo, 0);
	if (RecoveryInProgress())
		return (Datum) 0;
	AttachShared();
	locks = GetLockStatusData();
	TakeNotes(&notes);
	waiters = CountWaiters(locks);
	for (int i = 0; i < locks->nelements; i++)
	{
		const LockInstanceData *lock = &locks->locks[i];
		Note	   *note = IsOurs(lock) ? FindNote(&notes, lock) : NULL;
		bool		granted;
		Waiting    *waiting;
		Datum		values[NUM_COLS];
		bool		nulls[NUM_COLS] = {0};

		if (note == NULL)
			continue;
		granted = IsHolder(lock, &note->entry);
		FillRow(values, nulls, note, &notes.slots[note->slot],
				Sees(&last, note->bytes, fcinfo->flinfo->fn_oid));
		values[COL_GRANTED] = BoolGetDatum(granted);
		values[COL_MODE] = CStringGetTextDatum(note->entry.mode == ShareLock ?
											   "shared" : "exclusive");
		waiting = hash_search(waiters, &lock->locktag, HASH_FIND, NULL);
		values[COL_WAITERS] = Int32GetDatum(waiting ? waiting->waiters : 0);
		values[COL_QUEUE_POSITION] =
			Int32GetDatum(lock->waitLockMode == NoLock ? 0 :
						  QueuePosition(waiting, lock->pid));
		nulls[COL_QUEUE_POSITION] = granted;
		tuplestore_putvalues(rsinfo->setResult, rsinfo->setDesc, values,
							 nulls);
	}
	return (Datum) 0;
}

/*
 * NamespaceInUse(name, pid) - does anybody hold or await a lock in it?
 */
bool
NamespaceInUse(const char *name, int *pid)
{
	LockData   *locks;
	Notes		notes;

	AttachShared();
	locks = GetLockStatusData();
	TakeNotes(&notes);
	for (int i = 0; i < locks->nelements; i++)
	{
		const LockInstanceData *lock = &locks->locks[i];
		Note	   *note = IsOurs(lock) ? FindNote(&notes, lock) : NULL;

		if (note != NULL && strcmp(note->bytes, name) == 0)
		{
			*pid = lock->pid;
			return true;
		}
	}
	return false;
}
