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
