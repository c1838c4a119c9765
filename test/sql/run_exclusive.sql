-- CALL run_exclusive: runs, commits, then frees
\set VERBOSITY sqlstate
CREATE TABLE ledger (entry text);
CALL run_exclusive('default', 'k', $$INSERT INTO ledger SELECT
	format('%s %s %s', key, mode, scope) FROM lock_holders$$);	-- true
SELECT * FROM ledger;	-- k exclusive session
SELECT count(*) FROM lock_holders;	-- 0

-- the task may commit in batches and keeps the lock all the way
CREATE PROCEDURE batches() LANGUAGE plpgsql AS $$
BEGIN
	FOR n IN 1..3 LOOP
		INSERT INTO ledger VALUES (format('batch %s, holds %s', n, holds_lock('default', 'k')));
		COMMIT;
	END LOOP;
	INSERT INTO ledger VALUES ('not this');
	ROLLBACK;
END $$;
CALL run_exclusive('default', 'k', 'CALL batches()');	-- true
SELECT entry FROM ledger WHERE entry ~ '^(batch|not)' ORDER BY entry;	-- 1 to 3, each holding
SELECT count(*) FROM lock_holders;	-- 0
CALL run_exclusive('default', 'k', 'CALL batches(); CALL batches()');	-- true: several statements
SELECT count(*) FROM ledger WHERE entry LIKE 'batch%';	-- 9

-- an error comes through, what was not committed is gone, the lock is free
CALL run_exclusive('default', 'k', $$INSERT INTO ledger VALUES ('lost'); SELECT 1 / 0$$);	-- 22012
SELECT count(*) FROM ledger WHERE entry = 'lost';	-- 0
SELECT count(*) FROM lock_holders;	-- 0
CREATE PROCEDURE fails_late() LANGUAGE plpgsql AS $$
BEGIN
	INSERT INTO ledger VALUES ('kept');
	COMMIT;
	INSERT INTO ledger VALUES ('lost');
	RAISE division_by_zero;
END $$;
CALL run_exclusive('default', 'k', 'CALL fails_late()');	-- 22012
SELECT entry FROM ledger WHERE entry IN ('kept', 'lost');	-- kept
SELECT count(*) FROM lock_holders;	-- 0

-- a task that frees its own lock: an error, and what it has not committed itself is undone
CALL run_exclusive('default', 'k', $$SELECT unlock('default', 'k')$$);	-- 55006: it is the task's
CALL run_exclusive('default', 'k', $$SELECT pg_advisory_unlock_all(); INSERT INTO ledger VALUES ('lost')$$);	-- 55000
SELECT count(*) FROM ledger WHERE entry = 'lost';	-- 0
SELECT count(*) FROM lock_holders;	-- 0

-- nor does unlock_all() free it, or anything else
SELECT try_lock('default', 'before'), try_lock('default', 'z');	-- true, true
CALL run_exclusive('default', 'k', 'SELECT unlock_all()');	-- 55006
SELECT key FROM lock_holders ORDER BY key;	-- before, z
SELECT unlock_all();	-- 2

-- COMMIT as a statement of the task is not for it
CALL run_exclusive('default', 'k', $$INSERT INTO ledger VALUES ('lost'); COMMIT$$);	-- 2D000
CALL run_exclusive('default', 'k', 'DISCARD ALL');	-- 25001
SELECT count(*) FROM ledger WHERE entry = 'lost';	-- 0

-- its locks and those of others are apart
SELECT try_lock('default', 'mine');	-- true
CALL run_exclusive('default', 'k', 'SELECT');	-- true
CALL run_exclusive('default', 'k', 'SELECT 1 / 0');	-- 22012
SELECT key FROM lock_holders;	-- mine
SELECT unlock_all();	-- 1
DROP PROCEDURE batches, fails_late;
DROP TABLE ledger;
