/*
 * lock_table.c
 *		How full the server's lock table is, and how much it has room for.
 *
 * All locks of all databases share one lock table.  Up to PostgreSQL 18 it
 * begins with room for half of max_locks_per_transaction locks per backend,
 * and grows into shared memory that nothing else has taken.  What it has grown
 * by it keeps.  From 19 on its size is fixed.  See InitLocks() (from 19 on
 * LockManagerShmemInit()) in lock.c, and hash_estimate_size() in dynahash.c.
 */
#include "views/views.h"

#include "access/twophase.h"
#include "executor/spi.h"
#include "funcapi.h"
#include "miscadmin.h"
#include "storage/shmem.h"
#include "utils/hsearch.h"

PG_FUNCTION_INFO_V1(pgx_lock_table);

/* What dynahash takes for an entry of this size. */
#define ENTRY_SIZE(size) \
	((int64) (MAXALIGN(sizeof(HASHELEMENT)) + MAXALIGN(size)))

/*
 * FreeSharedMemory(fn_oid) - bytes that nothing has taken yet
 *
 * Only privileged roles may ask the server, so the extension's owner asks.
 */
static int64
FreeSharedMemory(Oid fn_oid)
{
	Oid			userid;
	int			seccontext;
	bool		isnull;
	int64		bytes = 0;

	SPI_connect();
	SwitchToExtensionOwner(GetExtensionInfo(fn_oid), &userid, &seccontext);
	if (SPI_execute("SELECT allocated_size FROM pg_catalog.pg_shmem_allocations WHERE name IS NULL",
					true, 1) == SPI_OK_SELECT && SPI_processed == 1)
		bytes = DatumGetInt64(ResultColumn(1, &isnull));
	SetUserIdAndSecContext(userid, seccontext);
	SPI_finish();
	return bytes;
}

/*
 * LocksInTable() - entries of the lock table, one per lock and holder
 */
static int64
LocksInTable(void)
{
	LockData   *data = GetLockStatusData();
	int64		count = 0;

	for (int i = 0; i < data->nelements; i++)
		count += !data->locks[i].fastpath;
	return count;
}

/*
 * RoomFor(used, memory, slots) - how many locks fit into the table
 *
 * Each lock with one holder needs an entry in the hash table of locks, which
 * begins with slots / 2, and one in that of holders, which begins with slots.
 */
static int64
RoomFor(int64 used, int64 memory, int64 slots)
{
	int64		locks = Max(used, slots / 2);
	int64		holders = Max(used, slots);

	if (PGX_LOCK_TABLE_IS_FIXED)
		return slots;
	/* until the holders' table is full too, only the other one grows */
	if (memory < (holders - locks) * ENTRY_SIZE(sizeof(LOCK)))
		return locks + memory / ENTRY_SIZE(sizeof(LOCK));
	memory -= (holders - locks) * ENTRY_SIZE(sizeof(LOCK));
	return holders +
		memory / (ENTRY_SIZE(sizeof(LOCK)) + ENTRY_SIZE(sizeof(PROCLOCK)));
}

/*
 * _lock_table() - one row
 */
Datum
pgx_lock_table(PG_FUNCTION_ARGS)
{
	int64		slots = (int64) max_locks_per_xact *
	(MaxBackends + max_prepared_xacts);
	int64		used = LocksInTable();
	int64		room;
	Datum		values[2];
	bool		nulls[2] = {0};

	AttachShared();
	values[0] = Int64GetDatum(used);
	room = RoomFor(used, FreeSharedMemory(fcinfo->flinfo->fn_oid), slots);
	values[1] = Int64GetDatum(RememberLockRoom(room));
	return RecordDatum(fcinfo, values, nulls);
}
