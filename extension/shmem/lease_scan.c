/*
 * lease_scan.c
 *		Looking at all leases: to show them, and to take back what is unused.
 *
 * Nothing that may call back or raise an error is done while a partition of
 * the table is locked.
 */
#include "shmem/shmem.h"

#include "miscadmin.h"
#include "utils/dsa.h"

/*
 * SweepRecord(slot) - notice that a lease is over; true if its record is free
 */
static bool
SweepRecord(const LeaseSlot *slot)
{
	Lease	   *lease = dsa_get_address(SharedArea(), slot->lease);
	bool		unused;

	LWLockAcquire(&lease->lock, LW_EXCLUSIVE);
	ExpireLease(lease);
	unused = lease->state == LEASE_FREE;
	if (unused)
		lease->key.dboid = InvalidOid;	/* for those who kept a pointer */
	UnlockLease(lease);
	return unused;
}

/*
 * SweepLeases() - notice all leases that are over, and reuse their records
 *
 * Returns whether there are fewer leases now.
 */
bool
SweepLeases(void)
{
	SharedLeases *counts = LeaseCounts();
	uint32		before = pg_atomic_read_u32(&counts->held);
	dshash_seq_status scan;
	LeaseSlot  *slot;

	dshash_seq_init(&scan, LeaseTable(), true);
	while ((slot = dshash_seq_next(&scan)) != NULL)
	{
		if (SweepRecord(slot))
		{
			PushLeaseRecord(slot->lease);
			dshash_delete_current(&scan);
			pg_atomic_fetch_sub_u32(&counts->records, 1);
		}
	}
	dshash_seq_term(&scan);
	return pg_atomic_read_u32(&counts->held) < before;
}

/*
 * VisitLeases(visitor, arg) - for each lock of this database that is leased or
 * shut
 *
 * The caller holds no lock.  The visitor may fail.
 */
void
VisitLeases(LeaseVisitor visitor, void *arg)
{
	uint32		room = pg_atomic_read_u32(&LeaseCounts()->used) + 16;
	int64	   *ids;
	uint32		n = 0;
	dshash_seq_status scan;
	LeaseSlot  *slot;
	LeaseCopy	copy;

	if (!AnyLease())
		return;
	ids = palloc_extended(sizeof(int64) * room, MCXT_ALLOC_HUGE);
	dshash_seq_init(&scan, LeaseTable(), false);
	while ((slot = dshash_seq_next(&scan)) != NULL)
	{
		if (slot->key.dboid != MyDatabaseId || !MayHaveLease(slot->key.id))
			continue;
		if (n == room)
		{
			room *= 2;
			ids = repalloc_huge(ids, sizeof(int64) * room);
		}
		ids[n++] = slot->key.id;
	}
	dshash_seq_term(&scan);
	for (uint32 i = 0; i < n; i++)
	{
		CHECK_FOR_INTERRUPTS();
		if (CopyLease(ids[i], &copy))
			visitor(&copy, arg);
	}
	pfree(ids);
}
