/*
 * shmem.h
 *		Entries, namespaces and databases, as all backends share them.
 */
#ifndef PGX_SHMEM_H
#define PGX_SHMEM_H

#include "base/base.h"
#include "shmem/entry.h"
#include "shmem/lease.h"

#include "port/atomics.h"
#include "storage/condition_variable.h"

/*
 * Of one database, the generation of its registry of namespaces, and its
 * fencing tokens.  These live as long as the server.
 */
typedef struct SharedDatabase
{
	Oid			dboid;			/* hash key */
	pg_atomic_uint32 generation;	/* moves before a change is looked for */
	pg_atomic_uint64 epoch;		/* durable and confirmed epoch, or 0 */
	pg_atomic_uint64 next_token;
	uint64		pending_epoch;	/* logged at pending_lsn, not confirmed */
	XLogRecPtr	pending_lsn;
} SharedDatabase;

typedef struct SharedNamespaceKey
{
	int64		id;
	Oid			dboid;
	uint32		zero;			/* no padding in a key */
} SharedNamespaceKey;

typedef enum Counter
{
	COUNT_GRANTS,
	COUNT_REFUSALS,
	COUNT_TIMEOUTS,
	COUNT_WAIT_TOTAL,			/* microseconds */
	COUNT_WAIT_MAX,
	COUNT_HOLD_TOTAL,
	COUNT_HOLD_MAX,
	COUNT_COLLISIONS,
	COUNT_UNCLEAN,
	NUM_COUNTERS
} Counter;

/*
 * How long waits and holds were.  The first bucket counts up to 1 ms, and each
 * other four times as long as the one before.  The last has no limit, and the
 * last but one reaches 3.1 days.
 */
typedef enum Span
{
	SPAN_WAIT,
	SPAN_HOLD,
	NUM_SPANS
}			Span;

#define NUM_BUCKETS 16

typedef struct SharedNamespace
{
	SharedNamespaceKey key;
	pg_atomic_uint32 holds;		/* reservations against max_holds */
	pg_atomic_uint32 permits;	/* holds and waits that are of permits */
	pg_atomic_uint64 counters[NUM_COUNTERS];
	pg_atomic_uint64 histograms[NUM_SPANS][NUM_BUCKETS];
} SharedNamespace;

/* shared_home.c */
#define PGX_SHARED_SIZE		4096
extern void *FindSharedHome(void);

/* shmem.c */
extern void AttachShared(void);
extern SharedDatabase *MySharedDatabase(void);
extern SharedNamespace *GetSharedNamespace(int64 id);
extern int64 RememberLockRoom(int64 room);
extern BackendSlot *SharedSlots(int *nslots);
extern BackendSlot *MySlot(void);
extern dsa_area *SharedArea(void);
extern int	SharedTranche(void);
extern TimestampTz SharedCreatedAt(void);
extern TimestampTz SharedOpensAt(int64 shut);
extern ConditionVariable *PermitCondition(void);
extern void WakePermitWaiters(void);
extern SharedNamespace *FindSharedNamespace(Oid dboid, int64 id);
extern void Count(SharedNamespace *ns, Counter counter);
extern void CountTime(SharedNamespace *ns, Span span, TimestampTz from,
					  TimestampTz to);

/* lease_table.c */
extern void StopLease(Lease *lease, LeaseState state, SharedNamespace *ns);

/* lmgr_peek.c */
extern bool CanPeek(void);
extern uint32 *LockTableCell(void);
extern int	PeekHolders(const LOCKTAG *tag, int *procnos, int size);
extern int	PeekQueue(const LOCKTAG *tag, int *pids, int size);

#endif							/* PGX_SHMEM_H */
