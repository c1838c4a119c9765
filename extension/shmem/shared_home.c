/*
 * shared_home.c
 *		Where every backend finds our shared memory.
 *
 * Nothing has to be preloaded, so it is made when the server runs.  From 17 on
 * the server keeps named segments for that.  Before, there is some slack in
 * the server's own shared memory.  But the lock table may have taken that: any
 * role can fill the lock table, and what it has taken it never gives back.
 * Then our memory is a dynamic segment, and its handle is kept in the lock
 * table itself, in the entry of a lock that nobody can take.  An entry is
 * free again as soon as any lock is.
 *
 * Slack never grows.  So once one backend has found it too small, all do, and
 * all look into the lock table.
 */
#include "shmem/shmem.h"

#include "miscadmin.h"
#include "storage/dsm.h"
#include "storage/lwlock.h"
#include "storage/shmem.h"
#if PG_VERSION_NUM >= 170000
#include "storage/dsm_registry.h"
#endif

#if PG_VERSION_NUM >= 170000

static void
#if PG_VERSION_NUM >= 190000
InitHome(void *home, void *size)
{
	memset(home, 0, *(Size *) size);
}
#else
InitHome(void *home)
{
	memset(home, 0, PGX_SHARED_SIZE);
}
#endif

/*
 * FindSharedHome() - PGX_SHARED_SIZE bytes, zero at first
 */
void *
FindSharedHome(void)
{
	bool		found;

#if PG_VERSION_NUM >= 190000
	Size		size = PGX_SHARED_SIZE;

	return GetNamedDSMSegment("pg_exclusive", size, InitHome, &found, &size);
#else
	return GetNamedDSMSegment("pg_exclusive", PGX_SHARED_SIZE, InitHome,
							  &found);
#endif
}

#else							/* before 17 */

/*
 * HomeInSlack() - in the server's own shared memory, or NULL
 */
static void *
HomeInSlack(void)
{
	MemoryContext context = CurrentMemoryContext;
	uint32		holdoff = InterruptHoldoffCount;
	void	   *volatile home = NULL;
	bool		found;

	PG_TRY();
	{
		home = ShmemInitStruct("pg_exclusive", PGX_SHARED_SIZE, &found);
		if (!found)
			memset(home, 0, PGX_SHARED_SIZE);
	}
	PG_CATCH();
	{
		if (geterrcode() != ERRCODE_OUT_OF_MEMORY)
			PG_RE_THROW();
		MemoryContextSwitchTo(context);
		InterruptHoldoffCount = holdoff;
		FlushErrorState();
	}
	PG_END_TRY();
	return home;
}

static void *
AttachHome(dsm_handle handle)
{
	dsm_segment *segment = dsm_find_mapping(handle);

	if (segment == NULL)
	{
		segment = dsm_attach(handle);
		if (segment == NULL)
			elog(ERROR, "could not attach to the shared memory of pg_exclusive");
		dsm_pin_mapping(segment);
	}
	return dsm_segment_address(segment);
}

/*
 * FindSharedHome() - PGX_SHARED_SIZE bytes, zero at first
 *
 * The caller holds AddinShmemInitLock.
 */
void *
FindSharedHome(void)
{
	void	   *home = HomeInSlack();
	uint32	   *handle;
	dsm_segment *segment;

	if (home != NULL)
		return home;
	handle = LockTableCell();
	if (handle == NULL)
		ereport(ERROR,
				(errcode(ERRCODE_OUT_OF_MEMORY),
				 errmsg("out of shared memory"),
				 errdetail("The lock table has taken all of it, and is full."),
				 errhint("Try again when other sessions have released locks, or restart the server with a larger max_locks_per_transaction.")));
	if (*handle != 0)
		return AttachHome(*handle);
	segment = dsm_create(PGX_SHARED_SIZE, 0);
	home = dsm_segment_address(segment);
	memset(home, 0, PGX_SHARED_SIZE);
	dsm_pin_segment(segment);
	dsm_pin_mapping(segment);
	*handle = dsm_segment_handle(segment);
	return home;
}

#endif
