/*
 * sha256.c
 *		The first 64 bits of a SHA-256.
 *
 * It is OpenSSL's, where the server has that, and set up once per session.
 * The server's own interface makes and looks up both in every call and takes
 * five times as long.  It serves where the server was built without OpenSSL.
 * OpenSSL's SHA256_Init() would save a third of the 70 ns for a short name,
 * but OpenSSL does not want it used in FIPS mode: older versions are reported
 * to end the process (patroni issue 2045; not tried by us).
 */
#include "base/base.h"

#ifdef USE_OPENSSL
#include <openssl/evp.h>
#else
#include "common/cryptohash.h"
#include "common/sha2.h"
#endif
#include "port/pg_bswap.h"

#ifdef USE_OPENSSL

static EVP_MD_CTX *
DigestContext(void)
{
	static EVP_MD_CTX *context = NULL;

	if (context == NULL)
	{
		context = EVP_MD_CTX_new();
		if (context == NULL)
			ereport(ERROR,
					(errcode(ERRCODE_OUT_OF_MEMORY),
					 errmsg("out of memory")));
	}
	return context;
}

static const EVP_MD *
Sha256(void)
{
#if OPENSSL_VERSION_NUMBER >= 0x30000000L
	static EVP_MD *md = NULL;

	if (md == NULL)
		md = EVP_MD_fetch(NULL, "SHA256", NULL);
	return md;
#else
	return EVP_sha256();
#endif
}

static bool
Digest(const char *bytes, int len, uint8 *digest)
{
	EVP_MD_CTX *context = DigestContext();

	return Sha256() != NULL &&
		EVP_DigestInit_ex(context, Sha256(), NULL) &&
		EVP_DigestUpdate(context, bytes, len) &&
		EVP_DigestFinal_ex(context, digest, NULL);
}

#else							/* !USE_OPENSSL */

static bool
Digest(const char *bytes, int len, uint8 *digest)
{
	pg_cryptohash_ctx *context = pg_cryptohash_create(PG_SHA256);
	bool		done = pg_cryptohash_init(context) >= 0 &&
	pg_cryptohash_update(context, (const uint8 *) bytes, len) >= 0 &&
	pg_cryptohash_final(context, digest, PG_SHA256_DIGEST_LENGTH) >= 0;

	pg_cryptohash_free(context);
	return done;
}

#endif

/*
 * Sha256Id(bytes, len) - the id of a name given in UTF-8
 */
int64
Sha256Id(const char *bytes, int len)
{
	uint8		digest[32];
	uint64		high;

	if (!Digest(bytes, len, digest))
		ereport(ERROR,
				(errcode(ERRCODE_INTERNAL_ERROR),
				 errmsg("could not compute the SHA-256 of a lock name")));
	memcpy(&high, digest, sizeof(high));
	return (int64) pg_ntoh64(high);
}
