-- Relations of others that have the names of ours are never taken for ours.
SELECT current_database() AS home \gset
CREATE ROLE regress_outsider;
CREATE ROLE regress_keeper;
CREATE DATABASE regress_names;
\c regress_names
\set VERBOSITY sqlstate
CREATE SCHEMA s;
GRANT CREATE, USAGE ON SCHEMA s TO regress_outsider;
SET ROLE regress_outsider;
CREATE TABLE s.bait (b bool);
INSERT INTO s.bait VALUES (true), (false);
CREATE INDEX namespace_registry_pkey ON s.bait (b);
CREATE TABLE s.namespace_registry (name text COLLATE "C" PRIMARY KEY, allowed_role regrole, interop boolean);
INSERT INTO s.namespace_registry VALUES ('default', NULL, false), ('kept', NULL, false), ('ghost', NULL, false);
CREATE TABLE s.run_record (namespace text, key text, slot text);
CREATE TABLE s.fence_record (namespace text, key text, token bigint);
CREATE SEQUENCE s.token_epoch;
CREATE SEQUENCE s.token_base;
CREATE SEQUENCE s.token_system;
RESET ROLE;
CREATE EXTENSION pg_exclusive SCHEMA s;
SELECT s.try_lock('default', 'k');	-- true
SELECT s.lock_namespace('kept', 'regress_keeper') IS NOT NULL;
SELECT s.try_run_once('default', 'r', 'slot', 'SELECT'), s.check_fence('default', 'k', s.fencing_token('default', 'k'));
SET ROLE regress_outsider;
SELECT s.try_lock('kept', 'k');	-- 42501
SELECT s.try_lock('ghost', 'k');	-- 42704
RESET ROLE;
SELECT (SELECT count(*) FROM s.run_record) + (SELECT count(*) FROM s.fence_record) AS theirs;	-- 0
SELECT last_value, is_called FROM s.token_epoch;	-- 1, false
-- another primary key of the registry: its name is of no interest
ALTER INDEX exclusive_internal.namespace_registry_pkey RENAME TO other_name;
SELECT s.try_lock('default', 'k2');	-- true
\c -
\set VERBOSITY sqlstate
SELECT s.try_lock('default', 'k2', wait => '5 min');	-- true, when the session before has ended
-- a function of the module that is not the extension's
CREATE FUNCTION stray(text, text, text DEFAULT 'exclusive', interval DEFAULT '0') RETURNS boolean AS '$libdir/pg_exclusive', 'pgx_try_lock' LANGUAGE C;
\c -
\set VERBOSITY sqlstate
SELECT stray('default', 'k');	-- 42704
\c :home
DROP DATABASE regress_names;
DROP ROLE regress_outsider, regress_keeper;
