-- try_lock: a lock of the session
\set VERBOSITY sqlstate
SELECT holds_lock('default', 'k'), fencing_token('default', 'k');	-- false, NULL
SELECT try_lock('default', 'k');	-- true
SELECT holds_lock('default', 'k'), fencing_token('default', 'k') > 0;	-- true, true

SELECT namespace, key, mode, scope, waiters FROM lock_holders;	-- default k exclusive session 0
SELECT lock_id = lock_id('default', 'k') AS id, token = fencing_token('default', 'k') AS token,
	pid = pg_backend_pid() AS pid, role = current_user AS role,
	application_name = current_setting('application_name') AS application,
	client_addr IS NOT DISTINCT FROM inet_client_addr() AS client,
	acquired_at BETWEEN clock_timestamp() - interval '1 hour' AND clock_timestamp() AS acquired_at
FROM lock_holders;	-- all true

-- the lock manager has it, in a class of our own
SELECT locktype, (classid::bigint << 32 | objid::bigint) = lock_id('default', 'k') AS id, objsubid,
	mode, granted FROM pg_locks WHERE locktype = 'advisory';	-- 20568 ExclusiveLock

SELECT try_lock('default', 'k2', 'shared');	-- true
SELECT key, mode, scope FROM lock_holders ORDER BY key;	-- k exclusive, k2 shared
SELECT fencing_token('default', 'k2') > fencing_token('default', 'k');	-- true
SELECT holds_lock('default', 'K'), holds_lock('default', 'k ');	-- false, false

SELECT unlock('default', 'k');	-- true
SELECT holds_lock('default', 'k'), fencing_token('default', 'k');	-- false, NULL
SELECT key FROM lock_holders;	-- k2
SELECT unlock('default', 'k2');	-- true
SELECT count(*) FROM lock_holders;	-- 0
SELECT count(*) FROM pg_locks WHERE locktype = 'advisory';	-- 0

-- positional and named notation, and any limit when the lock is free
SELECT try_lock('default', 'k', 'exclusive', '5 s'), unlock('default', 'k');	-- true, true
SELECT try_lock(key => 'k', namespace => 'default', wait => NULL), unlock('default', 'k');	-- true, true

-- the transaction that took it rolls back: the session keeps it
BEGIN;
SELECT try_lock('default', 'k');	-- true
ROLLBACK;
SELECT holds_lock('default', 'k');	-- true

-- and so after an error in the same statement
SELECT try_lock('default', 'k3'), 1 / (random() * 0)::int;	-- 22012
SELECT key, scope FROM lock_holders ORDER BY key;	-- k and k3
SELECT unlock_all();	-- 2
