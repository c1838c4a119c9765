/*
 * pg_exclusive.h
 *		What the files of the extension share.
 *
 * The parts, from the bottom up: a name (name.c) has a 64-bit id and a lock
 * tag; shared memory (shared.c) holds annotations only, in entries that one
 * backend writes and all may read (entry.c); a namespace (namespace.c) says
 * who may lock; a hold (hold.c) is what this session has, and acquire.c how
 * it comes to it; token.c draws fencing tokens; the rest are SQL functions.
 *
 * The lock manager is the only truth about who holds what.
 */
#ifndef PG_EXCLUSIVE_H
#define PG_EXCLUSIVE_H

#include "postgres.h"

#include "compat.h"
#include "access/tupdesc.h"
#include "fmgr.h"
#include "lib/ilist.h"
#include "port/atomics.h"
#include "storage/condition_variable.h"
#include "utils/timestamp.h"

#ifndef PGX_VERSION
#error "PGX_VERSION comes from the control file, by way of the Makefile"
#endif

/*
 * Limits of names, in bytes.
 */
#define PGX_NAMESPACE_MAX	63
#define PGX_KEY_MAX			1024

/*
 * Classes of our lock tags (locktag_field4; objsubid in pg_locks).  Core uses
 * 1 and 2, Citus 4 to 15, TimescaleDB 29749.  All stay below 32768, above
 * which pg_locks shows them negative.
 */
#define PGX_CLASS_INTEROP	1		/* shared with pg_advisory_lock(bigint) */
#define PGX_CLASS_LOCK		20568
#define PGX_CLASS_GATE		20569	/* queue of a semaphore */
#define PGX_CLASS_EPOCH		20570	/* taking a token epoch, id 0 */
#define PGX_CLASS_PERMIT	21000	/* + permit, 1 to PGX_PERMITS_MAX */
#define PGX_PERMITS_MAX		8000

/* Wait limits in milliseconds. */
#define PGX_NO_WAIT			((int64) 0)
#define PGX_WAIT_FOREVER	((int64) -1)

/*
 * A lock's name in the server's encoding, "namespace NUL key NUL", which in a
 * UTF-8 database is also what is hashed.
 */
typedef struct LockName
{
	int64		id;
	int			nslen;
	int			keylen;
	char		bytes[PGX_NAMESPACE_MAX + 1 + PGX_KEY_MAX + 1];
} LockName;

#define LockNameNamespace(name) ((name)->bytes)
#define LockNameKey(name) ((name)->bytes + (name)->nslen + 1)

#include "entry.h"

/*
 * Of one database: the generation of its registry of namespaces, and its
 * fencing tokens.  Entries live as long as the server.
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

typedef struct SharedNamespace
{
	SharedNamespaceKey key;
	pg_atomic_uint32 holds;		/* reservations against max_holds */
	pg_atomic_uint32 permits;	/* holds and waits that are of permits */
	pg_atomic_uint64 counters[NUM_COUNTERS];
} SharedNamespace;

/*
 * A namespace as this session knows it (namespace.c).
 */
typedef struct Namespace
{
	char		name[PGX_NAMESPACE_MAX + 1];	/* hash key */
	uint64		version;		/* of the cache; older is to be read again */
	Oid			allowed_role;	/* InvalidOid: everybody */
	bool		interop;
	int			max_holds;		/* 0: no limit */
	int64		lock_delay;		/* microseconds, 0: none */
	bool		paused;
	char		paused_reason[256];
	TimestampTz created_at;
	SharedNamespace *shared;
} Namespace;

/*
 * What this session holds, or is about to (hold.c).
 */
typedef struct Hold
{
	int64		id;				/* hash key */
	LOCKTAG		tag;
	LOCKMODE	mode;
	bool		xact;
	bool		granted;
	bool		in_task;		/* its task runs right now */
	bool		doomed;			/* its task failed: see ReleaseAfterAbort() */
	bool		reserved;		/* counts against max_holds */
	bool		permit;			/* of a semaphore; at first tag is the gate */
	int64		lock_delay;		/* of the namespace, when it was taken */
	int64		token;
	TimestampTz granted_at;
	SharedNamespace *ns;
	LockEntry  *entry;
	dlist_node	node;			/* in a list: of hold.c's once granted */
} Hold;

typedef struct AcquireRequest
{
	const LockName *name;
	Oid			fn_oid;			/* the SQL function, to find our schema */
	LOCKMODE	mode;
	bool		xact;
	int64		wait;			/* milliseconds */
	TimestampTz at;				/* now, if known; 0: ask the clock */
	bool		unheld;			/* the caller has looked: not held by us */
} AcquireRequest;

typedef enum AcquireResult
{
	ACQUIRE_GRANTED,
	ACQUIRE_ALREADY,			/* the same, in this transaction */
	ACQUIRE_BUSY,
	ACQUIRE_TIMED_OUT
} AcquireResult;

/* Another session that holds a lock: what a refusal can say of it. */
typedef struct Holder
{
	LockEntry	entry;
	LockName	name;
	int			pid;
	bool		has_addr;
	char		addr[64];
	char		application_name[NAMEDATALEN];
} Holder;

/* pg_exclusive.c */
extern int	pgx_max_locks_per_session;

/* name.c */
extern void LockNameInit(LockName *name, const text *ns, const text *key);
extern void LockNameInitOnce(LockName *name, const text *ns, const text *key);
extern void LockNameFill(LockName *name, const text *ns, const text *key,
						 int64 id);
extern void LockNameArgs(LockName *name, FunctionCallInfo fcinfo);
extern void NamespaceNameInit(LockName *name, const text *ns);
extern void LockNameTag(const LockName *name, uint16 lockclass, LOCKTAG *tag);
extern LOCKMODE LockModeArg(FunctionCallInfo fcinfo, int argno);
extern int64 WaitArg(FunctionCallInfo fcinfo, int argno);
extern text *RequiredTextArg(FunctionCallInfo fcinfo, int argno,
							 const char *what);
extern int64 IntervalMicroseconds(const Interval *interval);

/* sha256.c */
extern int64 Sha256Id(const char *bytes, int len);

/* shared.c */
extern void AttachShared(void);
extern SharedDatabase *MySharedDatabase(void);
extern SharedNamespace *GetSharedNamespace(int64 id);
extern BackendSlot *SharedSlots(int *nslots);
extern BackendSlot *MySlot(void);
extern dsa_area *SharedArea(void);
extern TimestampTz SharedCreatedAt(void);
extern ConditionVariable *PermitCondition(void);
extern void Count(SharedNamespace *ns, Counter counter);
extern void CountTime(SharedNamespace *ns, Counter total, Counter longest,
					  TimestampTz from, TimestampTz to);

/* namespace.c */
extern Namespace *LookupNamespace(const char *name, int len, Oid fn_oid);
extern bool NamespaceIsStale(const Namespace *ns);
extern void CheckNamespaceRole(const Namespace *ns);
extern void CheckNamespaceUsage(const Namespace *ns);
extern uint16 NamespaceLockClass(const Namespace *ns);

/* install.c */
typedef struct Install
{
	Oid			schema;
	Oid			owner;
	Oid			registry;
	Oid			registry_pkey;
	Oid			token_system;
	Oid			token_base;
	Oid			token_epoch;
	bool		epoch_stored;	/* token_epoch is no older than our tokens */
} Install;
extern Install *GetInstall(Oid fn_oid);
extern uint64 InstallVersion(void);
extern void BecomeOwner(const Install *install, Oid *userid, int *seccontext);
extern void CheckNotStandby(const char *what);

/* holdtable.c */
extern void ExpectHolds(int more);
extern Hold *AddHold(int64 id);
extern void DropHold(Hold *hold);
extern Hold *GetHold(int64 id);
extern int	NumHolds(void);

/* hold.c */
extern Hold *FindHoldById(int64 id);
extern Hold *FindToken(int64 token);
extern Hold *PrepareHold(const LockName *name, const LOCKTAG *tag,
						 LOCKMODE mode, bool xact, Namespace *ns);
extern void HoldGranted(Hold *hold, int64 token, TimestampTz now);
extern void ForgetHold(Hold *hold);
extern bool ReleaseHold(Hold *hold);
extern void ReleaseAfterAbort(Hold *hold);
extern void ReleaseXactHold(Hold *hold);
extern int	CountHolds(bool sure);
typedef bool (*HoldVisitor) (Hold *hold, void *arg);
extern int	VisitSessionHolds(HoldVisitor visitor, void *arg);

/* quota.c */
extern void CheckRoomForHolds(int more);
extern bool ReserveInNamespace(const Namespace *ns);
extern void TooManyInNamespace(const Namespace *ns);

/* acquire.c */
extern AcquireResult AcquireLock(const AcquireRequest *request, Hold **hold);
extern void RefuseUnlockAfterWrites(const char *what);
extern LockAcquireResult AskLockManager(const LOCKTAG *tag, LOCKMODE mode,
										bool xact, bool nowait);
extern void GiveBack(Hold *hold);
extern bool WaitInQueueFor(Hold *hold, int64 wait);
extern bool WatchClient(void);
extern void UnwatchClient(bool watching);
extern void CheckAfterGrant(const LockName *name, Oid fn_oid, Namespace *ns,
							bool waited);
extern void AlreadyHeld(const LockName *name, const Hold *hold);

/* delay.c */
extern TimestampTz UncleanUntil(const LockName *name, uint16 lockclass,
								const Namespace *ns);
extern bool SitOutDelay(Hold *hold, const LockName *name, Oid fn_oid,
						Namespace *ns, TimestampTz since, int64 wait);

/* session.c */
extern Datum Record(FunctionCallInfo fcinfo, Datum *values, bool *nulls);
extern Datum *TakeArray(FunctionCallInfo fcinfo, int argno, Oid type,
						bool **nulls, int *n);

/* The token of a grant, if it is one. */
static inline Datum
TokenDatum(const Hold *hold)
{
	return Int64GetDatum(hold == NULL ? 0 : hold->token);
}

/* permit.c */
typedef struct PermitRequest
{
	const LockName *name;
	Oid			fn_oid;
	int			permits;
	int64		wait;
	TimestampTz since;
	TimestampTz soonest;		/* when a permit's lock_delay ends, or 0 */
} PermitRequest;
extern Hold *AcquirePermit(PermitRequest *request);
extern void RefuseSemaphore(const LockName *name, Namespace *ns);
extern void WakePermitWaiters(void);

/* token.c */
extern int64 DrawToken(Oid fn_oid);
extern int64 NewestToken(Oid fn_oid);
extern bool TransactionHasWritten(void);

/* peek.c */
extern int	PeekHolders(const LOCKTAG *tag, int *procnos, int size);
extern int	PeekQueue(const LOCKTAG *tag, int *pids, int size);

/* holder.c */
extern bool IsHeldBy(const LockName *name, uint16 lockclass, int procno);
extern Hold *FindHold(const LockName *name);
extern bool FindHolder(const LOCKTAG *tag, Holder *holder);
extern void WarnOfCollision(const LockName *name, const LockName *other,
							SharedNamespace *ns);
extern void ReportCollision(const LockName *name, const LOCKTAG *tag,
							SharedNamespace *ns);

/* details.c */
extern void ForgetDetails(void);
extern void DetailRefusal(int ordinal, const LockName *name, Oid fn_oid);
extern void DetailError(int ordinal, const ErrorData *error);

/* task.c */
extern void RunTask(Hold *hold, const text *task);
extern void CheckTask(const text *task);
extern void CheckTaskSnapshot(const char *function);

/* procedure.c */
extern TupleDesc ResultRow(FunctionCallInfo fcinfo);
extern TupleDesc BeginProcedure(FunctionCallInfo fcinfo, const char *name,
								const char *hint);
extern Datum EndProcedure(TupleDesc row, Datum value, bool isnull);

/* table.c */
typedef struct Statement
{
	Oid			fn_oid;			/* the SQL function that was called */
	int			nargs;
	Oid			types[12];
	Datum		values[12];
	char		nulls[12];
} Statement;
extern void AddArg(Statement *st, Oid type, Datum value, bool isnull);
extern void AddText(Statement *st, const char *value);
extern uint64 ExecuteAsOwner(Statement *st, const char *sql);
extern Datum ResultColumn(int column, bool *isnull);

/* admin.c */
extern void LockRegistry(Oid fn_oid);

/* runs.c */
extern void CheckSlot(const text *slot);
extern void CheckEvery(const Interval *every);
extern void AddRun(Statement *st, const LockName *name, const char *kind);
extern bool HasRun(Oid fn_oid, const LockName *name, const char *slot,
				   const Interval *every);

/* notes.c */
extern bool NamespaceInUse(const char *name, bool interop, bool plain,
						   int *pid);

/* namespace.c */
extern bool SeesNamespace(const char *name, Oid fn_oid);

#endif							/* PG_EXCLUSIVE_H */
