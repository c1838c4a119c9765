-- Many locks at once: all or none, the first free one, a row for each.
\set VERBOSITY sqlstate
SELECT try_lock_all('default', ARRAY['a', 'b', 'c']);	-- true
SELECT string_agg(key, ' ' ORDER BY key), min(mode), count(DISTINCT token) FROM lock_holders;	-- a b c, exclusive, 3
-- in the order of their ids, whatever the order of the array
SELECT bool_and(token > before) AS in_id_order FROM (
	SELECT token, lag(token, 1, 0::bigint) OVER (ORDER BY lock_id) AS before FROM lock_holders) s;	-- true
SELECT try_lock_all('default', ARRAY['d', 'a']);	-- 55006: a is held
SELECT holds_lock('default', 'd');	-- false: nothing was taken
SELECT unlock_all();	-- 3

-- equal keys once, also two names with one id; no keys are no locks
SELECT try_lock_all('default', ARRAY['a', 'a', 'b', 'a'], 'shared');	-- true
SELECT string_agg(key, ' ' ORDER BY key), min(mode) FROM lock_holders;	-- a b, shared
SELECT unlock_all();	-- 2
SELECT try_lock_all('default', '{}');	-- true
SELECT try_lock_all('default', ARRAY[['a', 'b'], ['c', 'd']]);	-- true: any shape
SELECT unlock_all();	-- 4

SELECT try_lock_all('default', NULL);	-- 22004
SELECT try_lock_all('default', ARRAY['a', NULL]);	-- 22004
SELECT try_lock_all('default', ARRAY['a', '']);	-- 42602
SELECT try_lock_all('default', ARRAY['a', repeat('k', 1025)]);	-- 42622
SELECT try_lock_all('typo', ARRAY['a']);	-- 42704
SELECT try_lock_all('default', ARRAY['a'], 'update');	-- 22023
SELECT try_lock_all('default', ARRAY['a'], wait => '-1 s');	-- 22023
SELECT count(*) FROM lock_holders;	-- 0

-- the first free one of the array: one lock, whatever the plan
SELECT try_lock_first('default', ARRAY['z', 'y', 'x']);	-- z
SELECT key FROM lock_holders;	-- z
SELECT try_lock_first('default', ARRAY['y', 'x']);	-- y
SELECT try_lock_first('default', '{}');	-- NULL
SELECT try_lock_first('default', NULL);	-- 22004
SELECT try_lock_first('default', ARRAY['w', NULL]);	-- 22004
SELECT count(*) FROM lock_holders;	-- 2
SELECT unlock_all();	-- 2

-- a row per key, in the order given
SELECT key, acquired, token = fencing_token('default', key) AS token
FROM try_lock_each('default', ARRAY['c', 'a', 'b']);	-- c a b, true
SELECT count(*) FROM lock_holders;	-- 3
SELECT count(*) FROM try_lock_each('default', '{}');	-- 0
SELECT * FROM try_lock_each('default', NULL);	-- 22004
SELECT unlock_all();	-- 3
SELECT key, acquired FROM try_lock_each('default', ARRAY['a', 'b', 'c']) LIMIT 1;	-- a
SELECT count(*) FROM lock_holders;	-- 3: LIMIT takes no part in it
SELECT unlock_all();	-- 3

-- a thousand
SELECT try_lock_all('default', array_agg(n::text)) FROM generate_series(1, 1000) n;	-- true
SELECT count(*), count(DISTINCT token) FROM lock_holders;	-- 1000, 1000
SELECT unlock_all();	-- 1000
SELECT count(*) FROM pg_locks WHERE locktype = 'advisory';	-- 0
