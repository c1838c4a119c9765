-- try_xact_lock: a lock of the transaction
\set VERBOSITY sqlstate
BEGIN;
SELECT try_xact_lock('default', 'k');	-- true
SELECT namespace, key, mode, scope, waiters FROM lock_holders;	-- default k exclusive transaction 0
SELECT holds_lock('default', 'k'), fencing_token('default', 'k') > 0;	-- true, true
COMMIT;
SELECT holds_lock('default', 'k'), fencing_token('default', 'k');	-- false, NULL
SELECT count(*) FROM lock_holders;	-- 0

BEGIN;
SELECT try_xact_lock('default', 'k', 'shared');	-- true
SELECT key, mode, scope FROM lock_holders;	-- k shared transaction
ROLLBACK;
SELECT count(*) FROM lock_holders;	-- 0

-- outside a transaction block the transaction is the statement
SELECT try_xact_lock('default', 'k'), holds_lock('default', 'k');	-- true, true
SELECT holds_lock('default', 'k');	-- false

-- asking again in the same transaction changes nothing
BEGIN;
SELECT try_xact_lock('default', 'k');	-- true
SELECT fencing_token('default', 'k') AS token \gset
SELECT try_xact_lock('default', 'k');	-- true
SELECT fencing_token('default', 'k') = :token;	-- true
SELECT key, mode, scope FROM lock_holders;	-- one row
COMMIT;
SELECT count(*) FROM lock_holders;	-- 0

-- unlock is for locks of the session
BEGIN;
SELECT try_xact_lock('default', 'k');	-- true
SELECT unlock('default', 'k');	-- a warning and false
SELECT unlock_all();	-- 0
SELECT holds_lock('default', 'k');	-- true
COMMIT;

-- a failed transaction
BEGIN;
SELECT try_xact_lock('default', 'k');	-- true
SELECT 1 / 0;	-- 22012
COMMIT;
SELECT count(*) FROM lock_holders;	-- 0
SELECT count(*) FROM pg_locks WHERE locktype = 'advisory';	-- 0
