-- What a user reads: every error once, with its hint.
CREATE ROLE regress_outsider;
SELECT lock_namespace('keepers', 'regress_outsider') IS NOT NULL;
CREATE ROLE regress_stranger;
SELECT try_lock('jobs', 'nightly-close');	-- says how to register it
SELECT try_lock('it''s', 'k');	-- quoted well
SELECT try_lock(NULL, 'k');
SELECT try_lock('default', NULL);
SELECT try_lock('', 'k');
SELECT try_lock('default', '');
SELECT try_lock(repeat('n', 64), 'k');
SELECT try_lock('default', repeat('k', 1025));
SELECT try_lock('default', 'k', 'update');
SELECT try_lock('default', 'k', wait => '-1 s');
SELECT try_run_every('default', 'k', '0', 'SELECT');
SELECT unlock('default', 'k');	-- a warning, with the likely cause
BEGIN;
SELECT try_xact_lock('default', 'k');
SELECT unlock('default', 'k');	-- a warning, with the likely cause
ROLLBACK;
SELECT try_lock('default', 'k');
SELECT try_lock('default', 'k');	-- already held by this session
BEGIN;
CREATE TABLE written ();
SELECT unlock('default', 'k');	-- COMMIT first
ROLLBACK;
\set VERBOSITY terse
SELECT drop_lock_namespace('default');	-- in use; the detail has a pid
\set VERBOSITY default
SELECT unlock('default', 'k');
BEGIN ISOLATION LEVEL REPEATABLE READ;
SELECT try_run_exclusive('default', 'k', 'SELECT');	-- CALL run_exclusive
ROLLBACK;
BEGIN;
CALL wait_lock('default', 'k');
ROLLBACK;
BEGIN;
CALL run_exclusive('default', 'k', 'SELECT');
ROLLBACK;
SELECT try_run_exclusive('default', 'k', 'COMMIT');
SELECT try_run_exclusive('default', 'k', 'COPY pg_class TO STDOUT');
SELECT try_run_exclusive('default', 'k', 'SELECT 1 / 0');	-- with the task in its context
CALL run_exclusive('default', 'k', 'SELECT pg_advisory_unlock_all()');
SELECT lock_namespace('keepers', max_holds => 3);	-- both settings are named
SELECT lock_namespace('both', 'regress_outsider', interop => true);
SET ROLE regress_stranger;
SELECT try_lock('keepers', 'k');
SELECT lock_namespace('mine');
RESET ROLE;
SELECT drop_lock_namespace('keepers');
DROP ROLE regress_outsider, regress_stranger;
