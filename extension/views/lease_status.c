/*
 * lease_status.c
 *		Who has a lease, as rows of lock_holders.
 *
 * A lease is no lock of the lock manager, so it has no process.  A lock that
 * was broken, or whose lease ran out, has no holder and no row, though it may
 * be shut for a while.
 */
#include "views/views.h"

#include "miscadmin.h"
#include "utils/builtins.h"
#include "utils/fmgrprotos.h"
#include "utils/tuplestore.h"

/* Where the rows go. */
typedef struct LeaseRows
{
	ReturnSetInfo *rsinfo;
	HTAB	   *queues;
	Oid			fn_oid;
	char		namespace[PGX_NAMESPACE_BYTES + 1];
	bool		sees;			/* of that namespace */
} LeaseRows;

/*
 * ExpiresAt(copy) - its deadline by the wall clock, for display
 */
Datum
ExpiresAt(const LeaseCopy *copy)
{
	return TimestampTzGetDatum(GetCurrentTimestamp() + copy->deadline -
							   LeaseClock());
}

static int
Waiters(HTAB *queues, int64 id)
{
	LOCKTAG		tag;
	WaitQueue  *queue;

	SET_LOCKTAG_ADVISORY(tag, MyDatabaseId, (uint32) ((uint64) id >> 32),
						 (uint32) id, PGX_CLASS_LOCK);
	queue = GetWaitQueue(queues, &tag);
	return queue == NULL ? 0 : queue->waiters;
}

/*
 * FillClient(values, nulls, copy) - what only some roles may see
 */
static void
FillClient(Datum *values, bool *nulls, const LeaseCopy *copy)
{
	const LeaseOwner *owner = &copy->owner;
	char	   *reason = YieldReason(copy->name.id, owner->token);

	values[COL_KEY] = CStringGetTextDatum(LockNameKey(&copy->name));
	values[COL_LOCK_ID] = Int64GetDatum(copy->name.id);
	values[COL_APPLICATION] = CStringGetTextDatum(owner->application_name);
	nulls[COL_KEY] = nulls[COL_LOCK_ID] = nulls[COL_APPLICATION] = false;
	if (owner->has_addr)
	{
		values[COL_ADDR] = DirectFunctionCall1(inet_in,
											   CStringGetDatum(owner->addr));
		nulls[COL_ADDR] = false;
	}
	if (reason != NULL)
	{
		values[COL_YIELD_REQUESTED] = CStringGetTextDatum(reason);
		nulls[COL_YIELD_REQUESTED] = false;
	}
}

static void
AddLeaseRow(const LeaseCopy *copy, void *arg)
{
	LeaseRows  *rows = arg;
	char	   *role = GetUserNameFromId(copy->owner.roleid, true);
	Datum		values[NUM_COLS] = {0};
	bool		nulls[NUM_COLS];

	if (copy->state != LEASE_HELD)
		return;
	if (strcmp(rows->namespace, copy->name.bytes) != 0)
	{
		rows->sees = SeesNamespace(copy->name.bytes, rows->fn_oid);
		strlcpy(rows->namespace, copy->name.bytes, sizeof(rows->namespace));
	}
	memset(nulls, true, sizeof(nulls));
	values[COL_NAMESPACE] = CStringGetTextDatum(copy->name.bytes);
	values[COL_MODE] = CStringGetTextDatum("exclusive");
	values[COL_SCOPE] = CStringGetTextDatum("lease");
	values[COL_GRANTED] = BoolGetDatum(true);
	values[COL_TOKEN] = Int64GetDatum(copy->owner.token);
	values[COL_SINCE] = TimestampTzGetDatum(copy->owner.since);
	values[COL_WAITERS] = Int32GetDatum(Waiters(rows->queues, copy->name.id));
	values[COL_EXPIRES_AT] = ExpiresAt(copy);
	nulls[COL_NAMESPACE] = nulls[COL_MODE] = nulls[COL_SCOPE] = false;
	nulls[COL_GRANTED] = nulls[COL_TOKEN] = nulls[COL_SINCE] = false;
	nulls[COL_WAITERS] = nulls[COL_EXPIRES_AT] = false;
	if (role != NULL)
	{
		values[COL_ROLE] = CStringGetTextDatum(role);
		nulls[COL_ROLE] = false;
	}
	if (rows->sees)
		FillClient(values, nulls, copy);
	tuplestore_putvalues(rows->rsinfo->setResult, rows->rsinfo->setDesc,
						 values, nulls);
}

/*
 * AddLeaseRows(rsinfo, queues, fn_oid) - a row of _lock_status() per lease
 */
void
AddLeaseRows(ReturnSetInfo *rsinfo, HTAB *queues, Oid fn_oid)
{
	LeaseRows	rows = {rsinfo, queues, fn_oid};

	VisitLeases(AddLeaseRow, &rows);
}
