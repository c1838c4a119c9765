/*
 * lease.h
 *		Leases in shared memory: locks that are held without a session.
 *
 * lease_table.c keeps them.  lease/lease.c says what they mean.
 */
#ifndef PGX_LEASE_H
#define PGX_LEASE_H

#include "base/base.h"
#include "shmem/entry.h"

#include "port/atomics.h"
#include "storage/condition_variable.h"
#include "storage/lwlock.h"

/*
 * LEASE_HELD: the owner has the lock until "deadline", if it has not renewed
 * by then.  LEASE_SHUT: nobody has it, and it opens at "opens".  A lease that
 * is held is over at its deadline, whether or not a backend has noticed.
 */
typedef enum LeaseState
{
	LEASE_FREE,
	LEASE_HELD,
	LEASE_SHUT
} LeaseState;

typedef struct LeaseKey
{
	int64		id;
	Oid			dboid;
	uint32		zero;			/* no padding in a key */
} LeaseKey;

/* Who has a lease, and since when. */
typedef struct LeaseOwner
{
	int64		token;
	Oid			roleid;
	bool		has_addr;
	TimestampTz since;
	char		addr[64];		/* client address, as inet_in() takes it */
	char		application_name[NAMEDATALEN];
} LeaseOwner;

/*
 * "lock" protects all of it but the condition variable.  A record is never
 * unmapped, and may be used for another name later.  So a backend that kept a
 * pointer compares key and token under the lock.  Times are of LeaseClock().
 */
typedef struct Lease
{
	LWLock		lock;
	LeaseKey	key;
	uint8		state;			/* LeaseState */
	bool		reserved;		/* counts against max_holds */
	uint8		longbits;		/* there are 2^longbits bytes at longname */
	uint16		nslen;
	uint16		keylen;
	int64		nsid;			/* of its namespace */
	int64		ttl;
	int64		lock_delay;
	int64		deadline;
	int64		opens;			/* when the next may have the lock */
	LeaseOwner	owner;
	ConditionVariable changed;	/* ended, or ends earlier than it did */
	dsa_pointer next_free;
	dsa_pointer longname;		/* where a name over PGX_INLINE_NAME goes */
	char		name[PGX_INLINE_NAME];	/* as LockName.bytes */
} Lease;

/* Where the record of a lock is, found by its id. */
typedef struct LeaseSlot
{
	LeaseKey	key;
	dsa_pointer lease;
} LeaseSlot;

/* A copy of a lease that is held or shut. */
typedef struct LeaseCopy
{
	LeaseState	state;
	LeaseOwner	owner;
	int64		deadline;
	int64		opens;
	LockName	name;
} LeaseCopy;

/* Locks hashed by id, each with the number of its records in use. */
#define LEASE_MARKS	256

typedef struct SharedLeases
{
	pg_atomic_uint32 held;
	pg_atomic_uint32 used;		/* held or shut */
	pg_atomic_uint32 records;	/* in the table */
	pg_atomic_uint32 yields;	/* requests to yield, in their table */
	LWLock		lock;			/* protects free_leases */
	dsa_pointer free_leases;
	pg_atomic_uint32 marks[LEASE_MARKS];
} SharedLeases;

#define YIELD_REASON_MAX	255

/*
 * A request to the holders of a lock to give it up.  It goes to all grants
 * with tokens up to "newest".
 */
typedef struct YieldRequest
{
	LeaseKey	key;
	int64		newest;
	TimestampTz requested_at;
	char		reason[YIELD_REASON_MAX + 1];
} YieldRequest;

/* shmem.c */
extern dshash_table *LeaseTable(void);
extern dshash_table *YieldTable(void);
extern SharedLeases *LeaseCounts(void);

/* lease_table.c */
extern int64 LeaseClock(void);
extern void InitSharedLeases(SharedLeases *counts, int tranche);
extern bool MayHaveLease(int64 id);
extern bool AnyLease(void);
extern Lease *LockLease(int64 id);
extern Lease *LockNewLease(const LockName *name);
extern void UnlockLease(Lease *lease);
extern bool LeaseHasToken(const Lease *lease, int64 id, int64 token);
extern bool LeaseIsNamed(const Lease *lease, const LockName *name);
extern void StartLease(Lease *lease);
extern void ExpireLease(Lease *lease);
extern bool CopyLease(int64 id, LeaseCopy *copy);
extern void PushLeaseRecord(dsa_pointer p);

/* lease_scan.c */
extern bool SweepLeases(void);
typedef void (*LeaseVisitor) (const LeaseCopy *copy, void *arg);
extern void VisitLeases(LeaseVisitor visitor, void *arg);

#endif							/* PGX_LEASE_H */
