/*
 * compat.h
 *		What differs between the PostgreSQL versions we build on (15 to 19).
 */
#ifndef PGX_COMPAT_H
#define PGX_COMPAT_H

#include "access/twophase.h"
#include "lib/dshash.h"
#include "lib/ilist.h"
#include "miscadmin.h"
#include "storage/lock.h"
#include "storage/lwlock.h"
#include "storage/proc.h"
#include "storage/shmem.h"
#include "utils/hsearch.h"
#include "utils/relcache.h"
#include "utils/wait_event.h"
#if PG_VERSION_NUM >= 160000
#include "varatt.h"
#endif

#if PG_VERSION_NUM < 150000
#error "pg_exclusive needs PostgreSQL 15 or later"
#endif

/* LockHeldByMe() has a third argument in 17.  We ask for the exact mode. */
static inline bool
LockModeHeldByMe(const LOCKTAG *tag, LOCKMODE mode)
{
#if PG_VERSION_NUM >= 170000
	return LockHeldByMe(tag, mode, false);
#else
	return LockHeldByMe(tag, mode);
#endif
}

/*
 * Take a session's lock if it is free.  False also when the table is full.
 * LockAcquireExtended() learned a seventh argument in 18.
 */
static inline bool
TakeFreeLock(const LOCKTAG *tag, LOCKMODE mode)
{
#if PG_VERSION_NUM >= 180000
	return LockAcquireExtended(tag, mode, true, true, false, NULL,
							   false) == LOCKACQUIRE_OK;
#else
	return LockAcquireExtended(tag, mode, true, true, false,
							   NULL) == LOCKACQUIRE_OK;
#endif
}

/*
 * Attach to the lock manager's hash table, with the sizes that it was made
 * with.  A server that has no table of that name makes an empty one.
 */
static inline HTAB *
AttachLockHash(const char *name)
{
	HASHCTL		info = {0};
	int64		max_size = mul_size(max_locks_per_xact,
									add_size(MaxBackends, max_prepared_xacts));

	info.keysize = sizeof(LOCKTAG);
	info.entrysize = sizeof(LOCK);
	info.num_partitions = NUM_LOCK_PARTITIONS;
#if PG_VERSION_NUM >= 190000
	return ShmemInitHash(name, max_size, &info,
						 HASH_ELEM | HASH_BLOBS | HASH_PARTITION);
#else
	return ShmemInitHash(name, 16, max_size, &info,
						 HASH_ELEM | HASH_BLOBS | HASH_PARTITION);
#endif
}

/* A tranche has its name from the start, and for all backends, from 19. */
static inline int
NewTranche(const char *name)
{
#if PG_VERSION_NUM >= 190000
	return LWLockNewTrancheId(name);
#else
	return LWLockNewTrancheId();
#endif
}

static inline void
NameTranche(int tranche, const char *name)
{
#if PG_VERSION_NUM < 190000
	LWLockRegisterTranche(tranche, name);
#endif
}

/* Our index into the array of PGPROCs. */
static inline int
ProcNumberOf(PGPROC *proc)
{
#if PG_VERSION_NUM >= 170000
	return GetNumberFromPGProc(proc);
#else
	return proc->pgprocno;
#endif
}

/*
 * The backends that hold or await a lock, and those in its queue, are in lists
 * of another kind from 16.  The caller has locked the lock's partition.
 */
static inline PROCLOCK *
FirstProcLock(LOCK *lock)
{
#if PG_VERSION_NUM >= 160000
	return dlist_is_empty(&lock->procLocks) ? NULL :
		dlist_head_element(PROCLOCK, lockLink, &lock->procLocks);
#else
	return (PROCLOCK *) SHMQueueNext(&lock->procLocks, &lock->procLocks,
									 offsetof(PROCLOCK, lockLink));
#endif
}

static inline PROCLOCK *
NextProcLock(LOCK *lock, PROCLOCK *p)
{
#if PG_VERSION_NUM >= 160000
	return dlist_has_next(&lock->procLocks, &p->lockLink) ?
		dlist_container(PROCLOCK, lockLink,
						dlist_next_node(&lock->procLocks, &p->lockLink)) :
		NULL;
#else
	return (PROCLOCK *) SHMQueueNext(&lock->procLocks, &p->lockLink,
									 offsetof(PROCLOCK, lockLink));
#endif
}

#if PG_VERSION_NUM >= 190000
#define PGX_WAIT_LINK waitLink
#else
#define PGX_WAIT_LINK links
#endif

static inline PGPROC *
NextWaiter(LOCK *lock, PGPROC *proc)
{
#if PG_VERSION_NUM >= 160000
	dlist_head *queue = &lock->waitProcs.dlist;

	return dlist_has_next(queue, &proc->PGX_WAIT_LINK) ?
		dlist_container(PGPROC, PGX_WAIT_LINK,
						dlist_next_node(queue, &proc->PGX_WAIT_LINK)) :
		NULL;
#else
	return (PGPROC *) SHMQueueNext(&lock->waitProcs.links, &proc->links,
								   offsetof(PGPROC, links));
#endif
}

static inline PGPROC *
FirstWaiter(LOCK *lock)
{
#if PG_VERSION_NUM >= 160000
	return dclist_is_empty(&lock->waitProcs) ? NULL :
		dclist_head_element(PGPROC, PGX_WAIT_LINK, &lock->waitProcs);
#else
	return (PGPROC *) SHMQueueNext(&lock->waitProcs.links,
								   &lock->waitProcs.links,
								   offsetof(PGPROC, links));
#endif
}

/* A LOCK that was just made, as the lock manager makes one. */
static inline void
InitUnusedLock(LOCK *lock)
{
	memset((char *) lock + sizeof(LOCKTAG), 0, sizeof(LOCK) - sizeof(LOCKTAG));
#if PG_VERSION_NUM >= 160000
	dlist_init(&lock->procLocks);
	dclist_init(&lock->waitProcs);
#else
	SHMQueueInit(&lock->procLocks);
	ProcQueueInit(&lock->waitProcs);
#endif
}

/* Only from 18 may the primary key be deferrable. */
static inline Oid
PrimaryKeyIndexOf(Relation rel)
{
#if PG_VERSION_NUM >= 180000
	return RelationGetPrimaryKeyIndex(rel, false);
#else
	return RelationGetPrimaryKeyIndex(rel);
#endif
}

/* A wait event with a name of its own; PostgreSQL 17 and later have them. */
static inline uint32
NamedWaitEvent(const char *name)
{
#if PG_VERSION_NUM >= 170000
	return WaitEventExtensionNew(name);
#else
	return PG_WAIT_EXTENSION;
#endif
}

/* The lock table takes no more memory after the start from 19 on. */
#define PGX_LOCK_TABLE_IS_FIXED (PG_VERSION_NUM >= 190000)

/* ExecutorRun() has lost an argument in 18. */
#if PG_VERSION_NUM >= 180000
#define PGX_EXECUTE_ONCE_ARG
#define PGX_EXECUTE_ONCE
#else
#define PGX_EXECUTE_ONCE_ARG , bool execute_once
#define PGX_EXECUTE_ONCE , execute_once
#endif

/* dshash_parameters has a function that copies keys from 17. */
#if PG_VERSION_NUM >= 170000
#define PGX_DSHASH_COPY dshash_memcpy,
#else
#define PGX_DSHASH_COPY
#endif

/* The module's magic block carries a name and a version from 18. */
#if PG_VERSION_NUM >= 180000
#define PGX_MODULE_MAGIC \
	PG_MODULE_MAGIC_EXT(.name = "pg_exclusive", .version = PGX_VERSION)
#else
#define PGX_MODULE_MAGIC PG_MODULE_MAGIC
#endif

#endif							/* PGX_COMPAT_H */
