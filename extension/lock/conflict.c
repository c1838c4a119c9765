/*
 * conflict.c
 *		Why a name is refused, who holds it, and as what it is in use.
 *
 * The lock manager says which backends hold a lock.  Their entries say by
 * what name, and since when.
 *
 * A name is in use as a lock or as a semaphore of one size at a time.  Each
 * backend publishes its own entry before it reads the others'.  So of two
 * backends that come at once, at least one sees the other.
 */
#include "lock/lock.h"

#include "miscadmin.h"


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
	holder->token = entry->token;
	holder->roleid = entry->roleid;
	holder->since = entry->since;
	holder->name = *name;
	holder->pid = slot->pid;
	holder->has_addr = slot->has_addr;
	strlcpy(holder->addr, slot->addr, sizeof(holder->addr));
	strlcpy(holder->application_name, slot->application_name,
			sizeof(holder->application_name));
}

/*
 * FindLeaseOwner(id, holder) - who has the lease of a lock
 */
static bool
FindLeaseOwner(int64 id, Holder *holder)
{
	LeaseCopy	copy;

	if (!CopyLease(id, &copy))
		return false;
	holder->token = copy.owner.token;
	holder->roleid = copy.owner.roleid;
	holder->since = copy.owner.since;
	holder->name = copy.name;
	holder->pid = 0;
	holder->has_addr = copy.owner.has_addr;
	strlcpy(holder->addr, copy.owner.addr, sizeof(holder->addr));
	strlcpy(holder->application_name, copy.owner.application_name,
			sizeof(holder->application_name));
	return true;
}

/*
 * FindHolder(tag, holder) - one of those who hold a lock
 *
 * A lease comes first, since a session that is granted the lock now waits for
 * its end.
 *
 * False when nobody does, or no more, or who does has not said so yet.
 */
bool
FindHolder(const LOCKTAG *tag, Holder *holder)
{
	int			procnos[MAX_HOLDERS];
	int			n;
	int			nslots;
	BackendSlot *slots = SharedSlots(&nslots);
	Search		search = {tag, holder, false};
	int64		id = (int64) ((uint64) tag->locktag_field2 << 32 |
							  tag->locktag_field3);

	if (FindLeaseOwner(id, holder))
		return true;
	n = PeekHolders(tag, procnos, MAX_HOLDERS);
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
 * CheckCollision(name, tag, ns) - are we refused by another name's holder?
 */
void
CheckCollision(const LockName *name, const LOCKTAG *tag, SharedNamespace *ns)
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

/*
 * ReportAlreadyHeld(name, hold) - a session holds a name once
 */
void
ReportAlreadyHeld(const LockName *name, const Hold *hold)
{
	ereport(ERROR,
			(errcode(ERRCODE_OBJECT_IN_USE),
			 errmsg("lock \"%s/%s\" is already held by this session",
					LockNameNamespace(name), LockNameKey(name)),
			 hold == NULL ?
			 errdetail("It was taken with a built-in advisory lock function.") :
			 !EntryIsNamed(hold->entry, name) ?
			 errdetail("It is held by the name \"%s/%s\", which has the same id.",
					   LockNameNamespace(EntryName(hold->entry)),
					   LockNameKey(EntryName(hold->entry))) :
			 hold->in_task ?
			 errdetail("Its task is running.") :
			 errdetail("It is held %s at %s scope.",
					   hold->mode == ShareLock ? "shared" : "exclusively",
					   hold->xact ? "transaction" : "session"),
			 errhint("Two threads of one connection are one session; locks do not nest.")));
}

typedef struct OtherUses
{
	int			permits;		/* of the size we look for, 0: a lock */
	bool		as_lock;
	bool		other_size;
	bool		sleeping_head;
} OtherUses;

static inline bool
IsPermitClass(uint16 lockclass)
{
	return lockclass == PGX_CLASS_GATE || lockclass > PGX_CLASS_PERMIT;
}

static void
AddOtherUse(const LockEntry *entry, const LockName *name,
			const BackendSlot *slot, void *arg)
{
	OtherUses  *others = arg;

	if (slot->pid == MyProcPid)
		return;
	if (!IsPermitClass(entry->lockclass))
		others->as_lock = true;
	else if (entry->permits != 0 && entry->permits != others->permits)
		others->other_size = true;	/* 0: about to say; it will see us */
	if (entry->lockclass == PGX_CLASS_GATE && entry->state == ENTRY_WAITING)
		others->sleeping_head = true;
}

static void
FindOtherUses(const LockName *name, OtherUses *others)
{
	int			nslots;
	BackendSlot *slots = SharedSlots(&nslots);

	pg_memory_barrier();		/* our entry first */
	for (int i = 0; i < nslots; i++)
		VisitEntries(&slots[i], name->id, false, AddOtherUse, others);
}

/*
 * CheckNotSemaphore(name) - 55006 when a lock's name is a semaphore now
 */
void
CheckNotSemaphore(const LockName *name)
{
	OtherUses	others = {0};

	FindOtherUses(name, &others);
	if (others.other_size)
		ereport(ERROR,
				(errcode(ERRCODE_OBJECT_IN_USE),
				 errmsg("lock \"%s/%s\" is in use as a semaphore",
						LockNameNamespace(name), LockNameKey(name))));
}

/*
 * CheckSemaphore(name, permits) - 55006 when the name is something else now
 *
 * Returns whether the head of its queue is asleep.
 */
bool
CheckSemaphore(const LockName *name, int permits)
{
	OtherUses	others = {.permits = permits};

	FindOtherUses(name, &others);
	if (others.as_lock || (MayHaveLease(name->id) && LeaseIsShut(name)))
		ereport(ERROR,
				(errcode(ERRCODE_OBJECT_IN_USE),
				 errmsg("lock \"%s/%s\" is in use, and not as a semaphore",
						LockNameNamespace(name), LockNameKey(name))));
	if (others.other_size)
		ereport(ERROR,
				(errcode(ERRCODE_OBJECT_IN_USE),
				 errmsg("semaphore \"%s/%s\" is in use with another number of permits than %d",
						LockNameNamespace(name), LockNameKey(name), permits)));
	return others.sleeping_head;
}
