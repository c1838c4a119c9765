/*
 * crowd.c
 *		Who meets at one lock: how many wait, in which order, and for whom.
 *
 * A semaphore is one place, though each of its permits is a lock: its crowd
 * is found by the gate's tag.
 */
#include "status.h"

#include "catalog/pg_type.h"
#include "miscadmin.h"
#include "utils/array.h"

static inline bool
IsPermit(const LOCKTAG *tag)
{
	return tag->locktag_field4 > PGX_CLASS_PERMIT;
}

/*
 * IsHolder(lock, entry) - or does it wait?
 *
 * Who has the lock in the lock manager and still waits sits out a lock_delay,
 * or is the head of a semaphore's queue.
 */
bool
IsHolder(const LockInstanceData *lock, const LockEntry *entry)
{
	return lock->waitLockMode == NoLock && entry->state != ENTRY_WAITING;
}

/*
 * CrowdAt(crowds, tag, action) - those who meet there
 */
static Crowd *
CrowdAt(HTAB *crowds, const LOCKTAG *tag, HASHACTION action)
{
	LOCKTAG		key = *tag;
	Crowd	   *crowd;
	bool		found;

	if (IsPermit(tag))
		key.locktag_field4 = PGX_CLASS_GATE;
	crowd = hash_search(crowds, &key, action, &found);
	if (crowd != NULL && !found)
		memset((char *) crowd + sizeof(LOCKTAG), 0,
			   sizeof(Crowd) - sizeof(LOCKTAG));
	return crowd;
}

/*
 * CrowdOf(crowds, tag) - those who meet at a lock, or NULL
 */
Crowd *
CrowdOf(HTAB *crowds, const LOCKTAG *tag)
{
	if (hash_get_num_entries(crowds) == 0)
		return NULL;
	return CrowdAt(crowds, tag, HASH_FIND);
}

/*
 * GatherCrowds(locks, notes) - count who waits where; who holds a permit
 */
HTAB *
GatherCrowds(const LockData *locks, const Notes *notes)
{
	HASHCTL		ctl = {0};
	HTAB	   *crowds;

	ctl.keysize = sizeof(LOCKTAG);
	ctl.entrysize = sizeof(Crowd);
	ctl.hcxt = CurrentMemoryContext;
	crowds = hash_create("pg_exclusive crowds", 64, &ctl,
						 HASH_ELEM | HASH_BLOBS | HASH_CONTEXT);
	for (int i = 0; i < locks->nelements; i++)
	{
		const LockInstanceData *lock = &locks->locks[i];
		const LOCKTAG *tag = &lock->locktag;
		Note	   *note;

		if (!IsOurs(lock) ||
			(lock->waitLockMode == NoLock &&
			 tag->locktag_field4 < PGX_CLASS_GATE))
			continue;
		note = FindNote(notes, lock);
		if (note == NULL)
			continue;
		if (!IsHolder(lock, &note->entry))
		{
			CrowdAt(crowds, tag, HASH_ENTER)->waiters++;
			if (lock->waitLockMode == NoLock)
				CrowdAt(crowds, tag, HASH_ENTER)->head = true;
		}
		else if (IsPermit(tag))
		{
			Crowd	   *crowd = CrowdAt(crowds, tag, HASH_ENTER);

			crowd->permit_holders = lappend_int(crowd->permit_holders,
												lock->pid);
		}
	}
	return crowds;
}

/*
 * QueuePosition(crowd, lock) - counted from 1
 *
 * 0 for who has been granted the lock and sits out a delay, or has gone.
 */
int
QueuePosition(Crowd *crowd, const LockInstanceData *lock)
{
	if (lock->waitLockMode == NoLock)
		return lock->locktag.locktag_field4 == PGX_CLASS_GATE ? 1 : 0;
	if (crowd->queue == NULL)
	{
		crowd->queue = palloc(MaxBackends * sizeof(int));
		crowd->nqueue = PeekQueue(&crowd->tag, crowd->queue, MaxBackends);
	}
	for (int i = 0; i < crowd->nqueue; i++)
	{
		if (crowd->queue[i] == lock->pid)
			return i + 1 + crowd->head;
	}
	return 0;
}

/*
 * PermitHolders(crowd) - whom the head of a semaphore's queue waits for
 */
Datum
PermitHolders(const Crowd *crowd)
{
	Datum	   *pids = palloc(sizeof(Datum) *
							  (list_length(crowd->permit_holders) + 1));
	int			n = 0;
	ListCell   *lc;

	foreach(lc, crowd->permit_holders)
		pids[n++] = Int32GetDatum(lfirst_int(lc));
	return PointerGetDatum(construct_array(pids, n, INT4OID, 4, true,
										   TYPALIGN_INT));
}
