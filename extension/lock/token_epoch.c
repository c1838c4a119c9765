/*
 * token_epoch.c
 *		How epochs of fencing tokens are taken, stored and confirmed.
 *
 * A new epoch is logged, flushed and, with synchronous_standby_names,
 * confirmed by a standby before the first token of it is given to anybody.
 *
 * The epoch is kept in sequences, because setval() stands whatever becomes of
 * the caller's transaction and always writes WAL.  (A nextval() that was
 * logged ahead does not, and repeats after a crash.)  Taking an epoch costs
 * the transaction that happens to do it a transaction id.
 *
 * New epoch = max(stored + 1, (base + timeline) << 20, epoch in use + 1).  The
 * timeline covers a failover to a standby that had not received the newest
 * epoch.  The stored epoch covers dump, restore and pg_upgrade.  Timelines
 * start again at 1 in a new cluster, so when the system identifier has
 * changed, the base is raised to the stored epoch >> 20.
 *
 * A lock of our own (class PGX_CLASS_EPOCH) lets one session at a time take
 * an epoch.  Waiting for it, and for the standby, can be cancelled.
 */
#include "lock/lock.h"

#include "access/htup_details.h"
#include "access/relation.h"
#include "access/xact.h"
#include "access/xlog.h"
#include "commands/sequence.h"
#include "miscadmin.h"
#include "replication/syncrep.h"
#include "replication/walsender.h"
#include "replication/walsender_private.h"
#include "storage/bufmgr.h"
#include "storage/bufpage.h"
#include "storage/lmgr.h"
#include "storage/lwlock.h"
#include "utils/fmgrprotos.h"
#include "utils/guc.h"
#include "utils/rel.h"
#include "utils/resowner.h"
#include "utils/snapmgr.h"

#define EPOCH_BASE_SHIFT	20
#define EPOCH_LIMIT			(UINT64CONST(1) << 33)

/* The transaction whose id is owed to an epoch, and how far it had got. */
static TransactionId epoch_xid = InvalidTransactionId;
static CommandId epoch_command;

/*
 * TransactionHasWritten() - apart from having taken an epoch for us
 */
bool
TransactionHasWritten(void)
{
	TransactionId xid = GetTopTransactionIdIfAny();

	if (likely(!TransactionIdIsValid(xid)))
		return false;
	if (xid != epoch_xid || GetCurrentCommandId(false) != epoch_command)
		return true;

	/*
	 * The command that runs may have written.  Then this ends its id.  WAL is
	 * no witness, as with checksums who only reads logs hint bits.
	 */
	CommandCounterIncrement();
	return GetCurrentCommandId(false) != epoch_command;
}

/*
 * SequenceValue(sequence) - its last value, or 0 when it was never set
 *
 * Read from its page, so that no lock of it is kept to the end of the
 * transaction.
 */
static int64
SequenceValue(Oid sequence)
{
	Relation	rel = relation_open(sequence, AccessShareLock);
	Buffer		buffer = ReadBuffer(rel, 0);
	Page		page = BufferGetPage(buffer);
	HeapTupleHeader tuple;
	Form_pg_sequence_data data;
	int64		value;

	LockBuffer(buffer, BUFFER_LOCK_SHARE);
	tuple = (HeapTupleHeader)
		PageGetItem(page, PageGetItemId(page, FirstOffsetNumber));
	data = (Form_pg_sequence_data) ((char *) tuple + tuple->t_hoff);
	value = data->is_called ? data->last_value : 0;
	UnlockReleaseBuffer(buffer);
	relation_close(rel, AccessShareLock);
	return value;
}

/*
 * StoredEpoch(fn_oid) - what a restart begins from
 */
uint64
StoredEpoch(Oid fn_oid)
{
	return SequenceValue(GetExtensionInfo(fn_oid)->token_epoch);
}

/*
 * WriteSequence(sequence, value) - without keeping the lock of it
 *
 * setval() keeps one to the end of the transaction.  While that waits for a
 * lock of ours, DROP EXTENSION would wait too.
 */
static void
WriteSequence(Oid sequence, int64 value)
{
	ResourceOwner save = CurrentResourceOwner;
	LOCKTAG		tag;
	bool		locked;

	SET_LOCKTAG_RELATION(tag, MyDatabaseId, sequence);
	locked = LockModeHeldByMe(&tag, RowExclusiveLock);
	LockRelationOid(sequence, RowExclusiveLock);
	(void) DirectFunctionCall3(setval3_oid, ObjectIdGetDatum(sequence),
							   Int64GetDatum(value), BoolGetDatum(true));
	UnlockRelationOid(sequence, RowExclusiveLock);
	if (locked || !LockModeHeldByMe(&tag, RowExclusiveLock))
		return;
	CurrentResourceOwner = TopTransactionResourceOwner;
	UnlockRelationOid(sequence, RowExclusiveLock);
	CurrentResourceOwner = save;
}

/*
 * WriteEpoch(info, in_use) - choose the next epoch and log it
 *
 * base and system identifier are written before the epoch.  After a crash in
 * between, the same base is computed again.
 */
static uint64
WriteEpoch(const ExtensionInfo *info, uint64 in_use)
{
	uint64		stored = SequenceValue(info->token_epoch);
	uint64		base = SequenceValue(info->token_base);
	int64		sysid = (int64) GetSystemIdentifier();
	uint64		epoch;

	if (SequenceValue(info->token_system) != sysid)
	{
		base = Max(base, stored >> EPOCH_BASE_SHIFT);
		WriteSequence(info->token_base, base);
		WriteSequence(info->token_system, sysid);
	}
	epoch = Max(stored + 1,
				(base + GetWALInsertionTimeLine()) << EPOCH_BASE_SHIFT);
	epoch = Max(epoch, in_use + 1);
	if (epoch >= EPOCH_LIMIT)
		ereport(ERROR,
				(errcode(ERRCODE_SEQUENCE_GENERATOR_LIMIT_EXCEEDED),
				 errmsg("fencing tokens of this database are used up")));
	WriteSequence(info->token_epoch, epoch);
	return epoch;
}

/*
 * LogEpoch(fn_oid, in_use) - write and flush a new epoch, as our owner
 *
 * Must work in a READ ONLY transaction and for any role, as nothing of the
 * user's is written.
 */
static uint64
LogEpoch(Oid fn_oid, uint64 in_use)
{
	const ExtensionInfo *info = GetExtensionInfo(fn_oid);
	bool		had_xid = TransactionIdIsValid(GetTopTransactionIdIfAny());
	bool		read_only = XactReadOnly;
	Oid			userid;
	int			seccontext;
	uint64		epoch;

	SwitchToExtensionOwner(info, &userid, &seccontext);
	PG_TRY();
	{
		XactReadOnly = false;
		epoch = WriteEpoch(info, in_use);
	}
	PG_FINALLY();
	{
		XactReadOnly = read_only;
		SetUserIdAndSecContext(userid, seccontext);
	}
	PG_END_TRY();
	XLogFlush(XactLastRecEnd);
	if (!had_xid)
	{
		epoch_xid = GetTopTransactionIdIfAny();
		epoch_command = GetCurrentCommandId(false);
	}
	return epoch;
}

static bool
StandbyHas(XLogRecPtr lsn)
{
	bool		has;

	LWLockAcquire(SyncRepLock, LW_SHARED);
	has = lsn <= WalSndCtl->lsn[SYNC_REP_WAIT_FLUSH];
	LWLockRelease(SyncRepLock);
	return has;
}

static void
Set(const char *name, const char *value)
{
	(void) set_config_option(name, value, PGC_USERSET, PGC_S_SESSION,
							 GUC_ACTION_SAVE, true, 0, false);
}

/*
 * ConfirmOnStandby(lsn) - wait for the synchronous standby, or raise 57014
 *
 * A wait that is cancelled, or skipped for synchronous_commit = off, returns
 * as if all were well.  So we look at what the standby has said.  The server's
 * warning, that a transaction has committed locally, is not true of us.
 */
static void
ConfirmOnStandby(XLogRecPtr lsn)
{
	int			nestlevel;

	if (SyncRepStandbyNames == NULL || SyncRepStandbyNames[0] == '\0' ||
		max_wal_senders == 0 || StandbyHas(lsn))
		return;
	nestlevel = NewGUCNestLevel();
	Set("synchronous_commit", "on");
	Set("client_min_messages", "error");
	InvalidateCatalogSnapshot();	/* else it pins xmin while we wait */
	HOLD_INTERRUPTS();
	SyncRepWaitForLSN(lsn, true);
	RESUME_INTERRUPTS();
	AtEOXact_GUC(true, nestlevel);
	CHECK_FOR_INTERRUPTS();
	if (!StandbyHas(lsn))
		ereport(ERROR,
				(errcode(ERRCODE_QUERY_CANCELED),
				 errmsg("a new epoch of fencing tokens was not confirmed by a synchronous standby"),
				 errdetail("Without that, a token could be given out twice after a failover."),
				 errhint("Try again when a standby of synchronous_standby_names answers.")));
}

/*
 * LockEpoch(nowait) - one session at a time takes an epoch
 */
static bool
LockEpoch(bool nowait)
{
	LOCKTAG		tag;

	SET_LOCKTAG_ADVISORY(tag, MyDatabaseId, 0, 0, PGX_CLASS_EPOCH);
	return AskLockManager(&tag, ExclusiveLock, true, nowait) !=
		LOCKACQUIRE_NOT_AVAIL;
}

static void
UnlockEpoch(void)
{
	ResourceOwner save = CurrentResourceOwner;
	LOCKTAG		tag;

	SET_LOCKTAG_ADVISORY(tag, MyDatabaseId, 0, 0, PGX_CLASS_EPOCH);
	CurrentResourceOwner = CurTransactionResourceOwner;
	LockRelease(&tag, ExclusiveLock, false);
	CurrentResourceOwner = save;
}

/*
 * LogNextEpoch(database, above, fn_oid) - one that is larger than "above"
 *
 * Unless it was logged before, and is what is stored.  The caller has locked
 * the epoch.
 */
static void
LogNextEpoch(SharedDatabase *database, uint64 above, Oid fn_oid)
{
	uint64		next = database->pending_epoch;

	if (next > above && next == StoredEpoch(fn_oid))
		return;
	database->pending_epoch = LogEpoch(fn_oid, Max(above, next));
	database->pending_lsn = XactLastRecEnd;
}

/*
 * TakeEpoch(database, seen, above, fn_oid) - make a new epoch current
 *
 * One that is larger than both, unless the current one is not "seen" any more.
 */
void
TakeEpoch(SharedDatabase *database, uint64 seen, uint64 above, Oid fn_oid)
{
	(void) LockEpoch(false);
	if (pg_atomic_read_u64(&database->epoch) == seen)
	{
		LogNextEpoch(database, Max(seen, above), fn_oid);
		ConfirmOnStandby(database->pending_lsn);
		pg_atomic_write_u64(&database->next_token,
							database->pending_epoch << TOKEN_COUNTER_BITS | 1);
		pg_write_barrier();
		pg_atomic_write_u64(&database->epoch, database->pending_epoch);
		database->pending_epoch = 0;
	}
	UnlockEpoch();
}

/*
 * PrepareEpoch(database, epoch, fn_oid) - log the next one ahead of need
 */
void
PrepareEpoch(SharedDatabase *database, uint64 epoch, Oid fn_oid)
{
	if (!LockEpoch(true))
		return;
	if (pg_atomic_read_u64(&database->epoch) == epoch)
		LogNextEpoch(database, epoch, fn_oid);
	UnlockEpoch();
}
