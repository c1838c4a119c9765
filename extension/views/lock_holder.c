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
	Datum		values[8];
	bool		nulls[8] = {0};

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
	if (list->sees)
	{
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
 * lock_holder(namespace, key) - who holds one lock, or permits of it
 *
 * The holders of a lock are found in the lock manager; those of a semaphore,
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
