/*
 * notes.c
 *		The entries of all backends, noted down to be joined with the locks.
 *
 * The lock manager is read first, the entries after it.  A lock without an
 * entry has gone in between, an entry without a lock never was or is no more;
 * neither counts.
 */
#include "status.h"

#include "miscadmin.h"
#include "utils/fmgrprotos.h"

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

/* An id is a hash already. */
static uint32
HashOfKey(const void *key, Size size)
{
	const NoteKey *note = key;

	return (uint32) note->id ^ (uint32) note->pid ^ note->lockclass;
}

/*
 * TakeNotes(notes) - all entries of this database
 */
void
TakeNotes(Notes *notes)
{
	HASHCTL		ctl = {0};
	int			nslots;
	BackendSlot *slots = SharedSlots(&nslots);

	ctl.keysize = sizeof(NoteKey);
	ctl.entrysize = sizeof(Note);
	ctl.hash = HashOfKey;
	ctl.hcxt = CurrentMemoryContext;
	notes->hash = hash_create("pg_exclusive notes", 1024, &ctl,
							  HASH_ELEM | HASH_FUNCTION | HASH_CONTEXT);
	notes->slots = palloc(nslots * sizeof(SlotNote));
	notes->nslots = 0;
	for (int i = 0; i < nslots; i++)
		VisitEntries(&slots[i], 0, true, TakeNote, notes);
}

bool
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

Note *
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
