-- Privileges of others on our objects: no code of theirs runs as our owner, and nothing is opened.
SELECT current_database() AS home \gset
CREATE ROLE regress_app;
CREATE ROLE regress_keeper;
CREATE DATABASE regress_grants;
\c regress_grants
\set VERBOSITY sqlstate
-- what ALTER DEFAULT PRIVILEGES gives to others is taken back, and what our script grants stays
ALTER DEFAULT PRIVILEGES GRANT ALL ON TABLES TO regress_app;
ALTER DEFAULT PRIVILEGES GRANT ALL ON TABLES TO PUBLIC;
ALTER DEFAULT PRIVILEGES GRANT ALL ON SEQUENCES TO regress_app;
ALTER DEFAULT PRIVILEGES GRANT ALL ON FUNCTIONS TO regress_app;
ALTER DEFAULT PRIVILEGES GRANT ALL ON SCHEMAS TO regress_app;
CREATE EXTENSION pg_exclusive;
CREATE VIEW privileges AS
SELECT pg_describe_object(d.classid, d.objid, 0) AS object, grantee::regrole, privilege_type
FROM pg_depend d
	LEFT JOIN pg_class c ON d.classid = 'pg_class'::regclass AND c.oid = d.objid
	LEFT JOIN pg_proc p ON d.classid = 'pg_proc'::regclass AND p.oid = d.objid
	LEFT JOIN pg_namespace n ON d.classid = 'pg_namespace'::regclass AND n.oid = d.objid,
	aclexplode(coalesce(relacl, proacl, nspacl))
WHERE d.deptype = 'e' AND d.refclassid = 'pg_extension'::regclass
	AND d.refobjid = (SELECT oid FROM pg_extension WHERE extname = 'pg_exclusive')
	AND grantee <> coalesce(relowner, proowner, nspowner);
SELECT * FROM privileges WHERE object !~ '^(function|procedure)' ORDER BY object COLLATE "C", grantee::text;	-- the views, the schema, and pg_dump's
SELECT DISTINCT grantee FROM privileges WHERE object ~ '^(function|procedure)';	-- PUBLIC
SELECT has_function_privilege('regress_app', 'break_lock(text, text, text, interval)', 'EXECUTE');	-- false
ALTER DEFAULT PRIVILEGES REVOKE ALL ON TABLES FROM regress_app;
ALTER DEFAULT PRIVILEGES REVOKE ALL ON TABLES FROM PUBLIC;
ALTER DEFAULT PRIVILEGES REVOKE ALL ON SEQUENCES FROM regress_app;
ALTER DEFAULT PRIVILEGES REVOKE ALL ON FUNCTIONS FROM regress_app;
ALTER DEFAULT PRIVILEGES REVOKE ALL ON SCHEMAS FROM regress_app;

TABLE exclusive_internal.foreign_rights;	-- none
-- the grant that every tutorial has; and one on our own schema
SELECT lock_namespace('kept', 'regress_keeper') IS NOT NULL;
GRANT ALL ON ALL TABLES IN SCHEMA public, exclusive_internal TO regress_app;
CREATE SCHEMA app AUTHORIZATION regress_app;
SET ROLE regress_app;
CREATE FUNCTION app.climb() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN ALTER ROLE regress_app SUPERUSER; RETURN NEW; END $$;
CREATE TRIGGER t1 BEFORE INSERT OR UPDATE OR DELETE ON exclusive_internal.run_record FOR EACH ROW EXECUTE FUNCTION app.climb();
CREATE TRIGGER t2 AFTER INSERT OR UPDATE OR DELETE ON exclusive_internal.run_record FOR EACH STATEMENT EXECUTE FUNCTION app.climb();
CREATE CONSTRAINT TRIGGER t3 AFTER INSERT OR UPDATE ON exclusive_internal.fence_record DEFERRABLE INITIALLY DEFERRED FOR EACH ROW EXECUTE FUNCTION app.climb();
CREATE TRIGGER t4 BEFORE INSERT OR UPDATE OR DELETE ON exclusive_internal.namespace_registry FOR EACH STATEMENT EXECUTE FUNCTION app.climb();
ALTER TABLE exclusive_internal.run_record ENABLE ALWAYS TRIGGER t1;	-- 42501
CREATE RULE r AS ON INSERT TO exclusive_internal.run_record DO ALSO SELECT app.climb();	-- 42501
CREATE TABLE app.child (namespace text COLLATE "C", key text COLLATE "C", FOREIGN KEY (namespace, key) REFERENCES exclusive_internal.fence_record ON DELETE CASCADE);
SELECT try_run_once('default', 'k', 'slot', 'SELECT 1'), try_run_once('default', 'k', 'slot', 'SELECT 1');	-- true, false
SELECT try_run_every('default', 'k', '1 day', 'SELECT 1');	-- true
SELECT try_lock('default', 'o'), begin_run('default', 'o', 's'), finish_run('default', 'o', 's', true);	-- true, true
SELECT check_fence('default', 'o', fencing_token('default', 'o'));
SELECT check_fence('default', 'o', fencing_token('default', 'o'));
SELECT unlock('default', 'o');	-- true
RESET ROLE;
SELECT forget_lock_runs('0') > 0;	-- true
SELECT lock_namespace('jobs') IS NOT NULL, pause_lock_namespace('jobs', 'why'), resume_lock_namespace('jobs'), drop_lock_namespace('jobs');
SELECT rolsuper FROM pg_roles WHERE rolname = 'regress_app';	-- false
SELECT * FROM exclusive_internal.foreign_rights WHERE privilege IN ('TRIGGER', 'trigger') ORDER BY 1, 2, 3;	-- what doctor warns of
DROP TABLE app.child;
DROP FUNCTION app.climb CASCADE;

-- a role that was granted everything opens nothing
SET ROLE regress_app;
UPDATE exclusive_internal.namespace_registry SET allowed_role = NULL;	-- 42501
DELETE FROM exclusive_internal.namespace_registry;	-- 42501
TRUNCATE exclusive_internal.namespace_registry;	-- 42501
INSERT INTO exclusive_internal.namespace_registry VALUES ('mine');	-- 42501
DELETE FROM exclusive_internal.run_record;	-- 42501
UPDATE exclusive_internal.fence_record SET token = 1;	-- 42501
COPY exclusive_internal.fence_record FROM stdin;	-- 42501
\.
SELECT try_lock('kept', 'k');	-- 42501
RESET ROLE;
\c :home
DROP DATABASE regress_grants;
DROP ROLE regress_app, regress_keeper;
