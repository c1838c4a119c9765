-- CALL wait_lock: a lock of the session
CALL wait_lock('default', 'k');	-- true
SELECT key, mode, scope FROM lock_holders;	-- k exclusive session
SELECT unlock('default', 'k');	-- true
CALL wait_lock('default', 'k', 'shared');	-- true
CALL wait_lock(namespace => 'default', key => 'k2', wait => '1 s');	-- true
SELECT key, mode, scope FROM lock_holders ORDER BY key;	-- k shared, k2 exclusive
SELECT fencing_token('default', 'k2') > fencing_token('default', 'k');	-- true
SELECT unlock_all();	-- 2

-- through a prepared statement and the extended protocol
PREPARE q AS SELECT 1;
CALL wait_lock('default', 'k', 'exclusive', '0');	-- true
SELECT unlock('default', 'k');	-- true
\set VERBOSITY sqlstate
-- at any isolation level, in a read-only session
SET default_transaction_isolation = 'serializable';
SET default_transaction_read_only = on;
CALL wait_lock('default', 'k');	-- true
SELECT unlock('default', 'k');	-- true
RESET default_transaction_isolation;
RESET default_transaction_read_only;

-- a role without rights on anything
CREATE ROLE regress_poor;
SET ROLE regress_poor;
CALL wait_lock('default', 'k');	-- true
SELECT fencing_token('default', 'k') > 0, unlock('default', 'k');	-- true, true
RESET ROLE;
DROP ROLE regress_poor;
SELECT count(*) FROM lock_holders;	-- 0

-- a key that is stored out of line, read by a function
CREATE TABLE long_key (key text, filler text);
ALTER TABLE long_key ALTER key SET STORAGE EXTERNAL, ALTER filler SET STORAGE PLAIN;
INSERT INTO long_key SELECT string_agg(n::text, ' '), repeat('x', 1500) FROM generate_series(1, 240) n;
SELECT pg_relation_size(reltoastrelid) > 0 AS out_of_line FROM pg_class WHERE oid = 'long_key'::regclass;	-- true
CREATE FUNCTION pg_temp.long_key() RETURNS text LANGUAGE plpgsql AS 'BEGIN RETURN (SELECT key FROM long_key); END';
CALL wait_lock('default', pg_temp.long_key());	-- true
SELECT octet_length(key) > 800 AS long FROM lock_holders;	-- true
SELECT unlock('default', key) FROM long_key;	-- true
CALL run_exclusive('default', pg_temp.long_key(), 'SELECT');	-- true
SELECT try_lock('default', key) FROM long_key;	-- true
SELECT key = (SELECT key FROM long_key) AS whole FROM lock_holders;	-- true
SELECT unlock_all();	-- 1
DROP TABLE long_key;
