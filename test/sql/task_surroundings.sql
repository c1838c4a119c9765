-- What a task gets from its caller, and what it leaves behind.
\set VERBOSITY sqlstate
-- settings: SET LOCAL ends with the transaction; lock_timeout and search_path are the caller's own
SET lock_timeout = '7s';
SELECT try_run_exclusive('default', 'k', $$DO 'BEGIN ASSERT
	current_setting(''lock_timeout'') = ''7s''; END'$$, wait => '1 s');	-- true: our limit is not seen inside
BEGIN;
SELECT try_run_exclusive('default', 'k', $$SET LOCAL work_mem = '1MB'$$);	-- true
COMMIT;
SHOW work_mem;	-- 4MB
SHOW lock_timeout;	-- 7s
RESET lock_timeout;
-- a plain SET ends with the task, which has changed nothing for its caller
SELECT try_run_exclusive('default', 'k', $$SET work_mem = '2MB'; SET search_path = pg_temp$$);	-- true
SELECT try_run_once('default', 'k', 'set', $$SET work_mem = '2MB'; SET ROLE pg_monitor$$);	-- true
SHOW work_mem;	-- 4MB
SHOW search_path;	-- "$user", public
SHOW role;	-- none
-- but in the procedure, which commits, SET lasts, as in any procedure that does
CALL run_exclusive('default', 'k', $$SET work_mem = '2MB'$$);	-- true
SHOW work_mem;	-- 2MB
RESET work_mem;

-- SET inside: undone when the task fails
SELECT try_run_exclusive('default', 'k', $$SET work_mem = '1MB'; SELECT 1 / 0$$);	-- 22012
SHOW work_mem;	-- 4MB

-- the rights are the caller's, never more
CREATE ROLE regress_poor;
CREATE TABLE secret ();
SET ROLE regress_poor;
SELECT try_run_exclusive('default', 'k', 'SELECT FROM secret');	-- 42501
CALL run_exclusive('default', 'k', 'SELECT FROM secret');	-- 42501
SELECT try_run_once('default', 'k', 'slot', 'SELECT FROM secret');	-- 42501
SELECT try_run_exclusive('default', 'k', 'INSERT INTO exclusive_internal.run_record DEFAULT VALUES');	-- 42501
SELECT try_run_once('default', 'k', 'slot', 'DELETE FROM exclusive_internal.run_record');	-- 42501
SELECT try_run_once('default', 'k', 'slot', $$DO 'BEGIN ASSERT current_user = ''regress_poor''; END'$$);	-- true
RESET ROLE;

-- a result of 64 MB goes nowhere
SELECT try_run_exclusive('default', 'k', 'SELECT repeat(n::text, 100) FROM generate_series(100000, 200000) n');	-- true
CALL run_exclusive('default', 'k', 'SELECT repeat(n::text, 100) FROM generate_series(100000, 200000) n');	-- true
SELECT try_run_exclusive('default', 'k', 'SELECT repeat(''x'', 64 * 1024 * 1024)');	-- true

-- cancelled half-way: no lock is left
SET statement_timeout = '200ms';
SELECT try_run_exclusive('default', 'k', 'SELECT pg_sleep(60)');	-- 57014
CALL run_exclusive('default', 'k', 'SELECT pg_sleep(60)');	-- 57014
SELECT try_run_once('default', 'k', 'slot 2', 'SELECT pg_sleep(60)');	-- 57014
RESET statement_timeout;
SELECT count(*) FROM lock_holders;	-- 0
SELECT count(*) FROM pg_locks WHERE locktype = 'advisory';	-- 0

DROP TABLE secret;
DELETE FROM exclusive_internal.run_record;
DROP ROLE regress_poor;
