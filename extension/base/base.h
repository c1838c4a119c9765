/*
 * base.h
 *		Names of locks, arguments of SQL functions, and our own tables.
 */
#ifndef PGX_BASE_H
#define PGX_BASE_H

#include "pg_exclusive.h"

#include "access/tupdesc.h"
#include "utils/timestamp.h"

/*
 * A lock's name in the server's encoding, "namespace NUL key NUL".  In a
 * UTF-8 database these bytes are also what is hashed.
 */
typedef struct LockName
{
	int64		id;
	int			nslen;
	int			keylen;
	char		bytes[PGX_NAMESPACE_BYTES + 1 + PGX_KEY_BYTES + 1];
} LockName;

#define LockNameNamespace(name) ((name)->bytes)
#define LockNameKey(name) ((name)->bytes + (name)->nslen + 1)

/* lock_name.c */
extern void LockNameInit(LockName *name, const text *ns, const text *key);
extern void LockNameInitOnce(LockName *name, const text *ns, const text *key);
extern void LockNameFill(LockName *name, const text *ns, const text *key,
						 int64 id);
extern void CheckNameLength(const char *what, const text *name, int max);
extern void NamespaceNameInit(LockName *name, const text *ns);
extern void LockNameTag(const LockName *name, uint16 lockclass, LOCKTAG *tag);

/* args.c */
extern Datum RequiredArg(FunctionCallInfo fcinfo, int argno, const char *what);
extern text *RequiredTextArg(FunctionCallInfo fcinfo, int argno,
							 const char *what);
extern void LockNameArgs(LockName *name, FunctionCallInfo fcinfo);
extern LOCKMODE LockModeArg(FunctionCallInfo fcinfo, int argno);
extern int64 IntervalMicroseconds(const Interval *interval);
extern int64 TtlDatum(Datum ttl);
extern int64 WaitArg(FunctionCallInfo fcinfo, int argno);
extern Datum *ArrayArg(FunctionCallInfo fcinfo, int argno, Oid type,
					   const char *what, bool **nulls, int *n);
extern Datum TokenArray(Datum *tokens, int n);
extern TupleDesc ResultRow(FunctionCallInfo fcinfo);
extern Datum RecordDatum(FunctionCallInfo fcinfo, Datum *values, bool *nulls);

/* sha256.c */
extern int64 Sha256Id(const char *bytes, int len);

/* procedure.c */
extern TupleDesc BeginProcedure(FunctionCallInfo fcinfo, const char *name,
								const char *hint);
extern Datum EndProcedure(TupleDesc row, Datum value, bool isnull);

/* extension_info.c */
typedef struct ExtensionInfo
{
	Oid			extension;
	Oid			schema;			/* of the API, as the user chose it */
	Oid			internal_schema;	/* of our tables */
	Oid			owner;
	Oid			registry;
	Oid			registry_pkey;
	Oid			run_record;
	Oid			fence_record;
	Oid			token_system;
	Oid			token_base;
	Oid			token_epoch;
	TimestampTz epoch_checked;	/* when token_epoch was that of our tokens */
} ExtensionInfo;
extern ExtensionInfo *GetExtensionInfo(Oid fn_oid);
extern uint64 ExtensionInfoVersion(void);
extern void SwitchToExtensionOwner(const ExtensionInfo *info, Oid *userid,
								   int *seccontext);
extern void CheckNotStandby(const char *what);

/* owner_sql.c */
typedef struct OwnerQuery
{
	Oid			fn_oid;			/* the SQL function that was called */
	int			nargs;
	Oid			types[12];
	Datum		values[12];
	char		nulls[12];
} OwnerQuery;
extern void AddArg(OwnerQuery *query, Oid type, Datum value, bool isnull);
extern void AddText(OwnerQuery *query, const char *value);
extern uint64 ExecuteAsOwner(OwnerQuery *query, const char *sql);
extern Datum ResultColumn(int column, bool *isnull);

/* owner_grant.c */
extern void GrantRegistry(Oid fn_oid, Oid role, bool give);

#endif							/* PGX_BASE_H */
