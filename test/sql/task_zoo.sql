-- Strange tasks: a documented outcome each, no lock left, no crash.
CREATE TABLE zoo (animal text);
CREATE FUNCTION pg_temp.run(task text) RETURNS text LANGUAGE plpgsql AS $$
DECLARE
	outcome text;
BEGIN
	BEGIN
		outcome := try_run_exclusive('default', 'k', task);
		outcome := concat_ws(', ', outcome, (SELECT string_agg(animal, ' ' ORDER BY animal) FROM zoo));
		RAISE 'undo';
	EXCEPTION
		WHEN raise_exception THEN NULL;
		WHEN OTHERS THEN outcome := SQLSTATE;
	END;
	IF EXISTS (SELECT FROM lock_holders) THEN
		outcome := outcome || ', and a lock is left';
	END IF;
	RETURN outcome;
END $$;

-- what a task may be
SELECT task, pg_temp.run(task) FROM (VALUES
	('SELECT'),
	('INSERT INTO zoo VALUES (''ant''); INSERT INTO zoo VALUES (''bee'')'),	-- several statements
	('INSERT INTO zoo VALUES (''cat'') RETURNING animal'),
	('WITH w AS (INSERT INTO zoo VALUES (''dog'') RETURNING animal) SELECT * FROM w'),
	('CREATE TABLE ape (); DROP TABLE ape'),
	('CREATE TEMP TABLE emu AS SELECT 1; INSERT INTO zoo SELECT ''emu'' FROM emu'),
	('DO $d$ BEGIN INSERT INTO zoo VALUES (''fox''); END $d$'),
	('EXPLAIN (COSTS off) SELECT 1'),
	('NOTIFY zoo'),
	('DECLARE c CURSOR WITH HOLD FOR SELECT 1; CLOSE c'),
	('SELECT pg_advisory_unlock_all()')	-- does not reach a transaction's lock
	) v(task);

-- and what not
SELECT task, pg_temp.run(task) FROM (VALUES
	(NULL),	-- 22004
	(''), (';'), ('-- nothing'),	-- 22023: nothing to do is a mistake
	('SELECT 1 / 0'),	-- 22012
	('INSERT INTO zoo VALUES (''gnu''); SELECT 1 / 0'),	-- 22012
	('SELEKT'),	-- 42601
	('SELECT $1'),	-- 42P02
	('SELECT * FROM nowhere'),	-- 42P01
	('VACUUM'), ('DISCARD ALL'), ('CREATE DATABASE gnu'),	-- 25001
	('SELECT try_run_exclusive(''default'', ''k'', ''SELECT'')'),	-- 55006
	('SELECT unlock(''default'', ''k'')')	-- true with a warning: the transaction's lock stays
	) v(task);

-- a task cannot end the transaction it runs in (2D000), nor speak the copy protocol (0A000)
SELECT task, pg_temp.run(task) FROM (VALUES
	('COMMIT'), ('ROLLBACK'), ('BEGIN'), ('SAVEPOINT s'), ('PREPARE TRANSACTION ''gnu'''),
	('INSERT INTO zoo VALUES (''hog''); COMMIT'), ('DO $d$ BEGIN COMMIT; END $d$'),
	('COPY zoo TO STDOUT'), ('COPY zoo FROM STDIN')) v(task);

-- the same as statements of their own, where COMMIT could do more harm
\set VERBOSITY sqlstate
SELECT try_run_exclusive('default', 'k', 'COMMIT');
SELECT try_run_exclusive('default', 'k', 'INSERT INTO zoo VALUES (''hog''); COMMIT');
SELECT try_run_exclusive('default', 'k', 'COPY zoo TO STDOUT');
SELECT try_run_exclusive('default', 'k', 'DISCARD ALL');	-- 25001
SELECT count(*) FROM zoo;	-- 0
SELECT count(*) FROM lock_holders;	-- 0
DROP TABLE zoo;
