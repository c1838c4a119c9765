-- The procedures commit, so they cannot be called where that is impossible.
\set VERBOSITY sqlstate
BEGIN;
CALL wait_lock('default', 'k');	-- 25001
ROLLBACK;
BEGIN;
CALL run_exclusive('default', 'k', 'SELECT');	-- 25001
ROLLBACK;

-- in a function, in a block with EXCEPTION, together with other statements
CREATE FUNCTION pg_temp.f() RETURNS void LANGUAGE plpgsql AS $$
DECLARE
	acquired boolean;
BEGIN
	CALL wait_lock('default', 'k', acquired => acquired);
END $$;
SELECT pg_temp.f();	-- 25001
DO $$
DECLARE
	acquired boolean;
BEGIN
	CALL wait_lock('default', 'k', acquired => acquired);
EXCEPTION WHEN division_by_zero THEN NULL;
END $$;	-- 25001
SELECT 1 \; CALL wait_lock('default', 'k');	-- 25001
SELECT count(*) FROM lock_holders;	-- 0

-- from a procedure or a DO block that may commit itself
CREATE PROCEDURE pg_temp.p() LANGUAGE plpgsql AS $$
DECLARE
	done boolean;
BEGIN
	CALL wait_lock('default', 'k', acquired => done);
	RAISE NOTICE 'acquired %, holds %', done, holds_lock('default', 'k');
	CALL run_exclusive('default', 'k2', 'SELECT', ran => done);
	RAISE NOTICE 'ran %, holds %', done, holds_lock('default', 'k2');
END $$;
\set VERBOSITY terse
CALL pg_temp.p();	-- acquired t, holds t, ran t, holds f
SELECT unlock('default', 'k');	-- true

-- the lock of an interrupted caller: what it took is the session's
DO $$
DECLARE
	done boolean;
BEGIN
	CALL wait_lock('default', 'k', acquired => done);
	RAISE division_by_zero;
END $$;	-- division_by_zero
SELECT key, scope FROM lock_holders;	-- k session
SELECT unlock_all();	-- 1
