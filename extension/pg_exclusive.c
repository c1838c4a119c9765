/*
 * pg_exclusive.c
 *		The module: its magic block and its settings.
 */
#include "pg_exclusive.h"

#include "utils/guc.h"

PGX_MODULE_MAGIC;

int			pgx_max_locks_per_session = 1000;

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
	MarkGUCPrefixReserved("pg_exclusive");
}
