/*
 * namespace_role.c
 *		The type of namespace_registry.allowed_role: a regrole that may dangle.
 *
 * A dump names the role.  Where there is no such role, regrole raises an
 * error, and COPY would restore no namespace at all.  This type reads it as a
 * role that does not exist, so that the namespace comes back shut.
 */
#include "base/base.h"

#include "catalog/pg_authid.h"
#include "miscadmin.h"
#include "utils/acl.h"
#include "utils/builtins.h"
#include "utils/regproc.h"
#include "utils/syscache.h"
#include "utils/varlena.h"

PG_FUNCTION_INFO_V1(pgx_namespace_role_in);
PG_FUNCTION_INFO_V1(pgx_namespace_role_out);

/* How a role that does not exist is written. */
#define NO_ROLE "-"

/*
 * _namespace_role_in(cstring) - the role with this name, quoted as needed
 */
Datum
pgx_namespace_role_in(PG_FUNCTION_ARGS)
{
	char	   *name = PG_GETARG_CSTRING(0);
	List	   *names;
	Oid			role = InvalidOid;

	if (strcmp(name, NO_ROLE) == 0)
		PG_RETURN_OID(InvalidOid);
	if (SplitIdentifierString(pstrdup(name), '.', &names) &&
		list_length(names) == 1)
		role = get_role_oid((char *) linitial(names), true);
	if (!OidIsValid(role))
		ereport(WARNING,
				(errcode(ERRCODE_UNDEFINED_OBJECT),
				 errmsg("role \"%s\" does not exist", name),
				 errdetail("Only superusers can use a lock namespace for it."),
				 errhint("Create the role, drop the namespace and register it again.")));
	PG_RETURN_OID(role);
}

/*
 * _namespace_role_out(namespace_role) - its quoted name
 */
Datum
pgx_namespace_role_out(PG_FUNCTION_ARGS)
{
	const char *name = GetUserNameFromId(PG_GETARG_OID(0), true);

	name = name == NULL ? NO_ROLE : quote_identifier(name);
	PG_RETURN_CSTRING(pstrdup(name));
}
