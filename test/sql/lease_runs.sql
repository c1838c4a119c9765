-- Runs of work outside the database, under a lease and by its token.
\set VERBOSITY sqlstate
SELECT lock_namespace('runs', max_lease => '1 min') IS NOT NULL;	-- true
SELECT begin_run('runs', 'k', 'monday', token => 1);	-- 55000
SELECT acquire_lease('runs', 'k', '30 s') AS token \gset
SELECT begin_run('runs', 'k', 'monday');	-- 55000: this session does not hold it
\c -
\set VERBOSITY sqlstate
SELECT begin_run('runs', 'k', 'monday', token => :token);	-- true
SELECT begin_run('runs', 'k', 'monday', token => :token);	-- 55000: was begun
SELECT finish_run('runs', 'k', 'monday', true, :token + 1);	-- 55000
SELECT finish_run('runs', 'k', 'monday', true);	-- 55000
\c -
\set VERBOSITY sqlstate
SELECT finish_run('runs', 'k', 'monday', false, :token);
SELECT begin_run('runs', 'k', 'monday', token => :token);	-- true: it had failed
SELECT hand_over_lease('runs', 'k', :token) AS newer \gset
SELECT finish_run('runs', 'k', 'monday', true, :token);	-- 55000: it was handed over
SELECT begin_run('runs', 'k', 'monday', token => :newer);	-- true: at least once
SELECT finish_run('runs', 'k', 'monday', true, :newer);
SELECT begin_run('runs', 'k', 'monday', token => :newer);	-- false: it has run
SELECT begin_run('runs', 'k', 'tuesday', 'skip', token => :newer);	-- true
SELECT release_lease('runs', 'k', :newer);	-- true
SELECT finish_run('runs', 'k', 'tuesday', true, :newer);	-- 55000
SELECT acquire_lease('runs', 'k', '30 s') AS token \gset
SELECT begin_run('runs', 'k', 'tuesday', 'skip', token => :token);	-- false: at most once
SELECT begin_run('runs', 'k', '', every => '1 day', token => :token);	-- 42602
SELECT begin_run('runs', 'k', 'daily', every => '1 day', token => :token);	-- true
SELECT finish_run('runs', 'k', 'daily', true, :token);
SELECT begin_run('runs', 'k', 'daily', every => '1 day', token => :token);	-- false
SELECT slot, state, attempts FROM lock_runs WHERE namespace = 'runs' ORDER BY slot;
SELECT release_lease('runs', 'k', :token);	-- true
SELECT drop_lock_namespace('runs');
DELETE FROM exclusive_internal.run_record;
