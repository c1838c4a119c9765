/*
 * entry_write.c
 *		What each backend tells the others about its locks.
 *
 * A backend owns a slot, and entries in chunks that hang off it.  Only the
 * owner writes.  It increments changecount before and after, so that a reader
 * can tell a torn copy (as backend_status.c does for pg_stat_activity).  No
 * lock is taken on either side.  Reading is in entry_read.c.  Memory is taken
 * in ReserveEntry(), before the lock manager is asked.  Publishing and freeing
 * only store through pointers that are already there, and so can be done in
 * callbacks where nothing may fail.
 *
 * Chunks are never given back, and the next backend in the slot uses them
 * again.
 */
#include "shmem/shmem.h"

#include "miscadmin.h"
#include "port/pg_bitutils.h"
#include "utils/backend_status.h"
#include "utils/dsa.h"
#include "utils/guc.h"

#include <arpa/inet.h>
#include <netinet/in.h>

static LockEntry *free_entries;
static int	unclean_entries;	/* of our slot, left by a predecessor */
static bool slot_ready;

/*
 * BeginWrite() and EndWrite() bracket every change that readers may see.
 */
static inline void
BeginWrite(uint32 *changecount)
{
	(*changecount)++;
	pg_write_barrier();
}

static inline void
EndWrite(uint32 *changecount)
{
	pg_write_barrier();
	(*changecount)++;
}

static inline void
PushFree(LockEntry *entry)
{
	entry->next_free = free_entries;
	free_entries = entry;
}

/*
 * ClientAddress(addr, size) - our client's address as text, if it has one
 */
bool
ClientAddress(char *addr, int size)
{
	struct sockaddr_storage *client;
	const void *raw = NULL;

	if (MyBEEntry == NULL)
		return false;
	client = &MyBEEntry->st_clientaddr.addr;
	if (client->ss_family == AF_INET)
		raw = &((struct sockaddr_in *) client)->sin_addr;
	else if (client->ss_family == AF_INET6)
		raw = &((struct sockaddr_in6 *) client)->sin6_addr;
	return raw != NULL &&
		inet_ntop(client->ss_family, raw, addr, size) != NULL;
}

/*
 * AdoptEntries(all) - take the free entries of our slot into our list
 *
 * All of them, or only those whose unclean mark is over.
 */
static void
AdoptEntries(bool all)
{
	int64		now = LeaseClock();

	unclean_entries = 0;
	for (dsa_pointer p = MySlot()->chunks; DsaPointerIsValid(p);)
	{
		EntryChunk *chunk = dsa_get_address(SharedArea(), p);

		for (int i = 0; i < ENTRIES_PER_CHUNK; i++)
		{
			LockEntry  *entry = &chunk->entries[i];

			if (entry->state == ENTRY_UNCLEAN && entry->until > now)
				unclean_entries++;
			else if (all || entry->state == ENTRY_UNCLEAN)
				FreeEntry(entry);
		}
		p = chunk->next;
	}
}

/*
 * TakeSlot() - make our slot ours, with the entries that hang off it
 */
static void
TakeSlot(void)
{
	BackendSlot *slot = MySlot();

	free_entries = NULL;
	AdoptEntries(true);
	BeginWrite(&slot->changecount);
	slot->has_addr = ClientAddress(slot->addr, sizeof(slot->addr));
	slot->application_name[0] = '\0';
	slot->pid = MyProcPid;
	EndWrite(&slot->changecount);
	slot_ready = true;
}

/*
 * RefreshMySlot() - see that our slot says who we are now
 */
static void
RefreshMySlot(void)
{
	BackendSlot *slot = MySlot();
	const char *name = application_name ? application_name : "";

	if (unlikely(!slot_ready))
		TakeSlot();
	if (strcmp(slot->application_name, name) != 0)
	{
		BeginWrite(&slot->changecount);
		strlcpy(slot->application_name, name, NAMEDATALEN);
		EndWrite(&slot->changecount);
	}
}

/*
 * AddChunk() - more entries for our slot, or 53200
 *
 * The chunk is linked in when it is complete, for readers walk the list.
 */
static void
AddChunk(void)
{
	BackendSlot *slot = MySlot();
	dsa_pointer p = dsa_allocate_extended(SharedArea(), sizeof(EntryChunk),
										  DSA_ALLOC_NO_OOM | DSA_ALLOC_ZERO);
	EntryChunk *chunk;

	if (!DsaPointerIsValid(p))
		ereport(ERROR,
				(errcode(ERRCODE_OUT_OF_MEMORY),
				 errmsg("out of shared memory"),
				 errdetail("Could not remember another lock.")));
	chunk = dsa_get_address(SharedArea(), p);
	for (int i = 0; i < ENTRIES_PER_CHUNK; i++)
		PushFree(&chunk->entries[i]);
	chunk->next = slot->chunks;
	pg_write_barrier();
	slot->chunks = p;
}

/*
 * MakeLongRoom(entry, len) - room for so long a name, or 53200
 *
 * What was too small is left behind, as it may be read just now.  Sizes
 * double, so that is less than what is in use.
 */
static void
MakeLongRoom(LockEntry *entry, int len)
{
	int			bits = pg_ceil_log2_32(len);
	dsa_pointer room;

	if (!DsaPointerIsValid(entry->longname) || entry->longbits < bits)
	{
		room = dsa_allocate_extended(SharedArea(), (Size) 1 << bits,
									 DSA_ALLOC_NO_OOM);
		if (!DsaPointerIsValid(room))
			ereport(ERROR,
					(errcode(ERRCODE_OUT_OF_MEMORY),
					 errmsg("out of shared memory"),
					 errdetail("Could not remember the name of another lock.")));
		entry->longname = room;
		entry->longbits = bits;
	}
	/* map it now: nothing may fail once we write */
	(void) dsa_get_address(SharedArea(), entry->longname);
}

/*
 * ReserveEntry(name) - a free entry with room for this name, or 53200
 *
 * It stays in the free list's head until PublishEntry() takes it, so that an
 * error in between loses nothing.
 */
LockEntry *
ReserveEntry(const LockName *name)
{
	int			len = name->nslen + 1 + name->keylen;

	RefreshMySlot();
	if (free_entries == NULL && unclean_entries > 0)
		AdoptEntries(false);
	if (free_entries == NULL)
		AddChunk();
	if (len > PGX_INLINE_NAME)
		MakeLongRoom(free_entries, len);
	return free_entries;
}

/*
 * PublishEntry(entry, ...) - say that we are about to ask for this lock
 */
void
PublishEntry(LockEntry *entry, const LockName *name, uint16 lockclass,
			 LOCKMODE mode, bool xact)
{
	int			len = name->nslen + 1 + name->keylen;
	char	   *to = entry->name;

	Assert(entry == free_entries);
	if (len > PGX_INLINE_NAME)
		to = dsa_get_address(SharedArea(), entry->longname);
	free_entries = entry->next_free;

	BeginWrite(&entry->changecount);
	entry->state = ENTRY_PENDING;
	entry->mode = mode;
	entry->xact = xact;
	entry->lockclass = lockclass;
	entry->nslen = name->nslen;
	entry->keylen = name->keylen;
	entry->permits = 0;
	entry->dboid = MyDatabaseId;
	entry->roleid = GetOuterUserId();
	entry->id = name->id;
	entry->token = 0;
	entry->since = 0;
	entry->until = 0;
	memcpy(to, name->bytes, len);
	EndWrite(&entry->changecount);
}

void
UpdateEntry(LockEntry *entry, EntryState state, int64 token, TimestampTz since)
{
	BeginWrite(&entry->changecount);
	entry->state = state;
	entry->token = token;
	entry->since = since;
	EndWrite(&entry->changecount);
}

/*
 * DelayEntry(entry, until) - we have the lock, and sit out a delay
 */
void
DelayEntry(LockEntry *entry, TimestampTz until)
{
	BeginWrite(&entry->changecount);
	entry->until = until;
	EndWrite(&entry->changecount);
}

/*
 * SetEntryPermit(entry, lockclass, permits) - the entry is of a semaphore
 */
void
SetEntryPermit(LockEntry *entry, uint16 lockclass, uint16 permits)
{
	BeginWrite(&entry->changecount);
	entry->lockclass = lockclass;
	entry->permits = permits;
	EndWrite(&entry->changecount);
}

/*
 * MarkEntryUnclean(entry, until) - leave a mark for the lock's next holder
 *
 * Before the lock is released.  "until" is by LeaseClock(), which nobody sets.
 * The entry is free again when the time is over, for the next backend in our
 * slot.
 */
void
MarkEntryUnclean(LockEntry *entry, TimestampTz until)
{
	BeginWrite(&entry->changecount);
	entry->state = ENTRY_UNCLEAN;
	entry->until = until;
	EndWrite(&entry->changecount);
}

/*
 * FreeEntry(entry) - we neither have nor want this lock any more; never fails
 */
void
FreeEntry(LockEntry *entry)
{
	BeginWrite(&entry->changecount);
	entry->state = ENTRY_FREE;
	EndWrite(&entry->changecount);
	PushFree(entry);
}

/*
 * OwnBytes(entry) - where the name of an entry of ours is
 */
static const char *
OwnBytes(const LockEntry *entry)
{
	if (entry->nslen + 1 + entry->keylen > PGX_INLINE_NAME)
		return dsa_get_address(SharedArea(), entry->longname);
	return entry->name;
}

/*
 * EntryIsNamed(entry, name) - is this entry of ours for that very name?
 */
bool
EntryIsNamed(const LockEntry *entry, const LockName *name)
{
	return entry->nslen == name->nslen && entry->keylen == name->keylen &&
		memcmp(OwnBytes(entry), name->bytes,
			   name->nslen + 1 + name->keylen) == 0;
}

/*
 * CopyEntryName(entry, name) - the name of an entry of ours; never fails
 */
void
CopyEntryName(const LockEntry *entry, LockName *name)
{
	name->id = entry->id;
	name->nslen = entry->nslen;
	name->keylen = entry->keylen;
	memcpy(name->bytes, OwnBytes(entry), entry->nslen + 1 + entry->keylen);
	name->bytes[entry->nslen + 1 + entry->keylen] = '\0';
}

/*
 * EntryName(entry) - a copy of the name of an entry of ours
 */
const LockName *
EntryName(const LockEntry *entry)
{
	LockName   *name = palloc(sizeof(LockName));

	CopyEntryName(entry, name);
	return name;
}

/*
 * FreeAllEntries() - leave our slot, at the end of the backend
 */
void
FreeAllEntries(void)
{
	BackendSlot *slot = MySlot();

	if (!slot_ready)
		return;
	BeginWrite(&slot->changecount);
	slot->pid = 0;
	EndWrite(&slot->changecount);
	slot_ready = false;
}
