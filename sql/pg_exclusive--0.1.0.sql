/* sql/pg_exclusive--0.1.0.sql: the API.  Read this first. */

-- complain if script is sourced in psql, rather than via CREATE EXTENSION
\echo Use "CREATE EXTENSION pg_exclusive" to load this file. \quit

/*
 * Tables and sequences.  Users have no DML on them: they are written from C,
 * as the extension's owner, by fixed statements.
 */

CREATE TABLE namespace_registry (
	name			text COLLATE "C" PRIMARY KEY,
	allowed_role	regrole,
	interop			boolean NOT NULL DEFAULT false,
	max_holds		integer CHECK (max_holds > 0),
	lock_delay		interval CHECK (lock_delay >= '0'),
	created_at		timestamptz NOT NULL DEFAULT pg_catalog.clock_timestamp(),
	paused_at		timestamptz,
	paused_by		text,
	paused_reason	text,
	CHECK (pg_catalog.octet_length(name) BETWEEN 1 AND 63),
	CHECK (NOT interop OR allowed_role IS NULL)
);

COMMENT ON TABLE namespace_registry IS
'registered lock namespaces; written by lock_namespace() and drop_lock_namespace()';

INSERT INTO namespace_registry (name) VALUES ('default');

CREATE TABLE run_record (
	namespace		text COLLATE "C" NOT NULL,
	key				text COLLATE "C" NOT NULL,
	kind			text NOT NULL CHECK (kind IN ('once', 'every')),
	slot			text COLLATE "C" NOT NULL,
	state			text NOT NULL CHECK (state IN ('started', 'succeeded', 'failed')),
	attempts		integer NOT NULL DEFAULT 1,
	started_at		timestamptz NOT NULL,
	finished_at		timestamptz,
	token			bigint NOT NULL,
	role			text NOT NULL,
	application_name text NOT NULL,
	client_addr		inet,
	PRIMARY KEY (namespace, key, kind, slot)
);

COMMENT ON TABLE run_record IS
'runs of tasks; written by try_run_once(), try_run_every(), begin_run() and finish_run()';

CREATE SEQUENCE token_system AS bigint MINVALUE -9223372036854775808 START 0;
CREATE SEQUENCE token_base AS bigint MINVALUE 0 START 0;
CREATE SEQUENCE token_epoch AS bigint MINVALUE 0 START 0;

COMMENT ON SEQUENCE token_system IS 'system identifier of the cluster that took the newest token epoch';
COMMENT ON SEQUENCE token_base IS 'what token epochs of this cluster are counted from';
COMMENT ON SEQUENCE token_epoch IS 'the newest token epoch';

SELECT pg_catalog.pg_extension_config_dump('namespace_registry', $$WHERE name <> 'default'$$);
SELECT pg_catalog.pg_extension_config_dump('run_record', '');
SELECT pg_catalog.pg_extension_config_dump('token_system', '');
SELECT pg_catalog.pg_extension_config_dump('token_base', '');
SELECT pg_catalog.pg_extension_config_dump('token_epoch', '');

/* A hand-made change of the registry reaches every session's cache. */
CREATE FUNCTION _namespace_registry_changed() RETURNS trigger
AS 'MODULE_PATHNAME', 'pgx_namespace_registry_changed'
LANGUAGE C VOLATILE PARALLEL UNSAFE;

COMMENT ON FUNCTION _namespace_registry_changed() IS
'internal: tells every session that the registry of namespaces has changed';

CREATE TRIGGER changed
	AFTER INSERT OR UPDATE OR DELETE OR TRUNCATE ON namespace_registry
	FOR EACH STATEMENT EXECUTE FUNCTION _namespace_registry_changed();

/*
 * Namespaces
 */

CREATE FUNCTION lock_namespace(
	name text,
	allowed_role regrole DEFAULT NULL,
	interop boolean DEFAULT false,
	max_holds integer DEFAULT NULL,
	lock_delay interval DEFAULT NULL)
RETURNS bigint
AS 'MODULE_PATHNAME', 'pgx_lock_namespace'
LANGUAGE C VOLATILE PARALLEL UNSAFE;

COMMENT ON FUNCTION lock_namespace(text, regrole, boolean, integer, interval) IS
'registers a namespace, idempotently, and returns its 64-bit id; other settings than registered raise 42710';

CREATE FUNCTION drop_lock_namespace(name text)
RETURNS void
AS 'MODULE_PATHNAME', 'pgx_drop_lock_namespace'
LANGUAGE C VOLATILE PARALLEL UNSAFE;

COMMENT ON FUNCTION drop_lock_namespace(text) IS
'forgets a namespace; raises 55006 while a lock in it is held or waited for';

/*
 * Locks
 */

CREATE FUNCTION lock_id(namespace text, key text)
RETURNS bigint
AS 'MODULE_PATHNAME', 'pgx_lock_id'
LANGUAGE C IMMUTABLE PARALLEL SAFE;

COMMENT ON FUNCTION lock_id(text, text) IS
'64-bit id of a lock: the first 8 bytes, big-endian, of SHA-256(utf8(namespace) || 0x00 || utf8(key))';

CREATE FUNCTION try_lock(
	namespace text,
	key text,
	mode text DEFAULT 'exclusive',
	wait interval DEFAULT '0')
RETURNS boolean
AS 'MODULE_PATHNAME', 'pgx_try_lock'
LANGUAGE C VOLATILE PARALLEL UNSAFE;

COMMENT ON FUNCTION try_lock(text, text, text, interval) IS
'takes a lock for the session; false when it is still taken after "wait" (NULL: no limit)';

CREATE FUNCTION try_xact_lock(
	namespace text,
	key text,
	mode text DEFAULT 'exclusive',
	wait interval DEFAULT '0')
RETURNS boolean
AS 'MODULE_PATHNAME', 'pgx_try_xact_lock'
LANGUAGE C VOLATILE PARALLEL UNSAFE;

COMMENT ON FUNCTION try_xact_lock(text, text, text, interval) IS
'takes a lock until the transaction ends; false when it is still taken after "wait" (NULL: no limit)';

CREATE PROCEDURE wait_lock(
	namespace text,
	key text,
	mode text DEFAULT 'exclusive',
	wait interval DEFAULT NULL,
	INOUT acquired boolean DEFAULT NULL)
AS 'MODULE_PATHNAME', 'pgx_wait_lock'
LANGUAGE C;

COMMENT ON PROCEDURE wait_lock(text, text, text, interval, boolean) IS
'takes a lock for the session, waiting without a snapshot; acquired is false when it is still taken after "wait"';

CREATE FUNCTION unlock(namespace text, key text)
RETURNS boolean
AS 'MODULE_PATHNAME', 'pgx_unlock'
LANGUAGE C VOLATILE PARALLEL UNSAFE;

COMMENT ON FUNCTION unlock(text, text) IS
'frees a lock of this session; false and a warning when this session does not hold it';

CREATE FUNCTION unlock_all(namespace text DEFAULT NULL)
RETURNS integer
AS 'MODULE_PATHNAME', 'pgx_unlock_all'
LANGUAGE C VOLATILE PARALLEL UNSAFE;

COMMENT ON FUNCTION unlock_all(text) IS
'frees all session-scope locks of this session, or those in one namespace, and returns how many';

CREATE FUNCTION holds_lock(namespace text, key text)
RETURNS boolean
AS 'MODULE_PATHNAME', 'pgx_holds_lock'
LANGUAGE C VOLATILE PARALLEL UNSAFE;

COMMENT ON FUNCTION holds_lock(text, text) IS
'does this session hold the lock, in any mode and scope';

CREATE FUNCTION fencing_token(namespace text, key text)
RETURNS bigint
AS 'MODULE_PATHNAME', 'pgx_fencing_token'
LANGUAGE C VOLATILE PARALLEL UNSAFE;

COMMENT ON FUNCTION fencing_token(text, text) IS
'token of this session''s hold, larger than every token of an earlier grant; NULL when not held';

/*
 * Tasks
 */

CREATE FUNCTION try_run_exclusive(
	namespace text,
	key text,
	task text,
	wait interval DEFAULT '0')
RETURNS boolean
AS 'MODULE_PATHNAME', 'pgx_try_run_exclusive'
LANGUAGE C VOLATILE PARALLEL UNSAFE;

COMMENT ON FUNCTION try_run_exclusive(text, text, text, interval) IS
'runs "task" under the lock, which is kept to the end of the transaction; false: the lock is taken, nothing was run';

CREATE PROCEDURE run_exclusive(
	namespace text,
	key text,
	task text,
	wait interval DEFAULT NULL,
	INOUT ran boolean DEFAULT NULL)
AS 'MODULE_PATHNAME', 'pgx_run_exclusive'
LANGUAGE C;

COMMENT ON PROCEDURE run_exclusive(text, text, text, interval, boolean) IS
'waits without a snapshot, runs "task" under the lock, commits, then frees the lock; what the task SETs stays set';

CREATE FUNCTION try_run_once(
	namespace text,
	key text,
	slot text,
	task text)
RETURNS boolean
AS 'MODULE_PATHNAME', 'pgx_try_run_once'
LANGUAGE C VOLATILE PARALLEL UNSAFE;

COMMENT ON FUNCTION try_run_once(text, text, text, text) IS
'runs "task" unless it has succeeded for this slot; false: taken, or it has';

CREATE FUNCTION try_run_every(
	namespace text,
	key text,
	every interval,
	task text)
RETURNS boolean
AS 'MODULE_PATHNAME', 'pgx_try_run_every'
LANGUAGE C VOLATILE PARALLEL UNSAFE;

COMMENT ON FUNCTION try_run_every(text, text, interval, text) IS
'runs "task" unless its last successful run started less than half of "every" ago; false: taken, or it did';

/*
 * Views
 */

CREATE FUNCTION _namespace_id(namespace text)
RETURNS bigint
AS 'MODULE_PATHNAME', 'pgx_namespace_id'
LANGUAGE C IMMUTABLE PARALLEL SAFE;

COMMENT ON FUNCTION _namespace_id(text) IS
'internal: 64-bit id of a namespace, the hash with an empty key';

CREATE FUNCTION _sees_namespace(namespace text)
RETURNS boolean
AS 'MODULE_PATHNAME', 'pgx_sees_namespace'
LANGUAGE C STABLE PARALLEL UNSAFE;

COMMENT ON FUNCTION _sees_namespace(text) IS
'internal: may the current role see the keys of a namespace';

CREATE FUNCTION _lock_status(
	OUT namespace text,
	OUT key text,
	OUT lock_id bigint,
	OUT mode text,
	OUT scope text,
	OUT granted boolean,
	OUT token bigint,
	OUT pid integer,
	OUT role text,
	OUT application_name text,
	OUT client_addr inet,
	OUT since timestamptz,
	OUT waiters integer,
	OUT queue_position integer)
RETURNS SETOF record
AS 'MODULE_PATHNAME', 'pgx_lock_status'
LANGUAGE C VOLATILE PARALLEL UNSAFE ROWS 100;

COMMENT ON FUNCTION _lock_status() IS
'internal: what the lock manager says of our locks, with names; the views lock_holders and lock_waiters read it';

CREATE VIEW lock_holders AS
	SELECT namespace, key, lock_id, mode, scope, token, pid, role,
		   application_name, client_addr, since AS acquired_at, waiters
	FROM _lock_status() WHERE granted;

COMMENT ON VIEW lock_holders IS
'who holds which lock in this database, as the lock manager says';

CREATE VIEW lock_waiters AS
	SELECT namespace, key, lock_id, mode, pid, role, application_name,
		   client_addr, since AS waiting_since, queue_position,
		   pg_catalog.pg_blocking_pids(pid) AS blocked_by
	FROM _lock_status() WHERE NOT granted;

COMMENT ON VIEW lock_waiters IS
'who waits for which lock in this database, in the order of the queue';

CREATE VIEW lock_namespaces AS
	SELECT name AS namespace, _namespace_id(name) AS namespace_id,
		   allowed_role, interop, max_holds, lock_delay, created_at,
		   paused_at, paused_by, paused_reason
	FROM namespace_registry;

COMMENT ON VIEW lock_namespaces IS 'the registered namespaces and their settings';

CREATE VIEW lock_runs AS
	SELECT namespace,
		   CASE WHEN sees THEN key END AS key,
		   kind,
		   CASE WHEN sees THEN slot END AS slot,
		   state, attempts, started_at, finished_at, token, role,
		   CASE WHEN sees THEN application_name END AS application_name,
		   CASE WHEN sees THEN client_addr END AS client_addr
	FROM (SELECT *, _sees_namespace(namespace) AS sees FROM run_record OFFSET 0) r;

COMMENT ON VIEW lock_runs IS
'runs of tasks: once per slot (once), or per period (every)';

/*
 * What the client library calls.  Not a public interface: it changes with
 * the library, which asks for the version it needs.
 */

CREATE FUNCTION _session(
	OUT pid integer,
	OUT nonce bigint,
	OUT version text)
AS 'MODULE_PATHNAME', 'pgx_session'
LANGUAGE C VOLATILE PARALLEL UNSAFE;

COMMENT ON FUNCTION _session() IS
'internal: which backend this is (a random number, drawn once per backend), and the version of the module';

CREATE FUNCTION _try(namespace text, key text, mode "char")
RETURNS bigint
AS 'MODULE_PATHNAME', 'pgx_try'
LANGUAGE C VOLATILE PARALLEL UNSAFE;

COMMENT ON FUNCTION _try(text, text, "char") IS
'internal: try_lock() without wait, x exclusive or s shared; the token, or NULL when refused';

CREATE FUNCTION _unlock(token bigint)
RETURNS boolean
AS 'MODULE_PATHNAME', 'pgx_unlock_token'
LANGUAGE C VOLATILE PARALLEL UNSAFE;

COMMENT ON FUNCTION _unlock(bigint) IS
'internal: frees the session-scope grant with this token; false when this session no longer has it';

CREATE FUNCTION _calls(
	ops text,
	namespaces text[],
	keys text[],
	tokens bigint[])
RETURNS bigint[]
AS 'MODULE_PATHNAME', 'pgx_calls'
LANGUAGE C VOLATILE PARALLEL UNSAFE;

COMMENT ON FUNCTION _calls(text, text[], text[], bigint[]) IS
'internal: many calls; ops has a character per element: x, s try, u unlocks the token, h asks whether it is still held. Per element the token, or NULL for no; an element that fails does not stop the others';

CREATE FUNCTION _details()
RETURNS text[]
AS 'MODULE_PATHNAME', 'pgx_details'
LANGUAGE C VOLATILE PARALLEL UNSAFE;

COMMENT ON FUNCTION _details() IS
'internal: why elements of the last _try(), _calls() or _wait_lock() were refused or failed, nine strings each: ordinal, sqlstate (empty: refused), message, hint, and of the holder pid, role, application name, address, and since when (microseconds since 1970); NULL when there are none';

CREATE PROCEDURE _wait_lock(
	namespace text,
	key text,
	mode text,
	wait interval,
	INOUT token bigint)
AS 'MODULE_PATHNAME', 'pgx_wait_token'
LANGUAGE C;

COMMENT ON PROCEDURE _wait_lock(text, text, text, interval, bigint) IS
'internal: wait_lock() that returns the token; NULL when the lock is still taken after "wait"';

CREATE FUNCTION _heartbeat(
	tokens bigint[],
	OUT nonce bigint,
	OUT lost bigint[])
AS 'MODULE_PATHNAME', 'pgx_heartbeat'
LANGUAGE C VOLATILE PARALLEL UNSAFE;

COMMENT ON FUNCTION _heartbeat(bigint[]) IS
'internal: which of the grants with these tokens this session no longer holds; asks the lock manager';

/*
 * Privileges.  Functions are for everybody (a namespace's role is checked
 * inside), but those that administrate.
 */

REVOKE ALL ON FUNCTION lock_namespace(text, regrole, boolean, integer, interval) FROM PUBLIC;
REVOKE ALL ON FUNCTION drop_lock_namespace(text) FROM PUBLIC;

GRANT SELECT ON lock_holders, lock_waiters, lock_namespaces, lock_runs TO PUBLIC;
