/*
 * lease_table.c
 *		Where the leases of all databases are, found by the ids of their locks.
 *
 * A hash table leads from the id of a lock to a record.  A backend that looks
 * there locks the partition of the table first and the record after that.  A
 * record that is no longer needed goes to a list and is used again.  It is
 * never unmapped, so a pointer to it stays good, and StopLease() can be called
 * where nothing may fail.
 *
 * An array of counters, hashed by id, says where it is worth looking.  Where
 * the counter is zero there is no lease, so a lock without leases costs one
 * load.
 */
#include "shmem/shmem.h"

#include "miscadmin.h"
#include "port/pg_bitutils.h"
#include "utils/dsa.h"

#include <time.h>

#ifdef CLOCK_BOOTTIME
#define LEASE_CLOCK CLOCK_BOOTTIME
#else
#define LEASE_CLOCK CLOCK_MONOTONIC
#endif

/* So many records may lie unused before they are swept. */
#define SPARE_RECORDS 64

/*
 * LeaseClock() - microseconds of a clock that nobody sets, and that counts on
 * while the machine is suspended
 */
int64
LeaseClock(void)
{
	struct timespec now;

	(void) clock_gettime(LEASE_CLOCK, &now);
	return (int64) now.tv_sec * 1000000 + now.tv_nsec / 1000;
}

void
InitSharedLeases(SharedLeases *counts, int tranche)
{
	pg_atomic_init_u32(&counts->held, 0);
	pg_atomic_init_u32(&counts->used, 0);
	pg_atomic_init_u32(&counts->records, 0);
	pg_atomic_init_u32(&counts->yields, 0);
	LWLockInitialize(&counts->lock, tranche);
	counts->free_leases = InvalidDsaPointer;
	for (int i = 0; i < LEASE_MARKS; i++)
		pg_atomic_init_u32(&counts->marks[i], 0);
}

static inline pg_atomic_uint32 *
MarkOf(int64 id)
{
	return &LeaseCounts()->marks[id & (LEASE_MARKS - 1)];
}

/*
 * MayHaveLease(id) - false when the lock is certainly not leased
 */
bool
MayHaveLease(int64 id)
{
	return pg_atomic_read_u32(MarkOf(id)) > 0;
}

/*
 * AnyLease() - is any lock of this server leased or shut?
 */
bool
AnyLease(void)
{
	return pg_atomic_read_u32(&LeaseCounts()->used) > 0;
}

/*
 * LockLease(id) - the record of a lock of this database, locked, or NULL
 */
Lease *
LockLease(int64 id)
{
	LeaseKey	key = {id, MyDatabaseId, 0};
	LeaseSlot  *slot = dshash_find(LeaseTable(), &key, false);
	Lease	   *lease;

	if (slot == NULL)
		return NULL;
	lease = dsa_get_address(SharedArea(), slot->lease);
	LWLockAcquire(&lease->lock, LW_EXCLUSIVE);
	dshash_release_lock(LeaseTable(), slot);
	return lease;
}

void
UnlockLease(Lease *lease)
{
	LWLockRelease(&lease->lock);
}

/*
 * PopRecord() - a record that was used before, or InvalidDsaPointer
 */
static dsa_pointer
PopRecord(void)
{
	SharedLeases *counts = LeaseCounts();
	dsa_pointer p;

	LWLockAcquire(&counts->lock, LW_EXCLUSIVE);
	p = counts->free_leases;
	if (DsaPointerIsValid(p))
		counts->free_leases =
			((Lease *) dsa_get_address(SharedArea(), p))->next_free;
	LWLockRelease(&counts->lock);
	return p;
}

/*
 * PushLeaseRecord(p) - a record that is in the table no more
 */
void
PushLeaseRecord(dsa_pointer p)
{
	SharedLeases *counts = LeaseCounts();
	Lease	   *lease = dsa_get_address(SharedArea(), p);

	LWLockAcquire(&counts->lock, LW_EXCLUSIVE);
	lease->next_free = counts->free_leases;
	counts->free_leases = p;
	LWLockRelease(&counts->lock);
}

/*
 * Allocate(size) - from our shared memory, or 53200
 */
static dsa_pointer
Allocate(Size size)
{
	dsa_pointer p = dsa_allocate_extended(SharedArea(), size,
										  DSA_ALLOC_NO_OOM | DSA_ALLOC_ZERO);

	if (!DsaPointerIsValid(p))
		ereport(ERROR,
				(errcode(ERRCODE_OUT_OF_MEMORY),
				 errmsg("out of shared memory"),
				 errdetail("Could not remember another lease.")));
	return p;
}

/*
 * AddRecord(id) - put an unused record where LockLease() finds it
 */
static void
AddRecord(int64 id)
{
	LeaseKey	key = {id, MyDatabaseId, 0};
	dsa_pointer p = PopRecord();
	Lease	   *lease;
	LeaseSlot  *slot;
	bool		found;

	if (!DsaPointerIsValid(p))
	{
		p = Allocate(sizeof(Lease));
		lease = dsa_get_address(SharedArea(), p);
		LWLockInitialize(&lease->lock, SharedTranche());
		ConditionVariableInit(&lease->changed);
	}
	lease = dsa_get_address(SharedArea(), p);
	PG_TRY();
	{
		slot = dshash_find_or_insert(LeaseTable(), &key, &found);
	}
	PG_CATCH();
	{
		PushLeaseRecord(p);
		PG_RE_THROW();
	}
	PG_END_TRY();
	if (found)
		PushLeaseRecord(p);
	else
	{
		LWLockAcquire(&lease->lock, LW_EXCLUSIVE);
		lease->key = key;
		lease->state = LEASE_FREE;
		LWLockRelease(&lease->lock);
		slot->lease = p;
		pg_atomic_fetch_add_u32(&LeaseCounts()->records, 1);
	}
	dshash_release_lock(LeaseTable(), slot);
}

/*
 * SetLeaseName(lease, name, room) - with room of 2^bits bytes for a long one
 */
static void
SetLeaseName(Lease *lease, const LockName *name, dsa_pointer room, int bits)
{
	int			len = name->nslen + 1 + name->keylen;
	char	   *to = lease->name;

	if (DsaPointerIsValid(room))
	{
		if (DsaPointerIsValid(lease->longname))
			dsa_free(SharedArea(), lease->longname);
		lease->longname = room;
		lease->longbits = bits;
	}
	if (len > PGX_INLINE_NAME)
		to = dsa_get_address(SharedArea(), lease->longname);
	memcpy(to, name->bytes, len);
	lease->nslen = name->nslen;
	lease->keylen = name->keylen;
}

/*
 * LockNewLease(name) - a free record for a lock of this database, locked
 *
 * The caller has the lock in the lock manager.  Raises 53200 for want of
 * shared memory.
 */
Lease *
LockNewLease(const LockName *name)
{
	SharedLeases *counts = LeaseCounts();
	int			len = name->nslen + 1 + name->keylen;
	int			bits = pg_ceil_log2_32(len);
	dsa_pointer room = InvalidDsaPointer;
	Lease	   *lease;

	if (pg_atomic_read_u32(&counts->records) >
		2 * pg_atomic_read_u32(&counts->held) + SPARE_RECORDS)
		(void) SweepLeases();
	if (len > PGX_INLINE_NAME)
		room = Allocate((Size) 1 << bits);
	while ((lease = LockLease(name->id)) == NULL)
		AddRecord(name->id);
	ExpireLease(lease);
	if (lease->state != LEASE_FREE)
		elog(ERROR, "lock is leased and held");
	SetLeaseName(lease, name, room, bits);
	return lease;
}

/*
 * LeaseHasToken(lease, id, token) - is it still the same grant, and alive?
 *
 * The record is locked, and may have gone to another lock.
 */
bool
LeaseHasToken(const Lease *lease, int64 id, int64 token)
{
	return lease->state == LEASE_HELD && lease->key.id == id &&
		lease->key.dboid == MyDatabaseId && lease->owner.token == token &&
		LeaseClock() < lease->deadline;
}

static const char *
LeaseBytes(const Lease *lease)
{
	if (lease->nslen + 1 + lease->keylen > PGX_INLINE_NAME)
		return dsa_get_address(SharedArea(), lease->longname);
	return lease->name;
}

/*
 * LeaseIsNamed(lease, name) - is it for that very name?
 */
bool
LeaseIsNamed(const Lease *lease, const LockName *name)
{
	return lease->nslen == name->nslen && lease->keylen == name->keylen &&
		memcmp(LeaseBytes(lease), name->bytes,
			   name->nslen + 1 + name->keylen) == 0;
}

/*
 * StartLease(lease) - from free to held
 */
void
StartLease(Lease *lease)
{
	lease->state = LEASE_HELD;
	pg_atomic_fetch_add_u32(&LeaseCounts()->used, 1);
	pg_atomic_fetch_add_u32(MarkOf(lease->key.id), 1);
}

/*
 * StopLease(lease, state, ns) - from held to shut or free, or from shut to
 * free; never fails
 *
 * The sessions that wait for it look again.
 */
void
StopLease(Lease *lease, LeaseState state, SharedNamespace *ns)
{
	SharedLeases *counts = LeaseCounts();

	if (lease->state == LEASE_HELD)
	{
		pg_atomic_fetch_sub_u32(&counts->held, 1);
		if (lease->reserved)
			pg_atomic_fetch_sub_u32(&ns->holds, 1);
		CountTime(ns, SPAN_HOLD, lease->owner.since, GetCurrentTimestamp());
	}
	lease->state = state;
	lease->owner.token = 0;
	if (state == LEASE_FREE)
	{
		pg_atomic_fetch_sub_u32(MarkOf(lease->key.id), 1);
		pg_atomic_fetch_sub_u32(&counts->used, 1);
	}
	ConditionVariableBroadcast(&lease->changed);
}

/*
 * ExpireLease(lease) - notice that its time is over, if it is
 *
 * From the deadline on it cannot be renewed, whether or not this was called.
 */
void
ExpireLease(Lease *lease)
{
	int64		now = LeaseClock();
	SharedNamespace *ns;

	if (lease->state == LEASE_FREE ||
		now < (lease->state == LEASE_HELD ? lease->deadline : lease->opens))
		return;
	ns = FindSharedNamespace(lease->key.dboid, lease->nsid);
	if (lease->state == LEASE_HELD)
		Count(ns, COUNT_UNCLEAN);
	StopLease(lease, now < lease->opens ? LEASE_SHUT : LEASE_FREE, ns);
}

/*
 * CopyLocked(lease, copy) - false when it is free
 */
static bool
CopyLocked(Lease *lease, LeaseCopy *copy)
{
	int			len = lease->nslen + 1 + lease->keylen;

	ExpireLease(lease);
	if (lease->state == LEASE_FREE)
		return false;
	copy->state = lease->state;
	copy->owner = lease->owner;
	copy->deadline = lease->deadline;
	copy->opens = lease->opens;
	copy->name.id = lease->key.id;
	copy->name.nslen = lease->nslen;
	copy->name.keylen = lease->keylen;
	memcpy(copy->name.bytes, LeaseBytes(lease), len);
	copy->name.bytes[len] = '\0';
	return true;
}

/*
 * CopyLease(id, copy) - how a lock is leased or shut; false when it is not
 */
bool
CopyLease(int64 id, LeaseCopy *copy)
{
	Lease	   *lease = MayHaveLease(id) ? LockLease(id) : NULL;
	bool		used;

	if (lease == NULL)
		return false;
	used = CopyLocked(lease, copy);
	UnlockLease(lease);
	return used;
}
