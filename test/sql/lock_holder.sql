-- lock_holder: who has one name
\set VERBOSITY sqlstate
SELECT * FROM lock_holder('default', 'k');	-- none
SELECT try_lock('default', 'k');	-- true
SELECT mode, scope, token = fencing_token('default', 'k') AS token, pid = pg_backend_pid() AS pid,
	role = current_user AS role, application_name = current_setting('application_name') AS application,
	client_addr IS NOT DISTINCT FROM inet_client_addr() AS client, acquired_at <= clock_timestamp() AS acquired_at
FROM lock_holder('default', 'k');	-- exclusive session, all true
SELECT unlock('default', 'k');	-- true
BEGIN;
SELECT try_xact_lock('default', 'k', 'shared');	-- true
SELECT mode, scope FROM lock_holder('default', 'k');	-- shared transaction
COMMIT;
SELECT * FROM lock_holder('default', 'k');	-- none

-- each holder of a semaphore
SELECT try_lock_permit('default', 's', 2) IS NOT NULL;	-- true
SELECT count(*), bool_and(pid = pg_backend_pid()) FROM lock_holder('default', 's');	-- 1, true
SELECT unlock('default', 's');	-- true

SELECT * FROM lock_holder('default', NULL);	-- 22004
SELECT * FROM lock_holder('typo', 'k');	-- 42704
SELECT * FROM lock_holder('default', '');	-- 42602

-- outsiders see that it is held, not by whom from where
CREATE ROLE regress_keepers;
CREATE ROLE regress_outsider;
SELECT lock_namespace('kept', 'regress_keepers') IS NOT NULL;	-- true
SELECT try_lock('kept', 'k');	-- true
SET ROLE regress_outsider;
SELECT mode, scope, application_name, client_addr FROM lock_holder('kept', 'k');	-- exclusive session, NULL, NULL
RESET ROLE;
SELECT unlock_all();	-- 1
SELECT drop_lock_namespace('kept');
DROP ROLE regress_keepers, regress_outsider;
