/*
 * pg_exclusive.c
 *		The module: its magic block, its settings, and how it is loaded.
 */
#include "pg_exclusive.h"

#include "utils/guc.h"

PGX_MODULE_MAGIC;

int			pgx_max_locks_per_session = 1000;
int			pgx_log_min_hold = -1;
int			pgx_log_min_wait = -1;
int			pgx_max_leases = 10000;

void		_PG_init(void);

void
_PG_init(void)
{
	DefineCustomIntVariable("pg_exclusive.max_locks_per_session",
							"How many pg_exclusive locks one session may hold.",
							"Keeps a runaway loop from filling the lock table, which all sessions of the server share.",
							&pgx_max_locks_per_session,
							1000, 1, 1000000,
							PGC_SUSET, 0, NULL, NULL, NULL);
	DefineCustomIntVariable("pg_exclusive.log_min_hold",
							"Logs the end of each hold of a pg_exclusive lock that was at least this long.",
							"-1 turns it off, 0 logs all.",
							&pgx_log_min_hold,
							-1, -1, INT_MAX,
							PGC_SUSET, GUC_UNIT_MS, NULL, NULL, NULL);
	DefineCustomIntVariable("pg_exclusive.log_min_wait",
							"Logs the end of each wait for a pg_exclusive lock that was at least this long.",
							"-1 turns it off, 0 logs all.",
							&pgx_log_min_wait,
							-1, -1, INT_MAX,
							PGC_SUSET, GUC_UNIT_MS, NULL, NULL, NULL);
	DefineCustomIntVariable("pg_exclusive.max_leases",
							"How many leases there may be on the server.",
							"A session that acquires a lease checks its own setting.",
							&pgx_max_leases,
							10000, 0, 10000000,
							PGC_SUSET, 0, NULL, NULL, NULL);
	MarkGUCPrefixReserved("pg_exclusive");
	WatchStatements();
}
