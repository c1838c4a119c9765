-- What a superuser changes in the registry by hand is in force at once.
\set VERBOSITY sqlstate
INSERT INTO exclusive_internal.namespace_registry (name) VALUES ('byhand');
SELECT try_lock('byhand', 'k');	-- true
SELECT unlock('byhand', 'k');	-- true
CREATE ROLE regress_keeper;
UPDATE exclusive_internal.namespace_registry SET allowed_role = 'regress_keeper' WHERE name = 'byhand';
SELECT namespace, allowed_role FROM lock_namespaces WHERE namespace = 'byhand';	-- regress_keeper
CREATE ROLE regress_outsider;
SET ROLE regress_outsider;
SELECT try_lock('byhand', 'k');	-- 42501
RESET ROLE;
UPDATE exclusive_internal.namespace_registry SET allowed_role = NULL WHERE name = 'byhand';
SET ROLE regress_outsider;
SELECT try_lock('byhand', 'k'), unlock('byhand', 'k');	-- true, true
RESET ROLE;
BEGIN;
DELETE FROM exclusive_internal.namespace_registry WHERE name = 'byhand';
SELECT try_lock('byhand', 'k');	-- 42704
ROLLBACK;
SELECT try_lock('byhand', 'k'), unlock('byhand', 'k');	-- true, true
DELETE FROM exclusive_internal.namespace_registry WHERE name = 'byhand';
SELECT try_lock('byhand', 'k');	-- 42704

-- the table itself refuses what lock_namespace refuses
INSERT INTO exclusive_internal.namespace_registry (name) VALUES (repeat('n', 64));	-- 23514
INSERT INTO exclusive_internal.namespace_registry (name) VALUES ('');	-- 23514
INSERT INTO exclusive_internal.namespace_registry (name, max_holds) VALUES ('byhand', 0);	-- 23514
INSERT INTO exclusive_internal.namespace_registry (name, interop, allowed_role) VALUES ('byhand', true, 'regress_keeper');	-- 23514
DROP ROLE regress_keeper, regress_outsider;
