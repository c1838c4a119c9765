/*
 * hold_table.c
 *		Where the holds of this session are, found by the ids of their locks.
 *
 * A hold stays where it is as long as it lives.  What is dropped is used again
 * and not given back.  Only AddHold() and ExpectHolds() allocate.
 *
 * The table never grows by itself.  When there is no memory for that, the
 * simplehash of some server versions is left with its old array and its new
 * size, and this one outlives the error.
 */
#include "lock/lock.h"

#include "utils/memutils.h"

/* What the allocator rounds up to anyway. */
#define HOLDS_PER_BLOCK (8192 / sizeof(Hold))

typedef struct HoldElement
{
	Hold	   *hold;
	uint32		hash;
	char		status;
} HoldElement;

/* An id is a hash already. */
#define SH_PREFIX holds
#define SH_ELEMENT_TYPE HoldElement
#define SH_KEY_TYPE Hold *
#define SH_KEY hold
#define SH_HASH_KEY(table, key) ((uint32) (key)->id)
#define SH_EQUAL(table, a, b) ((a)->id == (b)->id)
#define SH_STORE_HASH
#define SH_GET_HASH(table, element) ((element)->hash)
#define SH_GROW_MAX_DIB PG_INT32_MAX
#define SH_GROW_MAX_MOVE PG_INT32_MAX
#define SH_SCOPE static inline
#define SH_DECLARE
#define SH_DEFINE
#include "lib/simplehash.h"

static holds_hash *table;
static dlist_head unused = DLIST_STATIC_INIT(unused);

/*
 * ExpectHolds(more) - make room in the table for so many at once
 */
void
ExpectHolds(int more)
{
	holds_hash *old = table;
	holds_hash *larger;
	holds_iterator i;
	HoldElement *element;
	uint32		wanted = NumHolds() + more;
	bool		found;

	if (likely(old != NULL && wanted <= old->grow_threshold))
		return;
	wanted = Max(wanted, Max(HOLDS_PER_BLOCK, 2 * NumHolds()));
	/* one more, for simplehash rounds down */
	larger = holds_create(TopMemoryContext, wanted + 1, NULL);
	if (old != NULL)
	{
		holds_start_iterate(old, &i);
		while ((element = holds_iterate(old, &i)) != NULL)
			(void) holds_insert(larger, element->hold, &found);
		holds_destroy(old);
	}
	table = larger;
}

static void
AddBlock(void)
{
	Hold	   *block = MemoryContextAlloc(TopMemoryContext,
										   HOLDS_PER_BLOCK * sizeof(Hold));

	for (int i = 0; i < HOLDS_PER_BLOCK; i++)
		dlist_push_tail(&unused, &block[i].node);
}

/*
 * AddHold(id) - a new hold, of which nothing but the id is set
 *
 * There must be none with that id.
 */
Hold *
AddHold(int64 id)
{
	Hold	   *hold;
	bool		found;

	ExpectHolds(1);
	if (unlikely(dlist_is_empty(&unused)))
		AddBlock();
	hold = dlist_head_element(Hold, node, &unused);
	hold->id = id;
	(void) holds_insert(table, hold, &found);
	Assert(!found);
	dlist_delete(&hold->node);
	return hold;
}

/*
 * DropHold(hold) - take it out of the table; never fails
 */
void
DropHold(Hold *hold)
{
	(void) holds_delete(table, hold);
	dlist_push_head(&unused, &hold->node);
}

/*
 * GetHold(id) - the hold with an id, or NULL
 */
Hold *
GetHold(int64 id)
{
	Hold		wanted;
	HoldElement *element;

	if (NumHolds() == 0)
		return NULL;
	wanted.id = id;
	element = holds_lookup(table, &wanted);
	return element == NULL ? NULL : element->hold;
}

int
NumHolds(void)
{
	return table == NULL ? 0 : table->members;
}
