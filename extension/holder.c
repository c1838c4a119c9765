/*
 * holder.c
 *		Who holds one lock, and whether it holds it by another name.
 *
 * The lock manager says which backends hold the lock; their entries say by
 * what name and since when.
 */
#include "pg_exclusive.h"

#define MAX_HOLDERS 16

typedef struct Search
{
	const LOCKTAG *tag;
	Holder	   *holder;
	bool		found;
} Search;

static void
TakeHolder(const LockEntry *entry, const LockName *name,
		   const BackendSlot *slot, void *arg)
{
	Search	   *search = arg;
	Holder	   *holder = search->holder;

	if (search->found || entry->state != ENTRY_HELD ||
		entry->lockclass != search->tag->locktag_field4)
		return;
	search->found = true;
	holder->entry = *entry;
	holder->name = *name;
	holder->pid = slot->pid;
	holder->has_addr = slot->has_addr;
	strlcpy(holder->addr, slot->addr, sizeof(holder->addr));
	strlcpy(holder->application_name, slot->application_name,
			sizeof(holder->application_name));
}

/*
 * FindHolder(tag, holder) - one of those who hold a lock
 *
 * False when nobody does, or no more, or who does has not said so yet.
 */
bool
FindHolder(const LOCKTAG *tag, Holder *holder)
{
	int			procnos[MAX_HOLDERS];
	int			n = PeekHolders(tag, procnos, MAX_HOLDERS);
	int			nslots;
	BackendSlot *slots = SharedSlots(&nslots);
	Search		search = {tag, holder, false};
	int64		id = (int64) ((uint64) tag->locktag_field2 << 32 |
							  tag->locktag_field3);

	for (int i = 0; i < n && !search.found; i++)
		VisitEntries(&slots[procnos[i]], id, false, TakeHolder, &search);
	return search.found;
}

/*
 * ReportCollision(name, tag, ns) - two names that meet in one id
 *
 * They exclude each other, which is safe, but must not go unnoticed.
 */
void
ReportCollision(const LockName *name, const LOCKTAG *tag, SharedNamespace *ns)
{
	Holder		holder;

	if (!FindHolder(tag, &holder))
		return;
	if (holder.name.nslen == name->nslen &&
		holder.name.keylen == name->keylen &&
		memcmp(holder.name.bytes, name->bytes,
			   name->nslen + 1 + name->keylen) == 0)
		return;
	Count(ns, COUNT_COLLISIONS);
	ereport(WARNING,
			(errmsg("lock names \"%s/%s\" and \"%s/%s\" have the same id " INT64_FORMAT,
					LockNameNamespace(name), LockNameKey(name),
					LockNameNamespace(&holder.name),
					LockNameKey(&holder.name), name->id),
			 errdetail("They exclude each other."),
			 errhint("Use another key for one of them.")));
}
