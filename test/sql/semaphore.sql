-- try_lock_permit: at most so many holders of a name
\set VERBOSITY sqlstate
SELECT try_lock_permit('default', 's', 3) > 0 AS permit;	-- true
SELECT key, mode, scope, permit BETWEEN 1 AND 3 AS permit, permits, token > 0 AS token FROM lock_holders;	-- s, 3
SELECT holds_lock('default', 's'), fencing_token('default', 's') = token FROM lock_holders;	-- true, true
SELECT objsubid - 21000 = (SELECT permit FROM lock_holders) AS class FROM pg_locks WHERE locktype = 'advisory';	-- true
SELECT try_lock_permit('default', 's', 3);	-- 55006: a session holds a name once
SELECT unlock('default', 's');	-- true
SELECT count(*) FROM lock_holders;	-- 0
SELECT unlock('default', 's');	-- a warning and false

-- the number of permits is part of the name's contract while it is held
SELECT try_lock_permit('default', 's', 8000) > 0 AS permit, unlock('default', 's');	-- true, true
SELECT try_lock_permit('default', 's', 1);	-- 1
SELECT unlock_all();	-- 1

SELECT try_lock_permit('default', 's', 0);	-- 22023
SELECT try_lock_permit('default', 's', -1);	-- 22023
SELECT try_lock_permit('default', 's', 8001);	-- 22023
SELECT try_lock_permit('default', 's', NULL);	-- 22004
SELECT try_lock_permit('default', NULL, 3);	-- 22004
SELECT try_lock_permit('default', '', 3);	-- 42602
SELECT try_lock_permit('typo', 's', 3);	-- 42704
SELECT try_lock_permit('default', 's', 3, '-1 s');	-- 22023

-- a session ends, resets, rolls back
BEGIN;
SELECT try_lock_permit('default', 's', 2) IS NOT NULL;	-- true
ROLLBACK;
SELECT key, permits FROM lock_holders;	-- s, 2: it is the session's
DISCARD ALL;
SELECT count(*) FROM lock_holders;	-- 0
SELECT try_lock_permit('default', 's', 2) IS NOT NULL;	-- true
SELECT pg_advisory_unlock_all();
SELECT try_lock_permit('default', 's', 2) IS NOT NULL;	-- true
SELECT unlock_all();	-- 1
SELECT count(*) FROM pg_locks WHERE locktype = 'advisory';	-- 0
