-- A lease whose transaction does not commit is taken back: nobody has seen its token.
\set VERBOSITY sqlstate
SELECT lock_namespace('undo', max_lease => '1 min') IS NOT NULL;	-- true
BEGIN;
SELECT acquire_lease('undo', 'a', '30 s') > 0;	-- true
SAVEPOINT s;
SELECT acquire_lease('undo', 'b', '30 s') > 0;	-- true
SAVEPOINT deeper;
SELECT acquire_lease('undo', 'c', '30 s') > 0;	-- true
RELEASE deeper;
SELECT string_agg(key, ' ' ORDER BY key) FROM lock_holders;	-- a b c
ROLLBACK TO s;
SELECT string_agg(key, ' ' ORDER BY key) FROM lock_holders;	-- a
ROLLBACK;
SELECT count(*) FROM lock_holders;	-- 0
SELECT try_lock('undo', 'a'), unlock('undo', 'a');	-- true: free at once

-- an EXCEPTION block, and a statement that fails after it
DO $$ BEGIN
	PERFORM acquire_lease('undo', 'kept', '30 s');
	BEGIN
		PERFORM acquire_lease('undo', 'lost', '30 s');
		PERFORM 1 / 0;
	EXCEPTION WHEN division_by_zero THEN NULL;
	END;
END $$;
SELECT key, token FROM lock_holders \gset
SELECT :'key', release_lease('undo', 'kept', :token);	-- kept, true
SELECT acquire_lease('undo', 'a', '30 s'), 1 / (random() * 0)::int;	-- 22012
SELECT count(*) FROM lock_holders;	-- 0

-- a hand-over that is rolled back: the lease is its old owner's
SELECT acquire_lease('undo', 'a', '30 s') AS token \gset
BEGIN;
SELECT hand_over_lease('undo', 'a', :token) AS newer \gset
SELECT renew_lease('undo', 'a', :token), renew_lease('undo', 'a', :newer);	-- false, true
SELECT hand_over_lease('undo', 'a', :newer) AS newest \gset
SELECT renew_lease('undo', 'a', :newer), renew_lease('undo', 'a', :newest);	-- false, true
ROLLBACK;
SELECT renew_lease('undo', 'a', :newer), renew_lease('undo', 'a', :newest), renew_lease('undo', 'a', :token);	-- false, false, true

-- in a transaction that has written it cannot be released: the next owner would not see it
CREATE TEMP TABLE written ();
BEGIN;
INSERT INTO written DEFAULT VALUES;
SELECT release_lease('undo', 'a', :token);	-- 25001
ROLLBACK;
BEGIN;
INSERT INTO written DEFAULT VALUES;
SELECT renew_lease('undo', 'a', :token);	-- true
ROLLBACK;
BEGIN READ ONLY;
SELECT acquire_lease('undo', 'b', '30 s') AS other \gset
COMMIT;
SELECT release_lease('undo', 'a', :token), release_lease('undo', 'b', :other);	-- true, true

-- released and taken again before the rollback: the other's lease stays
BEGIN;
SELECT acquire_lease('undo', 'a', '30 s') AS token \gset
SELECT release_lease('undo', 'a', :token);	-- true
COMMIT;
-- procedures commit in between
CREATE PROCEDURE regress_commit() LANGUAGE plpgsql AS $$ BEGIN
	PERFORM acquire_lease('undo', 'first', '30 s');
	COMMIT;
	PERFORM acquire_lease('undo', 'second', '30 s');
	ROLLBACK;
END $$;
CALL regress_commit();
DROP PROCEDURE regress_commit();
SELECT key, token FROM lock_holders \gset
SELECT :'key', release_lease('undo', :'key', :token);	-- first, true
SELECT drop_lock_namespace('undo');
