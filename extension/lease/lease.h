/*
 * lease.h
 *		Leases, which are locks without a session, and requests to yield.
 */
#ifndef PGX_LEASE_LEASE_H
#define PGX_LEASE_LEASE_H

#include "lock/lock.h"

/* A request for a lease.  Its time is in microseconds. */
typedef struct LeaseRequest
{
	const LockName *name;
	Oid			fn_oid;
	int64		ttl;
	int64		wait;			/* milliseconds */
} LeaseRequest;

typedef struct LeaseUndo LeaseUndo;

/* lease.c */
extern int64 AcquireLease(const LeaseRequest *request);
extern bool HasLease(const LockName *name, int64 token, Oid fn_oid);
extern bool RenewLease(const LockName *name, int64 token, int64 ttl,
					   Oid fn_oid);
extern bool ReleaseLease(const LockName *name, int64 token, Oid fn_oid);
extern int64 HandOverLease(const LockName *name, int64 token, Oid fn_oid);
extern bool BreakLease(const LockName *name, int64 token);

/* lease_undo.c */
extern LeaseUndo *PrepareLeaseUndo(void);
extern void SetLeaseUndo(LeaseUndo *undo, Lease *lease, SharedNamespace *ns,
						 const LeaseOwner *before);

/* yield_request.c */
extern bool IsNameHeld(int64 id);
extern bool IsYieldRequested(int64 id, int64 token);
extern char *YieldReason(int64 id, int64 token);
extern void RequestYield(const LockName *name, const char *reason,
						 Oid fn_oid);

#endif							/* PGX_LEASE_LEASE_H */
