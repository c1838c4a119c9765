-- An interop namespace shares its locks with pg_advisory_lock(id); a normal one does not.
\set VERBOSITY sqlstate
SELECT lock_namespace('shared', interop => true) IS NOT NULL;	-- true
SELECT lock_id('shared', 'k') AS id \gset
SELECT try_lock('shared', 'k');	-- true
SELECT (classid::bigint << 32 | objid::bigint) = :id AS id, objsubid, mode FROM pg_locks WHERE locktype = 'advisory';	-- 1
SELECT namespace, key, mode, scope, token = fencing_token('shared', 'k') AS token FROM lock_holders;	-- one row
SELECT unlock('shared', 'k');	-- true

-- a built-in hold of this session is a hold: the name is not taken twice
SELECT pg_advisory_lock(:id);
SELECT try_lock('shared', 'k');	-- 55006
SELECT try_lock('shared', 'k', 'shared');	-- 55006
SELECT try_xact_lock('shared', 'k');	-- 55006
SELECT try_run_exclusive('shared', 'k', 'SELECT');	-- 55006
SELECT pg_advisory_unlock(:id);	-- true
SELECT try_lock('shared', 'k');	-- true
SELECT unlock('shared', 'k');	-- true
SELECT count(*) FROM pg_locks WHERE locktype = 'advisory';	-- 0
BEGIN;
SELECT pg_advisory_xact_lock_shared(:id);
SELECT try_xact_lock('shared', 'k', 'shared');	-- 55006
ROLLBACK;

-- a built-in hold on top of ours, and a built-in unlock of ours: what is left is not ours
SELECT try_lock('shared', 'k');	-- true
BEGIN;
SELECT pg_advisory_xact_lock(:id);
SELECT pg_advisory_unlock(:id);	-- true
COMMIT;
SELECT holds_lock('shared', 'k'), count(*) FROM lock_holders;	-- false, 0
SELECT unlock('shared', 'k');	-- a warning and false

-- in a normal namespace the same id is another lock
SELECT pg_advisory_lock(lock_id('default', 'k'));
SELECT try_lock('default', 'k');	-- true
SELECT objsubid FROM pg_locks WHERE locktype = 'advisory' ORDER BY objsubid;	-- 1, 20568
SELECT key FROM lock_holders;	-- k, once
SELECT unlock('default', 'k');	-- true
SELECT pg_advisory_unlock(lock_id('default', 'k'));	-- true

-- two-key advisory locks never meet ours
SELECT pg_advisory_lock((:id >> 32)::int, (:id << 32 >> 32)::int);
SELECT try_lock('shared', 'k'), unlock('shared', 'k');	-- true, true
SELECT pg_advisory_unlock_all();
SELECT drop_lock_namespace('shared');
