-- unlock before COMMIT would show the next holder the old data: refused
\set VERBOSITY sqlstate
CREATE TABLE balance (amount int);
SELECT try_lock('default', 'k');	-- true
BEGIN;
SELECT count(*) FROM balance;	-- 0: reading is no writing
INSERT INTO balance VALUES (1);
SELECT unlock('default', 'k');	-- 25001
ROLLBACK;
SELECT holds_lock('default', 'k');	-- true

BEGIN;
INSERT INTO balance VALUES (1);
SELECT unlock_all();	-- 25001
ROLLBACK;
SELECT holds_lock('default', 'k');	-- true

-- one statement that writes and unlocks
WITH w AS (INSERT INTO balance VALUES (1) RETURNING 1) SELECT unlock('default', 'k') FROM w;	-- 25001
SELECT holds_lock('default', 'k'), (SELECT count(*) FROM balance);	-- true, 0

-- COMMIT, then unlock
BEGIN;
INSERT INTO balance VALUES (1);
COMMIT;
SELECT unlock('default', 'k');	-- true

-- taking a lock is no writing: what was taken in a transaction can be freed there
BEGIN;
SELECT try_lock('default', 'k'), unlock('default', 'k');	-- true, true
SELECT try_lock('default', 'k'), unlock_all();	-- true, 1
COMMIT;
BEGIN;
SELECT try_lock('default', 'k');	-- true
SELECT count(*) FROM balance;	-- 1
SELECT unlock('default', 'k');	-- true
COMMIT;

-- what was written in a subtransaction counts as well
SELECT try_lock('default', 'k');	-- true
BEGIN;
SAVEPOINT s;
INSERT INTO balance VALUES (1);
RELEASE s;
SELECT unlock('default', 'k');	-- 25001
ROLLBACK;

-- nothing to free is nothing to refuse
SELECT unlock('default', 'k');	-- true
BEGIN;
INSERT INTO balance VALUES (1);
SELECT unlock('default', 'k');	-- a warning and false
SELECT unlock_all();	-- 0
ROLLBACK;
SELECT count(*) FROM lock_holders;	-- 0
DROP TABLE balance;
