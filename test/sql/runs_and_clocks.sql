-- Runs that a wrong clock has recorded in the future, and periods of any length.
\set VERBOSITY sqlstate
SELECT try_run_every('default', 'tick', '1 day', 'SELECT');	-- true
SELECT try_run_every('default', 'tick', '1 day', 'SELECT');	-- false
UPDATE exclusive_internal.run_record SET started_at = started_at + interval '2 years', finished_at = finished_at + interval '2 years';
SELECT try_run_every('default', 'tick', '1 day', 'SELECT');	-- true
SELECT try_run_every('default', 'tick', '1 day', 'SELECT');	-- false

-- begin_run, whether the run of the future succeeded, or crashed under skip
SELECT try_lock('default', 'out');	-- true
SELECT begin_run('default', 'out', 's', 'skip', '1 day'), finish_run('default', 'out', 's', true);	-- true
SELECT begin_run('default', 'out', 's', 'skip', '1 day');	-- false
UPDATE exclusive_internal.run_record SET started_at = started_at + interval '2 years' WHERE key = 'out';
SELECT begin_run('default', 'out', 's', 'skip', '1 day');	-- true
SELECT unlock('default', 'out'), try_lock('default', 'out');	-- true, true: it has crashed
SELECT begin_run('default', 'out', 's', 'skip', '1 day');	-- false
UPDATE exclusive_internal.run_record SET started_at = started_at + interval '2 years' WHERE key = 'out';
SELECT begin_run('default', 'out', 's', 'skip', '1 day');	-- true
SELECT unlock('default', 'out');
-- a slot that has had its run has had it, whenever
SELECT try_run_once('default', 'once', 's', 'SELECT');	-- true
UPDATE exclusive_internal.run_record SET started_at = started_at + interval '2 years', finished_at = finished_at + interval '2 years' WHERE key = 'once';
SELECT try_run_once('default', 'once', 's', 'SELECT');	-- false
SELECT try_lock('default', 'once');	-- true
SELECT begin_run('default', 'once', 's');	-- false
SELECT unlock('default', 'once');
SELECT forget_lock_runs('1 day');	-- 0
SELECT forget_lock_runs('0') > 0;	-- true: all that have finished, also in the future
SELECT try_run_once('default', 'once', 's', 'SELECT');	-- true

-- a period longer than the calendar is for ever
SELECT try_run_every('default', 'long', '178000000 years', 'SELECT');	-- true
SELECT try_run_every('default', 'long', '178000000 years', 'SELECT');	-- false
SELECT try_run_every('default', 'long', '200000 years', 'SELECT');	-- false
SELECT forget_lock_runs('178000000 years');	-- 0
DELETE FROM exclusive_internal.run_record;
