/*
 * yield_request.c
 *		Notes that ask the holders of a lock to give it up.
 *
 * A note is kept per lock.  It is for the grants that were there when it was
 * left, and a grant with a newer token is not meant.  A holder reads it with
 * its heartbeat or its renewal.  Nothing is enforced.
 *
 * A note is dropped when the next one is left and nobody holds its lock any
 * more, so there are never many more notes than locks that are held.
 */
#include "lease/lease.h"

#include "miscadmin.h"
#include "utils/dsa.h"

/* So many notes may be left before old ones are looked for. */
#define SPARE_NOTES 64

/*
 * CopyYieldRequest(id, copy) - the note at a lock of this database, if any
 */
static bool
CopyYieldRequest(int64 id, YieldRequest *copy)
{
	LeaseKey	key = {id, MyDatabaseId, 0};
	YieldRequest *note;

	if (likely(pg_atomic_read_u32(&LeaseCounts()->yields) == 0))
		return false;
	note = dshash_find(YieldTable(), &key, false);
	if (note == NULL)
		return false;
	*copy = *note;
	dshash_release_lock(YieldTable(), note);
	return true;
}

/*
 * IsYieldRequested(id, token) - has the holder with this token been asked?
 */
bool
IsYieldRequested(int64 id, int64 token)
{
	YieldRequest copy;

	return CopyYieldRequest(id, &copy) && token <= copy.newest;
}

/*
 * YieldReason(id, token) - why it was asked, or NULL when it was not
 */
char *
YieldReason(int64 id, int64 token)
{
	YieldRequest copy;

	if (!CopyYieldRequest(id, &copy) || token > copy.newest)
		return NULL;
	return pstrdup(copy.reason);
}

static void
FindHeld(const LockEntry *entry, const LockName *name,
		 const BackendSlot *slot, void *arg)
{
	if (entry->state == ENTRY_HELD)
		*(bool *) arg = true;
}

/*
 * IsNameHeld(id) - does a session or a lease hold the lock, or a permit of it?
 *
 * As the sessions say themselves.
 */
bool
IsNameHeld(int64 id)
{
	LeaseCopy	lease;
	int			nslots;
	BackendSlot *slots = SharedSlots(&nslots);
	bool		held = CopyLease(id, &lease);

	for (int i = 0; i < nslots && !held; i++)
		VisitEntries(&slots[i], id, false, FindHeld, &held);
	return held;
}

/*
 * DropOldNotes() - forget those that nobody will read
 */
static void
DropOldNotes(void)
{
	dshash_seq_status scan;
	YieldRequest *note;

	dshash_seq_init(&scan, YieldTable(), true);
	while ((note = dshash_seq_next(&scan)) != NULL)
	{
		if (note->key.dboid == MyDatabaseId && !IsNameHeld(note->key.id))
		{
			dshash_delete_current(&scan);
			pg_atomic_fetch_sub_u32(&LeaseCounts()->yields, 1);
		}
	}
	dshash_seq_term(&scan);
}

/*
 * RequestYield(name, reason, fn_oid) - leave a note for those who hold it now
 */
void
RequestYield(const LockName *name, const char *reason, Oid fn_oid)
{
	static uint32 seen = 0;
	pg_atomic_uint32 *count = &LeaseCounts()->yields;
	LeaseKey	key = {name->id, MyDatabaseId, 0};
	int64		newest = NewestToken(fn_oid);
	YieldRequest *note;
	bool		found;

	if (strlen(reason) > YIELD_REASON_MAX)
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
				 errmsg("reason is too long"),
				 errdetail("The limit is %d bytes.", YIELD_REASON_MAX)));
	if (pg_atomic_read_u32(count) > 2 * seen + SPARE_NOTES)
	{
		DropOldNotes();
		seen = pg_atomic_read_u32(count);
	}
	note = dshash_find_or_insert(YieldTable(), &key, &found);
	note->newest = newest;
	note->requested_at = GetCurrentTimestamp();
	strlcpy(note->reason, reason, sizeof(note->reason));
	if (!found)
		pg_atomic_fetch_add_u32(count, 1);
	dshash_release_lock(YieldTable(), note);
}
