-- try_run_once: at most one successful run per slot, ever
\set VERBOSITY sqlstate
CREATE TABLE ledger (entry text);
SELECT try_run_once('default', 'close', '2026-11-23', $$INSERT INTO ledger VALUES ('23rd')$$);	-- true
SELECT try_run_once('default', 'close', '2026-11-23', $$INSERT INTO ledger VALUES ('23rd')$$);	-- false
SELECT try_run_once('default', 'close', '2026-11-24', $$INSERT INTO ledger VALUES ('24th')$$);	-- true
SELECT try_run_once('default', 'open', '2026-11-23', $$INSERT INTO ledger VALUES ('open')$$);	-- true
SELECT entry FROM ledger ORDER BY entry;	-- 23rd 24th open
SELECT count(*) FROM lock_holders;	-- 0

-- the record
SELECT namespace, key, kind, slot, state, attempts, started_at <= finished_at AS times, token > 0 AS token,
	role = current_user AS role, application_name = current_setting('application_name') AS application
FROM lock_runs ORDER BY key, slot;	-- three rows: once, succeeded, 1

-- a run that fails is no run
SELECT try_run_once('default', 'close', 'bad', $$INSERT INTO ledger VALUES ('bad'); SELECT 1 / 0$$);	-- 22012
SELECT count(*) FROM lock_runs WHERE slot = 'bad';	-- 0
SELECT try_run_once('default', 'close', 'bad', $$INSERT INTO ledger VALUES ('good')$$);	-- true
SELECT entry FROM ledger WHERE entry IN ('bad', 'good');	-- good

-- nor is one that is rolled back: record and work are one transaction
BEGIN;
SELECT try_run_once('default', 'close', 'undone', $$INSERT INTO ledger VALUES ('undone')$$);	-- true
SELECT try_run_once('default', 'close', 'undone', $$INSERT INTO ledger VALUES ('undone')$$);	-- false
SELECT key, scope FROM lock_holders;	-- close transaction
ROLLBACK;
SELECT count(*) FROM ledger WHERE entry = 'undone';	-- 0
SELECT try_run_once('default', 'close', 'undone', $$INSERT INTO ledger VALUES ('done')$$);	-- true

-- slots differ byte by byte, and may be long or empty
SELECT slot, try_run_once('default', 'slots', slot, 'SELECT') FROM (VALUES ('s'), ('S'), ('s ')) v(slot);	-- true
SELECT try_run_once('default', 'slots', 's', 'SELECT');	-- false

-- two slots in one transaction
BEGIN;
SELECT try_run_once('default', 'slots', 'one', 'SELECT'), try_run_once('default', 'slots', 'two', 'SELECT');	-- true, true
COMMIT;
SELECT string_agg(slot, ' ' ORDER BY slot COLLATE "C") FROM lock_runs WHERE key = 'slots';	-- S one s s two

-- what cannot be recorded is not run
BEGIN READ ONLY;
SELECT try_run_once('default', 'slots', 'read only', 'SELECT');	-- 25006
ROLLBACK;
SELECT count(*) FROM lock_holders;	-- 0
-- but a lock can be had there, and a task that reads
BEGIN READ ONLY;
SELECT try_run_exclusive('default', 'k', 'SELECT count(*) FROM ledger');	-- true
SELECT try_run_exclusive('default', 'k2', 'DELETE FROM ledger');	-- 25006
ROLLBACK;

-- nobody's search for a record finds another kind of run
SELECT try_run_every('default', 'slots', '1 h', 'SELECT');	-- true
SELECT kind, count(*) FROM lock_runs WHERE key = 'slots' GROUP BY kind ORDER BY kind;	-- every 1, once 5

DELETE FROM exclusive_internal.run_record;
DROP TABLE ledger;
