/*
 * lmgr_peek.c
 *		Look at one lock in the lock manager without copying all of them.
 *
 * pg_locks copies every lock of the server to answer a question about one.
 * The lock manager's own hash table lies in shared memory under a well-known
 * name.  We attach to it and read one partition under its LWLock, shared, as
 * lock.c itself would.
 *
 * This leans on the server's internals, so it is kept in this one file, and it
 * is tried before it is believed: a lock that this backend certainly holds
 * must be found.  A newer server, or one that somebody has changed, may keep
 * its locks elsewhere.  There we read what pg_locks reads.  It was tried on
 * 15, 17, 18 and 19.
 */
#include "shmem/shmem.h"

#include "miscadmin.h"
#include "storage/lwlock.h"
#include "storage/procarray.h"

/* Tests build with the name of a table that no server has. */
#ifndef PGX_LOCK_HASH
#define PGX_LOCK_HASH "LOCK hash"
#endif

/* The fourth field of our own tag; users' advisory locks have 1 or 2 there. */
#define TRIAL_FIELD 0x7067

static HTAB *lock_hash;
static bool lock_hash_is_strange;

/*
 * FindLock(tag, partition) - the lock with this tag, or NULL
 *
 * Its partition is locked, shared.  The caller releases *partition.
 */
static LOCK *
FindLock(const LOCKTAG *tag, LWLock **partition)
{
	uint32		hashcode = LockTagHashCode(tag);

	*partition = LockHashPartitionLock(hashcode);
	LWLockAcquire(*partition, LW_SHARED);
	return hash_search_with_hash_value(lock_hash, tag, hashcode,
									   HASH_FIND, NULL);
}

/*
 * IsLockOfMine(lock) - does it look like a lock that only this backend holds?
 *
 * No pointer is followed that does not lead to shared memory.
 */
static bool
IsLockOfMine(LOCK *lock)
{
	PROCLOCK   *p;

	if (lock == NULL || !ShmemAddrIsValid(lock) || lock->nRequested != 1 ||
		lock->nGranted != 1)
		return false;
	p = FirstProcLock(lock);
	return p != NULL && ShmemAddrIsValid(p) && p->tag.myLock == lock &&
		p->tag.myProc == MyProc && p->holdMask == LOCKBIT_ON(ExclusiveLock) &&
		NextProcLock(lock, p) == NULL && FirstWaiter(lock) == NULL;
}

/*
 * TryLockHash() - attach, take a lock, and look whether it is where we look
 *
 * Where a table of that name has other sizes, the server raises an error, and
 * holds no lock of its own then.
 */
static void
TryLockHash(void)
{
	MemoryContext context = CurrentMemoryContext;
	uint32		holdoff = InterruptHoldoffCount;
	LOCKTAG		tag;
	LWLock	   *partition;
	HTAB	   *volatile table = NULL;

	SET_LOCKTAG_ADVISORY(tag, MyDatabaseId, MyProcPid, 0, TRIAL_FIELD);
	if (!TakeFreeLock(&tag, ExclusiveLock))
		return;					/* a full lock table: try again next time */
	PG_TRY();
	{
		table = AttachLockHash(PGX_LOCK_HASH);
	}
	PG_CATCH();
	{
		MemoryContextSwitchTo(context);
		InterruptHoldoffCount = holdoff;
		FlushErrorState();
	}
	PG_END_TRY();
	lock_hash = table;
	if (table != NULL)
	{
		if (!IsLockOfMine(FindLock(&tag, &partition)))
			lock_hash = NULL;
		LWLockRelease(partition);
	}
	lock_hash_is_strange = lock_hash == NULL;
	LockRelease(&tag, ExclusiveLock, true);
	if (lock_hash_is_strange)
		elog(DEBUG1, "pg_exclusive does not know the lock table of this server and reads all locks to look at one");
}

/*
 * CanPeek() - is the lock table where we look?
 */
bool
CanPeek(void)
{
	if (lock_hash == NULL && !lock_hash_is_strange)
		TryLockHash();
	return lock_hash != NULL;
}

/*
 * LockTableCell() - four bytes in the lock table, zero at first, or NULL
 *
 * They are in the entry of a lock that nobody can take.  The lock manager only
 * looks at entries of locks that were asked for, so it stays as it is.
 */
uint32 *
LockTableCell(void)
{
	LOCKTAG		tag;
	uint32		hashcode;
	LWLock	   *partition;
	LOCK	   *lock;
	bool		found;

	if (!CanPeek())
		return NULL;
	SET_LOCKTAG_ADVISORY(tag, InvalidOid, 0, 0, PGX_CLASS_HOME);
	hashcode = LockTagHashCode(&tag);
	partition = LockHashPartitionLock(hashcode);
	LWLockAcquire(partition, LW_EXCLUSIVE);
	lock = hash_search_with_hash_value(lock_hash, &tag, hashcode,
									   HASH_ENTER_NULL, &found);
	if (lock != NULL && !found)
		InitUnusedLock(lock);
	LWLockRelease(partition);
	return lock == NULL ? NULL : (uint32 *) &lock->requested[NoLock];
}

static int
ByWaitStart(const void *a, const void *b)
{
	TimestampTz x = ((const LockInstanceData *) a)->waitStart;
	TimestampTz y = ((const LockInstanceData *) b)->waitStart;

	return x < y ? -1 : x > y;
}

/*
 * ListLock(tag, n) - who holds or awaits a lock, as pg_locks has it
 *
 * In the order of their waits.  That is nearly the order of the queue: only a
 * waiter that was moved to the front to avoid a deadlock is not where it is.
 */
static LockInstanceData *
ListLock(const LOCKTAG *tag, int *n)
{
	LockData   *data = GetLockStatusData();

	*n = 0;
	for (int i = 0; i < data->nelements; i++)
	{
		if (memcmp(&data->locks[i].locktag, tag, sizeof(LOCKTAG)) == 0)
			data->locks[(*n)++] = data->locks[i];
	}
	qsort(data->locks, *n, sizeof(LockInstanceData), ByWaitStart);
	return data->locks;
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
	LOCK	   *lock;
	int			n = 0;

	if (!CanPeek())
	{
		int			listed;
		LockInstanceData *list = ListLock(tag, &listed);

		for (int i = 0; i < listed && n < size; i++)
		{
			PGPROC	   *proc = BackendPidGetProc(list[i].pid);

			if (list[i].holdMask != 0 && proc != NULL)
				procnos[n++] = ProcNumberOf(proc);
		}
		return n;
	}
	lock = FindLock(tag, &partition);
	for (PROCLOCK *p = lock == NULL ? NULL : FirstProcLock(lock);
		 p != NULL && n < size; p = NextProcLock(lock, p))
	{
		if (p->holdMask != 0 && p->tag.myProc->pid != 0)
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
	LOCK	   *lock;
	int			n = 0;

	if (!CanPeek())
	{
		int			listed;
		LockInstanceData *list = ListLock(tag, &listed);

		for (int i = 0; i < listed && n < size; i++)
		{
			if (list[i].waitLockMode != NoLock)
				pids[n++] = list[i].pid;
		}
		return n;
	}
	lock = FindLock(tag, &partition);
	for (PGPROC *proc = lock == NULL ? NULL : FirstWaiter(lock);
		 proc != NULL && n < size; proc = NextWaiter(lock, proc))
		pids[n++] = proc->pid;
	LWLockRelease(partition);
	return n;
}
