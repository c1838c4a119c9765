-- session_replication_role = replica, as a restore or a subscription has it: our own triggers fire.
\set VERBOSITY sqlstate
SET session_replication_role = replica;
BEGIN;
SELECT lock_namespace('ghost') IS NOT NULL, try_xact_lock('ghost', 'k');	-- true, true
ROLLBACK;
SELECT try_lock('ghost', 'k');	-- 42704
SELECT lock_namespace('jobs') IS NOT NULL, try_xact_lock('jobs', 'k');	-- true, true
BEGIN;
SELECT pause_lock_namespace('jobs', 'why');
SELECT try_lock('jobs', 'k');	-- 55000
ROLLBACK;
SELECT try_lock('jobs', 'k'), unlock('jobs', 'k');	-- true, true
INSERT INTO exclusive_internal.namespace_registry (name) VALUES ('byhand');
SELECT try_lock('byhand', 'k'), unlock('byhand', 'k');	-- true, true
DELETE FROM exclusive_internal.namespace_registry WHERE name = 'byhand';
SELECT try_lock('byhand', 'k');	-- 42704
CREATE ROLE regress_app;
GRANT ALL ON ALL TABLES IN SCHEMA exclusive_internal TO regress_app;
SET ROLE regress_app;
DELETE FROM exclusive_internal.namespace_registry;	-- 42501
RESET ROLE;
REVOKE ALL ON ALL TABLES IN SCHEMA exclusive_internal FROM regress_app;
DROP ROLE regress_app;
SELECT drop_lock_namespace('jobs');
SHOW session_replication_role;	-- replica
-- and it is put back after an error
SET session_replication_role = origin;
SELECT try_run_once('default', 'k', E'no\nerror', 'SELECT 1/0');	-- 22012
SHOW session_replication_role;	-- origin
