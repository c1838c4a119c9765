-- What the kit puts between a client and the extension: functions of the same
-- names and arguments that call the real ones, and that can be made to stop
-- just before or just after.  A client finds them first in its search_path.
\set QUIET on
\set ON_ERROR_STOP on

CREATE SCHEMA the_extension;
CREATE EXTENSION pg_exclusive SCHEMA the_extension;
CREATE SCHEMA kit;

-- What happens to calls for this key.  action: "hang" waits for the advisory lock
-- "gate" that the kit holds; "unlock" frees the session's locks first, as DISCARD
-- ALL does; "replace" does so and takes the lock again.
CREATE TABLE kit.fault (key text, call text, moment text, action text, gate bigint);

CREATE TABLE public.work_done (key text, slot text);

CREATE FUNCTION kit.point(in_key text, in_call text, in_moment text) RETURNS void
LANGUAGE plpgsql AS $$
DECLARE
	fault kit.fault;
BEGIN
	FOR fault IN SELECT * FROM kit.fault f
		WHERE f.key = in_key AND f.call = in_call AND f.moment = in_moment
	LOOP
		IF fault.action = 'hang' THEN
			PERFORM pg_advisory_lock_shared(fault.gate);
			PERFORM pg_advisory_unlock_shared(fault.gate);
		ELSE
			PERFORM the_extension.unlock_all();
			IF fault.action = 'replace' THEN
				PERFORM the_extension.try_lock('conformance', in_key);
			END IF;
		END IF;
	END LOOP;
END $$;

CREATE FUNCTION public.try_lock(namespace text, key text,
	mode text DEFAULT 'exclusive', wait interval DEFAULT '0') RETURNS boolean
LANGUAGE plpgsql AS $$
DECLARE
	result boolean;
BEGIN
	PERFORM kit.point(key, 'acquire', 'before');
	result := the_extension.try_lock(namespace, key, mode, wait);
	PERFORM kit.point(key, 'acquire', 'after');
	RETURN result;
END $$;

CREATE FUNCTION public.fencing_token(namespace text, key text) RETURNS bigint
LANGUAGE plpgsql AS $$
BEGIN
	PERFORM kit.point(key, 'renew', 'before');
	RETURN the_extension.fencing_token(namespace, key);
END $$;

CREATE FUNCTION public.holds_lock(namespace text, key text) RETURNS boolean
LANGUAGE plpgsql AS $$
BEGIN
	PERFORM kit.point(key, 'renew', 'before');
	RETURN the_extension.holds_lock(namespace, key);
END $$;

CREATE FUNCTION public.acquire_lease(namespace text, key text, ttl interval,
	wait interval DEFAULT '0') RETURNS bigint
LANGUAGE plpgsql AS $$
DECLARE
	result bigint;
BEGIN
	PERFORM kit.point(key, 'acquire', 'before');
	result := the_extension.acquire_lease(namespace, key, ttl, wait);
	PERFORM kit.point(key, 'acquire', 'after');
	RETURN result;
END $$;

CREATE FUNCTION public.renew_lease(namespace text, key text, token bigint,
	ttl interval DEFAULT NULL) RETURNS boolean
LANGUAGE plpgsql AS $$
BEGIN
	PERFORM kit.point(key, 'renew', 'before');
	RETURN the_extension.renew_lease(namespace, key, token, ttl);
END $$;

CREATE FUNCTION public.try_run_once(namespace text, key text, slot text, task text)
RETURNS boolean
LANGUAGE plpgsql AS $$
DECLARE
	result boolean;
BEGIN
	result := the_extension.try_run_once(namespace, key, slot, task);
	PERFORM kit.point(key, 'once', 'after');
	RETURN result;
END $$;

CREATE ROLE conformance LOGIN;
CREATE ROLE nobody_of_the_kit;
GRANT USAGE ON SCHEMA kit, the_extension TO conformance;
GRANT SELECT ON kit.fault TO conformance;
GRANT SELECT, INSERT ON public.work_done TO conformance;
SELECT count(lock_namespace) AS namespaces FROM (VALUES
	(the_extension.lock_namespace('conformance')),
	(the_extension.lock_namespace('conformance of leases', max_lease => '10 s')),
	(the_extension.lock_namespace('billing')),
	(the_extension.lock_namespace('a/b')),
	(the_extension.lock_namespace('é')),
	(the_extension.lock_namespace('not ours', 'nobody_of_the_kit', max_lease => '10 s'))) n (lock_namespace) \gset
SELECT format('ALTER DATABASE %I SET search_path = public, the_extension',
	current_database()) \gexec
