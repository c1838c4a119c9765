/*
 * quota.c
 *		How many locks a session and a namespace may have.
 *
 * All sessions of a server share one lock table; when it is full, nobody can
 * even log in.  So a runaway loop is stopped before it takes another lock.
 */
#include "pg_exclusive.h"

/*
 * CheckRoomForHolds(more) - 53400 when so many more are over the quota
 */
void
CheckRoomForHolds(int more)
{
	int			held;

	if (likely(CountHolds(false) + more <= pgx_max_locks_per_session))
		return;
	held = CountHolds(true);
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
 * ReserveInNamespace(ns) - count one more hold against max_holds
 *
 * Returns false, and counts nothing, if there is no room.
 */
bool
ReserveInNamespace(const Namespace *ns)
{
	if (ns->max_holds == 0 ||
		pg_atomic_fetch_add_u32(&ns->shared->holds, 1) < ns->max_holds)
		return true;
	pg_atomic_fetch_sub_u32(&ns->shared->holds, 1);
	return false;
}

void
TooManyInNamespace(const Namespace *ns)
{
	ereport(ERROR,
			(errcode(ERRCODE_CONFIGURATION_LIMIT_EXCEEDED),
			 errmsg("too many locks in lock namespace \"%s\"", ns->name),
			 errdetail("Its max_holds is %d.", ns->max_holds)));
}
