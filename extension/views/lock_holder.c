/*
 * lock_holder.c
 *		Who holds one lock, and whether it holds it by another name.
 *
 * The lock manager says which backends hold the lock; their entries say by
 * what name and since when.
 */
#include "views/views.h"

#include "funcapi.h"
#include "miscadmin.h"
#include "utils/builtins.h"
#include "utils/fmgrprotos.h"
#include "utils/tuplestore.h"

PG_FUNCTION_INFO_V1(pgx_lock_holder);

/* Where lock_holder() collects its rows. */
typedef struct Listing
{
	ReturnSetInfo *rsinfo;
	bool		sees;
	int			procno;			/* whose entries are visited */
} Listing;

static void
ListHolder(const LockEntry *entry, const LockName *name,
		   const BackendSlot *slot, void *arg)
{
	Listing    *list = arg;
	char	   *role = GetUserNameFromId(entry->roleid, true);
	Datum		values[10];
	bool		nulls[10] = {0};
	char	   *reason;

	if (entry->state != ENTRY_HELD ||
		!IsHeldBy(name, entry->lockclass, list->procno))
		return;
	values[0] = CStringGetTextDatum(entry->mode == ShareLock ?
									"shared" : "exclusive");
	values[1] = CStringGetTextDatum(entry->xact ? "transaction" : "session");
	values[2] = Int64GetDatum(entry->token);
	values[3] = Int32GetDatum(slot->pid);
	nulls[4] = role == NULL;
	values[4] = role ? CStringGetTextDatum(role) : (Datum) 0;
	nulls[5] = nulls[6] = !list->sees;
	nulls[8] = nulls[9] = true;
	if (list->sees)
	{
		reason = YieldReason(entry->id, entry->token);
		nulls[8] = reason == NULL;
		values[8] = reason ? CStringGetTextDatum(reason) : (Datum) 0;
		values[5] = CStringGetTextDatum(slot->application_name);
		nulls[6] = !slot->has_addr;
		if (slot->has_addr)
			values[6] = DirectFunctionCall1(inet_in,
											CStringGetDatum(slot->addr));
	}
	values[7] = TimestampTzGetDatum(entry->since);
	tuplestore_putvalues(list->rsinfo->setResult, list->rsinfo->setDesc,
						 values, nulls);
}

/*
 * ListLease(list, id) - the owner of a lease
 */
static void
ListLease(const Listing *list, int64 id)
{
	LeaseCopy	copy;
	char	   *role;
	char	   *reason;
	Datum		values[10] = {0};
	bool		nulls[10] = {0};

	if (!CopyLease(id, &copy) || copy.state != LEASE_HELD)
		return;
	role = GetUserNameFromId(copy.owner.roleid, true);
	values[0] = CStringGetTextDatum("exclusive");
	values[1] = CStringGetTextDatum("lease");
	values[2] = Int64GetDatum(copy.owner.token);
	nulls[3] = true;
	nulls[4] = role == NULL;
	values[4] = role ? CStringGetTextDatum(role) : (Datum) 0;
	nulls[5] = nulls[6] = nulls[8] = true;
	if (list->sees)
	{
		nulls[5] = false;
		values[5] = CStringGetTextDatum(copy.owner.application_name);
		nulls[6] = !copy.owner.has_addr;
		if (copy.owner.has_addr)
			values[6] = DirectFunctionCall1(inet_in,
											CStringGetDatum(copy.owner.addr));
		reason = YieldReason(id, copy.owner.token);
		nulls[8] = reason == NULL;
		values[8] = reason ? CStringGetTextDatum(reason) : (Datum) 0;
	}
	values[7] = TimestampTzGetDatum(copy.owner.since);
	values[9] = ExpiresAt(&copy);
	tuplestore_putvalues(list->rsinfo->setResult, list->rsinfo->setDesc,
						 values, nulls);
}

/*
 * lock_holder(namespace, key) - who holds one lock, or permits of it
 *
 * The holders of a lock are found in the lock manager.  Those of a semaphore,
 * whose permits are locks of their own, by asking every backend.
 */
Datum
pgx_lock_holder(PG_FUNCTION_ARGS)
{
	LockName	name;
	Namespace  *ns;
	LOCKTAG		tag;
	Listing		list = {(ReturnSetInfo *) fcinfo->resultinfo};
	int			n;
	BackendSlot *slots;
	int		   *procnos;

	CheckNotStandby("lock_holder()");
	LockNameArgs(&name, fcinfo);
	AttachShared();
	ns = LookupNamespace(name.bytes, name.nslen, fcinfo->flinfo->fn_oid);
	list.sees = SeesNamespace(ns->name, fcinfo->flinfo->fn_oid);
	InitMaterializedSRF(fcinfo, 0);
	ListLease(&list, name.id);
	slots = SharedSlots(&n);
	procnos = palloc(n * sizeof(int));
	if (pg_atomic_read_u32(&ns->shared->permits) == 0)
	{
		LockNameTag(&name, NamespaceLockClass(ns), &tag);
		n = PeekHolders(&tag, procnos, n);
	}
	else
	{
		for (int i = 0; i < n; i++)
			procnos[i] = i;
	}
	for (int i = 0; i < n; i++)
	{
		list.procno = procnos[i];
		VisitEntries(&slots[procnos[i]], name.id, false, ListHolder, &list);
	}
	return (Datum) 0;
}
