/*
 * client.h
 *		Shared by the files that serve the client library.
 */
#ifndef PGX_CLIENT_H
#define PGX_CLIENT_H

#include "lease/lease.h"

/* client_details.c */
extern void ForgetDetails(void);
extern void DetailRefusal(int ordinal, const LockName *name, Oid fn_oid);
extern void DetailError(int ordinal, const ErrorData *error);

#endif							/* PGX_CLIENT_H */
