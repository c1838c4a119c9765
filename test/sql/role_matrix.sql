-- Who may do what in a namespace with a role: {acquire, release, see, administrate} by
-- {the role itself, a member, a NOINHERIT member, the same after SET ROLE, through a definer function, an outsider}.
SELECT current_user AS superuser \gset
CREATE ROLE regress_owner;
CREATE ROLE regress_member IN ROLE regress_owner;
CREATE ROLE regress_noinherit NOINHERIT IN ROLE regress_owner;
CREATE ROLE regress_outsider;
SELECT lock_namespace('matrix', 'regress_owner', max_lease => '1 s') IS NOT NULL;	-- true
CREATE FUNCTION definer(call text) RETURNS text LANGUAGE plpgsql SECURITY DEFINER AS $$
DECLARE
	result text;
BEGIN
	EXECUTE 'SELECT ' || call INTO result;
	RETURN result;
END $$;
CREATE SCHEMA regress_definer AUTHORIZATION regress_member;
ALTER FUNCTION definer SET SCHEMA regress_definer;
GRANT CREATE ON SCHEMA regress_definer TO regress_member;
ALTER FUNCTION regress_definer.definer OWNER TO regress_member;
GRANT USAGE ON SCHEMA regress_definer TO PUBLIC;

-- outcome(login, role, definer, call) - in a session of that user
CREATE FUNCTION outcome(login text, role text, definer boolean, call text) RETURNS text LANGUAGE plpgsql AS $$
DECLARE
	result text;
BEGIN
	EXECUTE format('SET LOCAL SESSION AUTHORIZATION %I', login);
	IF role IS NOT NULL THEN
		EXECUTE format('SET LOCAL ROLE %I', role);
	END IF;
	IF definer THEN
		result := regress_definer.definer(call);
	ELSE
		EXECUTE 'SELECT ' || call INTO result;
	END IF;
	RAISE 'undo';
EXCEPTION
	WHEN raise_exception THEN RETURN coalesce(result, 'NULL');
	WHEN OTHERS THEN RETURN SQLSTATE;
END $$;
CREATE TEMP TABLE who (n serial, name text, login text, role text, definer boolean);
INSERT INTO who (name, login, role, definer) VALUES
	('owner', 'regress_owner', NULL, false), ('member', 'regress_member', NULL, false),
	('noinherit', 'regress_noinherit', NULL, false), ('set role', 'regress_noinherit', 'regress_owner', false),
	('definer', 'regress_outsider', NULL, true), ('outsider', 'regress_outsider', NULL, false);
CREATE TEMP TABLE act (n serial, name text, call text);
INSERT INTO act (name, call) VALUES
	('acquire', 'try_lock(''matrix'', ''a'') AND unlock(''matrix'', ''a'')'),
	('acquire xact', 'try_xact_lock(''matrix'', ''a'', ''shared'')'),
	('run', 'try_run_exclusive(''matrix'', ''a'', ''SELECT'')'),
	('once', 'try_run_once(''matrix'', ''a'', ''slot'', ''SELECT'')'),
	('every', 'try_run_every(''matrix'', ''a'', ''1 h'', ''SELECT'')'),
	('many', 'try_lock_all(''matrix'', ARRAY[''a'', ''b'']) AND unlock(''matrix'', ''a'') AND unlock(''matrix'', ''b'')'),
	('first', 'try_lock_first(''matrix'', ARRAY[''a'']) = ''a'' AND unlock(''matrix'', ''a'')'),
	('each', '(SELECT bool_and(acquired) FROM try_lock_each(''matrix'', ARRAY[''a''])) AND unlock(''matrix'', ''a'')'),
	('permit', 'try_lock_permit(''matrix'', ''p'', 2) > 0 AND unlock(''matrix'', ''p'')'),
	('fence', 'check_fence(''matrix'', ''held'', (SELECT token FROM lock_holders WHERE namespace = ''matrix''))::text = '''''),
	('lease', '(SELECT release_lease(''matrix'', ''l'', acquire_lease(''matrix'', ''l'', ''1 s'')))'),
	('request', 'request_lock(''matrix'', ''held'', ''reason'')'),
	('see', '(SELECT key FROM lock_holders WHERE namespace = ''matrix'')'),
	('see client', '(SELECT application_name IS NOT NULL FROM lock_holders WHERE namespace = ''matrix'')'),
	('see runs', '(SELECT bool_or(key IS NOT NULL) FROM lock_runs WHERE namespace = ''matrix'')'),
	('register', 'lock_namespace(''other'') IS NOT NULL'),
	('drop', 'drop_lock_namespace(''matrix'')::text'),
	('pause', 'pause_lock_namespace(''matrix'', ''reason'')::text'),
	('resume', 'resume_lock_namespace(''matrix'')::text'),
	('break', 'break_lock(''matrix'', ''a'', ''reason'')'),
	('reset', 'reset_lock_stats()::text'),
	('forget', 'forget_lock_runs(''1 day'')');
SELECT try_lock('matrix', 'held'), try_run_once('matrix', 'held too', 'slot', 'SELECT');	-- true, true
-- each in a transaction of its own, for some of them write
CREATE TEMP TABLE matrix (act int, who int, outcome text);
DO $$
DECLARE
	act act;
	who who;
	answer text;
BEGIN
	FOR act IN SELECT * FROM act LOOP
		FOR who IN SELECT * FROM who LOOP
			answer := outcome(who.login, who.role, who.definer, act.call);
			COMMIT;
			INSERT INTO matrix VALUES (act.n, who.n, answer);
			COMMIT;
		END LOOP;
	END LOOP;
END $$;
-- NOINHERIT and outsiders 42501, the others may; administrating is for nobody here
SELECT act.name AS act, who.name AS who, outcome, who.n
FROM matrix JOIN act ON act = act.n JOIN who ON who = who.n ORDER BY act.n \crosstabview act who outcome n

-- releasing is for whoever holds, also when he may not acquire any more
SET ROLE regress_outsider;
SELECT holds_lock('matrix', 'held'), unlock('matrix', 'held');	-- true, true
RESET ROLE;
SELECT count(*) FROM lock_holders;	-- 0
SELECT drop_lock_namespace('matrix');
DELETE FROM exclusive_internal.run_record;
DELETE FROM exclusive_internal.fence_record;
DROP FUNCTION outcome;
SET client_min_messages = warning;
DROP SCHEMA regress_definer CASCADE;
DROP ROLE regress_owner, regress_member, regress_noinherit, regress_outsider;
