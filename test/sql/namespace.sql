-- A namespace is registered before it is used: a typo must not become a second lock.
\set VERBOSITY sqlstate
SELECT try_lock('jobs', 'k');	-- 42704
SELECT lock_namespace('jobs') = ('x' || encode(substr(sha256('jobs'::bytea || '\x00'), 1, 8), 'hex'))::bit(64)::bigint;	-- true
SELECT lock_namespace('jobs') = lock_namespace('jobs');	-- true: idempotent
SELECT namespace, namespace_id = lock_namespace('jobs') AS id, allowed_role, interop, max_holds, lock_delay,
	created_at <= now() AS created, paused_at, paused_by, paused_reason
FROM lock_namespaces WHERE namespace <> 'default';	-- one row
SELECT try_lock('jobs', 'k');	-- true

-- other settings than registered are an error
SELECT lock_namespace('jobs', interop => true);	-- 42710
SELECT lock_namespace('jobs', max_holds => 5);	-- 42710
SELECT lock_namespace('jobs', lock_delay => '1 s');	-- 42710
SELECT lock_namespace('jobs', allowed_role => 'pg_monitor');	-- 42710
SELECT lock_namespace('settings', max_holds => 5, lock_delay => '60 s') IS NOT NULL;	-- true
SELECT lock_namespace('settings', max_holds => 5, lock_delay => '1 min') IS NOT NULL;	-- true: the same delay
SELECT lock_namespace('settings', max_holds => 6, lock_delay => '1 min');	-- 42710
SELECT lock_namespace('settings');	-- 42710

-- in use it stays
SELECT drop_lock_namespace('jobs');	-- 55006
SELECT unlock('jobs', 'k');	-- true
BEGIN;
SELECT try_xact_lock('jobs', 'k', 'shared');	-- true
SELECT drop_lock_namespace('jobs');	-- 55006
ROLLBACK;
SELECT drop_lock_namespace('jobs');
SELECT try_lock('jobs', 'k');	-- 42704: no cache remembers it
SELECT drop_lock_namespace('jobs');	-- 42704
SELECT drop_lock_namespace('settings');

-- it is a thing of the transaction
BEGIN;
SELECT lock_namespace('jobs') IS NOT NULL, try_xact_lock('jobs', 'k');	-- true, true
ROLLBACK;
SELECT try_lock('jobs', 'k');	-- 42704
SELECT lock_namespace('jobs') IS NOT NULL;	-- true
BEGIN;
SELECT drop_lock_namespace('jobs');
SELECT try_lock('jobs', 'k');	-- 42704
ROLLBACK;
SELECT try_lock('jobs', 'k'), unlock('jobs', 'k');	-- true, true

-- made anew while one of its locks is held, it excludes who has it
BEGIN;
SELECT lock_namespace('again') IS NOT NULL, try_lock('again', 'k');	-- true, true
ROLLBACK;
SELECT lock_namespace('again', interop => true);	-- 55006
SELECT lock_namespace('again') IS NOT NULL, holds_lock('again', 'k');	-- true, true
SELECT unlock_all();	-- 1
SELECT drop_lock_namespace('again');
BEGIN;
SELECT lock_namespace('again', interop => true) IS NOT NULL, try_lock('again', 'k');	-- true, true
ROLLBACK;
SELECT lock_namespace('again');	-- 55006
SELECT unlock_all();	-- 1

-- bad settings
SELECT lock_namespace(NULL);	-- 22004
SELECT lock_namespace('');	-- 42602
SELECT lock_namespace(repeat('n', 64));	-- 42622
SELECT lock_namespace('bad', max_holds => 0);	-- 22023
SELECT lock_namespace('bad', lock_delay => '-1 s');	-- 22023
SELECT lock_namespace('bad', lock_delay => '170000000 years');	-- 22023: no clock goes so far
SELECT lock_namespace('bad', allowed_role => 'pg_monitor', interop => true);	-- 22023: not enforceable
SELECT lock_namespace('bad', allowed_role => 0::oid::regrole);	-- 42704
SELECT lock_namespace('default', max_holds => 3);	-- 22023: a dump would not keep it
SELECT drop_lock_namespace(NULL);	-- 22004
SELECT drop_lock_namespace('jobs');
SELECT namespace, allowed_role, interop FROM lock_namespaces;	-- default
