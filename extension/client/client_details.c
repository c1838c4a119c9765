/*
 * client_details.c
 *		_details() says why the last internal call refused or failed.
 *
 * Kept apart from the calls, which return scalars for speed.  It is
 * remembered until the next of them.
 */
#include "client/client.h"

#include "catalog/pg_type.h"
#include "miscadmin.h"
#include "utils/array.h"
#include "utils/builtins.h"
#include "utils/memutils.h"

PG_FUNCTION_INFO_V1(pgx_details);

#define DETAIL_STRINGS	9

/* Microseconds from 1970 to 2000, where PostgreSQL's clock begins. */
#define UNIX_TO_POSTGRES \
	((POSTGRES_EPOCH_JDATE - UNIX_EPOCH_JDATE) * USECS_PER_DAY)

static MemoryContext context;
static Datum *strings;
static int	nstrings;
static int	room;

void
ForgetDetails(void)
{
	if (likely(nstrings == 0))
		return;
	nstrings = 0;
	room = 0;
	strings = NULL;
	MemoryContextReset(context);
}

/*
 * AddDetail(ordinal, values) - remember the other eight strings of an element
 */
static void
AddDetail(int ordinal, const char *const values[DETAIL_STRINGS - 1])
{
	MemoryContext old;

	if (context == NULL)
		context = AllocSetContextCreate(TopMemoryContext,
										"pg_exclusive details",
										ALLOCSET_SMALL_SIZES);
	old = MemoryContextSwitchTo(context);
	if (nstrings + DETAIL_STRINGS > room)
	{
		room = Max(4 * DETAIL_STRINGS, 2 * room);
		strings = strings == NULL ? palloc(room * sizeof(Datum)) :
			repalloc(strings, room * sizeof(Datum));
	}
	strings[nstrings++] = CStringGetTextDatum(psprintf("%d", ordinal));
	for (int i = 0; i < DETAIL_STRINGS - 1; i++)
		strings[nstrings++] = CStringGetTextDatum(values[i] ? values[i] : "");
	MemoryContextSwitchTo(old);
}

/*
 * DetailRefusal(ordinal, name, fn_oid) - who has what we were refused
 */
void
DetailRefusal(int ordinal, const LockName *name, Oid fn_oid)
{
	const char *values[DETAIL_STRINGS - 1] = {0};
	Namespace  *ns = LookupNamespace(name->bytes, name->nslen, fn_oid);
	LOCKTAG		tag;
	Holder		holder;

	LockNameTag(name, NamespaceLockClass(ns), &tag);
	if (FindHolder(&tag, &holder))
	{
		values[3] = psprintf("%d", holder.pid);
		values[4] = GetUserNameFromId(holder.roleid, true);
		values[5] = holder.application_name;
		values[6] = holder.has_addr ? holder.addr : "";
		if (holder.since != 0)
			values[7] = psprintf(INT64_FORMAT,
								 holder.since + UNIX_TO_POSTGRES);
	}
	AddDetail(ordinal, values);
}

/*
 * DetailError(ordinal, error) - what went wrong
 */
void
DetailError(int ordinal, const ErrorData *error)
{
	const char *values[DETAIL_STRINGS - 1] = {0};

	values[0] = unpack_sql_state(error->sqlerrcode);
	values[1] = error->detail == NULL ? error->message :
		psprintf("%s: %s", error->message, error->detail);
	values[2] = error->hint;
	AddDetail(ordinal, values);
}

/*
 * _details() - nine strings per refused or failed element, or NULL
 */
Datum
pgx_details(PG_FUNCTION_ARGS)
{
	if (nstrings == 0)
		PG_RETURN_NULL();
	PG_RETURN_ARRAYTYPE_P(construct_array(strings, nstrings, TEXTOID, -1,
										  false, TYPALIGN_INT));
}
