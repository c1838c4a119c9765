-- A statement that is cancelled leaves no lock that it has taken: the client was not told of the grant.
\set VERBOSITY sqlstate
-- a cancel that strikes when the lock functions have returned; not inlined
CREATE FUNCTION cancel() RETURNS void LANGUAGE plpgsql AS $$ BEGIN
	PERFORM pg_cancel_backend(pg_backend_pid()), pg_sleep(600); END $$;
CREATE FUNCTION taken() RETURNS text LANGUAGE sql RETURN
	(SELECT string_agg(key, ' ' ORDER BY key COLLATE "C") FROM lock_holders WHERE pid = pg_backend_pid());
SELECT try_lock('default', 'a'), cancel();	-- 57014
SELECT taken(), count(*) FROM pg_locks WHERE locktype = 'advisory';	-- NULL, 0
SELECT try_lock('default', 'kept');	-- true
SELECT try_lock('default', 'a'), try_lock('default', 'b', 'shared'), cancel();	-- 57014
SELECT try_lock('default', 'a', wait => '1 min'), cancel();	-- 57014
SELECT try_lock_permit('default', 'p', 2), cancel();	-- 57014
SELECT try_lock_permit('default', 'p', 2, '1 min'), cancel();	-- 57014
SELECT try_lock_all('default', ARRAY['a', 'b']), cancel();	-- 57014
SELECT try_lock_first('default', ARRAY['a', 'b']), cancel();	-- 57014
SELECT cancel() FROM try_lock_each('default', ARRAY['a', 'b']);	-- 57014
SELECT exclusive_internal._try('default', 'a', 'x'), cancel();	-- 57014
SELECT exclusive_internal._try_permit('default', 'p', 2), cancel();	-- 57014
SELECT exclusive_internal._calls('xx', ARRAY['default', 'default'], ARRAY['a', 'b'], ARRAY[NULL, NULL]::bigint[]), cancel();	-- 57014
SELECT lock_namespace('open', interop => true) IS NOT NULL;
SELECT try_lock('open', 'a'), cancel();	-- 57014
SELECT taken(), count(*) FROM pg_locks WHERE locktype = 'advisory';	-- kept, 1
-- also in the first statement of a session
\c -
\set VERBOSITY sqlstate
SELECT try_lock('default', 'a'), cancel();	-- 57014
SELECT taken(), count(*) FROM pg_locks WHERE locktype = 'advisory';	-- NULL, 0
-- and in a function
CREATE FUNCTION nested() RETURNS void LANGUAGE plpgsql AS $$ BEGIN PERFORM try_lock('default', 'a'); PERFORM cancel(); END $$;
SELECT nested();	-- 57014
SELECT taken();	-- NULL

-- what an earlier statement has taken is kept, in one transaction and in one message
SELECT try_lock('default', 'kept');	-- true
BEGIN;
SELECT try_lock('default', 'a');	-- true
SELECT try_lock('default', 'b'), cancel();	-- 57014
ROLLBACK;
SELECT taken();	-- a kept
SELECT unlock('default', 'a');
SELECT try_lock('default', 'a')\; SELECT try_lock('default', 'b'), cancel();	-- true, 57014
SELECT taken();	-- a kept
SELECT unlock('default', 'a');
BEGIN;
DECLARE c CURSOR FOR SELECT try_lock('default', 'a') FROM generate_series(1, 2) WHERE NOT holds_lock('default', 'a');
FETCH 1 FROM c;	-- true
SELECT cancel();	-- 57014
ROLLBACK;
SELECT taken();	-- a kept
SELECT unlock('default', 'a');
-- a procedure that goes on
CREATE PROCEDURE goes_on() LANGUAGE plpgsql AS $$ BEGIN
	PERFORM try_lock('default', 'a');
	ROLLBACK;
	BEGIN PERFORM try_lock('default', 'b'), cancel(); EXCEPTION WHEN query_canceled THEN END;
	RAISE NOTICE '%', taken();
END $$;
SET client_min_messages = notice;
\set VERBOSITY terse
CALL goes_on();	-- a kept
\set VERBOSITY sqlstate
SELECT unlock('default', 'a');
-- other errors: kept, as after ROLLBACK
SELECT try_lock('default', 'a'), 1 / (random() * 0)::int;	-- 22012
BEGIN;
SELECT try_lock('default', 'b');	-- true
ROLLBACK;
SELECT taken();	-- a b kept
SELECT unlock_all();	-- 3
DROP PROCEDURE goes_on;
DROP FUNCTION taken, cancel, nested;
SELECT drop_lock_namespace('open');
