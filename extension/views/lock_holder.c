/*
 * holder.c
 *		Who holds one lock, and whether it holds it by another name.
 *
 * The lock manager says which backends hold the lock; their entries say by
 * what name and since when.
 */
#include "pg_exclusive.h"

#include "funcapi.h"
#include "miscadmin.h"
#include "utils/builtins.h"
#include "utils/fmgrprotos.h"

PG_FUNCTION_INFO_V1(pgx_lock_holder);

#define MAX_HOLDERS 16

typedef struct Search
{
	const LOCKTAG *tag;
	Holder	   *holder;
	bool		found;
} Search;

static void
TakeHolder(const LockEntry *entry, const LockName *name,
		   const BackendSlot *slot, void *arg)
{
	Search	   *search = arg;
	Holder	   *holder = search->holder;

	/* pending: granted, and only its token is still being made */
	if (search->found ||
		(entry->state != ENTRY_HELD && entry->state != ENTRY_PENDING) ||
		entry->lockclass != search->tag->locktag_field4)
		return;
	search->found = true;
	holder->entry = *entry;
	holder->name = *name;
	holder->pid = slot->pid;
	holder->has_addr = slot->has_addr;
	strlcpy(holder->addr, slot->addr, sizeof(holder->addr));
	strlcpy(holder->application_name, slot->application_name,
			sizeof(holder->application_name));
}

/*
 * FindHolder(tag, holder) - one of those who hold a lock
 *
 * False when nobody does, or no more, or who does has not said so yet.
 */
bool
FindHolder(const LOCKTAG *tag, Holder *holder)
{
	int			procnos[MAX_HOLDERS];
	int			n = PeekHolders(tag, procnos, MAX_HOLDERS);
	int			nslots;
	BackendSlot *slots = SharedSlots(&nslots);
	Search		search = {tag, holder, false};
	int64		id = (int64) ((uint64) tag->locktag_field2 << 32 |
							  tag->locktag_field3);

	for (int i = 0; i < n && !search.found; i++)
		VisitEntries(&slots[procnos[i]], id, false, TakeHolder, &search);
	return search.found;
}

/*
 * WarnOfCollision(name, other, ns) - two names that have one id
 *
 * They exclude each other, which is safe, but must not go unnoticed.
 */
void
WarnOfCollision(const LockName *name, const LockName *other,
				SharedNamespace *ns)
{
	Count(ns, COUNT_COLLISIONS);
	ereport(WARNING,
			(errmsg("lock names \"%s/%s\" and \"%s/%s\" have the same id " INT64_FORMAT,
					LockNameNamespace(name), LockNameKey(name),
					LockNameNamespace(other), LockNameKey(other), name->id),
			 errdetail("They exclude each other."),
			 errhint("Use another key for one of them.")));
}

/*
 * ReportCollision(name, tag, ns) - are we refused by another name's holder?
 */
void
ReportCollision(const LockName *name, const LOCKTAG *tag, SharedNamespace *ns)
{
	Holder		holder;

	if (!FindHolder(tag, &holder))
		return;
	if (holder.name.nslen == name->nslen &&
		holder.name.keylen == name->keylen &&
		memcmp(holder.name.bytes, name->bytes,
			   name->nslen + 1 + name->keylen) == 0)
		return;
	WarnOfCollision(name, &holder.name, ns);
}

/*
 * FindHold(name) - this session's hold of the lock of this name, or NULL
 *
 * A hold by another name of the same id is not the one that is meant.
 */
Hold *
FindHold(const LockName *name)
{
	Hold	   *hold = FindHoldById(name->id);

	if (hold == NULL || likely(EntryIsNamed(hold->entry, name)))
		return hold;
	WarnOfCollision(name, EntryName(hold->entry), hold->ns);
	return NULL;
}

/*
 * IsHeldBy(name, lockclass, procno) - asks the lock manager
 */
bool
IsHeldBy(const LockName *name, uint16 lockclass, int procno)
{
	int		   *procnos = palloc(MaxBackends * sizeof(int));
	LOCKTAG		tag;
	int			n;

	LockNameTag(name, lockclass, &tag);
	n = PeekHolders(&tag, procnos, MaxBackends);
	for (int i = 0; i < n; i++)
	{
		if (procnos[i] == procno)
			return true;
	}
	return false;
}

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
