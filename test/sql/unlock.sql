-- unlock, unlock_all: what they free, and what they say when there is nothing to free
\set VERBOSITY sqlstate
SELECT unlock('default', 'k');	-- a warning and false
SELECT try_lock('default', 'k'), unlock('default', 'k');	-- true, true
SELECT unlock('default', 'k');	-- a warning and false: it is not counted

SELECT unlock_all();	-- 0
SELECT unlock_all('default');	-- 0
SELECT unlock_all('typo');	-- 42704
SELECT unlock_all('');	-- 42602

SELECT lock_namespace('other') IS NOT NULL;	-- true
SELECT try_lock('default', 'a'), try_lock('default', 'b', 'shared'), try_lock('other', 'a');	-- true
SELECT unlock_all('default');	-- 2
SELECT namespace, key FROM lock_holders;	-- other a
SELECT unlock_all('default');	-- 0
SELECT unlock_all();	-- 1
SELECT count(*) FROM lock_holders;	-- 0

-- locks of the transaction stay
BEGIN;
SELECT try_lock('default', 'session'), try_xact_lock('default', 'transaction');	-- true, true
SELECT unlock_all(NULL);	-- 1
SELECT key, scope FROM lock_holders;	-- transaction
COMMIT;

-- many, out of order
SELECT count(*) FROM generate_series(1, 200) n WHERE try_lock('default', n::text);	-- 200
SELECT count(*) FROM lock_holders;	-- 200
SELECT count(*) FROM generate_series(1, 200, 2) n WHERE unlock('default', n::text);	-- 100
SELECT count(*), count(DISTINCT token), bool_and(key::int % 2 = 0) FROM lock_holders;	-- 100, 100, true
SELECT count(*) FROM generate_series(1, 200) n WHERE holds_lock('default', n::text);	-- 100
SELECT unlock_all();	-- 100
SELECT count(*) FROM pg_locks WHERE locktype = 'advisory';	-- 0

-- a hold of the built-in functions with the same id is not ours
SELECT pg_advisory_lock(lock_id('default', 'k'));
SELECT unlock('default', 'k'), unlock_all();	-- a warning, false, 0
SELECT pg_advisory_unlock(lock_id('default', 'k'));	-- true
SELECT drop_lock_namespace('other');
