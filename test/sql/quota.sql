-- Quotas: a runaway loop is stopped before it takes anything.
\set VERBOSITY sqlstate
SELECT holds_lock('default', 'k');	-- false: loads the module
SHOW pg_exclusive.max_locks_per_session;	-- 1000
SET pg_exclusive.max_locks_per_session = 3;
SELECT n, try_lock('default', n::text) FROM generate_series(1, 4) n;	-- 53400
SELECT count(*) FROM lock_holders;	-- 3
SELECT try_lock('default', 'x');	-- 53400
SELECT try_xact_lock('default', 'x');	-- 53400
CALL wait_lock('default', 'x');	-- 53400
SELECT try_run_exclusive('default', 'x', 'SELECT');	-- 53400
CALL run_exclusive('default', 'x', 'SELECT');	-- 53400
SELECT try_lock_permit('default', 'x', 2);	-- 53400
SELECT try_lock_all('default', ARRAY['x', 'y']);	-- 53400
SELECT count(*) FROM pg_locks WHERE locktype = 'advisory';	-- 3
SELECT unlock('default', '1'), try_lock('default', 'x');	-- true, true: room for one
SELECT try_lock('default', 'y');	-- 53400
SELECT unlock_all();	-- 3

-- locks of a transaction count while it lasts
BEGIN;
SELECT try_xact_lock('default', 'a'), try_xact_lock('default', 'b'), try_lock('default', 'c');	-- true
SAVEPOINT s;
SELECT try_xact_lock('default', 'd');	-- 53400
ROLLBACK TO s;
COMMIT;
SELECT try_lock('default', 'a'), try_lock('default', 'b');	-- true, true
SELECT try_lock_all('default', ARRAY['d', 'e']);	-- 53400
SELECT count(*) FROM lock_holders;	-- 3
SELECT unlock_all();	-- 3
-- what others freed for us counts no more
SELECT try_lock_all('default', ARRAY['a', 'b', 'c']);	-- true
SELECT pg_advisory_unlock_all();
SELECT try_lock_all('default', ARRAY['d', 'e', 'f']), unlock_all();	-- true, 3
RESET pg_exclusive.max_locks_per_session;

-- a user cannot raise it
SELECT current_user AS superuser \gset
CREATE ROLE regress_user LOGIN;
SET ROLE regress_user;
SET pg_exclusive.max_locks_per_session = 2000;	-- 42501
SELECT count(*) FROM generate_series(1, 1001) n WHERE try_lock('default', n::text);	-- 53400
RESET ROLE;
SELECT count(*) FROM lock_holders;	-- 1000
SELECT unlock_all();	-- 1000
\c - regress_user
-- nor before the module is loaded
SET pg_exclusive.max_locks_per_session = 2000;
SELECT holds_lock('default', 'k');	-- false, and the setting is refused with a warning
SHOW pg_exclusive.max_locks_per_session;	-- 1000
\c - :superuser
\set VERBOSITY sqlstate

-- of a namespace
SELECT lock_namespace('few', max_holds => 2) IS NOT NULL;	-- true
SELECT try_lock('few', 'a'), try_lock('few', 'b', 'shared');	-- true, true
SELECT try_lock('few', 'c');	-- 53400
SELECT try_lock('default', 'c'), unlock('default', 'c');	-- true, true: another namespace
SELECT unlock('few', 'a');	-- true
BEGIN;
SELECT try_xact_lock('few', 'c');	-- true
SAVEPOINT s;
SELECT try_xact_lock('few', 'd');	-- 53400
ROLLBACK;
SELECT try_lock('few', 'd'), unlock('few', 'd');	-- true, true: the rollback gave it back
SELECT try_lock('few', 'b');	-- 55006: not counted
SELECT try_run_exclusive('few', 'd', 'SELECT 1 / 0');	-- 22012
SELECT try_lock('few', 'd');	-- true
DISCARD ALL;
SELECT try_lock('few', 'a'), try_lock('few', 'b');	-- true, true
SELECT try_lock_permit('few', 'c', 5);	-- 53400: a permit is a hold
SELECT unlock_all('few');	-- 2
SELECT drop_lock_namespace('few');
DROP ROLE regress_user;
