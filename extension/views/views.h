/*
 * views.h
 *		Between the files that answer "who holds and who waits".
 *
 * lock_snapshot.c copies the entries.  wait_queue.c counts who waits where.
 * lock_status.c makes the rows.
 */
#ifndef PGX_VIEWS_H
#define PGX_VIEWS_H

#include "lease/lease.h"

#include "nodes/execnodes.h"
#include "nodes/pg_list.h"
#include "utils/hsearch.h"

/* The backend that wrote an entry. */
typedef struct SlotCopy
{
	int			pid;
	Datum		application_name;
	Datum		addr;
	bool		has_addr;
} SlotCopy;

/* An entry, kept until we have the lock manager's word for it. */
typedef struct EntryCopy
{
	const SlotCopy *who;
	LockEntry	entry;			/* without its name */
	char		bytes[FLEXIBLE_ARRAY_MEMBER];	/* "namespace NUL key NUL" */
} EntryCopy;

typedef struct EntrySnapshot
{
	struct entries_hash *hash;
	SlotCopy   *slots;
	int			nslots;
	MemoryContext memory;
} EntrySnapshot;

/* The sessions that wait at one lock, or at one semaphore. */
typedef struct WaitQueue
{
	LOCKTAG		tag;			/* hash key; of a semaphore, its gate's */
	int			waiters;
	bool		head;			/* one has passed the gate and waits */
	int		   *pids;			/* in order, read when first asked for */
	int			npids;
	List	   *permit_holders; /* process ids */
} WaitQueue;

/* The columns of _lock_status(). */
enum
{
	COL_NAMESPACE, COL_KEY, COL_LOCK_ID, COL_MODE, COL_SCOPE, COL_GRANTED,
	COL_TOKEN, COL_PID, COL_ROLE, COL_APPLICATION, COL_ADDR, COL_SINCE,
	COL_WAITERS, COL_QUEUE_POSITION, COL_PERMIT, COL_PERMITS,
	COL_DELAYED_UNTIL, COL_BLOCKED_BY, COL_YIELD_REQUESTED, COL_EXPIRES_AT,
	NUM_COLS
};

/* lock_snapshot.c */
extern bool NamespaceInUse(const char *name, bool interop, bool plain,
						   int *pid);
extern void SnapshotEntries(EntrySnapshot *snapshot, int expected);
extern EntryCopy *FindEntryCopy(const EntrySnapshot *snapshot,
								const LockInstanceData *lock);

/* lease_status.c */
extern Datum ExpiresAt(const LeaseCopy *copy);
extern void AddLeaseRows(ReturnSetInfo *rsinfo, HTAB *queues, Oid fn_oid);

/* wait_queue.c */
extern bool IsHolder(const LockInstanceData *lock, const LockEntry *entry);
extern HTAB *BuildWaitQueues(const LockData *locks,
							 const EntrySnapshot *snapshot);
extern WaitQueue *GetWaitQueue(HTAB *queues, const LOCKTAG *tag);
extern int	QueuePosition(WaitQueue *queue, const LockInstanceData *lock);
extern Datum PermitHolders(const WaitQueue *queue);

#endif							/* PGX_VIEWS_H */
