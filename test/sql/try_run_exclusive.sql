-- try_run_exclusive: the task runs here, in this transaction, under the lock
\set VERBOSITY sqlstate
CREATE TABLE ledger (entry text);
SELECT try_run_exclusive('default', 'k', $$INSERT INTO ledger VALUES ('one')$$);	-- true
SELECT * FROM ledger;	-- one
SELECT count(*) FROM lock_holders;	-- 0: the transaction was the statement

-- the lock is the transaction's, and is kept to its end
BEGIN;
SELECT try_run_exclusive('default', 'k', $$INSERT INTO ledger VALUES ('two')$$);	-- true
SELECT key, mode, scope FROM lock_holders;	-- k exclusive transaction
SELECT holds_lock('default', 'k'), unlock_all();	-- true, 0
COMMIT;
SELECT count(*) FROM lock_holders;	-- 0

-- the task sees its lock and token, and what the caller has done so far
BEGIN;
INSERT INTO ledger VALUES ('three');
SELECT try_run_exclusive('default', 'k', $$INSERT INTO ledger
	SELECT format('%s entries, holds %s, token %s', (SELECT count(*) FROM ledger),
	holds_lock('default', 'k'), fencing_token('default', 'k') > 0)$$);	-- true
SELECT entry FROM ledger ORDER BY entry;	-- 3 entries, holds t, token t
ROLLBACK;
SELECT count(*) FROM ledger;	-- 2: work and lock go together

-- twice in one transaction, one after the other, is not a call nested in its own task
BEGIN;
SELECT try_run_exclusive('default', 'k', $$INSERT INTO ledger VALUES ('x')$$);	-- true
SELECT try_run_exclusive('default', 'k', $$INSERT INTO ledger VALUES ('y')$$);	-- true
SELECT count(*) FROM lock_holders;	-- 1
ROLLBACK;

-- another name may be run inside
SELECT try_run_exclusive('default', 'k', $$SELECT try_run_exclusive('default', 'inner',
	'INSERT INTO ledger SELECT string_agg(key, '' '' ORDER BY key) FROM lock_holders')$$);	-- true
SELECT entry FROM ledger WHERE entry LIKE '%inner%';	-- inner k

-- an error of the task comes through as it is, and the lock goes with the transaction
SELECT try_run_exclusive('default', 'k', 'SELECT 1 / 0');	-- 22012
SELECT count(*) FROM lock_holders;	-- 0
BEGIN;
SAVEPOINT s;
SELECT try_run_exclusive('default', 'k', 'SELECT 1 / 0');	-- 22012
ROLLBACK TO s;
SELECT holds_lock('default', 'k'), count(*) FROM lock_holders;	-- false, 0
COMMIT;

-- in a function, in a query over many rows
SELECT n, try_run_exclusive('default', 'k' || n, format('INSERT INTO ledger VALUES (%s)', n))
FROM generate_series(1, 3) n ORDER BY n;	-- true, three times
SELECT count(*) FROM ledger WHERE entry IN ('1', '2', '3');	-- 3
SELECT count(*) FROM lock_holders;	-- 0
DROP TABLE ledger;
