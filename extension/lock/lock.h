/*
 * lock.h
 *		Taking and freeing locks, with namespaces, tokens and semaphores.
 */
#ifndef PGX_LOCK_H
#define PGX_LOCK_H

#include "shmem/shmem.h"

#include "lib/ilist.h"

/*
 * A namespace as this session knows it (namespace.c).
 */
typedef struct Namespace
{
	char		name[PGX_NAMESPACE_BYTES + 1];	/* hash key */
	uint64		version;		/* of the cache; older is to be read again */
	bool		restricted;		/* to members of allowed_role */
	Oid			allowed_role;	/* InvalidOid: does not exist here */
	bool		interop;
	int			max_holds;		/* 0: no limit */
	int64		lock_delay;		/* microseconds, 0: none */
	int64		max_lease;		/* microseconds, 0: no leases */
	bool		paused;
	char		paused_reason[256];
	TimestampTz created_at;
	SharedNamespace *shared;
} Namespace;

/*
 * What this session holds, or is about to hold (hold.c).
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
	bool		is_unanswered;	/* its client does not know of it yet */
	bool		reserved;		/* counts against max_holds */
	bool		permit;			/* of a semaphore; at first tag is the gate */
	int64		lock_delay;		/* of the namespace, when it was taken */
	int64		token;
	TimestampTz granted_at;
	TimestampTz waiting_since;	/* 0: not waiting */
	SharedNamespace *ns;
	LockEntry  *entry;
	dlist_node	node;			/* in a list of my_holds once granted */
	dlist_node	unanswered;		/* in a list of my_holds if is_unanswered */
} Hold;

static inline Hold *
HoldOf(dlist_node *node)
{
	return dlist_container(Hold, node, node);
}

static inline bool
StillHeld(const Hold *hold)
{
	return LockModeHeldByMe(&hold->tag, hold->mode);
}

/* The holds of this session, oldest first. */
typedef struct HoldLists
{
	dlist_head	session;
	dlist_head	interop;
	dlist_head	xact;
	dlist_head	unanswered;		/* taken by the statement that runs */
	Hold	   *pending;		/* prepared, not yet granted */
} HoldLists;

/* How a wait ended. */
typedef enum WaitEnd
{
	WAIT_GRANTED,
	WAIT_TIMED_OUT,
	WAIT_FAILED					/* canceled, or refused after the grant */
} WaitEnd;

/* How a hold ended.  What was never granted is HOLD_LOST. */
typedef enum HoldEnd
{
	HOLD_UNLOCKED,
	HOLD_COMMITTED,
	HOLD_ROLLED_BACK,
	HOLD_SESSION_ENDED,
	HOLD_LOST,					/* freed by DISCARD ALL and the like */
	HOLD_EXPIRED,				/* the session was idle for too long */
	HOLD_BROKEN					/* break_lock() */
} HoldEnd;

/* The token of a grant, or 0 where there is none. */
static inline Datum
TokenDatum(const Hold *hold)
{
	return Int64GetDatum(hold == NULL ? 0 : hold->token);
}

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

typedef struct PermitRequest
{
	const LockName *name;
	Oid			fn_oid;
	int			permits;
	int64		wait;
	TimestampTz since;
	TimestampTz soonest;		/* when a permit's lock_delay ends, or 0 */
} PermitRequest;

/*
 * Another session that holds a lock, or the owner of a lease, as what a
 * refusal can say of it.  A lease has no process.
 */
typedef struct Holder
{
	int64		token;
	Oid			roleid;
	TimestampTz since;			/* 0: has not said so yet */
	LockName	name;
	int			pid;			/* 0: a lease */
	bool		has_addr;
	char		addr[64];
	char		application_name[NAMEDATALEN];
} Holder;

/* lmgr.c */
extern LockAcquireResult AskLockManager(const LOCKTAG *tag, LOCKMODE mode,
										bool xact, bool nowait);
extern void GiveBack(Hold *hold);
extern bool WatchClient(void);
extern void UnwatchClient(bool watching);
extern void WaitInQueue(Hold *hold);
extern bool WaitInQueueFor(Hold *hold, int64 wait);
extern int64 MillisecondsLeft(TimestampTz since, int64 wait);

/* namespace.c */
extern Namespace *LookupNamespace(const char *name, int len, Oid fn_oid);
extern bool NamespaceIsStale(const Namespace *ns);
extern void CheckNamespaceRole(const Namespace *ns);
extern void CheckNamespaceUsage(const Namespace *ns);
extern void RecheckNamespace(const LockName *name, Oid fn_oid, Namespace *ns,
							 bool waited);
extern uint16 NamespaceLockClass(const Namespace *ns);
extern bool SeesNamespace(const char *name, Oid fn_oid);
extern bool ReserveInNamespace(const Namespace *ns);
extern void ReportNamespaceFull(const Namespace *ns);

/* hold_table.c */
extern void ExpectHolds(int more);
extern Hold *AddHold(int64 id);
extern void DropHold(Hold *hold);
extern Hold *GetHold(int64 id);
extern int	NumHolds(void);

/* hold.c */
extern HoldLists my_holds;
extern void ForgetLost(dlist_head *list, HoldEnd why);
extern Hold *FindHoldById(int64 id);
extern Hold *FindToken(int64 token);
extern Hold *PrepareHold(const LockName *name, const LOCKTAG *tag,
						 LOCKMODE mode, bool xact, Namespace *ns);
extern void HoldGranted(Hold *hold, int64 token, TimestampTz now);
extern void ForgetHold(Hold *hold, HoldEnd why);
extern bool ReleaseHold(Hold *hold);
extern bool ReleaseAs(Hold *hold, HoldEnd why);
extern void CheckRoomForHolds(int more);
extern int	PruneLostHolds(void);
typedef bool (*HoldVisitor) (Hold *hold, void *arg);
extern int	VisitSessionHolds(HoldVisitor visitor, void *arg);

/* cancel.c */
extern bool InPlainQuery(void);

/* hold_release.c */
extern void WatchHolds(void);
extern void ReleaseAfterAbort(Hold *hold);

/* conflict.c */
extern Hold *FindHold(const LockName *name);
extern bool FindHolder(const LOCKTAG *tag, Holder *holder);
extern bool IsHeldBy(const LockName *name, uint16 lockclass, int procno);
extern void WarnOfCollision(const LockName *name, const LockName *other,
							SharedNamespace *ns);
extern void CheckCollision(const LockName *name, const LOCKTAG *tag,
						   SharedNamespace *ns);
extern void ReportAlreadyHeld(const LockName *name, const Hold *hold);
extern void CheckNotSemaphore(const LockName *name);
extern bool CheckSemaphore(const LockName *name, int permits);

/* wait.c */
extern void BeginWait(Hold *hold, TimestampTz since);
extern void EndWait(Hold *hold, WaitEnd why);
extern uint32 PermitWaitEvent(void);
extern uint32 LockDelayWaitEvent(void);
extern uint32 LeaseWaitEvent(void);

/* lock_log.c */
extern void NoteRole(const Hold *hold);
extern void LogWait(const Hold *hold, WaitEnd why, TimestampTz now);
extern void LogHold(const Hold *hold, HoldEnd why, TimestampTz now);

/* token_epoch.c */
#define TOKEN_COUNTER_BITS	20
extern uint64 StoredEpoch(Oid fn_oid);
extern void TakeEpoch(SharedDatabase *database, uint64 seen, uint64 above,
					  Oid fn_oid);
extern void PrepareEpoch(SharedDatabase *database, uint64 epoch, Oid fn_oid);
extern bool TransactionHasWritten(void);

/* token.c */
extern int64 DrawToken(Oid fn_oid);
extern int64 NewestToken(Oid fn_oid);
extern void RaiseTokens(int64 above, Oid fn_oid);

/* lock_delay.c */
extern TimestampTz UncleanUntil(const LockName *name, uint16 lockclass,
								const Namespace *ns);
extern bool WaitForLockDelay(Hold *hold, const LockName *name, Oid fn_oid,
							 Namespace *ns, TimestampTz since, int64 wait);

/* lease_wait.c */
extern bool LeaseIsShut(const LockName *name);
extern bool WaitForLease(Hold *hold, const LockName *name, TimestampTz since,
						 int64 wait);

/* acquire.c */
extern AcquireResult AcquireLock(const AcquireRequest *request, Hold **hold);
extern void ReleaseXactHold(Hold *hold);
extern void CheckNoWrites(const char *what);

/* semaphore.c */
extern void PermitArgs(FunctionCallInfo fcinfo, PermitRequest *request,
					   LockName *name);
extern void PermitWaitArg(FunctionCallInfo fcinfo, PermitRequest *request);
extern Hold *AcquirePermit(PermitRequest *request);

#endif							/* PGX_LOCK_H */
