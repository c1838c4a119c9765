-- A namespace with a role is for those who have the role's privileges, as a table would be.
\set VERBOSITY sqlstate
CREATE ROLE regress_keepers;
CREATE ROLE regress_member IN ROLE regress_keepers;
CREATE ROLE regress_noinherit NOINHERIT IN ROLE regress_keepers;
CREATE ROLE regress_outsider;
SELECT lock_namespace('kept', 'regress_keepers') IS NOT NULL;	-- true
SELECT lock_namespace('kept', 'regress_keepers') IS NOT NULL;	-- true
SELECT lock_namespace('kept');	-- 42710
SELECT namespace, allowed_role FROM lock_namespaces WHERE allowed_role IS NOT NULL;	-- kept

CREATE FUNCTION pg_temp.outcome(who regrole, call text) RETURNS text LANGUAGE plpgsql AS $$
DECLARE
	result text;
BEGIN
	EXECUTE format('SET LOCAL ROLE %s', who);
	EXECUTE 'SELECT ' || call INTO result;
	RESET ROLE;
	RETURN result;
EXCEPTION WHEN OTHERS THEN
	RETURN SQLSTATE;
END $$;
SELECT call, pg_temp.outcome('regress_keepers', call) AS keeper, pg_temp.outcome('regress_member', call) AS member,
	pg_temp.outcome('regress_noinherit', call) AS noinherit, pg_temp.outcome('regress_outsider', call) AS outsider
FROM (VALUES
	('try_xact_lock(''kept'', ''k'')'),
	('try_lock(''kept'', ''s'') AND unlock(''kept'', ''s'')'),
	('try_run_exclusive(''kept'', ''r'', ''SELECT'')'),
	('holds_lock(''kept'', ''h'')'),
	('coalesce(fencing_token(''kept'', ''h''), 0)'),
	('unlock_all(''kept'')')) v(call);	-- members may, NOINHERIT and outsiders 42501; asking and freeing is for all

-- NOINHERIT uses SET ROLE
SET SESSION AUTHORIZATION regress_noinherit;
SELECT try_lock('kept', 'k');	-- 42501
CALL wait_lock('kept', 'k');	-- 42501
SET ROLE regress_keepers;
SELECT try_lock('kept', 'k');	-- true
RESET SESSION AUTHORIZATION;
SELECT unlock_all();	-- 1

-- keys are for those who may use them
SELECT try_lock('kept', 'secret');	-- true
SELECT try_lock('default', 'open');	-- true
SET ROLE regress_outsider;
SELECT namespace, key, lock_id IS NULL AS id_masked, client_addr, application_name IS NULL AS application_masked
FROM lock_holders ORDER BY namespace;	-- kept: masked
SET ROLE regress_member;
SELECT namespace, key FROM lock_holders ORDER BY namespace;	-- kept secret
RESET ROLE;
GRANT pg_read_all_stats TO regress_outsider;
SET ROLE regress_outsider;
SELECT namespace, key FROM lock_holders ORDER BY namespace;	-- kept secret
RESET ROLE;
SELECT unlock_all();	-- 2

-- the role cannot go while a namespace names it
DROP ROLE regress_keepers;	-- 2BP01
-- unless it is dropped with all it owns: then nobody but superusers may use the namespace
DROP OWNED BY regress_keepers;
DROP ROLE regress_keepers;
SELECT try_lock('kept', 'k');	-- true: a superuser may
SELECT unlock_all();	-- 1
SET ROLE regress_member;
SELECT try_lock('kept', 'k');	-- 42501
RESET ROLE;
SELECT drop_lock_namespace('kept');
DROP ROLE regress_member, regress_noinherit, regress_outsider;
