/*
 * entry_read.c
 *		Reading what the backends tell about their locks.
 *
 * The other side of entry_write.c.  A reader copies, and tries again when the
 * owner was writing.
 * Chunks are linked in when they are complete and never unlinked, so the
 * list can be walked without a lock.
 */
#include "shmem/shmem.h"

#include "miscadmin.h"
#include "utils/dsa.h"

/*
 * CopyEntry(entry, copy, name) - an untorn copy of an entry in use
 *
 * Returns false for one that is free.  Where the name is, and how long, is
 * sure before the name is read.
 */
static bool
CopyEntry(const LockEntry *entry, LockEntry *copy, LockName *name)
{
	for (;;)
	{
		const volatile uint32 *changecount = &entry->changecount;
		uint32		before = *changecount;
		int			len;
		const char *from = entry->name;

		pg_read_barrier();
		memcpy(copy, entry, offsetof(LockEntry, name));
		pg_read_barrier();
		if (before % 2 == 0 && before == *changecount)
		{
			if (copy->state == ENTRY_FREE)
				return false;
			len = copy->nslen + 1 + copy->keylen;
			if (len > PGX_INLINE_NAME)
				from = dsa_get_address(SharedArea(), copy->longname);
			memcpy(name->bytes, from, len);
			name->bytes[len] = '\0';
			name->nslen = copy->nslen;
			name->keylen = copy->keylen;
			name->id = copy->id;
			pg_read_barrier();
			if (before == *changecount)
				return true;
		}
		CHECK_FOR_INTERRUPTS();
	}
}

static bool
CopySlot(const BackendSlot *slot, BackendSlot *copy)
{
	for (;;)
	{
		const volatile uint32 *changecount = &slot->changecount;
		uint32		before = *changecount;

		pg_read_barrier();
		memcpy(copy, slot, sizeof(*copy));
		pg_read_barrier();
		if (before % 2 == 0 && before == *changecount)
			return copy->pid != 0;
		CHECK_FOR_INTERRUPTS();
	}
}

/*
 * Visit(slot, unclean, ...) - entries of one slot that are, or are not, marks
 */
static void
Visit(BackendSlot *slot, bool unclean, int64 only_id, bool any_id,
	  EntryVisitor visitor, void *arg)
{
	BackendSlot who;
	LockEntry	copy;
	LockName	name;

	if (!CopySlot(slot, &who) && !unclean)
		return;
	for (dsa_pointer p = slot->chunks; DsaPointerIsValid(p);)
	{
		EntryChunk *chunk = dsa_get_address(SharedArea(), p);

		for (int i = 0; i < ENTRIES_PER_CHUNK; i++)
		{
			const LockEntry *entry = &chunk->entries[i];

			if (entry->state == ENTRY_FREE ||
				(!any_id && entry->id != only_id))
				continue;
			if (CopyEntry(entry, &copy, &name) &&
				copy.dboid == MyDatabaseId &&
				(copy.state == ENTRY_UNCLEAN) == unclean &&
				(any_id || copy.id == only_id))
				visitor(&copy, &name, &who, arg);
		}
		p = chunk->next;
	}
}

/*
 * VisitEntries(slot, only_id, any_id, visitor, arg) - what one backend says
 *
 * Calls the visitor for each entry in use of this database, or for those
 * with the given id.  The caller holds no lock.  The visitor may fail.
 */
void
VisitEntries(BackendSlot *slot, int64 only_id, bool any_id,
			 EntryVisitor visitor, void *arg)
{
	if (slot->pid != 0)
		Visit(slot, false, only_id, any_id, visitor, arg);
}

/*
 * VisitUnclean(slot, only_id, visitor, arg) - marks that backends have left
 */
void
VisitUnclean(BackendSlot *slot, int64 only_id, EntryVisitor visitor, void *arg)
{
	if (DsaPointerIsValid(slot->chunks))
		Visit(slot, true, only_id, false, visitor, arg);
}
