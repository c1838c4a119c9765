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

-- taken by a cursor, which is closed: it is the transaction's all the same
BEGIN;
DECLARE c CURSOR FOR SELECT try_xact_lock('default', 'k');
FETCH c;	-- true
CLOSE c;
SELECT key, scope FROM lock_holders;	-- k transaction
COMMIT AND CHAIN;
SELECT count(*) FROM lock_holders;	-- 0: the next transaction has its own
SELECT try_xact_lock('default', 'k');	-- true
ROLLBACK AND CHAIN;
SELECT count(*) FROM lock_holders;	-- 0
COMMIT;

-- a failed transaction
BEGIN;
SELECT try_xact_lock('default', 'k');	-- true
SELECT 1 / 0;	-- 22012
COMMIT;
SELECT count(*) FROM lock_holders;	-- 0
SELECT count(*) FROM pg_locks WHERE locktype = 'advisory';	-- 0
