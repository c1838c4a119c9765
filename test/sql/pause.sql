-- pause_lock_namespace: no new acquires, with the reason, until resumed
\set VERBOSITY sqlstate
SELECT lock_namespace('work') IS NOT NULL;	-- true
SELECT try_lock('work', 'held');	-- true
SELECT pause_lock_namespace('work', 'upgrade tonight');
SELECT namespace, paused_at <= now() AS paused_at, paused_by = current_user AS paused_by, paused_reason
FROM lock_namespaces WHERE paused_at IS NOT NULL;	-- work, upgrade tonight
SELECT try_lock('work', 'k');	-- 55000
SELECT try_xact_lock('work', 'k');	-- 55000
CALL wait_lock('work', 'k');	-- 55000
SELECT try_run_exclusive('work', 'k', 'SELECT');	-- 55000
CALL run_exclusive('work', 'k', 'SELECT');	-- 55000
SELECT try_run_once('work', 'k', 'slot', 'SELECT');	-- 55000
SELECT try_run_every('work', 'k', '1 h', 'SELECT');	-- 55000
SELECT try_lock_permit('work', 'k', 3);	-- 55000
SELECT try_lock_all('work', ARRAY['k']);	-- 55000
SELECT try_lock_first('work', ARRAY['k']);	-- 55000
\set VERBOSITY default
SELECT try_lock('work', 'k');	-- the reason
\set VERBOSITY sqlstate
SELECT try_lock('default', 'k'), unlock('default', 'k');	-- true, true: another namespace

-- what is held is held, and can be asked about and freed: the drain
SELECT key FROM lock_holders;	-- held
SELECT holds_lock('work', 'held'), fencing_token('work', 'held') > 0;	-- true, true
SELECT check_fence('work', 'held', fencing_token('work', 'held'));
SELECT unlock('work', 'held');	-- true
SELECT count(*) FROM lock_holders;	-- 0

-- pausing again changes the reason; resuming twice is nothing
SELECT pause_lock_namespace('work', 'a new reason');
SELECT paused_reason FROM lock_namespaces WHERE namespace = 'work';	-- a new reason
SELECT resume_lock_namespace('work');
SELECT resume_lock_namespace('work');
SELECT count(*) FROM lock_namespaces WHERE paused_at IS NOT NULL OR paused_by IS NOT NULL OR paused_reason IS NOT NULL;	-- 0
SELECT try_lock('work', 'k'), unlock('work', 'k');	-- true, true

-- it is a thing of the transaction
BEGIN;
SELECT pause_lock_namespace('work', 'not yet');
SELECT try_lock('work', 'k');	-- 55000
ROLLBACK;
SELECT try_lock('work', 'k'), unlock('work', 'k');	-- true, true

SELECT pause_lock_namespace('typo', 'reason');	-- 42704
SELECT resume_lock_namespace('typo');	-- 42704
SELECT pause_lock_namespace(NULL, 'reason');	-- 22004
SELECT pause_lock_namespace('work', NULL);	-- 22004
CREATE ROLE regress_user;
SET ROLE regress_user;
SELECT pause_lock_namespace('work', 'mine');	-- 42501
SELECT resume_lock_namespace('work');	-- 42501
RESET ROLE;
DROP ROLE regress_user;
SELECT drop_lock_namespace('work');
DELETE FROM exclusive_internal.fence_record;
