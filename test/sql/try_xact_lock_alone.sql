-- try_xact_lock() outside a transaction block is free at once, which is worth a warning.
\set VERBOSITY sqlstate
SELECT try_xact_lock('default', 'k');	-- true, 25P01
SELECT count(*) FROM lock_holders;	-- 0
BEGIN;
SELECT try_xact_lock('default', 'k');	-- true
COMMIT;
SELECT try_xact_lock('default', 'k')\; SELECT count(*) FROM lock_holders;	-- true, 1: one transaction
DO $$ BEGIN PERFORM try_xact_lock('default', 'k'); END $$;
CREATE FUNCTION guarded() RETURNS boolean LANGUAGE plpgsql AS $$ BEGIN RETURN try_xact_lock('default', 'k'); END $$;
SELECT guarded();	-- true
DROP FUNCTION guarded;
CREATE PROCEDURE guarded() LANGUAGE plpgsql AS $$ BEGIN PERFORM try_xact_lock('default', 'k'); COMMIT; PERFORM try_xact_lock('default', 'k'); END $$;
CALL guarded();
DROP PROCEDURE guarded;
SELECT try_run_exclusive('default', 'task', $$SELECT try_xact_lock('default', 'k')$$);	-- true
-- refused: nothing that one could rely on
SELECT try_lock('default', 'k');	-- true
SELECT try_xact_lock('default', 'k');	-- 55006
SELECT unlock('default', 'k');	-- true

-- a wait as long as lock_timeout ends with false
SET lock_timeout = '10 s';
SELECT try_lock_all('default', ARRAY['a', 'a', 'a', 'b']);	-- true
SELECT unlock_all();	-- 2
SET pg_exclusive.max_locks_per_session = 2;
SELECT try_lock_all('default', ARRAY['a', 'b', 'a', 'b', 'a']);	-- true: two locks
SELECT unlock_all();	-- 2
RESET pg_exclusive.max_locks_per_session;

-- what cannot run in a function
\set VERBOSITY terse
CALL run_exclusive('default', 'k', 'VACUUM');	-- 25001
\set VERBOSITY default
\set SHOW_CONTEXT never
CALL run_exclusive('default', 'k', 'VACUUM');	-- with a hint
SELECT try_run_exclusive('default', 'k', 'VACUUM');	-- so
SELECT count(*) FROM lock_holders;	-- 0
