/*
 * shmem.c
 *		Shared memory, found or made at the first use by any backend.
 *
 * Nothing has to be preloaded.  A small struct of fixed size is made the first
 * time a backend needs it (shared_home.c).  It holds the handle of a dynamic
 * area with the rest.  A magic number that is written last tells that it is
 * ready, since its maker may have failed half-way.  From the first release on
 * the layout is append-only, because two versions of this module can be loaded
 * in two backends of one server.
 *
 * AddinShmemInitLock protects the making.  Nothing here is ever freed, so a
 * pointer into the area stays good for as long as the server runs.
 */
#include "shmem/shmem.h"

#include "miscadmin.h"
#include "port/pg_bitutils.h"
#include "storage/ipc.h"
#include "storage/lwlock.h"
#include "storage/shmem.h"
#include "utils/dsa.h"
#include "utils/memutils.h"

#define SHARED_MAGIC	0x70677831	/* "pgx1" */

typedef struct SharedState
{
	uint32		magic;			/* written last */
	int			tranche;
	dsa_handle	area;
	dshash_table_handle databases;
	dshash_table_handle namespaces;
	dsa_pointer slots;			/* array of BackendSlot by PGPROC number */
	int			nslots;
	TimestampTz created_at;
	ConditionVariable permits;	/* a permit was given back */
	pg_atomic_uint64 lock_room; /* see RememberLockRoom() */
	int64		created_clock;	/* created_at by LeaseClock() */
	dshash_table_handle leases;
	dshash_table_handle yields;
	SharedLeases lease_counts;
} SharedState;

StaticAssertDecl(sizeof(SharedState) <= PGX_SHARED_SIZE, "SharedState fits");

static SharedState *shared;
static dsa_area *area;
static dshash_table *databases;
static dshash_table *namespaces;
static dshash_table *leases;
static dshash_table *yields;
static BackendSlot *slots;
static SharedDatabase *my_database;

/* Our hash tables.  Keys have no padding, so they are compared as bytes. */
typedef struct SharedTable
{
	dshash_table **table;
	size_t		handle;			/* where it is in SharedState */
	size_t		key_size;
	size_t		entry_size;
} SharedTable;

static const SharedTable tables[] = {
	{&databases, offsetof(SharedState, databases),
	sizeof(Oid), sizeof(SharedDatabase)},
	{&namespaces, offsetof(SharedState, namespaces),
	sizeof(SharedNamespaceKey), sizeof(SharedNamespace)},
	{&leases, offsetof(SharedState, leases),
	sizeof(LeaseKey), sizeof(LeaseSlot)},
	{&yields, offsetof(SharedState, yields),
	sizeof(LeaseKey), sizeof(YieldRequest)},
};

/*
 * OpenTable(state, in, i, make) - one of them, made or joined
 */
static void
OpenTable(SharedState *state, dsa_area *in, int i, bool make)
{
	const SharedTable *t = &tables[i];
	dshash_table_handle *handle =
	(dshash_table_handle *) ((char *) state + t->handle);
	dshash_parameters parameters = {
		t->key_size, t->entry_size,
		dshash_memcmp, dshash_memhash, PGX_DSHASH_COPY state->tranche
	};

	if (!make)
		*t->table = dshash_attach(in, &parameters, *handle, NULL);
	else
	{
		*t->table = dshash_create(in, &parameters, NULL);
		*handle = dshash_get_hash_table_handle(*t->table);
	}
}

/*
 * MakeShared(state) - fill in the struct, as the first backend of all
 *
 * Or again, after an error half-way, which has taken everything back but the
 * number of the tranche.
 */
static void
MakeShared(SharedState *state)
{
	dsa_area   *new_area;

	if (state->tranche == 0)
		state->tranche = NewTranche("pg_exclusive");
	NameTranche(state->tranche, "pg_exclusive");
	new_area = dsa_create(state->tranche);
	for (int i = 0; i < lengthof(tables); i++)
		OpenTable(state, new_area, i, true);

	state->nslots = ProcGlobal->allProcCount;
	state->slots = dsa_allocate0(new_area, mul_size(state->nslots,
													sizeof(BackendSlot)));
	state->area = dsa_get_handle(new_area);
	state->created_at = GetCurrentTimestamp();
	state->created_clock = LeaseClock();
	ConditionVariableInit(&state->permits);
	pg_atomic_init_u64(&state->lock_room, 0);
	InitSharedLeases(&state->lease_counts, state->tranche);
	dsa_pin(new_area);			/* last, so that an error frees it */
	dsa_pin_mapping(new_area);
	area = new_area;
	pg_write_barrier();
	state->magic = SHARED_MAGIC;
}

static void
JoinShared(SharedState *state)
{
	NameTranche(state->tranche, "pg_exclusive");
	if (area == NULL)
	{
		area = dsa_attach(state->area);
		dsa_pin_mapping(area);
	}
	for (int i = 0; i < lengthof(tables); i++)
		OpenTable(state, area, i, false);
}

/*
 * AttachShared() - make sure this backend has its place in shared memory
 *
 * Every SQL function that looks at locks calls it first.  Errors (53100 when
 * /dev/shm is full, 53200) leave nothing half-made.
 */
void
AttachShared(void)
{
	MemoryContext old;
	SharedState *state;

	if (likely(slots != NULL))
		return;

	old = MemoryContextSwitchTo(TopMemoryContext);
	(void) CanPeek();			/* takes a lock, and so comes first */
	LWLockAcquire(AddinShmemInitLock, LW_EXCLUSIVE);
	state = FindSharedHome();
	if (state->magic != SHARED_MAGIC)
		MakeShared(state);
	else
		JoinShared(state);
	LWLockRelease(AddinShmemInitLock);
	shared = state;
	slots = dsa_get_address(area, state->slots);
	MemoryContextSwitchTo(old);
}

dsa_area *
SharedArea(void)
{
	return area;
}

int
SharedTranche(void)
{
	return shared->tranche;
}

/*
 * SharedCreatedAt() - since when this server has had holds of ours
 */
TimestampTz
SharedCreatedAt(void)
{
	return shared->created_at;
}

/*
 * SharedOpensAt(shut) - when locks open that were shut for so long by a start
 * of the server
 *
 * In microseconds, and returned by the wall clock, for display.  Counted by a
 * clock that nobody sets.
 */
TimestampTz
SharedOpensAt(int64 shut)
{
	return GetCurrentTimestamp() + shared->created_clock + shut - LeaseClock();
}

dshash_table *
LeaseTable(void)
{
	return leases;
}

dshash_table *
YieldTable(void)
{
	return yields;
}

SharedLeases *
LeaseCounts(void)
{
	return &shared->lease_counts;
}

/*
 * PermitCondition() - broadcast whenever a permit of any name is given back
 */
ConditionVariable *
PermitCondition(void)
{
	return &shared->permits;
}

/*
 * RememberLockRoom(room) - the largest room for locks that was ever seen
 *
 * The lock table keeps what it has grown by, but does not say how much.
 */
int64
RememberLockRoom(int64 room)
{
	uint64		most = pg_atomic_read_u64(&shared->lock_room);

	while ((uint64) room > most &&
		   !pg_atomic_compare_exchange_u64(&shared->lock_room, &most, room))
		;
	return Max((uint64) room, most);
}

/*
 * SharedSlots(nslots) - the places of all backends
 */
BackendSlot *
SharedSlots(int *nslots)
{
	*nslots = shared->nslots;
	return slots;
}

BackendSlot *
MySlot(void)
{
	return &slots[ProcNumberOf(MyProc)];
}

/*
 * MySharedDatabase() - what is shared about this database
 */
SharedDatabase *
MySharedDatabase(void)
{
	bool		found;
	SharedDatabase *database;

	if (likely(my_database != NULL))
		return my_database;

	AttachShared();
	database = dshash_find_or_insert(databases, &MyDatabaseId, &found);
	if (!found)
	{
		pg_atomic_init_u32(&database->generation, 1);
		pg_atomic_init_u64(&database->epoch, 0);
		pg_atomic_init_u64(&database->next_token, 0);
		database->pending_epoch = 0;
		database->pending_lsn = InvalidXLogRecPtr;
	}
	dshash_release_lock(databases, database);
	my_database = database;
	return database;
}

/*
 * GetSharedNamespace(id) - the counters of a namespace of this database
 */
SharedNamespace *
GetSharedNamespace(int64 id)
{
	SharedNamespaceKey key = {id, MyDatabaseId, 0};
	bool		found;
	SharedNamespace *ns;

	AttachShared();
	ns = dshash_find_or_insert(namespaces, &key, &found);
	if (!found)
	{
		pg_atomic_init_u32(&ns->holds, 0);
		pg_atomic_init_u32(&ns->permits, 0);
		for (int i = 0; i < NUM_COUNTERS; i++)
			pg_atomic_init_u64(&ns->counters[i], 0);
		for (int i = 0; i < NUM_BUCKETS; i++)
		{
			pg_atomic_init_u64(&ns->histograms[SPAN_WAIT][i], 0);
			pg_atomic_init_u64(&ns->histograms[SPAN_HOLD][i], 0);
		}
	}
	dshash_release_lock(namespaces, ns);
	return ns;
}

/*
 * FindSharedNamespace(dboid, id) - those of any database, or NULL
 */
SharedNamespace *
FindSharedNamespace(Oid dboid, int64 id)
{
	SharedNamespaceKey key = {id, dboid, 0};
	SharedNamespace *ns = dshash_find(namespaces, &key, false);

	if (ns != NULL)
		dshash_release_lock(namespaces, ns);
	return ns;
}

void
Count(SharedNamespace *ns, Counter counter)
{
	pg_atomic_fetch_add_u64(&ns->counters[counter], 1);
}

/*
 * BucketOf(us) - the bucket of a histogram that counts so many microseconds
 */
static int
BucketOf(uint64 us)
{
	if (us <= 1000)
		return 0;
	return Min(1 + pg_leftmost_one_pos64((us - 1) / 1000) / 2,
			   NUM_BUCKETS - 1);
}

/*
 * CountTime(ns, span, from, to) - a wait or a hold has ended
 */
void
CountTime(SharedNamespace *ns, Span span, TimestampTz from, TimestampTz to)
{
	bool		wait = span == SPAN_WAIT;
	Counter		total = wait ? COUNT_WAIT_TOTAL : COUNT_HOLD_TOTAL;
	Counter		longest = wait ? COUNT_WAIT_MAX : COUNT_HOLD_MAX;
	uint64		us = to > from ? (uint64) (to - from) : 0;
	uint64		max = pg_atomic_read_u64(&ns->counters[longest]);

	pg_atomic_fetch_add_u64(&ns->counters[total], us);
	pg_atomic_fetch_add_u64(&ns->histograms[span][BucketOf(us)], 1);
	while (us > max &&
		   !pg_atomic_compare_exchange_u64(&ns->counters[longest], &max, us))
		;
}

/*
 * WakePermitWaiters() - a permit was given back; never fails
 */
void
WakePermitWaiters(void)
{
	ConditionVariableBroadcast(PermitCondition());
}
