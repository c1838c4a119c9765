-- check_fence: the check at the resource; a stale token never passes a newer one
\set VERBOSITY sqlstate
SELECT try_lock('default', 'k'), fencing_token('default', 'k') AS old \gset
SELECT unlock('default', 'k');	-- true
SELECT try_lock('default', 'k'), fencing_token('default', 'k') AS new \gset
SELECT check_fence('default', 'k', :old);	-- the highest so far
SELECT check_fence('default', 'k', :old);	-- again
SELECT check_fence('default', 'k', :new);
SELECT check_fence('default', 'k', :old);	-- 40001
SELECT check_fence('default', 'k', :new);
SELECT check_fence('default', 'other', :old);	-- each lock has its own

-- a transaction that fails has not seen a token
SELECT unlock('default', 'k');	-- true
SELECT try_lock('default', 'k'), fencing_token('default', 'k') AS newest \gset
BEGIN;
SELECT check_fence('default', 'k', :newest);
ROLLBACK;
SELECT check_fence('default', 'k', :new);	-- passes

-- a stale writer's transaction fails as a whole
CREATE TABLE account (amount int);
BEGIN;
INSERT INTO account VALUES (1);
SELECT check_fence('default', 'k', :old);	-- 40001
COMMIT;
SELECT count(*) FROM account;	-- 0

-- no token from the future: one call must not brick a name
SELECT check_fence('default', 'k', 9223372036854775807);	-- 22023
SELECT check_fence('default', 'k', :newest + 4294967296);	-- 22023
SELECT check_fence('default', 'k', 0);	-- 22023: no token
SELECT check_fence('default', 'k', -1);	-- 22023
SELECT check_fence('default', 'k', :newest);	-- still good

BEGIN READ ONLY;
SELECT check_fence('default', 'k', :newest);	-- 25006: it is to be remembered
ROLLBACK;
SELECT check_fence('default', 'k', NULL);	-- 22004
SELECT check_fence(NULL, 'k', 1);	-- 22004
SELECT check_fence('typo', 'k', 1);	-- 42704
SELECT check_fence('default', '', 1);	-- 42602

-- the namespace's role, and no way around
CREATE ROLE regress_keepers;
CREATE ROLE regress_outsider;
SELECT lock_namespace('kept', 'regress_keepers') IS NOT NULL;	-- true
SELECT try_lock('kept', 'k'), fencing_token('kept', 'k') AS kept \gset
SET ROLE regress_outsider;
SELECT check_fence('kept', 'k', :kept);	-- 42501
SELECT check_fence('default', 'k', :newest);	-- everybody's namespace
INSERT INTO exclusive_internal.fence_record VALUES ('default', 'k', 1);	-- 42501
SELECT * FROM exclusive_internal.fence_record;	-- 42501
SET ROLE regress_keepers;
SELECT check_fence('kept', 'k', :kept);
RESET ROLE;
SELECT namespace, key FROM exclusive_internal.fence_record ORDER BY 1, 2;	-- default k, default other, kept k
SELECT unlock_all();	-- 2
SELECT drop_lock_namespace('kept');
DELETE FROM exclusive_internal.fence_record;
DROP TABLE account;
DROP ROLE regress_keepers, regress_outsider;
