/*
 * lmgr_peek.c
 *		Look at one lock in the lock manager without copying all of them.
 *
 * pg_locks copies every lock of the server to answer a question about one.
 * The lock manager's own hash table lies in shared memory under a well-known
 * name: we attach to it and read one partition under its LWLock, shared, as
 * lock.c itself would.  This leans on the server's internals, so it is kept
 * in this one file.  It was tried on 15, 17 and 18.
 */
#include "shmem/shmem.h"

#include "access/twophase.h"
#include "miscadmin.h"
#include "storage/lwlock.h"
#include "storage/shmem.h"
#include "utils/hsearch.h"

#if PG_VERSION_NUM >= 190000
#error "lmgr_peek.c was not tried on this version of PostgreSQL"
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
 * FindLock(tag, partition) - the lock with this tag, or NULL
 *
 * Its partition is locked, shared.  The caller releases *partition.
 */
static LOCK *
FindLock(const LOCKTAG *tag, LWLock **partition)
{
	uint32		hashcode = LockTagHashCode(tag);

	AttachLockHash();
	*partition = LockHashPartitionLock(hashcode);
	LWLockAcquire(*partition, LW_SHARED);
	return hash_search_with_hash_value(lock_hash, tag, hashcode,
									   HASH_FIND, NULL);
}

/*
 * PeekHolders(tag, procnos, size) - PGPROC numbers of those who hold a lock
 *
 * Returns how many were stored, "size" at most.
 */
int
PeekHolders(const LOCKTAG *tag, int *procnos, int size)
{
	LWLock	   *partition;
	LOCK	   *lock = FindLock(tag, &partition);
	PROCLOCK   *p = lock == NULL ? NULL : FirstProcLock(lock);
	int			n = 0;

	for (; p != NULL; p = NextProcLock(lock, p))
	{
		if (p->holdMask != 0 && p->tag.myProc->pid != 0 && n < size)
			procnos[n++] = ProcNumberOf(p->tag.myProc);
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
	LWLock	   *partition;
	LOCK	   *lock = FindLock(tag, &partition);
	PGPROC	   *proc = lock == NULL ? NULL : FirstWaiter(lock);
	int			n = 0;

	for (; proc != NULL; proc = NextWaiter(lock, proc))
	{
		if (n < size)
			pids[n++] = proc->pid;
	}
	LWLockRelease(partition);
	return n;
}
