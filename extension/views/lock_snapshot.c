/*
 * lock_snapshot.c
 *		Copies of all backends' entries, to be joined with the locks.
 *
 * The lock manager is read first, the entries after it.  A lock without an
 * entry has gone in between.  An entry without a lock never was one, or is one
 * no more.  Neither counts.
 */
#include "views/views.h"

#include "miscadmin.h"
#include "utils/builtins.h"
#include "utils/fmgrprotos.h"

typedef struct EntryCopyKey
{
	int64		id;
	int32		pid;
	uint32		lockclass;
} EntryCopyKey;

typedef struct EntryCopyElement
{
	EntryCopyKey key;
	EntryCopy  *copy;
	char		status;
} EntryCopyElement;

/* An id is a hash already. */
#define SH_PREFIX entries
#define SH_ELEMENT_TYPE EntryCopyElement
#define SH_KEY_TYPE EntryCopyKey
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
 * AddSlotCopy(snapshot, slot) - the backend whose entries come now
 */
static const SlotCopy *
AddSlotCopy(EntrySnapshot *snapshot, const BackendSlot *slot)
{
	SlotCopy   *who = &snapshot->slots[snapshot->nslots - 1];

	if (snapshot->nslots > 0 && who->pid == slot->pid)
		return who;
	who = &snapshot->slots[snapshot->nslots++];
	who->pid = slot->pid;
	who->application_name = CStringGetTextDatum(slot->application_name);
	who->has_addr = slot->has_addr;
	if (slot->has_addr)
		who->addr = DirectFunctionCall1(inet_in,
										CStringGetDatum(slot->addr));
	return who;
}

static void
AddEntryCopy(const LockEntry *entry, const LockName *name,
			 const BackendSlot *slot, void *arg)
{
	EntrySnapshot *snapshot = arg;
	EntryCopyKey key = {entry->id, slot->pid, entry->lockclass};
	int			len = name->nslen + 1 + name->keylen + 1;
	EntryCopy  *copy;
	bool		found;

	copy = MemoryContextAlloc(snapshot->memory, sizeof(EntryCopy) + len);
	copy->who = AddSlotCopy(snapshot, slot);
	memcpy(&copy->entry, entry, offsetof(LockEntry, name));
	memcpy(copy->bytes, name->bytes, len);
	entries_insert(snapshot->hash, key, &found)->copy = copy;
}

/*
 * SnapshotEntries(snapshot, expected) - copy all entries of this database
 *
 * There are about so many as expected.
 */
void
SnapshotEntries(EntrySnapshot *snapshot, int expected)
{
	int			nslots;
	BackendSlot *slots = SharedSlots(&nslots);

	snapshot->hash = entries_create(CurrentMemoryContext, Max(expected, 64),
									NULL);
	snapshot->memory = GenerationContextCreate(CurrentMemoryContext,
											   "pg_exclusive snapshot",
											   ALLOCSET_DEFAULT_SIZES);
	snapshot->slots = palloc(nslots * sizeof(SlotCopy));
	snapshot->nslots = 0;
	for (int i = 0; i < nslots; i++)
		VisitEntries(&slots[i], 0, true, AddEntryCopy, snapshot);
}

/*
 * IsOurLock(lock) - is it one of this extension, in this database?
 */
static bool
IsOurLock(const LockInstanceData *lock)
{
	uint16		lockclass = lock->locktag.locktag_field4;

	return lock->locktag.locktag_type == LOCKTAG_ADVISORY &&
		lock->locktag.locktag_field1 == MyDatabaseId &&
		(lockclass == PGX_CLASS_LOCK || lockclass == PGX_CLASS_INTEROP ||
		 lockclass == PGX_CLASS_GATE ||
		 (lockclass > PGX_CLASS_PERMIT &&
		  lockclass <= PGX_CLASS_PERMIT + PGX_PERMITS_MAX));
}

/*
 * FindEntryCopy(snapshot, lock) - what its backend says of a lock, or NULL
 *
 * Also NULL when the lock is not ours.
 */
EntryCopy *
FindEntryCopy(const EntrySnapshot *snapshot, const LockInstanceData *lock)
{
	EntryCopyKey key;
	EntryCopyElement *element;

	if (!IsOurLock(lock))
		return NULL;
	key.id = (int64) ((uint64) lock->locktag.locktag_field2 << 32 |
					  lock->locktag.locktag_field3);
	key.pid = lock->pid;
	key.lockclass = lock->locktag.locktag_field4;
	element = entries_lookup(snapshot->hash, key);
	return element ? element->copy : NULL;
}

/* A namespace, and whether it has a lease. */
typedef struct LeasedNamespace
{
	const char *name;
	bool		leased;
} LeasedNamespace;

static void
FindLeased(const LeaseCopy *copy, void *arg)
{
	LeasedNamespace *ns = arg;

	if (strcmp(copy->name.bytes, ns->name) == 0)
		ns->leased = true;
}

/*
 * NamespaceInUse(name, interop, plain, pid) - does anybody hold or await a
 * lock in it, as one of an interop namespace or as one of another?
 *
 * *pid is 0 when it is a lease.  Leases come last, for a lease is written
 * before its lock is released.
 */
bool
NamespaceInUse(const char *name, bool interop, bool plain, int *pid)
{
	LockData   *locks;
	EntrySnapshot snapshot;
	LeasedNamespace leased = {name, false};

	AttachShared();
	locks = GetLockStatusData();
	SnapshotEntries(&snapshot, locks->nelements);
	for (int i = 0; i < locks->nelements; i++)
	{
		const LockInstanceData *lock = &locks->locks[i];
		EntryCopy  *copy = FindEntryCopy(&snapshot, lock);

		if (copy != NULL && strcmp(copy->bytes, name) == 0 &&
			(copy->entry.lockclass == PGX_CLASS_INTEROP ? interop : plain))
		{
			*pid = lock->pid;
			return true;
		}
	}
	*pid = 0;
	if (plain)
		VisitLeases(FindLeased, &leased);
	return leased.leased;
}
