-- Whose lease it is: a token is no secret, so the namespace's role and the owner's privileges count.
\set VERBOSITY sqlstate
SELECT current_user AS superuser \gset
CREATE ROLE regress_team;
CREATE ROLE regress_one IN ROLE regress_team;
CREATE ROLE regress_two IN ROLE regress_team;
CREATE ROLE regress_boss IN ROLE regress_one, regress_team;
CREATE ROLE regress_stranger;
CREATE ROLE regress_operator IN ROLE regress_team, pg_signal_backend;
GRANT EXECUTE ON FUNCTION break_lock TO regress_two, regress_operator;
SELECT lock_namespace('team', 'regress_team', max_lease => '1 min') IS NOT NULL;	-- true
SET ROLE regress_stranger;
SELECT acquire_lease('team', 'k', '30 s');	-- 42501
SET ROLE regress_one;
SELECT acquire_lease('team', 'k', '30 s') AS token \gset
SELECT role, key FROM lock_holders;	-- regress_one, k
SET ROLE regress_stranger;
SELECT role, key, application_name, scope FROM lock_holders;	-- the key is masked
SELECT role, application_name, scope FROM lock_holder('team', 'k');
SELECT renew_lease('team', 'k', :token);	-- 42501
SELECT release_lease('team', 'k', :token);	-- 42501
SELECT hand_over_lease('team', 'k', :token);	-- 42501
SELECT request_lock('team', 'k', 'please');	-- 42501
SELECT yield_requested('team', 'k', :token);	-- 42501
SET ROLE regress_two;
SELECT renew_lease('team', 'k', :token);	-- 42501: of the namespace, but not the owner
SELECT release_lease('team', 'k', :token);	-- 42501
SELECT hand_over_lease('team', 'k', :token);	-- 42501
SELECT renew_lease('team', 'k', :token + 1);	-- false: the token is no one's
SELECT request_lock('team', 'k', 'please');	-- true
SELECT break_lock('team', 'k', 'why');	-- 42501
SELECT begin_run('team', 'k', 's', token => :token);	-- 42501
SET ROLE regress_boss;
SELECT renew_lease('team', 'k', :token), hand_over_lease('team', 'k', :token) AS newer \gset
SELECT role, yield_requested FROM lock_holders;	-- regress_boss, null
SET ROLE regress_one;
SELECT renew_lease('team', 'k', :newer);	-- 42501: it is the other's now
SET ROLE regress_boss;
SELECT release_lease('team', 'k', :newer), acquire_lease('team', 'k', '5 s') > 0 AS again;	-- true, true
SET ROLE regress_operator;
SELECT break_lock('team', 'k', 'why');	-- 1
RESET ROLE;
SELECT acquire_lease('team', 'super', '30 s') AS token \gset
SET ROLE regress_operator;
SELECT break_lock('team', 'super', 'why');	-- 42501: a superuser's
RESET ROLE;
SELECT release_lease('team', 'super', :token);	-- true
-- administrating is for nobody else
SET ROLE regress_one;
SELECT lock_namespace('mine', max_lease => '1 s');	-- 42501
SELECT break_lock('team', 'k', 'why');	-- 42501
SET pg_exclusive.max_leases = 5;	-- 42501
RESET ROLE;
SELECT try_lock('team', 'k', wait => '1 min'), unlock('team', 'k');	-- true, true
SELECT drop_lock_namespace('team');
REVOKE EXECUTE ON FUNCTION break_lock FROM regress_two, regress_operator;
DROP ROLE regress_boss, regress_operator, regress_one, regress_two, regress_stranger, regress_team;
