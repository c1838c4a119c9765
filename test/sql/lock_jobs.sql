-- The health of jobs: when each last succeeded and failed, and what is late.
SELECT lock_namespace('health') IS NOT NULL;
CREATE VIEW health AS
	SELECT key, kind, last_success IS NOT NULL AS succeeded, last_failure IS NOT NULL AS failed,
		   running_since IS NOT NULL AS runs, crashed_since IS NOT NULL AS crashed,
		   attempts, every, overdue_by > '0' AS late
	FROM lock_jobs WHERE namespace = 'health' ORDER BY key;

-- once per period, inside the database
SELECT try_run_every('health', 'close', '1 day', 'SELECT 1');
SELECT * FROM health;
SELECT overdue_by FROM lock_jobs WHERE key = 'close';	-- 0, it is in time
SELECT try_run_every('health', 'short', '1 ms', 'SELECT 1');
SELECT pg_sleep(0.01);
SELECT key, late FROM health WHERE key = 'short';	-- t, its period is over

-- a failure keeps the time of the last success
SELECT try_lock('health', 'report');
SELECT begin_run('health', 'report', 'every day', every => '1 day');
SELECT * FROM health WHERE key = 'report';	-- runs
SELECT finish_run('health', 'report', 'every day', true);
SELECT begin_run('health', 'report', 'every day', every => '1 ms');
SELECT finish_run('health', 'report', 'every day', false);
SELECT * FROM health WHERE key = 'report';	-- succeeded and failed, two attempts

-- once per slot has no period, and many rows are one job
SELECT begin_run('health', 'report', 'monday'), begin_run('health', 'report', 'tuesday');
SELECT finish_run('health', 'report', 'monday', true);
SELECT kind, succeeded, failed, runs, crashed, attempts, every, late FROM health WHERE key = 'report';

-- what was begun by a session that is gone does not run
SELECT unlock('health', 'report');
SELECT kind, runs, crashed FROM health WHERE key = 'report';

-- keys are for members only
CREATE ROLE jobs_stranger;
CREATE ROLE jobs_team;
SELECT lock_namespace('secret_jobs', 'jobs_team') IS NOT NULL;
SELECT try_run_once('secret_jobs', 'k', 'slot', 'SELECT 1');
SET ROLE jobs_stranger;
SELECT namespace, key, last_success IS NOT NULL FROM lock_jobs WHERE namespace = 'secret_jobs';
RESET ROLE;

DROP VIEW health;
DELETE FROM exclusive_internal.run_record WHERE namespace IN ('health', 'secret_jobs');
SELECT drop_lock_namespace('health'), drop_lock_namespace('secret_jobs');
DROP ROLE jobs_stranger, jobs_team;
