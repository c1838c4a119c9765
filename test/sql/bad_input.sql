-- Bad arguments are typed errors, before anything is taken: never truncated, never NULL.
CREATE FUNCTION pg_temp.outcome(call text) RETURNS text LANGUAGE plpgsql AS $$
DECLARE
	result text;
BEGIN
	EXECUTE 'SELECT ' || call INTO result;
	RETURN coalesce(result, 'NULL');
EXCEPTION WHEN OTHERS THEN
	RETURN SQLSTATE;
END $$;

-- every function objects to a name in the same way
SELECT name.expected, string_agg(DISTINCT pg_temp.outcome(format(call, name.namespace, name.key)), ' ') AS got
FROM (VALUES
	('lock_id(%L, %L)'), ('try_lock(%L, %L)'), ('try_xact_lock(%L, %L)'), ('unlock(%L, %L)'),
	('holds_lock(%L, %L)'), ('fencing_token(%L, %L)'), ('try_run_exclusive(%L, %L, $$SELECT$$)'),
	('try_run_once(%L, %L, $$slot$$, $$SELECT$$)'),
	('try_run_every(%L, %L, $$1 hour$$, $$SELECT$$)')) f(call),
	(VALUES
	(1, '22004', NULL, 'k'), (2, '22004', 'default', NULL), (3, '22004', NULL, NULL),
	(4, '42602', '', 'k'), (5, '42602', 'default', ''),
	(6, '42622', repeat('n', 64), 'k'), (7, '42622', 'default', repeat('k', 1025)),
	(8, '42622', repeat('é', 32), 'k'), (9, '42622', 'default', repeat('é', 513))
	) name(n, expected, namespace, key)
GROUP BY name.n, name.expected ORDER BY name.n;	-- the same twice, nine times

-- the longest names are good names
SELECT try_lock('default', repeat('é', 512)), unlock('default', repeat('é', 512));	-- true, true

-- mode
SELECT mode, pg_temp.outcome(format('try_lock($$default$$, $$k$$, %L)', mode)),
	pg_temp.outcome(format('try_xact_lock($$default$$, $$k$$, %L)', mode))
FROM (VALUES (NULL), (''), ('Exclusive'), ('exclusive '), ('update')) v(mode);	-- 22004 once, 22023

-- wait: negative is an error, beyond the timer's range is no limit, NULL is no limit
SELECT wait, pg_temp.outcome(format('try_xact_lock($$default$$, $$k$$, wait => %L)', wait)),
	pg_temp.outcome(format('try_run_exclusive($$default$$, $$k$$, $$SELECT$$, wait => %L)', wait))
FROM (VALUES ('-1 microsecond'), ('-1 month'), ('1 month -40 days'), ('-178000000 years'),
	(NULL), ('0'), ('1 microsecond'), ('1 month'), ('178000000 years')) v(wait);	-- 4 times 22023, 5 times true

-- task, slot, period
SELECT call, pg_temp.outcome(call) FROM (VALUES
	('try_run_exclusive(''default'', ''k'', NULL)'),
	('try_run_once(''default'', ''k'', ''slot'', NULL)'),
	('try_run_once(''default'', ''k'', NULL, ''SELECT'')'),
	('try_run_every(''default'', ''k'', ''1 h'', NULL)'),
	('try_run_every(''default'', ''k'', NULL, ''SELECT'')')) v(call);	-- 22004
SELECT call, pg_temp.outcome(call) FROM (VALUES
	('try_run_every(''default'', ''k'', ''0'', ''SELECT'')'),
	('try_run_every(''default'', ''k'', ''-1 h'', ''SELECT'')'),
	('try_run_every(''default'', ''k'', ''1 month -40 days'', ''SELECT'')')) v(call);	-- 22023

-- a namespace that nobody registered is a typo
SELECT call, pg_temp.outcome(call) FROM (VALUES
	('try_lock(''typo'', ''k'')'), ('try_xact_lock(''typo'', ''k'')'), ('unlock(''typo'', ''k'')'),
	('holds_lock(''typo'', ''k'')'), ('fencing_token(''typo'', ''k'')'),
	('try_run_exclusive(''typo'', ''k'', ''SELECT'')'),
	('try_run_once(''typo'', ''k'', ''slot'', ''SELECT'')'),
	('try_run_every(''typo'', ''k'', ''1 h'', ''SELECT'')'),
	('drop_lock_namespace(''typo'')')) v(call);	-- 42704

SELECT count(*) FROM lock_holders;	-- 0
SELECT count(*) FROM lock_runs;	-- 0
