/*
 * lease.c
 *		Leases: locks that are held for a time, without a session.
 *
 * A lease is a mark in shared memory that shuts a lock for everybody but the
 * client with its token.  It is taken by taking the lock, writing the mark and
 * releasing the lock.  Until the mark is there the lock is held, so nothing in
 * between can be lost.  lease_wait.c says how others meet the mark.
 *
 * A renewal and the end of a lease exclude each other by the lock of the
 * record.  From the deadline on no renewal succeeds.  The client believes in
 * its lease until the time when it sent the request, plus ttl.  The server's
 * deadline is the time when it received the request, plus ttl.  So the belief
 * ends first.
 */
#include "lease/lease.h"

#include "miscadmin.h"
#include "utils/acl.h"
#include "utils/guc.h"

/*
 * CheckLeases(ns, ttl) - may there be such a lease in this namespace?
 */
static void
CheckLeases(const Namespace *ns, int64 ttl)
{
	if (ns->interop)
		ereport(ERROR,
				(errcode(ERRCODE_FEATURE_NOT_SUPPORTED),
				 errmsg("an interop namespace has no leases"),
				 errdetail("Built-in advisory locks would not exclude them.")));
	if (ns->max_lease == 0)
		ereport(ERROR,
				(errcode(ERRCODE_OBJECT_NOT_IN_PREREQUISITE_STATE),
				 errmsg("lock namespace \"%s\" has no leases", ns->name),
				 errhint("Register a namespace with max_lease, the longest ttl that its leases may have.")));
	if (ttl > ns->max_lease)
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
				 errmsg("ttl is longer than max_lease of lock namespace \"%s\"",
						ns->name)));
}

/*
 * CountLease() - count one more against pg_exclusive.max_leases
 *
 * Returns false, and counts nothing, if there is no room.
 */
static bool
CountLease(void)
{
	pg_atomic_uint32 *held = &LeaseCounts()->held;

	if (pg_atomic_fetch_add_u32(held, 1) < pgx_max_leases)
		return true;
	pg_atomic_fetch_sub_u32(held, 1);
	return false;
}

static void
ReportTooManyLeases(void)
{
	ereport(ERROR,
			(errcode(ERRCODE_CONFIGURATION_LIMIT_EXCEEDED),
			 errmsg("too many leases on this server"),
			 errdetail("The limit is %d.", pgx_max_leases),
			 errhint("Release some first, or have a superuser raise \"%s\".",
					 "pg_exclusive.max_leases")));
}

static void
FillOwner(LeaseOwner *owner, int64 token)
{
	owner->token = token;
	owner->roleid = GetUserId();
	owner->since = GetCurrentTimestamp();
	owner->has_addr = ClientAddress(owner->addr, sizeof(owner->addr));
	strlcpy(owner->application_name, application_name ? application_name : "",
			NAMEDATALEN);
}

static void
SetDeadline(Lease *lease)
{
	lease->deadline = LeaseClock() + lease->ttl;
	lease->opens = lease->deadline + lease->lock_delay;
}

/*
 * MarkLease(request, hold, undo) - turn the hold's lock into a lease
 *
 * Once the lease is counted nothing fails and nothing is interrupted.
 */
static void
MarkLease(const LeaseRequest *request, Hold *hold, LeaseUndo *undo)
{
	LeaseOwner	owner;
	Lease	   *lease;

	FillOwner(&owner, hold->token);
	if (pg_atomic_read_u32(&LeaseCounts()->held) >= pgx_max_leases)
		(void) SweepLeases();
	lease = LockNewLease(request->name);
	if (!CountLease())
	{
		UnlockLease(lease);
		ReportTooManyLeases();
	}
	lease->owner = owner;
	lease->nsid = hold->ns->key.id;
	lease->reserved = hold->reserved;
	hold->reserved = false;
	lease->ttl = request->ttl;
	lease->lock_delay = hold->lock_delay;
	SetDeadline(lease);
	StartLease(lease);
	SetLeaseUndo(undo, lease, hold->ns, NULL);
	UnlockLease(lease);
}

/*
 * AcquireLease(request) - the token, or 0 when the lock is taken
 */
int64
AcquireLease(const LeaseRequest *request)
{
	AcquireRequest lock = {0};
	LeaseUndo  *undo;
	Hold	   *hold;
	int64		token;

	CheckNotStandby("acquire_lease()");
	AttachShared();
	CheckLeases(LookupNamespace(request->name->bytes, request->name->nslen,
								request->fn_oid), request->ttl);
	undo = PrepareLeaseUndo();
	lock.name = request->name;
	lock.fn_oid = request->fn_oid;
	lock.mode = ExclusiveLock;
	lock.wait = request->wait;
	(void) AcquireLock(&lock, &hold);
	if (hold == NULL)
		return 0;
	token = hold->token;
	PG_TRY();
	{
		MarkLease(request, hold, undo);
	}
	PG_FINALLY();
	{
		(void) ReleaseHold(hold);
	}
	PG_END_TRY();
	return token;
}

/*
 * CheckLeaseRole(name, owner) - 42501 without the privileges of the owner
 *
 * A token is no secret, since it counts upwards and the views show it.
 */
static void
CheckLeaseRole(const LockName *name, Oid owner)
{
	if (!has_privs_of_role(GetUserId(), owner))
		ereport(ERROR,
				(errcode(ERRCODE_INSUFFICIENT_PRIVILEGE),
				 errmsg("permission denied for the lease of lock \"%s/%s\"",
						LockNameNamespace(name), LockNameKey(name)),
				 errdetail("Only roles with the privileges of its owner may use it.")));
}

/*
 * LockOwnLease(name, token) - the lease with this token, locked, or NULL when
 * it is lost
 */
static Lease *
LockOwnLease(const LockName *name, int64 token)
{
	Oid			checked = GetUserId();

	for (;;)
	{
		Lease	   *lease = MayHaveLease(name->id) ?
		LockLease(name->id) : NULL;
		Oid			owner;

		if (lease == NULL)
			return NULL;
		owner = lease->owner.roleid;
		if (!LeaseHasToken(lease, name->id, token) ||
			!LeaseIsNamed(lease, name))
		{
			UnlockLease(lease);
			return NULL;
		}
		if (likely(owner == checked))
			return lease;
		UnlockLease(lease);
		CheckLeaseRole(name, owner);
		checked = owner;
	}
}

/*
 * LeaseNamespace(name, fn_oid) - for those who have a lease already
 *
 * They may use it also while the namespace is paused.
 */
static Namespace *
LeaseNamespace(const LockName *name, Oid fn_oid)
{
	Namespace  *ns = LookupNamespace(name->bytes, name->nslen, fn_oid);

	CheckNamespaceRole(ns);
	return ns;
}

/*
 * HasLease(name, token, fn_oid) - is it alive?
 */
bool
HasLease(const LockName *name, int64 token, Oid fn_oid)
{
	Lease	   *lease;

	AttachShared();
	(void) LeaseNamespace(name, fn_oid);
	lease = LockOwnLease(name, token);
	if (lease == NULL)
		return false;
	UnlockLease(lease);
	return true;
}

/*
 * RenewLease(name, token, ttl, fn_oid) - put off its end; false when lost
 *
 * With a ttl of 0 it has the same length as before.
 */
bool
RenewLease(const LockName *name, int64 token, int64 ttl, Oid fn_oid)
{
	Lease	   *lease;
	int64		before;

	AttachShared();
	CheckLeases(LeaseNamespace(name, fn_oid), ttl);
	lease = LockOwnLease(name, token);
	if (lease == NULL)
		return false;
	before = lease->deadline;
	if (ttl != 0)
		lease->ttl = ttl;
	SetDeadline(lease);
	if (lease->deadline < before)
		ConditionVariableBroadcast(&lease->changed);
	UnlockLease(lease);
	return true;
}

/*
 * ReleaseLease(name, token, fn_oid) - free for the next; false when lost
 */
bool
ReleaseLease(const LockName *name, int64 token, Oid fn_oid)
{
	Namespace  *ns;
	Lease	   *lease;

	AttachShared();
	ns = LeaseNamespace(name, fn_oid);
	CheckNoWrites("release_lease()");
	lease = LockOwnLease(name, token);
	if (lease == NULL)
		return false;
	StopLease(lease, LEASE_FREE, ns->shared);
	UnlockLease(lease);
	return true;
}

/*
 * HandOverLease(name, token, fn_oid) - a newer token for the caller, or 0 when
 * it is lost
 *
 * The token is drawn while the lease is alive, and given to it if it still is.
 */
int64
HandOverLease(const LockName *name, int64 token, Oid fn_oid)
{
	Namespace  *ns;
	LeaseUndo  *undo;
	LeaseOwner	owner;
	LeaseOwner	before;
	Lease	   *lease;

	if (!HasLease(name, token, fn_oid))
		return 0;
	ns = LeaseNamespace(name, fn_oid);
	undo = PrepareLeaseUndo();
	FillOwner(&owner, DrawToken(fn_oid));
	lease = LockOwnLease(name, token);
	if (lease == NULL)
		return 0;
	before = lease->owner;
	lease->owner = owner;
	SetLeaseUndo(undo, lease, ns->shared, &before);
	UnlockLease(lease);
	return owner.token;
}

/*
 * BreakLease(name, token) - end the lease with this token for its owner
 *
 * The owner does not know yet.  So the lock stays shut until the deadline that
 * the owner believes in.
 */
bool
BreakLease(const LockName *name, int64 token)
{
	Lease	   *lease = LockLease(name->id);
	bool		broken;

	if (lease == NULL)
		return false;
	broken = LeaseHasToken(lease, name->id, token);
	if (broken)
		StopLease(lease, LEASE_SHUT,
				  FindSharedNamespace(MyDatabaseId, lease->nsid));
	UnlockLease(lease);
	return broken;
}
