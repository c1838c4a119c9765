/*
 * token.c
 *		Fencing tokens: numbers that only rise, whatever happens.
 *
 * A token is an epoch (high 31 bits) and a counter in shared memory (low 32
 * bits), drawn while the lock is held; it costs no I/O.  A new epoch is taken
 * once per server start and database, and when the counter is full: it is
 * logged, flushed and, with synchronous_standby_names, confirmed by a standby
 * before the first token of it is given to anybody.
 *
 * The epoch is kept in sequences, because setval() stands whatever becomes of
 * the caller's transaction and always writes WAL.  (A nextval() that was
 * logged ahead does not, and repeats after a crash.)  Taking an epoch costs
 * the transaction that happens to do it a transaction id.
 *
 * New epoch = max(stored + 1, (base + timeline) << 20, epoch in use + 1).  The
 * timeline covers a failover to a standby that had not received the newest
 * epoch; the stored one covers dump, restore and pg_upgrade, and so does the
 * base, which is raised to the stored epoch >> 20 when the system identifier
 * has changed, because timelines start again at 1 in a new cluster.
 *
 * A lock of our own (class PGX_CLASS_EPOCH) lets one session at a time take
 * an epoch; waiting for it, and for the standby, can be cancelled.
 */
#include "lock/lock.h"

#include "access/xact.h"
#include "access/xlog.h"
#include "miscadmin.h"
#include "replication/syncrep.h"
#include "replication/walsender.h"
#include "replication/walsender_private.h"
#include "storage/lwlock.h"
#include "utils/fmgrprotos.h"
#include "utils/guc.h"
#include "utils/resowner.h"
#include "utils/snapmgr.h"

#define EPOCH_BASE_SHIFT	20
#define EPOCH_LIMIT			(UINT64CONST(1) << 31)

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
	 * The command that runs may have written: then this ends its id.  WAL is
	 * no witness, as with checksums who only reads logs hint bits.
	 */
	CommandCounterIncrement();
	return GetCurrentCommandId(false) != epoch_command;
}

static int64
SequenceValue(Oid sequence)
{
	LOCAL_FCINFO(fcinfo, 1);
	Datum		value;

	InitFunctionCallInfoData(*fcinfo, NULL, 1, InvalidOid, NULL, NULL);
	fcinfo->args[0].value = ObjectIdGetDatum(sequence);
	fcinfo->args[0].isnull = false;
	value = pg_sequence_last_value(fcinfo);
	return fcinfo->isnull ? 0 : DatumGetInt64(value);
}

static void
SetSequence(Oid sequence, int64 value)
{
	(void) DirectFunctionCall3(setval3_oid, ObjectIdGetDatum(sequence),
							   Int64GetDatum(value), BoolGetDatum(true));
}

/*
 * WriteEpoch(info, in_use) - choose the next epoch and log it
 *
 * base and system identifier are written before the epoch: after a crash in
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
		SetSequence(info->token_base, base);
		SetSequence(info->token_system, sysid);
	}
	epoch = Max(stored + 1,
				(base + GetWALInsertionTimeLine()) << EPOCH_BASE_SHIFT);
	epoch = Max(epoch, in_use + 1);
	if (epoch >= EPOCH_LIMIT)
		ereport(ERROR,
				(errcode(ERRCODE_SEQUENCE_GENERATOR_LIMIT_EXCEEDED),
				 errmsg("fencing tokens of this database are used up")));
	SetSequence(info->token_epoch, epoch);
	return epoch;
}

/*
 * LogEpoch(fn_oid, in_use) - write and flush a new epoch, as our owner
 *
 * Must work in a READ ONLY transaction and for any role: nothing of the
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
 * as if all were well; so we look at what the standby has said.  The server's
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
 * TakeEpoch(database, seen, fn_oid) - make a newer epoch than "seen" current
 */
static void
TakeEpoch(SharedDatabase *database, uint64 seen, Oid fn_oid)
{
	ResourceOwner save = CurrentResourceOwner;
	LOCKTAG		tag;

	SET_LOCKTAG_ADVISORY(tag, MyDatabaseId, 0, 0, PGX_CLASS_EPOCH);
	CurrentResourceOwner = CurTransactionResourceOwner;
	PG_TRY();
	{
		(void) LockAcquire(&tag, ExclusiveLock, false, false);
	}
	PG_FINALLY();
	{
		CurrentResourceOwner = save;
	}
	PG_END_TRY();

	if (pg_atomic_read_u64(&database->epoch) == seen)
	{
		if (database->pending_epoch == 0)
		{
			database->pending_epoch = LogEpoch(fn_oid, seen);
			database->pending_lsn = XactLastRecEnd;
		}
		ConfirmOnStandby(database->pending_lsn);
		pg_atomic_write_u64(&database->next_token,
							database->pending_epoch << 32 | 1);
		pg_write_barrier();
		pg_atomic_write_u64(&database->epoch, database->pending_epoch);
		database->pending_epoch = 0;
	}

	CurrentResourceOwner = CurTransactionResourceOwner;
	LockRelease(&tag, ExclusiveLock, false);
	CurrentResourceOwner = save;
}

/*
 * StoreEpoch(database, epoch, fn_oid) - is the epoch in use stored?
 *
 * Not if the extension was dropped and created again: the epoch is in shared
 * memory still, but the next server start would begin with older ones.
 */
static void
StoreEpoch(SharedDatabase *database, uint64 epoch, Oid fn_oid)
{
	ExtensionInfo *info = GetExtensionInfo(fn_oid);
	Oid			userid;
	int			seccontext;
	uint64		stored;

	SwitchToExtensionOwner(info, &userid, &seccontext);
	stored = SequenceValue(info->token_epoch);
	SetUserIdAndSecContext(userid, seccontext);
	if (stored < epoch)
		TakeEpoch(database, epoch, fn_oid);
	GetExtensionInfo(fn_oid)->epoch_stored = true;
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
		uint64		epoch = pg_atomic_read_u64(&database->epoch);
		uint64		token;

		if (likely(epoch != 0))
		{
			if (unlikely(!GetExtensionInfo(fn_oid)->epoch_stored))
			{
				StoreEpoch(database, epoch, fn_oid);
				continue;
			}
			pg_read_barrier();
			token = pg_atomic_fetch_add_u64(&database->next_token, 1);
			if (likely(token >> 32 == epoch))
				return (int64) token;
			if (token >> 32 < epoch)
				elog(ERROR, "fencing token " UINT64_FORMAT " is older than its epoch", token);
			/* Full, or somebody has just taken a newer epoch. */
			if (pg_atomic_read_u64(&database->epoch) != epoch)
				continue;
		}
		TakeEpoch(database, epoch, fn_oid);
	}
}

/*
 * NewestToken(fn_oid) - an upper bound of the tokens given out so far
 */
int64
NewestToken(Oid fn_oid)
{
	SharedDatabase *database = MySharedDatabase();

	if (pg_atomic_read_u64(&database->epoch) == 0)
		TakeEpoch(database, 0, fn_oid);
	return (int64) pg_atomic_read_u64(&database->next_token) - 1;
}
