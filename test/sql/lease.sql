-- Leases: a lock for a time and by a token, from any session.
\set VERBOSITY sqlstate
SELECT lock_namespace('leased', max_lease => '1 min') IS NOT NULL;	-- true
SELECT lock_namespace('leased', max_lease => '1 min') IS NOT NULL;	-- true: the same again
SELECT lock_namespace('leased');	-- 42710
SELECT max_lease FROM lock_namespaces WHERE namespace = 'leased';	-- 1 min
SELECT acquire_lease('leased', 'k', '30 s') AS token \gset
SELECT :token > 0;	-- true
\c -
\set VERBOSITY sqlstate

-- another session: the lock is taken, in every form, and the token works
SELECT acquire_lease('leased', 'k', '30 s') IS NULL;	-- true
SELECT acquire_lease('leased', 'k', '30 s', '10 ms') IS NULL;	-- true
SELECT try_lock('leased', 'k'), try_lock('leased', 'k', 'shared'), try_lock('leased', 'k', wait => '10 ms');	-- false
SELECT try_xact_lock('leased', 'k'), try_run_exclusive('leased', 'k', 'SELECT 1 / 0'), try_run_once('leased', 'k', 's', 'SELECT 1 / 0');	-- false
SELECT try_lock_all('leased', ARRAY['a', 'k', 'z']), try_lock_first('leased', ARRAY['k', 'free']), unlock('leased', 'free');	-- false, free, true
SELECT key, acquired FROM try_lock_each('leased', ARRAY['a', 'k']);	-- true, false
SELECT unlock_all();	-- 1
CALL wait_lock('leased', 'k', wait => '10 ms');	-- false
CALL run_exclusive('leased', 'k', 'SELECT 1 / 0', '10 ms');	-- false
SELECT try_lock_permit('leased', 'k', 2);	-- 55006
SET lock_timeout = '10 ms';
SELECT try_lock('leased', 'k', wait => '1 day');	-- 55P03
RESET lock_timeout;
SELECT count(*) FROM pg_locks WHERE locktype = 'advisory';	-- 0
SELECT holds_lock('leased', 'k'), fencing_token('leased', 'k');	-- false, null: it is no session's

SELECT renew_lease('leased', 'k', :token), renew_lease('leased', 'k', :token, '40 s');	-- true
SELECT renew_lease('leased', 'k', :token + 1), release_lease('leased', 'k', :token + 1), hand_over_lease('leased', 'k', :token + 1);	-- false, false, null
SELECT renew_lease('leased', 'other', :token);	-- false
SELECT namespace, key, mode, scope, token = :token AS token, pid, role = current_user AS role, waiters, expires_at - now() BETWEEN '35 s' AND '40 s' AS expires FROM lock_holders;
SELECT mode, scope, token = :token AS token, pid, expires_at > now() AS expires FROM lock_holder('leased', 'k');
SELECT hand_over_lease('leased', 'k', :token) AS newer \gset
SELECT :newer > :token, renew_lease('leased', 'k', :token), renew_lease('leased', 'k', :newer);	-- true, false, true
SELECT held = ARRAY[:newer]::bigint[], asked FROM exclusive_internal._renew_leases(ARRAY['leased', 'leased'], ARRAY['k', 'k'], ARRAY[:token, :newer]);	-- true, none
SELECT check_fence('leased', 'k', :newer);
SELECT release_lease('leased', 'k', :newer), release_lease('leased', 'k', :newer);	-- true, false
SELECT try_lock('leased', 'k'), fencing_token('leased', 'k') > :newer;	-- true, true
SELECT acquire_lease('leased', 'k', '1 s');	-- 55006
SELECT unlock('leased', 'k');	-- true

-- the end of its time: a waiter has the lock then, and the token is dead
SELECT acquire_lease('leased', 'k', '100 ms') AS token \gset
SELECT try_lock('leased', 'k', wait => '1 min'), renew_lease('leased', 'k', :token), unlock('leased', 'k');	-- true, false, true
SELECT acquire_lease('leased', 'k', '100 ms') AS a, acquire_lease('leased', 'k', '100 ms', '1 min') AS b, acquire_lease('leased', 'k', '100 ms', NULL) AS token \gset
SELECT :a < :b, :b < :token;	-- true, true
CALL wait_lock('leased', 'k');	-- true
SELECT renew_lease('leased', 'k', :token), unlock_all();	-- false, 1
SELECT grants > 0 AS grants, refusals > 0 AS refusals, unclean_releases FROM lock_stats WHERE namespace = 'leased';	-- true, true, 4

-- what is refused
SELECT acquire_lease('leased', 'k', NULL);	-- 22004
SELECT acquire_lease('leased', NULL, '1 s');	-- 22004
SELECT acquire_lease(NULL, 'k', '1 s');	-- 22004
SELECT acquire_lease('leased', 'k', '999 us');	-- 22023
SELECT acquire_lease('leased', 'k', '-1 s');	-- 22023
SELECT acquire_lease('leased', 'k', '61 s');	-- 22023
SELECT acquire_lease('leased', 'k', '1 s', '-1 s');	-- 22023
SELECT acquire_lease('leased', '', '1 s');	-- 42602
SELECT acquire_lease('nowhere', 'k', '1 s');	-- 42704
SELECT acquire_lease('default', 'k', '1 s');	-- 55000
SELECT renew_lease('leased', 'k', NULL);	-- 22004
SELECT renew_lease('leased', 'k', 1, '61 s');	-- 22023
SELECT renew_lease('leased', 'k', 1, '0');	-- 22023
SELECT release_lease('leased', 'k', NULL);	-- 22004
SELECT release_lease('nowhere', 'k', 1);	-- 42704
SELECT hand_over_lease('leased', NULL, 1);	-- 22004
SELECT exclusive_internal._renew_leases(ARRAY['leased'], ARRAY[NULL], ARRAY[1]);	-- 22004
SELECT exclusive_internal._renew_leases(ARRAY['leased'], ARRAY['k'], ARRAY[]::bigint[]);	-- 2202E
SELECT lock_namespace('shut', max_lease => '0');	-- 22023
SELECT lock_namespace('shut', max_lease => '366 days');	-- 22023
SELECT lock_namespace('shut', interop => true, max_lease => '1 s');	-- 22023
SELECT lock_namespace('default', max_lease => '1 s');	-- 22023
SELECT lock_namespace('bridge', interop => true) IS NOT NULL;	-- true
SELECT acquire_lease('bridge', 'k', '1 s');	-- 0A000
SELECT drop_lock_namespace('bridge');

-- a semaphore is none
SELECT try_lock_permit('leased', 'k', 2), acquire_lease('leased', 'k', '1 s');	-- 55006
\c -
\set VERBOSITY terse
-- a long name
SELECT acquire_lease('leased', repeat('k', 1024), '30 s') AS token \gset
SELECT length(key) FROM lock_holders;	-- 1024
SELECT renew_lease('leased', repeat('k', 1024), :token), release_lease('leased', repeat('k', 1024), :token);	-- true

-- pausing, dropping and registering anew count leases
SELECT acquire_lease('leased', 'k', '5 s') AS token \gset
SELECT drop_lock_namespace('leased');	-- in use
SELECT pause_lock_namespace('leased', 'why');
SELECT acquire_lease('leased', 'k2', '1 s');	-- paused
SELECT renew_lease('leased', 'k', :token), hand_over_lease('leased', 'k', :token) > 0;	-- true, true
SELECT resume_lock_namespace('leased');
SELECT break_lock('leased', 'k', 'test'), break_lock('leased', 'k', 'test');	-- 1, 0
SELECT count(*) FROM lock_holders;	-- 0: nobody has it
SELECT try_lock('leased', 'k');	-- false: shut for as long as its owner may believe
SELECT drop_lock_namespace('leased');	-- in use
BEGIN;
DELETE FROM exclusive_internal.namespace_registry WHERE name = 'leased';
SELECT lock_namespace('leased', interop => true);	-- in use
ROLLBACK;
SELECT try_lock('leased', 'k', wait => '1 min'), unlock('leased', 'k');	-- true, true
SELECT drop_lock_namespace('leased');
-- a shorter one
SELECT lock_namespace('brief', max_lease => '1 s') IS NOT NULL;	-- true
SELECT acquire_lease('brief', 'k', '1 s') AS token \gset
SELECT break_lock('brief', 'k', 'test'), renew_lease('brief', 'k', :token);	-- 1, false
SELECT acquire_lease('brief', 'k', '100 ms', '1 min') AS token \gset
SELECT release_lease('brief', 'k', :token);	-- true
SELECT drop_lock_namespace('brief');
