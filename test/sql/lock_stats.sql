-- lock_stats: counters of a namespace
\set VERBOSITY sqlstate
CREATE VIEW stats AS SELECT grants, refusals, timeouts, collisions, unclean_releases AS unclean
	FROM lock_stats WHERE namespace = 'counted';
SELECT lock_namespace('counted') IS NOT NULL;	-- true
SELECT reset_lock_stats();
SELECT * FROM stats;	-- zeros
SELECT try_lock('counted', 'a'), try_xact_lock('counted', 'b');	-- true, true
SELECT try_run_exclusive('counted', 'c', 'SELECT');	-- true
CALL run_exclusive('counted', 'd', 'SELECT');	-- true
SELECT try_lock_permit('counted', 'e', 2) IS NOT NULL;	-- true
SELECT * FROM stats;	-- 5 grants
SELECT try_lock('counted', 'a');	-- 55006: not counted
BEGIN;
SELECT try_xact_lock('counted', 'f'), try_xact_lock('counted', 'f');	-- true, true: one grant
ROLLBACK;
SELECT * FROM stats;	-- 6 grants: a rollback takes nothing back
SELECT unlock_all();	-- 2
SELECT total_hold >= '0' AS hold, longest_hold <= total_hold AS longest, total_wait >= '0' AS wait,
	longest_wait <= total_wait AS longest_wait FROM lock_stats WHERE namespace = 'counted';	-- true

-- holds are timed
SELECT try_lock('counted', 'slow'), pg_sleep(0.2);	-- true
SELECT unlock('counted', 'slow');	-- true
SELECT longest_hold >= '200 ms' AS longest, total_hold >= '200 ms' AS total FROM lock_stats WHERE namespace = 'counted';	-- true, true

-- what is not ours is not counted; resetting is for administrators
SELECT pg_advisory_lock(lock_id('counted', 'a')), pg_advisory_unlock(lock_id('counted', 'a'));
SELECT * FROM stats;	-- 7 grants
CREATE ROLE regress_user;
SET ROLE regress_user;
SELECT grants FROM lock_stats WHERE namespace = 'counted';	-- 7
SELECT reset_lock_stats();	-- 42501
RESET ROLE;
SELECT reset_lock_stats();
SELECT * FROM stats;	-- zeros
DROP VIEW stats;
DROP ROLE regress_user;
SELECT drop_lock_namespace('counted');
SELECT count(*) FROM lock_stats WHERE namespace = 'counted';	-- 0
