-- begin_run, finish_run: the record of runs outside the database, under a hold of the session
\set VERBOSITY sqlstate
SELECT begin_run('default', 'k', 'monday');	-- 55000: without a hold
BEGIN;
SELECT try_xact_lock('default', 'k');	-- true
SELECT begin_run('default', 'k', 'monday');	-- 55000: a transaction's hold ends too early
ROLLBACK;
SELECT try_lock('default', 'k', 'shared');	-- true
SELECT begin_run('default', 'k', 'monday');	-- 55000: a shared hold excludes nobody
SELECT unlock('default', 'k');	-- true
SELECT try_lock_permit('default', 'k', 2) IS NOT NULL;	-- true
SELECT begin_run('default', 'k', 'monday');	-- 55000: nor does a permit
SELECT unlock('default', 'k');	-- true
SELECT count(*) FROM lock_runs;	-- 0

SELECT try_lock('default', 'k');	-- true
SELECT begin_run('default', 'k', 'monday');	-- true
SELECT key, kind, slot, state, attempts, token = fencing_token('default', 'k') AS token, finished_at IS NULL AS running,
	role = current_user AS role FROM lock_runs;	-- started, 1
SELECT finish_run('default', 'k', 'monday', true);
SELECT state, attempts, finished_at >= started_at AS finished FROM lock_runs;	-- succeeded
SELECT begin_run('default', 'k', 'monday');	-- false: done
SELECT finish_run('default', 'k', 'monday', true);	-- 55000: nothing is running
SELECT begin_run('default', 'k', 'tuesday');	-- true
SELECT finish_run('default', 'k', 'tuesday', false);
SELECT slot, state, attempts FROM lock_runs ORDER BY slot;	-- monday succeeded 1, tuesday failed 1
SELECT begin_run('default', 'k', 'tuesday');	-- true: a failed run is tried again
SELECT finish_run('default', 'k', 'tuesday', true);
SELECT slot, state, attempts FROM lock_runs ORDER BY slot;	-- tuesday succeeded 2

-- it is one record with try_run_once
SELECT unlock('default', 'k');	-- true
SELECT try_run_once('default', 'k', 'tuesday', 'SELECT 1 / 0');	-- false
SELECT try_run_once('default', 'k', 'wednesday', 'SELECT');	-- true
SELECT try_lock('default', 'k');	-- true
SELECT begin_run('default', 'k', 'wednesday');	-- false

-- a crash in between: the record says started, and its hold is gone
SELECT begin_run('default', 'k', 'thursday');	-- true
SELECT begin_run('default', 'k', 'friday', 'skip');	-- true
SELECT pg_advisory_unlock_all();
SELECT finish_run('default', 'k', 'thursday', true);	-- 55000: not our hold any more
SELECT try_lock('default', 'k');	-- true
SELECT begin_run('default', 'k', 'thursday');	-- true: retried, at least once
SELECT begin_run('default', 'k', 'friday', 'skip');	-- false: skipped, at most once
SELECT slot, state, attempts FROM lock_runs WHERE state = 'started' ORDER BY slot;	-- friday 1, thursday 2
SELECT finish_run('default', 'k', 'thursday', true);

-- a period instead of a slot
SELECT begin_run('default', 'k', 'label', every => '1 hour');	-- true
SELECT finish_run('default', 'k', 'label', true);
SELECT begin_run('default', 'k', 'label', every => '1 hour');	-- false
UPDATE exclusive_internal.run_record SET started_at = started_at - interval '40 minutes', finished_at = finished_at - interval '40 minutes' WHERE kind = 'every';
SELECT begin_run('default', 'k', 'label', every => '1 hour');	-- true
SELECT finish_run('default', 'k', 'label', true);
-- a crash spends its period, not all that come
SELECT begin_run('default', 'c', 'label', 'skip', '1 hour');	-- 55000: without a hold
SELECT try_lock('default', 'c');	-- true
SELECT begin_run('default', 'c', 'label', 'skip', '1 hour');	-- true
SELECT begin_run('default', 'c', 'label', 'skip', '1 hour');	-- 55000: it is running
SELECT unlock('default', 'c'), try_lock('default', 'c');	-- true, true
SELECT begin_run('default', 'c', 'label', 'skip', '1 hour');	-- false
UPDATE exclusive_internal.run_record SET started_at = started_at - interval '40 minutes' WHERE key = 'c';
SELECT begin_run('default', 'c', 'label', 'skip', '1 hour');	-- true
UPDATE exclusive_internal.run_record SET started_at = started_at - interval '40 minutes' WHERE key = 'c';
SELECT begin_run('default', 'c', 'label', 'skip', '1 hour');	-- 55000: it is running
SELECT unlock('default', 'c');	-- true

-- bad input
SELECT begin_run('default', 'k', NULL);	-- 22004
SELECT begin_run('default', 'k', 's', 'ignore');	-- 22023
SELECT begin_run('default', 'k', 's', every => '-1 h');	-- 22023
SELECT finish_run('default', 'k', NULL, true);	-- 22004
SELECT finish_run('default', 'k', 's', NULL);	-- 22004
SELECT begin_run('typo', 'k', 's');	-- 42704

-- housekeeping
SELECT forget_lock_runs('1 day');	-- 0
UPDATE exclusive_internal.run_record SET started_at = started_at - interval '2 days', finished_at = finished_at - interval '2 days' WHERE slot IN ('monday', 'friday');
SELECT forget_lock_runs('1 day');	-- 1: what has not finished stays
SELECT count(*) FROM lock_runs WHERE slot IN ('monday', 'friday');	-- 1
SELECT forget_lock_runs(NULL);	-- 22004
SELECT forget_lock_runs('-1 day');	-- 22023
SELECT unlock_all();	-- 1
-- a slot of both kinds under one hold: each is finished by itself
SELECT unlock_all() >= 0, try_lock('default', 'both');	-- true, true
SELECT begin_run('default', 'both', 's'), begin_run('default', 'both', 's', 'retry', '1 day');	-- true, true
SELECT finish_run('default', 'both', 's', true);
SELECT kind, state FROM lock_runs WHERE key = 'both' ORDER BY 1;	-- every succeeded, once started
SELECT finish_run('default', 'both', 's', false);
SELECT kind, state FROM lock_runs WHERE key = 'both' ORDER BY 1;	-- every succeeded, once failed
SELECT finish_run('default', 'both', 's', true);	-- 55000
SELECT unlock('default', 'both');
DELETE FROM exclusive_internal.run_record;
