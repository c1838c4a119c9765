/*
 * lock_name.c
 *		Names of locks, their 64-bit ids, and the arguments of SQL functions.
 *
 * The id of (namespace, key) is the first 8 bytes, big-endian, of
 * SHA-256(utf8(namespace) || 0x00 || utf8(key)).  This is frozen: clients
 * compute the same id by themselves.  Nothing is truncated, folded or
 * normalised; a name that is too short or too long is an error.
 */
#include "base/base.h"

#include "common/hashfn.h"
#include "mb/pg_wchar.h"
#include "miscadmin.h"
#include "utils/builtins.h"
#include "utils/memutils.h"

/*
 * Hashing a name costs as much as the lock itself, and sessions use few names
 * again and again.  So the ids of short names are remembered, direct-mapped.
 */
#define ID_CACHE_SIZE	256
#define ID_CACHE_NAME	112

typedef struct IdCacheSlot
{
	int64		id;
	int32		len;			/* 0: empty */
	char		bytes[ID_CACHE_NAME];
} IdCacheSlot;

static IdCacheSlot id_cache[ID_CACHE_SIZE];

/*
 * HashName(name) - the id, converting to UTF-8 first in another encoding
 *
 * Namespace and key are converted apart, as a conversion stops at a zero byte.
 */
static int64
HashName(const LockName *name)
{
	StringInfoData utf8;
	char	   *part;
	int64		id;

	if (GetDatabaseEncoding() == PG_UTF8)
		return Sha256Id(name->bytes, name->nslen + 1 + name->keylen);

	initStringInfo(&utf8);
	part = pg_server_to_any(LockNameNamespace(name), name->nslen, PG_UTF8);
	appendBinaryStringInfo(&utf8, part,
						   part == LockNameNamespace(name) ?
						   name->nslen : (int) strlen(part));
	appendStringInfoChar(&utf8, '\0');
	part = pg_server_to_any(LockNameKey(name), name->keylen, PG_UTF8);
	appendBinaryStringInfo(&utf8, part,
						   part == LockNameKey(name) ?
						   name->keylen : (int) strlen(part));
	id = Sha256Id(utf8.data, utf8.len);
	pfree(utf8.data);
	return id;
}

/*
 * NameId(name) - the id, remembered where the name is short
 */
static int64
NameId(const LockName *name)
{
	int			len = name->nslen + 1 + name->keylen;
	IdCacheSlot *slot;

	if (len > ID_CACHE_NAME)
		return HashName(name);
	slot = &id_cache[hash_bytes((const unsigned char *) name->bytes, len) %
					 ID_CACHE_SIZE];
	if (slot->len != len || memcmp(slot->bytes, name->bytes, len) != 0)
	{
		int64		id = HashName(name);

		slot->id = id;
		slot->len = len;
		memcpy(slot->bytes, name->bytes, len);
	}
	return slot->id;
}

/*
 * CheckNameLength(what, name, max) - 42602 for an empty name, 42622 for a long
 *
 * Lengths are those of the UTF-8 form, so that one name is legal or not in
 * databases of all encodings alike.  A name that passes has at most twice as
 * many bytes here.
 */
void
CheckNameLength(const char *what, const text *name, int max)
{
	const char *bytes = VARDATA_ANY(name);
	int			len = VARSIZE_ANY_EXHDR(name);
	bool		known = GetDatabaseEncoding() == PG_UTF8;

	if (len == 0)
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_NAME),
				 errmsg("%s must not be empty", what)));
	if (!known && len <= 16 * max)
	{
		char	   *utf8 = pg_server_to_any(bytes, len, PG_UTF8);

		if (utf8 != bytes)
			len = strlen(utf8);
		known = true;
	}
	if (len > max)
		ereport(ERROR,
				(errcode(ERRCODE_NAME_TOO_LONG),
				 errmsg("%s is too long", what),
				 known ?
				 errdetail("It has %d bytes in UTF-8, the limit is %d.",
						   len, max) :
				 errdetail("The limit is %d bytes in UTF-8.", max)));
}

static void
SetNamespace(LockName *name, const text *ns)
{
	CheckNameLength("lock namespace", ns, PGX_NAMESPACE_MAX);
	name->nslen = VARSIZE_ANY_EXHDR(ns);
	memcpy(name->bytes, VARDATA_ANY(ns), name->nslen);
	name->bytes[name->nslen] = '\0';
}

/*
 * NamespaceNameInit(name, ns) - the name of a namespace, with an empty key
 */
void
NamespaceNameInit(LockName *name, const text *ns)
{
	SetNamespace(name, ns);
	name->keylen = 0;
	LockNameKey(name)[0] = '\0';
	name->id = HashName(name);
}

static void
SetKey(LockName *name, const text *key)
{
	CheckNameLength("lock key", key, PGX_KEY_MAX);
	name->keylen = VARSIZE_ANY_EXHDR(key);
	memcpy(LockNameKey(name), VARDATA_ANY(key), name->keylen);
	LockNameKey(name)[name->keylen] = '\0';
}

/*
 * LockNameInit(name, ns, key) - check both parts and compute the id
 */
void
LockNameInit(LockName *name, const text *ns, const text *key)
{
	SetNamespace(name, ns);
	SetKey(name, key);
	name->id = NameId(name);
}

/*
 * LockNameInitOnce(name, ns, key) - the same for one of very many, which
 * would only drive out of memory what is used again
 */
void
LockNameInitOnce(LockName *name, const text *ns, const text *key)
{
	SetNamespace(name, ns);
	SetKey(name, key);
	name->id = HashName(name);
}

/*
 * LockNameFill(name, ns, key, id) - a name that was checked before
 */
void
LockNameFill(LockName *name, const text *ns, const text *key, int64 id)
{
	name->id = id;
	name->nslen = VARSIZE_ANY_EXHDR(ns);
	name->keylen = VARSIZE_ANY_EXHDR(key);
	memcpy(name->bytes, VARDATA_ANY(ns), name->nslen);
	name->bytes[name->nslen] = '\0';
	memcpy(LockNameKey(name), VARDATA_ANY(key), name->keylen);
	LockNameKey(name)[name->keylen] = '\0';
}

/*
 * LockNameTag(name, lockclass, tag) - what the lock manager knows it by
 */
void
LockNameTag(const LockName *name, uint16 lockclass, LOCKTAG *tag)
{
	SET_LOCKTAG_ADVISORY(*tag, MyDatabaseId, (uint32) (name->id >> 32),
						 (uint32) name->id, lockclass);
}
