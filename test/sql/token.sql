-- Fencing tokens rise with every grant, whatever becomes of the transaction.
\set VERBOSITY sqlstate
CREATE TEMP TABLE seen (n serial, token bigint);
CREATE FUNCTION pg_temp.grant_once() RETURNS bigint LANGUAGE plpgsql AS $$
DECLARE
	t bigint;
BEGIN
	ASSERT try_lock('default', 'k');
	t := fencing_token('default', 'k');
	PERFORM pg_advisory_unlock_all();
	RETURN t;
END $$;
INSERT INTO seen (token) SELECT pg_temp.grant_once() FROM generate_series(1, 1000);
SELECT count(*), count(DISTINCT token), min(token) > 0 AS positive,
	bool_and(token > before) AS rising
FROM (SELECT token, lag(token, 1, 0::bigint) OVER (ORDER BY n) AS before FROM seen) s;	-- 1000, 1000, true, true
SELECT max(token) AS last FROM seen \gset

-- ROLLBACK takes nothing back
BEGIN;
SELECT try_lock('default', 'k');	-- true
SELECT fencing_token('default', 'k') AS token \gset
ROLLBACK;
SELECT :token > :last AS rising, fencing_token('default', 'k') = :token AS kept;	-- true, true
SELECT unlock('default', 'k');	-- true
BEGIN;
SELECT try_xact_lock('default', 'k');	-- true
SELECT fencing_token('default', 'k') > :token AS rising;	-- true
SELECT fencing_token('default', 'k') AS token \gset
SAVEPOINT s;
ROLLBACK;
BEGIN READ ONLY;
SELECT try_xact_lock('default', 'k', 'shared');	-- true
SELECT fencing_token('default', 'k') > :token AS rising;	-- true
SELECT fencing_token('default', 'k') AS token \gset
COMMIT;

-- a new session goes on from there
\c
\set VERBOSITY sqlstate
SELECT try_lock('default', 'k'), fencing_token('default', 'k') > :token AS rising;	-- true, true
SELECT fencing_token('default', 'k') AS token \gset
-- DISCARD ALL, and DISCARD SEQUENCES, which forgets a session's sequences
DISCARD ALL;
SELECT try_lock('default', 'k'), fencing_token('default', 'k') > :token AS rising;	-- true, true

-- a role without rights gets one too, and cannot touch where they come from
CREATE ROLE regress_poor;
SET ROLE regress_poor;
SELECT try_lock('default', 'poor'), fencing_token('default', 'poor') > :token AS rising;	-- true, true
SELECT nextval('exclusive_internal.token_epoch');	-- 42501
SELECT setval('exclusive_internal.token_epoch', 1);	-- 42501
SELECT last_value FROM exclusive_internal.token_epoch;	-- 42501
RESET ROLE;
DROP ROLE regress_poor;

-- the epoch is the upper half
SELECT fencing_token('default', 'k') >> 20 = last_value AS epoch FROM exclusive_internal.token_epoch;	-- true
SELECT unlock_all();	-- 2
