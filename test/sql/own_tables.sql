-- Our tables are written by us alone: a role has no DML on them, and sees no keys it should not.
CREATE ROLE regress_outsider;
SELECT c.relname, p.privilege
FROM pg_class c
	JOIN pg_depend d ON d.classid = 'pg_class'::regclass AND d.objid = c.oid AND d.deptype = 'e'
	JOIN pg_extension e ON e.oid = d.refobjid AND e.extname = 'pg_exclusive',
	(VALUES ('SELECT'), ('INSERT'), ('UPDATE'), ('DELETE'), ('TRUNCATE'), ('REFERENCES'), ('TRIGGER')) p(privilege)
WHERE c.relkind IN ('r', 'v') AND has_table_privilege('regress_outsider', c.oid, p.privilege)
ORDER BY 1, 2;	-- SELECT on the views

SELECT c.relname, p.privilege
FROM pg_class c
	JOIN pg_depend d ON d.classid = 'pg_class'::regclass AND d.objid = c.oid AND d.deptype = 'e'
	JOIN pg_extension e ON e.oid = d.refobjid AND e.extname = 'pg_exclusive',
	(VALUES ('SELECT'), ('UPDATE'), ('USAGE')) p(privilege)
WHERE c.relkind = 'S' AND has_sequence_privilege('regress_outsider', c.oid, p.privilege);	-- none

\set VERBOSITY sqlstate
SET ROLE regress_outsider;
SELECT lock_namespace('mine');	-- 42501
SELECT drop_lock_namespace('default');	-- 42501
INSERT INTO exclusive_internal.namespace_registry (name) VALUES ('mine');	-- 42501
UPDATE exclusive_internal.run_record SET state = 'failed';	-- 42501
DELETE FROM lock_runs;	-- 55000 or 42501: not a table
-- and yet its runs are recorded
SELECT try_run_once('default', 'k', 'slot', 'SELECT');	-- true
SELECT try_run_once('default', 'k', 'slot', 'SELECT');	-- false
SELECT key, slot, state, role FROM lock_runs;	-- one row, its own
SELECT try_lock('default', 'k');	-- true
SELECT key, role FROM lock_holders;	-- k regress_outsider
SELECT unlock('default', 'k');	-- true
RESET ROLE;

-- a role that administrates
GRANT EXECUTE ON FUNCTION lock_namespace, drop_lock_namespace TO regress_outsider;
SET ROLE regress_outsider;
SELECT lock_namespace('mine') IS NOT NULL;	-- true
SELECT try_lock('mine', 'k'), unlock('mine', 'k');	-- true, true
SELECT drop_lock_namespace('mine');
RESET ROLE;
REVOKE EXECUTE ON FUNCTION lock_namespace, drop_lock_namespace FROM regress_outsider;
DELETE FROM exclusive_internal.run_record;
DROP ROLE regress_outsider;
