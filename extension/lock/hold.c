/*
 * hold.c
 *		What this session holds.
 *
 * A Hold annotates a lock of this session with scope, mode, token, and the
 * entry that tells the others.  hold_release.c notices when the lock has gone.
 */
#include "lock/lock.h"

#include "access/xact.h"

HoldLists	my_holds = {
	DLIST_STATIC_INIT(my_holds.session),
	DLIST_STATIC_INIT(my_holds.interop),
	DLIST_STATIC_INIT(my_holds.xact),
	DLIST_STATIC_INIT(my_holds.unanswered),
};

/*
 * ForgetHold(hold, why) - drop our record of a lock that is not ours; never
 * fails
 */
void
ForgetHold(Hold *hold, HoldEnd why)
{
	if (hold->granted)
	{
		TimestampTz now = GetCurrentTimestamp();

		dlist_delete(&hold->node);
		if (hold->is_unanswered)
			dlist_delete(&hold->unanswered);
		CountTime(hold->ns, SPAN_HOLD, hold->granted_at, now);
		LogHold(hold, why, now);
	}
	if (hold->reserved)
		pg_atomic_fetch_sub_u32(&hold->ns->holds, 1);
	if (hold->permit)
	{
		pg_atomic_fetch_sub_u32(&hold->ns->permits, 1);
		WakePermitWaiters();
	}
	if (hold == my_holds.pending)
		my_holds.pending = NULL;
	if (hold->entry->state != ENTRY_UNCLEAN)
		FreeEntry(hold->entry);
	DropHold(hold);
}

/*
 * ForgetLost(list, why) - forget the holds in a list that the lock manager
 * denies
 */
void
ForgetLost(dlist_head *list, HoldEnd why)
{
	dlist_mutable_iter iter;

	dlist_foreach_modify(iter, list)
	{
		if (!StillHeld(HoldOf(iter.cur)))
			ForgetHold(HoldOf(iter.cur), why);
	}
}

bool
ReleaseAs(Hold *hold, HoldEnd why)
{
	bool		released = StillHeld(hold) &&
	LockRelease(&hold->tag, hold->mode, true);

	ForgetHold(hold, released ? why : HOLD_LOST);
	return released;
}

/*
 * FindHoldById(id) - this session's hold of a lock, by whatever name, or NULL
 *
 * Asks the lock manager, so that a hold lost in this very statement is not
 * taken for one.
 */
Hold *
FindHoldById(int64 id)
{
	Hold	   *hold = GetHold(id);

	if (hold == NULL || !hold->granted)
		return NULL;
	if (unlikely(!StillHeld(hold)))
	{
		ForgetHold(hold, HOLD_LOST);
		return NULL;
	}
	return hold;
}

/*
 * LookFor(list, token) - the session-scope hold with a token, or NULL
 *
 * From the newest on, for that is what is freed most often.
 */
static Hold *
LookFor(dlist_head *list, int64 token)
{
	dlist_iter	iter;

	dlist_reverse_foreach(iter, list)
	{
		if (HoldOf(iter.cur)->token == token)
			return HoldOf(iter.cur);
	}
	return NULL;
}

/*
 * FindToken(token) - this session's session-scope hold with a token, or NULL
 */
Hold *
FindToken(int64 token)
{
	Hold	   *hold = LookFor(&my_holds.session, token);

	if (hold == NULL)
		hold = LookFor(&my_holds.interop, token);
	return hold == NULL ? NULL : FindHoldById(hold->id);
}

/*
 * PruneLostHolds() - forget what the lock manager denies, and count the rest
 */
int
PruneLostHolds(void)
{
	ForgetLost(&my_holds.session, HOLD_LOST);
	ForgetLost(&my_holds.interop, HOLD_LOST);
	return NumHolds();
}

/*
 * CheckRoomForHolds(more) - 53400 when so many more are over the quota
 *
 * All sessions of a server share one lock table.  When it is full, nobody can
 * even log in.  So a runaway loop is stopped before it takes another lock.
 */
void
CheckRoomForHolds(int more)
{
	int			held;

	if (likely(NumHolds() + more <= pgx_max_locks_per_session))
		return;
	held = PruneLostHolds();
	if (held + more > pgx_max_locks_per_session)
		ereport(ERROR,
				(errcode(ERRCODE_CONFIGURATION_LIMIT_EXCEEDED),
				 errmsg("too many locks in this session"),
				 errdetail("It holds %d, asks for %d more, and the limit is %d.",
						   held, more, pgx_max_locks_per_session),
				 errhint("Free some first, or have a superuser raise \"%s\".",
						 "pg_exclusive.max_locks_per_session")));
}

/*
 * PrepareHold(...) - all that may fail for want of room, before the lock is
 * asked for
 *
 * The caller calls HoldGranted() or ForgetHold() next, whatever happens.
 */
Hold *
PrepareHold(const LockName *name, const LOCKTAG *tag, LOCKMODE mode,
			bool xact, Namespace *ns)
{
	Hold	   *hold;
	LockEntry  *entry;

	CheckRoomForHolds(1);
	entry = ReserveEntry(name);
	hold = AddHold(name->id);
	if (!ReserveInNamespace(ns) &&
		!(AnyLease() && SweepLeases() && ReserveInNamespace(ns)))
	{
		DropHold(hold);
		ReportNamespaceFull(ns);
	}
	hold->tag = *tag;
	hold->mode = mode;
	hold->xact = xact;
	hold->granted = false;
	hold->in_task = false;
	hold->doomed = false;
	hold->is_unanswered = false;
	hold->reserved = ns->max_holds != 0;
	hold->permit = false;
	hold->lock_delay = ns->lock_delay;
	hold->token = 0;
	hold->waiting_since = 0;
	hold->ns = ns->shared;
	hold->entry = entry;
	PublishEntry(entry, name, tag->locktag_field4, mode, xact);
	NoteRole(hold);
	my_holds.pending = hold;
	return hold;
}

/*
 * HoldGranted(hold, token, now) - the lock is ours; never fails
 */
void
HoldGranted(Hold *hold, int64 token, TimestampTz now)
{
	hold->granted = true;
	hold->token = token;
	hold->granted_at = now;
	my_holds.pending = NULL;
	UpdateEntry(hold->entry, ENTRY_HELD, token, now);
	if (hold->xact)
	{
		dlist_push_tail(&my_holds.xact, &hold->node);
		return;
	}
	dlist_push_tail(&my_holds.unanswered, &hold->unanswered);
	hold->is_unanswered = true;
	if (hold->tag.locktag_field4 == PGX_CLASS_INTEROP)
		dlist_push_tail(&my_holds.interop, &hold->node);
	else
		dlist_push_tail(&my_holds.session, &hold->node);
}

/*
 * ReleaseHold(hold) - free a session-scope lock
 *
 * False when it was gone.
 */
bool
ReleaseHold(Hold *hold)
{
	return ReleaseAs(hold, HOLD_UNLOCKED);
}

/*
 * VisitSessionHolds(visitor, arg) - for each session-scope hold
 *
 * The visitor may release its hold.  Returns how often it returned true.
 */
int
VisitSessionHolds(HoldVisitor visitor, void *arg)
{
	dlist_mutable_iter iter;
	int			count = 0;

	dlist_foreach_modify(iter, &my_holds.session)
		count += visitor(HoldOf(iter.cur), arg);
	dlist_foreach_modify(iter, &my_holds.interop)
		count += visitor(HoldOf(iter.cur), arg);
	return count;
}
