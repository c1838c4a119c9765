/*
 * pg_exclusive.h
 *		Limits, lock classes and settings, which all layers need.
 *
 * The folders are layers.  The list goes from the lowest to the highest.
 * base/ knows names, arguments and our own tables.  shmem/ keeps annotations
 * in shared memory.  lock/ takes and frees locks.  runs/ runs tasks under
 * them.  views/ shows who holds and who waits.  client/ serves the client
 * library.  funcs/ has the other SQL functions.  A file includes headers of
 * its own folder and of lower layers only.
 *
 * The lock manager is the only truth about who holds what.
 */
#ifndef PG_EXCLUSIVE_H
#define PG_EXCLUSIVE_H

#include "postgres.h"

#include "compat.h"
#include "fmgr.h"

#ifndef PGX_VERSION
#error "PGX_VERSION comes from the control file, by way of the Makefile"
#endif

/*
 * Limits of names, in bytes of their UTF-8 form.
 */
#define PGX_NAMESPACE_MAX	63
#define PGX_KEY_MAX			1024

/* Room for them in any encoding: some have 3 bytes where UTF-8 has 2. */
#define PGX_NAMESPACE_BYTES	(2 * PGX_NAMESPACE_MAX)
#define PGX_KEY_BYTES		(2 * PGX_KEY_MAX)

/*
 * Classes of our lock tags (locktag_field4, which pg_locks shows as
 * objsubid).  Core uses 1 and 2, Citus 4 to 15, TimescaleDB 29749.  All of
 * ours stay below 32768, because pg_locks shows larger ones as negative.
 */
#define PGX_CLASS_INTEROP	1	/* shared with pg_advisory_lock(bigint) */
#define PGX_CLASS_LOCK		20568
#define PGX_CLASS_GATE		20569	/* queue of a semaphore */
#define PGX_CLASS_EPOCH		20570	/* taking a token epoch, id 0 */
#define PGX_CLASS_HOME		20571	/* no lock: see shared_home.c */
#define PGX_CLASS_PERMIT	21000	/* + permit, 1 to PGX_PERMITS_MAX */
#define PGX_PERMITS_MAX		8000

/* Wait limits in milliseconds. */
#define PGX_NO_WAIT			((int64) 0)
#define PGX_WAIT_FOREVER	((int64) -1)

/* pg_exclusive.c */
extern int	pgx_max_locks_per_session;
extern int	pgx_log_min_hold;	/* milliseconds, -1: off */
extern int	pgx_log_min_wait;
extern int	pgx_max_leases;

/* lock/cancel.c; called when the module is loaded */
extern void WatchStatements(void);

#endif							/* PG_EXCLUSIVE_H */
