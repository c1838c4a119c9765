-- A session holds a name once: nothing stacks, nothing is upgraded.
-- Each cell: the call on the left is made, then the one above, in one transaction.
CREATE FUNCTION pg_temp.cell(first text, second text) RETURNS text LANGUAGE plpgsql AS $$
DECLARE
	outcome text;
BEGIN
	BEGIN
		EXECUTE 'SELECT ' || first;
		EXECUTE 'SELECT ' || second INTO outcome;
		RAISE 'undo';
	EXCEPTION
		WHEN raise_exception THEN NULL;
		WHEN OTHERS THEN outcome := SQLSTATE;
	END;
	PERFORM unlock_all();
	IF EXISTS (SELECT FROM lock_holders) THEN
		outcome := outcome || ' and left something';
	END IF;
	RETURN outcome;
END $$;
CREATE TEMP TABLE kind (n serial, name text, call text);
INSERT INTO kind (name, call) VALUES
	('session x', 'try_lock(''default'', ''k'')'),
	('session s', 'try_lock(''default'', ''k'', ''shared'')'),
	('xact x', 'try_xact_lock(''default'', ''k'')'),
	('xact s', 'try_xact_lock(''default'', ''k'', ''shared'')'),
	('run', 'try_run_exclusive(''default'', ''k'', ''SELECT'')'),
	('once', 'try_run_once(''default'', ''k'', ''slot'', ''SELECT'')'),
	('every', 'try_run_every(''default'', ''k'', ''1 h'', ''SELECT'')');

-- 55006, but for the transaction's own exclusive lock asked for again
SELECT a.name AS first, b.name AS second, pg_temp.cell(a.call, b.call) AS outcome, b.n
FROM kind a, kind b ORDER BY a.n \crosstabview first second outcome n

-- a call nested in its own task
SELECT b.name, pg_temp.cell('try_run_exclusive(''default'', ''k'', ''SELECT '
	|| replace(b.call, '''', '''''') || ''')', 'true') AS nested
FROM kind b WHERE b.name IN ('session x', 'session s', 'xact s', 'run', 'once', 'every') ORDER BY b.n;	-- 55006

-- the refusal takes nothing away
\set VERBOSITY sqlstate
SELECT try_lock('default', 'k');	-- true
SELECT fencing_token('default', 'k') AS token \gset
SELECT try_lock('default', 'k');	-- 55006
SELECT try_lock('default', 'k', 'shared');	-- 55006
SELECT try_xact_lock('default', 'k');	-- 55006
CALL wait_lock('default', 'k');	-- 55006
CALL run_exclusive('default', 'k', 'SELECT');	-- 55006
SELECT try_run_exclusive('default', 'k', 'SELECT');	-- 55006
SELECT fencing_token('default', 'k') = :token, count(*) FROM lock_holders;	-- true, 1
SELECT unlock('default', 'k');	-- true: one unlock frees it
SELECT count(*) FROM lock_holders;	-- 0
SELECT count(*) FROM lock_runs;	-- 0
