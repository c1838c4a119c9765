-- CREATE EXTENSION in a schema of the user's choice, DROP and CREATE again.
SELECT current_database() AS home \gset
CREATE DATABASE regress_install;
\c regress_install
\set VERBOSITY sqlstate
CREATE SCHEMA "odd ""schema' %s";
CREATE EXTENSION pg_exclusive SCHEMA "odd ""schema' %s";
SET search_path = "odd ""schema' %s";
SELECT lock_namespace('jobs') IS NOT NULL, try_lock('jobs', 'k');	-- true, true
SELECT try_run_once('default', 'k', 'slot', 'SELECT');	-- true
SELECT try_run_once('default', 'k', 'slot', 'SELECT');	-- false
SELECT key FROM lock_holders;	-- k
SELECT fencing_token('jobs', 'k') AS token \gset
ALTER EXTENSION pg_exclusive SET SCHEMA public;	-- 0A000
SELECT unlock_all();	-- 1

-- the schema gets another name, and another one takes the old name
ALTER SCHEMA "odd ""schema' %s" RENAME TO moved;
CREATE SCHEMA "odd ""schema' %s";
CREATE TABLE "odd ""schema' %s".run_record (LIKE exclusive_internal.run_record);
CREATE TABLE "odd ""schema' %s".namespace_registry (LIKE exclusive_internal.namespace_registry);
SET search_path = moved;
SELECT lock_namespace('later') IS NOT NULL;	-- true
SELECT try_run_once('later', 'k', 'slot', 'SELECT');	-- true
SELECT try_run_once('later', 'k', 'slot', 'SELECT');	-- false
SELECT (SELECT count(*) FROM "odd ""schema' %s".run_record) + (SELECT count(*) FROM "odd ""schema' %s".namespace_registry) AS elsewhere;	-- 0
SELECT try_lock('later', 'k'), unlock('later', 'k');	-- true, true
DROP TABLE "odd ""schema' %s".run_record, "odd ""schema' %s".namespace_registry;
-- so with the schema of our tables
ALTER SCHEMA exclusive_internal RENAME TO elsewhere;
CREATE SCHEMA exclusive_internal;
CREATE TABLE exclusive_internal.run_record (LIKE elsewhere.run_record);
CREATE TABLE exclusive_internal.namespace_registry (LIKE elsewhere.namespace_registry);
SELECT lock_namespace('last') IS NOT NULL, try_run_once('last', 'k', 'slot', 'SELECT');	-- true, true
SELECT (SELECT count(*) FROM exclusive_internal.run_record) + (SELECT count(*) FROM exclusive_internal.namespace_registry) AS elsewhere;	-- 0
DROP SCHEMA exclusive_internal CASCADE;
ALTER SCHEMA elsewhere RENAME TO exclusive_internal;

-- a schema with objects of ours already in it: refused, nothing of theirs is replaced
RESET search_path;
DROP EXTENSION pg_exclusive;
SELECT count(*) FROM pg_proc WHERE proname IN ('try_lock', 'wait_lock', '_calls');	-- 0
CREATE SCHEMA taken;
CREATE FUNCTION taken.try_lock(text, text, text, interval) RETURNS boolean RETURN true;
CREATE EXTENSION pg_exclusive SCHEMA taken;	-- 42723
DROP FUNCTION taken.try_lock;
CREATE SCHEMA exclusive_internal;
CREATE EXTENSION pg_exclusive SCHEMA taken;	-- 42P06
DROP SCHEMA exclusive_internal;
SELECT count(*) FROM pg_extension WHERE extname = 'pg_exclusive';	-- 0

-- again, in the same session: nothing is remembered of the one before
CREATE EXTENSION pg_exclusive;
SELECT try_lock('jobs', 'k');	-- 42704
SELECT namespace FROM lock_namespaces;	-- default
SELECT try_run_once('default', 'k', 'slot', 'SELECT');	-- true
SELECT try_lock('default', 'k'), fencing_token('default', 'k') > :token AS rising;	-- true, true

-- dropped while a lock is held: it lasts to the end of the session
DROP EXTENSION pg_exclusive;
SELECT objsubid, granted FROM pg_locks WHERE locktype = 'advisory';	-- 20568
CREATE EXTENSION pg_exclusive;
SELECT try_lock('default', 'k2'), unlock('default', 'k2');	-- true, true
SELECT holds_lock('default', 'k');	-- true
SELECT unlock('default', 'k');	-- true
SELECT count(*) FROM pg_locks WHERE locktype = 'advisory';	-- 0

-- installing draws no token and writes no record; DROP leaves nothing
DROP EXTENSION pg_exclusive;
SELECT count(*) FROM pg_class WHERE relname ~ '^(token_|run_record|namespace_registry|lock_)' AND relnamespace = 'public'::regnamespace;	-- 0
\c :home
DROP DATABASE regress_install;
