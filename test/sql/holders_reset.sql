-- What takes our locks behind our back, and what does not: the views are exact.
CREATE FUNCTION pg_temp.take() RETURNS boolean BEGIN ATOMIC
	SELECT try_lock('default', 'x') AND try_lock('default', 's', 'shared'); END;
CREATE VIEW seen AS SELECT string_agg(key, ' ' ORDER BY key) AS view,
	(SELECT count(*) FROM pg_locks WHERE locktype = 'advisory' AND granted) AS manager,
	holds_lock('default', 'x') AS holds, fencing_token('default', 'x') IS NOT NULL AS token
FROM lock_holders;

CREATE PROCEDURE wait_until_gone(pid int) LANGUAGE plpgsql AS $$
BEGIN
	WHILE EXISTS (SELECT FROM pg_stat_get_activity(pid)) LOOP
		PERFORM pg_stat_clear_snapshot(), pg_sleep(0.01);
	END LOOP;
END $$;

SELECT pg_temp.take(), fencing_token('default', 'x') AS token \gset
SELECT * FROM seen;	-- s x, 2, true, true
SELECT pg_advisory_unlock_all();
SELECT * FROM seen;	-- NULL, 0, false, false
SELECT unlock_all();	-- 0
SELECT try_lock('default', 'x'), fencing_token('default', 'x') > :token;	-- true, true
SELECT * FROM seen;	-- x, 1, true, true

-- in one statement
SELECT pg_advisory_unlock_all(), holds_lock('default', 'x');	-- false

-- taken and dropped in one transaction, with more taken after
BEGIN;
SELECT try_lock('default', 'x'), try_xact_lock('default', 't');	-- true, true
SELECT pg_advisory_unlock_all();
SELECT * FROM seen;	-- t, 1, false, false
SELECT try_lock('default', 's');	-- true
SELECT * FROM seen;	-- s t, 2, false, false
COMMIT;
SELECT * FROM seen;	-- s, 1, false, false

DISCARD ALL;
SELECT * FROM seen;	-- NULL, 0, false, false
SELECT try_lock('default', 'x');	-- true
DISCARD ALL;
SELECT try_lock('default', 'x');	-- true: not "already held"
DISCARD PLANS;
DISCARD SEQUENCES;
DISCARD TEMP;
RESET ALL;
SELECT * FROM seen;	-- x, 1, true, true: none of these touches locks

-- the built-in functions cannot reach a normal namespace one by one
SELECT pg_advisory_unlock(lock_id('default', 'x'));	-- a warning and false
SELECT * FROM seen;	-- x, 1, true, true

-- session end: nothing is left for the next one
SELECT pg_backend_pid() AS before \gset
\c
CALL wait_until_gone(:before);
SELECT * FROM seen;	-- NULL, 0, false, false
SELECT try_lock('default', 'x'), try_lock('default', 's'), unlock_all();	-- true, true, 2
DROP VIEW seen;
DROP PROCEDURE wait_until_gone;
