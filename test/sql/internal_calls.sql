-- What the client library calls: tokens in, tokens out, and details apart.
\set VERBOSITY sqlstate
SELECT exclusive_internal._details();	-- NULL
SELECT exclusive_internal._try('default', 'a', 'x') = fencing_token('default', 'a');	-- true
SELECT exclusive_internal._try('default', 'b', 's') AS b \gset
SELECT key, mode, scope FROM lock_holders ORDER BY key;	-- a exclusive, b shared
SELECT exclusive_internal._try('default', 'a', 'x');	-- 55006
SELECT exclusive_internal._try('default', 'c', 'y');	-- 22023
SELECT exclusive_internal._try('default', NULL, 'x');	-- 22004
SELECT exclusive_internal._calls('é', ARRAY['default', 'default'], ARRAY['c', 'd'], ARRAY[0, 0]::bigint[]);	-- NULL, NULL
SELECT exclusive_internal._details();	-- two modes, in letters that are there
SELECT exclusive_internal._unlock(:b);	-- true
SELECT exclusive_internal._unlock(:b);	-- false, and no warning
SELECT exclusive_internal._unlock(NULL);	-- false
SELECT holds_lock('default', 'b');	-- false

-- many at once: one answer each, a bad one does not stop the others
SELECT array_length(answer, 1) AS n, answer[1] IS NULL AS held, answer[2] > 0 AS got, answer[3] IS NULL AS typo,
	answer[4] > 0 AS shared, answer[5] IS NULL AS not_held, answer[6] > 0 AS still_held
FROM exclusive_internal._calls('xxxsuh', ARRAY['default', 'default', 'typo', 'default', '', ''],
	ARRAY['a', 'b', 'k', 'c', '', ''], ARRAY[NULL, NULL, NULL, NULL, 1, fencing_token('default', 'a')]) answer;	-- 6, true
SELECT d[i] AS ordinal, d[i + 1] AS sqlstate, d[i + 4] AS holder
FROM (SELECT exclusive_internal._details() AS d) s, generate_series(1, array_length(d, 1), 9) i;	-- 1 55006, 3 42704
SELECT string_agg(key || ' ' || mode, ', ' ORDER BY key) FROM lock_holders;	-- a and b exclusive, c shared
SELECT array_remove(exclusive_internal._calls('uuu', ARRAY['', '', ''], ARRAY['', '', ''], array_agg(token)), NULL) <> '{}' FROM lock_holders;	-- true
SELECT count(*) FROM lock_holders;	-- 0
SELECT exclusive_internal._details();	-- NULL

-- arrays that do not fit
SELECT exclusive_internal._calls('xx', ARRAY['default'], ARRAY['a', 'b'], ARRAY[NULL, NULL]::bigint[]);	-- 2202E
SELECT exclusive_internal._calls('q', ARRAY['default'], ARRAY['a'], ARRAY[NULL]::bigint[]);	-- no such operation: failed
SELECT (exclusive_internal._details())[2];	-- 22023
SELECT exclusive_internal._calls(NULL, NULL, NULL, NULL);	-- 22004
SELECT exclusive_internal._calls('', '{}', '{}', '{}');	-- {}
SELECT count(*) FROM lock_holders;	-- 0

-- a heartbeat tells which grants are gone
SELECT exclusive_internal._try('default', 'a', 'x') AS a \gset
SELECT exclusive_internal._try('default', 'b', 'x') AS b \gset
SELECT nonce = (exclusive_internal._session()).nonce AS nonce, lost FROM exclusive_internal._heartbeat(ARRAY[:a, :b]);	-- true, {}
SELECT lost = ARRAY[1::bigint] FROM exclusive_internal._heartbeat(ARRAY[:a, 1, :b]);	-- true
SELECT unlock('default', 'a');	-- true
SELECT lost = ARRAY[:a] FROM exclusive_internal._heartbeat(ARRAY[:a, :b]);	-- true
SELECT try_lock('default', 'a');	-- true: another grant, with another token
SELECT lost = ARRAY[:a] FROM exclusive_internal._heartbeat(ARRAY[:a, :b]);	-- true
SELECT pg_advisory_unlock_all();
SELECT lost = ARRAY[:a, :b] FROM exclusive_internal._heartbeat(ARRAY[:a, :b]);	-- true
SELECT lost FROM exclusive_internal._heartbeat('{}');	-- {}

-- the wait that gives its token, the permit that does
CALL exclusive_internal._wait_lock('default', 'k', 'exclusive', NULL, NULL) \gset
SELECT :token = fencing_token('default', 'k');	-- true
SELECT exclusive_internal._try_permit('default', 's', 2) = fencing_token('default', 's');	-- true
CALL exclusive_internal._wait_permit('default', 't', 2, '1 s', NULL) \gset
SELECT :token = fencing_token('default', 't'), exclusive_internal._unlock(:token);	-- true, true
SELECT unlock_all();	-- 2

-- the backend itself: the same number all along, another one in another session
SELECT pid = pg_backend_pid() AS pid, version IS NOT NULL AS version FROM exclusive_internal._session();	-- true, true
SELECT nonce = (exclusive_internal._session()).nonce AS same, nonce AS before FROM exclusive_internal._session() \gset
\c
SELECT :'same' AS same, nonce <> :before AS differs FROM exclusive_internal._session();	-- true, true
SELECT version = (SELECT default_version FROM pg_available_extensions WHERE name = 'pg_exclusive') AS version FROM exclusive_internal._session();	-- true
