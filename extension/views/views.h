/*
 * status.h
 *		Between the files that answer "who holds and who waits".
 *
 * notes.c reads the entries, crowd.c counts who meets where, status.c makes
 * the rows.
 */
#ifndef PGX_STATUS_H
#define PGX_STATUS_H

#include "pg_exclusive.h"

#include "nodes/pg_list.h"
#include "utils/hsearch.h"

/* The backend that wrote an entry. */
typedef struct SlotNote
{
	int			pid;
	Datum		application_name;
	Datum		addr;
	bool		has_addr;
} SlotNote;

/* An entry, kept until we have the lock manager's word for it. */
typedef struct Note
{
	const SlotNote *who;
	LockEntry	entry;			/* without its name */
	char		bytes[FLEXIBLE_ARRAY_MEMBER];		/* "namespace NUL key NUL" */
} Note;

typedef struct Notes
{
	struct notes_hash *hash;
	SlotNote   *slots;
	int			nslots;
	MemoryContext memory;
} Notes;

/* Those who meet at one lock, or at one semaphore. */
typedef struct Crowd
{
	LOCKTAG		tag;			/* hash key; of a semaphore, its gate's */
	int			waiters;
	bool		head;			/* somebody has passed the gate and waits */
	int		   *queue;			/* process ids, read when first asked for */
	int			nqueue;
	List	   *permit_holders;	/* process ids */
} Crowd;

/* notes.c */
extern bool IsOurs(const LockInstanceData *lock);
extern void TakeNotes(Notes *notes, int expected);
extern Note *FindNote(const Notes *notes, const LockInstanceData *lock);

/* crowd.c */
extern bool IsHolder(const LockInstanceData *lock, const LockEntry *entry);
extern HTAB *GatherCrowds(const LockData *locks, const Notes *notes);
extern Crowd *CrowdOf(HTAB *crowds, const LOCKTAG *tag);
extern int	QueuePosition(Crowd *crowd, const LockInstanceData *lock);
extern Datum PermitHolders(const Crowd *crowd);

#endif							/* PGX_STATUS_H */
