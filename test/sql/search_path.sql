-- A hostile search_path gets no code run: everything we use is qualified.
CREATE TABLE hijacked (what text);
CREATE SCHEMA evil;
CREATE FUNCTION evil.note(what text) RETURNS boolean LANGUAGE plpgsql AS $$
BEGIN INSERT INTO public.hijacked VALUES (what); RETURN true; END $$;
CREATE FUNCTION evil.eq(text, text) RETURNS boolean LANGUAGE sql AS $$SELECT evil.note('text =')$$;
CREATE FUNCTION evil.eq(bigint, bigint) RETURNS boolean LANGUAGE sql AS $$SELECT evil.note('bigint =')$$;
CREATE FUNCTION evil.eq(name, name) RETURNS boolean LANGUAGE sql AS $$SELECT evil.note('name =')$$;
CREATE FUNCTION evil.eq(integer, integer) RETURNS boolean LANGUAGE sql AS $$SELECT evil.note('integer =')$$;
CREATE OPERATOR evil.= (FUNCTION = evil.eq, LEFTARG = text, RIGHTARG = text);
CREATE OPERATOR evil.= (FUNCTION = evil.eq, LEFTARG = bigint, RIGHTARG = bigint);
CREATE OPERATOR evil.= (FUNCTION = evil.eq, LEFTARG = name, RIGHTARG = name);
CREATE OPERATOR evil.= (FUNCTION = evil.eq, LEFTARG = integer, RIGHTARG = integer);
CREATE FUNCTION evil.ge(timestamptz, timestamptz) RETURNS boolean LANGUAGE sql AS $$SELECT evil.note('timestamptz >')$$;
CREATE OPERATOR evil.> (FUNCTION = evil.ge, LEFTARG = timestamptz, RIGHTARG = timestamptz);
CREATE OPERATOR evil.< (FUNCTION = evil.ge, LEFTARG = timestamptz, RIGHTARG = timestamptz);
CREATE FUNCTION evil.clock_timestamp() RETURNS timestamptz LANGUAGE sql AS $$SELECT evil.note('clock'); SELECT '-infinity'::timestamptz$$;
CREATE FUNCTION evil.setval(regclass, bigint) RETURNS bigint LANGUAGE sql AS $$SELECT evil.note('setval'); SELECT 1::bigint$$;
CREATE FUNCTION evil.has_table_privilege(text, text) RETURNS boolean LANGUAGE sql AS $$SELECT evil.note('privilege')$$;
CREATE FUNCTION evil.lock_id(text, text) RETURNS bigint LANGUAGE sql AS $$SELECT evil.note('lock_id'); SELECT 1::bigint$$;
CREATE FUNCTION evil._lock_status() RETURNS SETOF record LANGUAGE sql AS $$SELECT evil.note('status'), 1$$;
CREATE TEMP TABLE namespace_registry (name text, allowed_role regrole, interop boolean, max_holds int,
	lock_delay interval, created_at timestamptz, paused_at timestamptz, paused_by text, paused_reason text);
CREATE TEMP TABLE run_record (namespace text, key text, slot text);
CREATE TEMP TABLE pg_locks (pid int);
CREATE TEMP TABLE pg_roles (rolname name);
CREATE TEMP SEQUENCE token_epoch;
INSERT INTO pg_temp.namespace_registry (name) VALUES ('evil');

SET search_path = pg_temp, evil, pg_catalog, public;
SELECT public.try_lock('evil', 'k');	-- 42704: not our registry
SELECT public.lock_namespace('good') IS NOT NULL;	-- true
SELECT public.lock_namespace('good') IS NOT NULL;	-- true
SELECT public.try_lock('good', 'k'), public.holds_lock('good', 'k'), public.fencing_token('good', 'k') > 0;	-- true
SELECT namespace, key FROM public.lock_holders;	-- good k
SELECT count(*) FROM public.lock_waiters;	-- 0
SELECT public.unlock('good', 'k');	-- true
CALL public.wait_lock('good', 'k');	-- true
SELECT public.unlock_all('good');	-- 1
CALL public.run_exclusive('good', 'k', 'SELECT');	-- true
SELECT public.try_run_exclusive('good', 'k', 'SELECT');	-- true
SELECT public.try_run_once('good', 'k', 'slot', 'SELECT');	-- true
SELECT public.try_run_once('good', 'k', 'slot', 'SELECT');	-- false
SELECT public.try_run_every('good', 'k', '1 hour', 'SELECT');	-- true
SELECT public.try_run_every('good', 'k', '1 hour', 'SELECT');	-- false
SELECT kind, slot, state FROM public.lock_runs ORDER BY kind;	-- every, once
SELECT count(*) FROM public.lock_namespaces;	-- 2
SELECT public.drop_lock_namespace('good');
RESET search_path;

SELECT what FROM hijacked;	-- none
SELECT count(*) FROM pg_temp.run_record;	-- 0
SELECT last_value, is_called FROM pg_temp.token_epoch;	-- 1, false
DROP TABLE pg_temp.namespace_registry, pg_temp.run_record, pg_temp.pg_locks, pg_temp.pg_roles;
DROP SEQUENCE pg_temp.token_epoch;
DELETE FROM exclusive_internal.run_record;
\set VERBOSITY terse
SET client_min_messages = warning;
DROP SCHEMA evil CASCADE;
DROP TABLE hijacked;
