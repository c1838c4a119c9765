/*
 * compat.h
 *		What differs between the PostgreSQL versions we build on (15 to 18).
 */
#ifndef PGX_COMPAT_H
#define PGX_COMPAT_H

#include "lib/dshash.h"
#include "lib/ilist.h"
#include "storage/lock.h"
#include "storage/proc.h"
#include "utils/relcache.h"
#include "utils/wait_event.h"
#if PG_VERSION_NUM >= 160000
#include "varatt.h"
#endif

#if PG_VERSION_NUM < 150000
#error "pg_exclusive needs PostgreSQL 15 or later"
#endif

/* LockHeldByMe() learned a third argument in 17; we ask for the exact mode. */
static inline bool
LockModeHeldByMe(const LOCKTAG *tag, LOCKMODE mode)
{
#if PG_VERSION_NUM >= 170000
	return LockHeldByMe(tag, mode, false);
#else
	return LockHeldByMe(tag, mode);
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

static inline PGPROC *
NextWaiter(LOCK *lock, PGPROC *proc)
{
#if PG_VERSION_NUM >= 160000
	dlist_head *queue = &lock->waitProcs.dlist;

	return dlist_has_next(queue, &proc->links) ?
		dlist_container(PGPROC, links, dlist_next_node(queue, &proc->links)) :
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
		dclist_head_element(PGPROC, links, &lock->waitProcs);
#else
	return (PGPROC *) SHMQueueNext(&lock->waitProcs.links,
								   &lock->waitProcs.links,
								   offsetof(PGPROC, links));
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
