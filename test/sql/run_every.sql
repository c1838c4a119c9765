-- try_run_every: unless the last successful run started less than half a period ago
\set VERBOSITY sqlstate
CREATE TABLE ledger (n serial);
CREATE FUNCTION pg_temp.tick(every interval) RETURNS boolean
	RETURN try_run_every('default', 'tick', every, 'INSERT INTO ledger DEFAULT VALUES');
CREATE FUNCTION pg_temp.shift(by interval) RETURNS void BEGIN ATOMIC
	UPDATE exclusive_internal.run_record SET started_at = started_at - by, finished_at = finished_at - by WHERE key = 'tick'; END;

SELECT pg_temp.tick('1 hour');	-- true
SELECT pg_temp.tick('1 hour');	-- false: just now
SELECT pg_temp.shift('20 minutes');
SELECT pg_temp.tick('1 hour');	-- false: less than half
SELECT pg_temp.tick('30 minutes');	-- true: more than half of this
SELECT pg_temp.shift('40 minutes');
SELECT pg_temp.tick('1 hour');	-- true
SELECT count(*) FROM ledger;	-- 3
SELECT kind, state, started_at > now() - interval '1 minute' AS started_now FROM lock_runs;	-- one row: every, succeeded, true

-- the start counts, not the end
UPDATE exclusive_internal.run_record SET started_at = started_at - interval '40 minutes', finished_at = now();
SELECT pg_temp.tick('1 hour');	-- true

-- months and days are periods too
SELECT pg_temp.shift('14 days');
SELECT pg_temp.tick('1 month');	-- false
SELECT pg_temp.shift('2 days');
SELECT pg_temp.tick('1 month');	-- true
SELECT pg_temp.tick('1 microsecond');	-- true
SELECT count(*) FROM ledger;	-- 6

-- a run that fails or is rolled back leaves the old record
SELECT pg_temp.shift('40 minutes');
SELECT try_run_every('default', 'tick', '1 hour', 'SELECT 1 / 0');	-- 22012
SELECT started_at < now() - interval '39 minutes' AS old FROM lock_runs;	-- true
BEGIN;
SELECT pg_temp.tick('1 hour');	-- true
SELECT key, scope FROM lock_holders;	-- tick transaction
SELECT pg_temp.tick('1 hour');	-- false
ROLLBACK;
SELECT pg_temp.tick('1 hour');	-- true
SELECT count(*) FROM ledger;	-- 7

-- names do not share a period
SELECT try_run_every('default', 'tock', '1 hour', 'SELECT');	-- true
SELECT count(*) FROM lock_runs;	-- 2
SELECT count(*) FROM lock_holders;	-- 0
DELETE FROM exclusive_internal.run_record;
DROP TABLE ledger;
