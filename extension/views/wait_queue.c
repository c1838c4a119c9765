/*
 * wait_queue.c
 *		How many wait at one lock, in which order, and for which sessions.
 *
 * A semaphore is one place, though each of its permits is a lock.  Its queue
 * is found by the gate's tag.
 */
#include "views/views.h"

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
 * FindWaitQueue(queues, tag, action) - those who meet there
 */
static WaitQueue *
FindWaitQueue(HTAB *queues, const LOCKTAG *tag, HASHACTION action)
{
	LOCKTAG		key = *tag;
	WaitQueue  *queue;
	bool		found;

	if (IsPermit(tag))
		key.locktag_field4 = PGX_CLASS_GATE;
	queue = hash_search(queues, &key, action, &found);
	if (queue != NULL && !found)
		memset((char *) queue + sizeof(LOCKTAG), 0,
			   sizeof(WaitQueue) - sizeof(LOCKTAG));
	return queue;
}

/*
 * GetWaitQueue(queues, tag) - those who meet at a lock, or NULL
 */
WaitQueue *
GetWaitQueue(HTAB *queues, const LOCKTAG *tag)
{
	if (hash_get_num_entries(queues) == 0)
		return NULL;
	return FindWaitQueue(queues, tag, HASH_FIND);
}

/*
 * BuildWaitQueues(locks, snapshot) - count waiters, and list permit holders
 */
HTAB *
BuildWaitQueues(const LockData *locks, const EntrySnapshot *snapshot)
{
	HASHCTL		ctl = {0};
	HTAB	   *queues;
	bool		leases = AnyLease();

	ctl.keysize = sizeof(LOCKTAG);
	ctl.entrysize = sizeof(WaitQueue);
	ctl.hcxt = CurrentMemoryContext;
	queues = hash_create("pg_exclusive queues", 64, &ctl,
						 HASH_ELEM | HASH_BLOBS | HASH_CONTEXT);
	for (int i = 0; i < locks->nelements; i++)
	{
		const LockInstanceData *lock = &locks->locks[i];
		const LOCKTAG *tag = &lock->locktag;
		EntryCopy  *copy;

		if (lock->waitLockMode == NoLock && !leases &&
			tag->locktag_field4 < PGX_CLASS_GATE)
			continue;
		copy = FindEntryCopy(snapshot, lock);
		if (copy == NULL)
			continue;
		if (!IsHolder(lock, &copy->entry))
		{
			FindWaitQueue(queues, tag, HASH_ENTER)->waiters++;
			if (lock->waitLockMode == NoLock &&
				tag->locktag_field4 >= PGX_CLASS_GATE)
				FindWaitQueue(queues, tag, HASH_ENTER)->head = true;
		}
		else if (IsPermit(tag))
		{
			WaitQueue  *queue = FindWaitQueue(queues, tag, HASH_ENTER);

			queue->permit_holders = lappend_int(queue->permit_holders,
												lock->pid);
		}
	}
	return queues;
}

/*
 * QueuePosition(queue, lock) - counted from 1
 *
 * 0 for who has been granted the lock and sits out a delay, or has gone.
 */
int
QueuePosition(WaitQueue *queue, const LockInstanceData *lock)
{
	if (lock->waitLockMode == NoLock)
		return lock->locktag.locktag_field4 == PGX_CLASS_GATE ? 1 : 0;
	if (queue->pids == NULL)
	{
		queue->pids = palloc(MaxBackends * sizeof(int));
		queue->npids = PeekQueue(&queue->tag, queue->pids, MaxBackends);
	}
	for (int i = 0; i < queue->npids; i++)
	{
		if (queue->pids[i] == lock->pid)
			return i + 1 + queue->head;
	}
	return 0;
}

/*
 * PermitHolders(queue) - whom the head of a semaphore's queue waits for
 */
Datum
PermitHolders(const WaitQueue *queue)
{
	Datum	   *pids = palloc(sizeof(Datum) *
							  (list_length(queue->permit_holders) + 1));
	int			n = 0;
	ListCell   *lc;

	foreach(lc, queue->permit_holders)
		pids[n++] = Int32GetDatum(lfirst_int(lc));
	return PointerGetDatum(construct_array(pids, n, INT4OID, 4, true,
										   TYPALIGN_INT));
}
