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
#include "utils/builtins.h"
#include "utils/fmgrprotos.h"

typedef struct NoteKey
{
	int64		id;
	int32		pid;
	uint32		lockclass;
} NoteKey;

typedef struct NoteElement
{
	NoteKey		key;
	Note	   *note;
	char		status;
} NoteElement;

/* An id is a hash already. */
#define SH_PREFIX notes
#define SH_ELEMENT_TYPE NoteElement
#define SH_KEY_TYPE NoteKey
#define SH_KEY key
#define SH_HASH_KEY(table, key) \
	((uint32) (key).id ^ (uint32) (key).pid ^ (key).lockclass)
#define SH_EQUAL(table, a, b) \
	((a).id == (b).id && (a).pid == (b).pid && (a).lockclass == (b).lockclass)
#define SH_SCOPE static inline
#define SH_DECLARE
#define SH_DEFINE
#include "lib/simplehash.h"

/*
 * NoteSlot(notes, slot) - the backend whose entries come, one after another
 */
static const SlotNote *
NoteSlot(Notes *notes, const BackendSlot *slot)
{
	SlotNote   *who;

	if (notes->nslots > 0 && notes->slots[notes->nslots - 1].pid == slot->pid)
		return &notes->slots[notes->nslots - 1];
	who = &notes->slots[notes->nslots++];
	who->pid = slot->pid;
	who->application_name = CStringGetTextDatum(slot->application_name);
	who->has_addr = slot->has_addr;
	if (slot->has_addr)
		who->addr = DirectFunctionCall1(inet_in,
										CStringGetDatum(slot->addr));
	return who;
}

static void
TakeNote(const LockEntry *entry, const LockName *name,
		 const BackendSlot *slot, void *arg)
{
	Notes	   *notes = arg;
	NoteKey		key = {entry->id, slot->pid, entry->lockclass};
	int			len = name->nslen + 1 + name->keylen + 1;
	Note	   *note = MemoryContextAlloc(notes->memory, sizeof(Note) + len);
	bool		found;

	note->who = NoteSlot(notes, slot);
	memcpy(&note->entry, entry, offsetof(LockEntry, name));
	memcpy(note->bytes, name->bytes, len);
	notes_insert(notes->hash, key, &found)->note = note;
}

/*
 * TakeNotes(notes, expected) - all entries of this database, about so many
 */
void
TakeNotes(Notes *notes, int expected)
{
	int			nslots;
	BackendSlot *slots = SharedSlots(&nslots);

	notes->hash = notes_create(CurrentMemoryContext, Max(expected, 64), NULL);
	notes->memory = GenerationContextCreate(CurrentMemoryContext,
											"pg_exclusive notes",
											ALLOCSET_DEFAULT_SIZES);
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
	NoteElement *element;

	key.id = (int64) ((uint64) lock->locktag.locktag_field2 << 32 |
					  lock->locktag.locktag_field3);
	key.pid = lock->pid;
	key.lockclass = lock->locktag.locktag_field4;
	element = notes_lookup(notes->hash, key);
	return element ? element->note : NULL;
}

/*
 * NamespaceInUse(name, interop, plain, pid) - does anybody hold or await a
 * lock in it, as one of an interop namespace or as one of another?
 */
bool
NamespaceInUse(const char *name, bool interop, bool plain, int *pid)
{
	LockData   *locks;
	Notes		notes;

	AttachShared();
	locks = GetLockStatusData();
	TakeNotes(&notes, locks->nelements);
	for (int i = 0; i < locks->nelements; i++)
	{
		const LockInstanceData *lock = &locks->locks[i];
		Note	   *note = IsOurs(lock) ? FindNote(&notes, lock) : NULL;

		if (note != NULL && strcmp(note->bytes, name) == 0 &&
			(note->entry.lockclass == PGX_CLASS_INTEROP ? interop : plain))
		{
			*pid = lock->pid;
			return true;
		}
	}
	return false;
}
