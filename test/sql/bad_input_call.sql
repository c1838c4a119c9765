-- The procedures object to bad arguments as the functions do.
\set VERBOSITY sqlstate
CALL wait_lock(NULL, 'k');	-- 22004
CALL wait_lock('default', NULL);	-- 22004
CALL wait_lock('', 'k');	-- 42602
CALL wait_lock('default', '');	-- 42602
CALL wait_lock(repeat('n', 64), 'k');	-- 42622
CALL wait_lock('default', repeat('k', 1025));	-- 42622
CALL wait_lock('default', 'k', NULL);	-- 22004
CALL wait_lock('default', 'k', 'update');	-- 22023
CALL wait_lock('default', 'k', 'shared', '-1 ms');	-- 22023
CALL wait_lock('typo', 'k');	-- 42704

CALL run_exclusive(NULL, 'k', 'SELECT');	-- 22004
CALL run_exclusive('default', NULL, 'SELECT');	-- 22004
CALL run_exclusive('default', 'k', NULL);	-- 22004
CALL run_exclusive('', 'k', 'SELECT');	-- 42602
CALL run_exclusive('default', '', 'SELECT');	-- 42602
CALL run_exclusive(repeat('n', 64), 'k', 'SELECT');	-- 42622
CALL run_exclusive('default', repeat('k', 1025), 'SELECT');	-- 42622
CALL run_exclusive('default', 'k', 'SELECT', '-1 ms');	-- 22023
CALL run_exclusive('typo', 'k', 'SELECT');	-- 42704

-- the INOUT argument is only a result: what is given does not matter
CALL wait_lock('default', 'k', acquired => false);	-- true
SELECT unlock('default', 'k');	-- true
CALL run_exclusive('default', 'k', 'SELECT', ran => false);	-- true
SELECT count(*) FROM lock_holders;	-- 0
