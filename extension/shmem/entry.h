/*
 * entry.h
 *		Annotations of locks in shared memory.
 *
 * entry_write.c writes them, entry_read.c reads them.
 */
#ifndef PGX_ENTRY_H
#define PGX_ENTRY_H

#include "base/base.h"

/*
 * What one backend says about one lock.  Only the owner writes, between two
 * increments of changecount, and never anything that could fail.  A reader
 * copies and retries while the count is odd or has moved.  While it is free
 * the owner links it and makes room for its next name without counting, so a
 * reader makes sure of the rest before it looks at the name.  An entry by
 * itself proves nothing.  It counts where the lock manager agrees.
 */
typedef enum EntryState
{
	ENTRY_FREE,
	ENTRY_PENDING,				/* about to ask the lock manager */
	ENTRY_WAITING,
	ENTRY_HELD,
	ENTRY_UNCLEAN				/* its session ended without unlock */
} EntryState;

/* With it an entry is two cache lines, and the second is read for its name. */
#define PGX_INLINE_NAME 64

typedef struct LockEntry
{
	uint32		changecount;
	uint8		state;			/* EntryState */
	uint8		mode;			/* LOCKMODE */
	bool		xact;			/* until the transaction ends */
	uint8		longbits;		/* there are 2^longbits bytes at longname */
	uint16		lockclass;
	uint16		nslen;
	uint16		keylen;
	uint16		permits;		/* size of the semaphore, or 0 */
	Oid			dboid;
	Oid			roleid;
	int64		id;
	int64		token;
	TimestampTz since;			/* waiting or held since */
	TimestampTz until;			/* of a delay; of a mark, by LeaseClock() */
	dsa_pointer longname;		/* where a name over PGX_INLINE_NAME goes */
	union
	{
		char		name[PGX_INLINE_NAME];	/* as LockName.bytes */
		struct LockEntry *next_free;	/* owner's list, while it is free */
	};
} LockEntry;

StaticAssertDecl(sizeof(LockEntry) <= 128, "an entry is two cache lines");

/*
 * A backend's place in shared memory, found by its PGPROC number.
 */
typedef struct BackendSlot
{
	uint32		changecount;
	int			pid;			/* 0: nobody */
	int			broken_pid;		/* this process is ended by break_lock() */
	dsa_pointer chunks;			/* list of EntryChunk; only ever grows */
	bool		has_addr;
	char		addr[64];		/* client address, as inet_in() takes it */
	char		application_name[NAMEDATALEN];
} BackendSlot;

#define ENTRIES_PER_CHUNK 63

/* 8 kB, which the allocator puts at the start of a page. */
typedef struct EntryChunk
{
	union
	{
		dsa_pointer next;
		char		line[sizeof(LockEntry)];
	};
	LockEntry	entries[ENTRIES_PER_CHUNK];
} EntryChunk;

/* entry_write.c */
extern LockEntry *ReserveEntry(const LockName *name);
extern void PublishEntry(LockEntry *entry, const LockName *name,
						 uint16 lockclass, LOCKMODE mode, bool xact);
extern void UpdateEntry(LockEntry *entry, EntryState state, int64 token,
						TimestampTz since);
extern void DelayEntry(LockEntry *entry, TimestampTz until);
extern void SetEntryPermit(LockEntry *entry, uint16 lockclass,
						   uint16 permits);
extern void MarkEntryUnclean(LockEntry *entry, TimestampTz until);
extern void FreeEntry(LockEntry *entry);
extern bool EntryIsNamed(const LockEntry *entry, const LockName *name);
extern void CopyEntryName(const LockEntry *entry, LockName *name);
extern const LockName *EntryName(const LockEntry *entry);
extern void FreeAllEntries(void);
extern bool ClientAddress(char *addr, int size);

/* entry_read.c */
typedef void (*EntryVisitor) (const LockEntry *entry, const LockName *name,
							  const BackendSlot *slot, void *arg);
extern void VisitEntries(BackendSlot *slot, int64 only_id, bool any_id,
						 EntryVisitor visitor, void *arg);
extern void VisitUnclean(BackendSlot *slot, int64 only_id,
						 EntryVisitor visitor, void *arg);

#endif							/* PGX_ENTRY_H */
