/*
 * token.c
 *		Fencing tokens are numbers that only rise, whatever happens.
 *
 * A token is an epoch (high 33 bits) and a counter in shared memory (low 20
 * bits), drawn while the lock is held.  It costs no I/O.  It is below 2^53, so
 * that programs which keep numbers as doubles keep it exactly.
 *
 * A new epoch is taken once per server start and database, and once per
 * million tokens (token_epoch.c).  When three quarters of the counter are
 * used, the session that notices logs the next epoch, so that no caller waits
 * for it later.
 *
 * A restore may store another epoch while the server runs.  So each session
 * compares it with the epoch in use, every EPOCH_CHECK_INTERVAL.
 */
#include "lock/lock.h"

#define COUNTER_MASK	((UINT64CONST(1) << TOKEN_COUNTER_BITS) - 1)
#define COUNTER_AHEAD	(3 * (COUNTER_MASK / 4))

/* How often a session looks at the stored epoch, in microseconds. */
#define EPOCH_CHECK_INTERVAL	(100 * 1000)

/*
 * EpochIsStored(database, epoch, fn_oid) - is it what a restart begins from?
 *
 * Not if the extension was dropped and created again, or if a restore has
 * stored another one.  One that was logged ahead of need is stored too.
 */
static bool
EpochIsStored(SharedDatabase *database, uint64 epoch, Oid fn_oid)
{
	ExtensionInfo *info = GetExtensionInfo(fn_oid);
	TimestampTz now = GetCurrentTimestamp();
	uint64		stored;

	if (likely(now >= info->epoch_checked &&
			   now - info->epoch_checked < EPOCH_CHECK_INTERVAL))
		return true;
	stored = StoredEpoch(fn_oid);
	if (stored != epoch &&
		(stored == 0 || stored != database->pending_epoch))
		return false;
	info->epoch_checked = now;
	return true;
}

/*
 * CurrentEpoch(database, fn_oid) - the epoch that tokens are drawn from
 */
static uint64
CurrentEpoch(SharedDatabase *database, Oid fn_oid)
{
	for (;;)
	{
		uint64		epoch = pg_atomic_read_u64(&database->epoch);

		if (likely(epoch != 0 && EpochIsStored(database, epoch, fn_oid)))
		{
			pg_read_barrier();	/* its counter is read after it */
			return epoch;
		}
		TakeEpoch(database, epoch, epoch, fn_oid);
	}
}

/*
 * DrawToken(fn_oid) - the next token; the caller holds the lock it is for
 */
int64
DrawToken(Oid fn_oid)
{
	SharedDatabase *database = MySharedDatabase();

	for (;;)
	{
		uint64		epoch = CurrentEpoch(database, fn_oid);
		uint64		token = pg_atomic_fetch_add_u64(&database->next_token, 1);

		if (likely(token >> TOKEN_COUNTER_BITS == epoch))
		{
			if (unlikely((token & COUNTER_MASK) == COUNTER_AHEAD))
				PrepareEpoch(database, epoch, fn_oid);
			return (int64) token;
		}
		if (token >> TOKEN_COUNTER_BITS < epoch)
			elog(ERROR, "fencing token " UINT64_FORMAT " is older than its epoch",
				 token);
		/* The counter is full, or another session has taken an epoch. */
		if (pg_atomic_read_u64(&database->epoch) == epoch)
			TakeEpoch(database, epoch, epoch, fn_oid);
	}
}

/*
 * NewestToken(fn_oid) - an upper bound of the tokens given out so far
 */
int64
NewestToken(Oid fn_oid)
{
	SharedDatabase *database = MySharedDatabase();

	(void) CurrentEpoch(database, fn_oid);
	return (int64) pg_atomic_read_u64(&database->next_token) - 1;
}

/*
 * RaiseTokens(above, fn_oid) - when a larger one than ours has been seen
 *
 * It was given out by the server that this database was copied from.
 */
void
RaiseTokens(int64 above, Oid fn_oid)
{
	SharedDatabase *database = MySharedDatabase();
	uint64		epoch = CurrentEpoch(database, fn_oid);

	if (epoch <= (uint64) above >> TOKEN_COUNTER_BITS)
		TakeEpoch(database, epoch, (uint64) above >> TOKEN_COUNTER_BITS,
				  fn_oid);
}
