-- Event triggers hear of our GRANT and REVOKE as of any command of the role that called us.
SELECT current_database() AS home \gset
CREATE ROLE regress_payers;
CREATE ROLE regress_registrar;
CREATE DATABASE regress_events;
\c regress_events
\set VERBOSITY terse
CREATE EXTENSION pg_exclusive;
CREATE TABLE ddl_history (tag text, who text);
CREATE FUNCTION log_ddl() RETURNS event_trigger LANGUAGE plpgsql AS $$ BEGIN INSERT INTO ddl_history VALUES (tg_event || ' ' || tg_tag, current_user); END $$;
CREATE EVENT TRIGGER e1 ON ddl_command_start EXECUTE FUNCTION log_ddl();
CREATE EVENT TRIGGER e2 ON ddl_command_end EXECUTE FUNCTION log_ddl();
SELECT lock_namespace('a') IS NOT NULL;
SELECT lock_namespace('p', 'regress_payers') IS NOT NULL;
SELECT drop_lock_namespace('p');
TABLE ddl_history;	-- GRANT and REVOKE, start and end, by the user

-- a registrar's own objects do not run as the extension's owner
GRANT EXECUTE ON FUNCTION lock_namespace, drop_lock_namespace TO regress_registrar;
CREATE SCHEMA trap AUTHORIZATION regress_registrar;
CREATE TABLE trap.ddl_history (tag text, who text);
ALTER TABLE trap.ddl_history OWNER TO regress_registrar;
TRUNCATE ddl_history;
SET ROLE regress_registrar;
SELECT lock_namespace('p', 'regress_payers');	-- 42501: may not write the history
SET search_path = trap, public;
SELECT lock_namespace('p', 'regress_payers') IS NOT NULL;	-- true
SELECT drop_lock_namespace('p');
SELECT DISTINCT who FROM trap.ddl_history;	-- regress_registrar
RESET ROLE;
\c :home
DROP DATABASE regress_events;
DROP ROLE regress_payers, regress_registrar;
