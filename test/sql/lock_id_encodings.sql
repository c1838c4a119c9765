-- A lock has one id, whatever the encoding of the database: bytes of the UTF-8 form decide.
CREATE DATABASE regress_latin1 TEMPLATE template0 ENCODING 'LATIN1' LC_COLLATE 'C' LC_CTYPE 'C';
CREATE DATABASE regress_koi8r TEMPLATE template0 ENCODING 'KOI8R' LC_COLLATE 'C' LC_CTYPE 'C';
CREATE DATABASE regress_ascii TEMPLATE template0 ENCODING 'SQL_ASCII' LC_COLLATE 'C' LC_CTYPE 'C';
SELECT current_database() AS home \gset

\c regress_latin1
SET client_encoding = 'UTF8';
CREATE EXTENSION pg_exclusive;
SELECT octet_length('é'), lock_id('é', 'clé') = ('x' || encode(substr(sha256(
	'\xc3a900636cc3a9'), 1, 8), 'hex'))::bit(64)::bigint;	-- 1, true
SELECT lock_id('jobs', 'nightly-close');	-- 6823680722203212612
-- 1,024 bytes in UTF-8, 512 here; one more is too long
SELECT lock_id('jobs', repeat('é', 512)) IS NOT NULL;	-- true
\set VERBOSITY sqlstate
SELECT lock_id('jobs', repeat('é', 513));	-- 42622
SELECT lock_namespace(repeat('é', 32));	-- 42622: 64 bytes in UTF-8
SELECT lock_namespace(repeat('é', 31)) IS NOT NULL;	-- true
SELECT try_lock(repeat('é', 31), 'clé');	-- true
SELECT key, length(namespace) FROM lock_holders;	-- clé, 31
\set VERBOSITY default

\c regress_koi8r
SET client_encoding = 'UTF8';
CREATE EXTENSION pg_exclusive;
SELECT octet_length('ключ'), lock_id('jobs', 'ключ') = ('x' || encode(substr(sha256(
	'\x6a6f627300d0bad0bbd18ed187'), 1, 8), 'hex'))::bit(64)::bigint;	-- 4, true

\c regress_ascii
SET client_encoding = 'UTF8';
CREATE EXTENSION pg_exclusive;
SELECT lock_id('é', 'ключ');	-- -4950525707655477489: its bytes are taken as they come
SELECT try_lock('default', 'é');	-- true
SELECT key FROM lock_holders;	-- é

\c :home
DROP DATABASE regress_latin1;
DROP DATABASE regress_koi8r;
DROP DATABASE regress_ascii;
