-- Savepoints and PL/pgSQL EXCEPTION blocks: the views say what the lock manager says.
BEGIN;
SAVEPOINT s;
SELECT try_xact_lock('default', 'xact'), try_lock('default', 'session');	-- true, true
ROLLBACK TO s;
SELECT key, scope FROM lock_holders;	-- session: a lock of the session is not undone
SELECT holds_lock('default', 'xact'), fencing_token('default', 'xact');	-- false, NULL
SELECT try_xact_lock('default', 'xact');	-- true: free again
RELEASE s;
SELECT key, scope FROM lock_holders ORDER BY key;	-- session, xact
COMMIT;
SELECT key, scope FROM lock_holders;	-- session

-- RELEASE hands the lock to the outer transaction
BEGIN;
SAVEPOINT a;
SAVEPOINT b;
SELECT try_xact_lock('default', 'xact');	-- true
RELEASE b;
SELECT key, scope FROM lock_holders ORDER BY key;	-- session, xact
ROLLBACK TO a;
SELECT key, scope FROM lock_holders;	-- session
COMMIT;

-- a lock taken before the savepoint outlives it, also when asked for again inside
BEGIN;
SELECT try_xact_lock('default', 'xact');	-- true
SELECT fencing_token('default', 'xact') AS token \gset
SAVEPOINT s;
SELECT try_xact_lock('default', 'xact');	-- true
ROLLBACK TO s;
SELECT holds_lock('default', 'xact'), fencing_token('default', 'xact') = :token;	-- true, true
SELECT key, scope FROM lock_holders ORDER BY key;	-- session, xact
ROLLBACK;
SELECT key, scope FROM lock_holders;	-- session

-- EXCEPTION undoes what the block took
DO $$
BEGIN
	BEGIN
		PERFORM try_xact_lock('default', 'xact'), try_lock('default', 'session2');
		RAISE division_by_zero;
	EXCEPTION WHEN division_by_zero THEN
		RAISE NOTICE 'in the handler: %', (SELECT string_agg(key, ' ' ORDER BY key) FROM lock_holders);	-- session session2
	END;
	PERFORM try_xact_lock('default', 'xact');
	RAISE NOTICE 'in the block: %', (SELECT string_agg(key, ' ' ORDER BY key) FROM lock_holders);	-- session session2 xact
END $$;
SELECT key, scope FROM lock_holders ORDER BY key;	-- session, session2

-- an unlock in a subtransaction is for good
BEGIN;
SAVEPOINT s;
SELECT unlock('default', 'session');	-- true
ROLLBACK TO s;
SELECT key, scope FROM lock_holders;	-- session2
COMMIT;

-- the task of a run, and the record of it, are undone with the savepoint
BEGIN;
SAVEPOINT s;
SELECT try_run_once('default', 'xact', 'slot', 'SELECT');	-- true
ROLLBACK TO s;
SELECT count(*) FROM lock_runs;	-- 0
SELECT key, scope FROM lock_holders;	-- session2
SELECT try_run_once('default', 'xact', 'slot', 'SELECT');	-- true
ROLLBACK;
SELECT unlock_all();	-- 1
SELECT count(*) FROM lock_holders;	-- 0
