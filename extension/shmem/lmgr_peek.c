/*
 * peek.c
 *		Look at one lock in the lock manager without copying all of them.
 *
 * pg_locks copies every lock of the server to answer a question about one.
 * The lock manager's own hash table lies in shared memory under a well-known
 * name: we attach to it and read one partition under its LWLock, shared, as
 * lock.c itself would.  This leans on the server's internals, so it is kept
 * in this one file.  It was tried on 15, 17 and 18.
 */
#include "pg_exclusive.h"

#include "access/twophase.h"
#include "miscadmin.h"
#include "storage/lwlock.h"
#include "storage/shmem.h"
#include "utils/hsearch.h"

#if PG_VERSION_NUM >= 190000
#error "peek.c was not tried on this version of PostgreSQL"
#endif

static HTAB *lock_hash;

/*
 * AttachLockHash() - as InitLocks() does; sizes must be the same
 */
static void
AttachLockHash(void)
{
	HASHCTL		info = {0};
	long		max_size;

	if (lock_hash != NULL)
		return;
	max_size = mul_size(max_locks_per_xact,
						add_size(MaxBackends, max_prepared_xacts));
	info.keysize = sizeof(LOCKTAG);
	info.entrysize = sizeof(LOCK);
	info.num_partitions = NUM_LOCK_PARTITIONS;
	lock_hash = ShmemInitHash("LOCK hash", max_size / 2, max_size, &info,
							  HASH_ELEM | HASH_BLOBS | HASH_PARTITION);
}

/*
 * LockPartition(tag, hashcode) - lock the partition of a tag, shared
 */
static LWLock *
LockPartition(const LOCKTAG *tag, uint32 *hashcode)
{
	LWLock	   *partition;

	AttachLockHash();
	*hashcode = LockTagHashCode(tag);
	partition = LockHashPartitionLock(*hashcode);
	LWLockAcquire(partition, LW_SHARED);
	return partition;
}

/*
 * PeekHolders(tag, procnos, size) - PGPROC numbers of those who hold a lock
 *
 * Returns how many were stored, "size" at most.
 */
int
PeekHolders(const LOCKTAG *tag, int *procnos, int size)
{
	uint32		hashcode;
	LWLock	   *partition = LockPartition(tag, &hashcode);
	LOCK	   *lock;
	int			n = 0;

	lock = hash_search_with_hash_value(lock_hash, tag, hashcode,
									   HASH_FIND, NULL);
	if (lock != NULL)
	{
#if PG_VERSION_NUM >= 160000
		dlist_iter	iter;

		dlist_foreach(iter, &lock->procLocks)
		{
			PROCLOCK   *p = dlist_container(PROCLOCK, lockLink, iter.cur);

			if (p->holdMask != 0 && p->tag.myProc->pid != 0 && n < size)
				procnos[n++] = ProcNumberOf(p->tag.myProc);
		}
#else
		SHM_QUEUE  *queue = &lock->procLocks;
		PROCLOCK   *p = (PROCLOCK *)
		SHMQueueNext(queue, queue, offsetof(PROCLOCK, lockLink));

		while (p != NULL)
		{
			if (p->holdMask != 0 && p->tag.myProc->pid != 0 && n < size)
				procnos[n++] = ProcNumberOf(p->tag.myProc);
			p = (PROCLOCK *) SHMQueueNext(queue, &p->lockLink,
										  offsetof(PROCLOCK, lockLink));
		}
#endif
	}
	LWLockRelease(partition);
	return n;
}

/*
 * PeekQueue(tag, pids, size) - process ids of those who wait, first in first
 */
int
PeekQueue(const LOCKTAG *tag, int *pids, int size)
{
	uint32		hashcode;
	LWLock	   *partition = LockPartition(tag, &hashcode);
	LOCK	   *lock;
	int			n = 0;

	lock = hash_search_with_hash_value(lock_hash, tag, hashcode,
									   HASH_FIND, NULL);
	if (lock != NULL)
	{
#if PG_VERSION_NUM >= 160000
		dlist_iter	iter;

		dclist_foreach(iter, &lock->waitProcs)
		{
			PGPROC	   *proc = dlist_container(PGPROC, links, iter.cur);

			if (n < size)
				pids[n++] = proc->pid;
		}
#else
		PGPROC	   *proc = (PGPROC *) lock->waitProcs.links.next;

		for (int i = 0; i < lock->waitProcs.size && n < size; i++)
		{
			pids[n++] = proc->pid;
			proc = (PGPROC *) proc->links.next;
		}
#endif
	}
	LWLockRelease(partition);
	return n;
}
