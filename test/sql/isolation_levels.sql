-- A snapshot older than the lock would show the task stale data: refused, or started anew.
\set VERBOSITY sqlstate
CREATE TABLE counter AS SELECT 0 AS n;

BEGIN ISOLATION LEVEL REPEATABLE READ;
SELECT try_run_exclusive('default', 'k', 'UPDATE counter SET n = n + 1');	-- 25001
ROLLBACK;
BEGIN ISOLATION LEVEL SERIALIZABLE;
SELECT try_run_exclusive('default', 'k', 'UPDATE counter SET n = n + 1');	-- 25001
ROLLBACK;
BEGIN ISOLATION LEVEL REPEATABLE READ;
SELECT try_run_once('default', 'k', 'slot', 'UPDATE counter SET n = n + 1');	-- 25001
ROLLBACK;
BEGIN ISOLATION LEVEL SERIALIZABLE;
SELECT try_run_every('default', 'k', '1 h', 'UPDATE counter SET n = n + 1');	-- 25001
ROLLBACK;
SET default_transaction_isolation = 'repeatable read';
SELECT try_run_exclusive('default', 'k', 'UPDATE counter SET n = n + 1');	-- 25001: also as a single statement
SELECT count(*) FROM lock_holders;	-- 0
SELECT n FROM counter;	-- 0

-- READ COMMITTED and READ UNCOMMITTED run
BEGIN ISOLATION LEVEL READ UNCOMMITTED;
SELECT try_run_exclusive('default', 'k', 'UPDATE counter SET n = n + 1');	-- true
COMMIT;
BEGIN ISOLATION LEVEL READ COMMITTED;
SELECT try_run_exclusive('default', 'k', 'UPDATE counter SET n = n + 1');	-- true
COMMIT;
SELECT n FROM counter;	-- 2

-- the procedure starts the task's transaction after the grant, at every level
CALL run_exclusive('default', 'k', 'UPDATE counter SET n = n + 1');	-- true
SET default_transaction_isolation = 'serializable';
CALL run_exclusive('default', 'k', 'UPDATE counter SET n = n + 1');	-- true
CALL run_exclusive('default', 'k', $$DO 'BEGIN ASSERT
	current_setting(''transaction_isolation'') = ''serializable''; END'$$);	-- true
SELECT n FROM counter;	-- 4

-- the plain calls work at every level: the caller knows what his snapshot is worth
BEGIN ISOLATION LEVEL SERIALIZABLE;
SELECT try_lock('default', 'k'), unlock('default', 'k');	-- true, true
SELECT try_xact_lock('default', 'k');	-- true
COMMIT;
CALL wait_lock('default', 'k');	-- true
SELECT unlock('default', 'k');	-- true
SELECT count(*) FROM lock_holders;	-- 0
DROP TABLE counter;
