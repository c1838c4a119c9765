/*
 * lease_undo.c
 *		A lease of a transaction that does not commit is taken back.
 *
 * A lease counts for other sessions at once.  Its owner learns the token with
 * the commit.  When the transaction or its subtransaction is rolled back, or
 * the session ends before the commit, no client may use the token, so the
 * lease ends, or goes back to the owner who handed it over.
 *
 * The callbacks run in the middle of an abort.  They follow pointers, lock one
 * record, and do nothing that could fail.
 */
#include "lease/lease.h"

#include "access/xact.h"
#include "miscadmin.h"
#include "utils/memutils.h"

struct LeaseUndo
{
	dlist_node	node;
	Lease	   *lease;			/* NULL: nothing was taken */
	SharedNamespace *ns;
	int64		id;
	int64		token;
	SubTransactionId subid;
	LeaseOwner	before;			/* token 0: it was free */
};

static dlist_head undos = DLIST_STATIC_INIT(undos);

/*
 * Undo(undo) - if the grant is still the same
 */
static void
Undo(LeaseUndo *undo)
{
	Lease	   *lease = undo->lease;

	if (lease == NULL)
		return;
	LWLockAcquire(&lease->lock, LW_EXCLUSIVE);
	if (lease->state == LEASE_HELD && lease->key.id == undo->id &&
		lease->key.dboid == MyDatabaseId && lease->owner.token == undo->token)
	{
		if (undo->before.token != 0)
			lease->owner = undo->before;
		else
			StopLease(lease, LEASE_FREE, undo->ns);
	}
	LWLockRelease(&lease->lock);
}

static void
Forget(LeaseUndo *undo)
{
	dlist_delete(&undo->node);
	pfree(undo);
}

static void
AtTransactionEnd(XactEvent event, void *arg)
{
	dlist_mutable_iter iter;

	if (likely(dlist_is_empty(&undos)) ||
		(event != XACT_EVENT_ABORT && event != XACT_EVENT_COMMIT &&
		 event != XACT_EVENT_PREPARE))
		return;
	dlist_foreach_modify(iter, &undos)
	{
		LeaseUndo  *undo = dlist_container(LeaseUndo, node, iter.cur);

		if (event == XACT_EVENT_ABORT)
			Undo(undo);
		Forget(undo);
	}
}

static void
AtSubtransactionEnd(SubXactEvent event, SubTransactionId mine,
					SubTransactionId parent, void *arg)
{
	dlist_mutable_iter iter;

	if (likely(dlist_is_empty(&undos)) ||
		(event != SUBXACT_EVENT_ABORT_SUB &&
		 event != SUBXACT_EVENT_COMMIT_SUB))
		return;
	dlist_foreach_modify(iter, &undos)
	{
		LeaseUndo  *undo = dlist_container(LeaseUndo, node, iter.cur);

		if (undo->subid != mine)
			continue;
		if (event == SUBXACT_EVENT_COMMIT_SUB)
			undo->subid = parent;
		else
		{
			Undo(undo);
			Forget(undo);
		}
	}
}

/*
 * PrepareLeaseUndo() - all that may fail, before a lease is taken
 *
 * What is prepared is forgotten with the transaction if it is not used.
 */
LeaseUndo *
PrepareLeaseUndo(void)
{
	static bool registered = false;
	LeaseUndo  *undo = MemoryContextAllocZero(TopMemoryContext,
											  sizeof(LeaseUndo));

	undo->subid = GetCurrentSubTransactionId();
	dlist_push_head(&undos, &undo->node);
	if (!registered)
	{
		RegisterXactCallback(AtTransactionEnd, NULL);
		RegisterSubXactCallback(AtSubtransactionEnd, NULL);
		registered = true;
	}
	return undo;
}

/*
 * SetLeaseUndo(undo, lease, ns, before) - this lease is to be taken back;
 * never fails
 *
 * The caller has locked it.  "before" is the owner that it came from, or NULL.
 */
void
SetLeaseUndo(LeaseUndo *undo, Lease *lease, SharedNamespace *ns,
			 const LeaseOwner *before)
{
	undo->ns = ns;
	undo->id = lease->key.id;
	undo->token = lease->owner.token;
	if (before != NULL)
		undo->before = *before;
	undo->lease = lease;
}
