/* sql/pg_exclusive--0.2.0.sql: the API.  Read this first. */

-- complain if script is sourced in psql, rather than via CREATE EXTENSION
\echo Use "CREATE EXTENSION pg_exclusive" to load this file. \quit

/*
 * Our tables, and functions that are no public interface, have a schema of
 * their own.  So no grant on the objects of the user's schema concerns them.
 */
CREATE SCHEMA exclusive_internal;

COMMENT ON SCHEMA exclusive_internal IS
'tables of pg_exclusive, and functions that its client library calls';

/*
 * The role of a namespace.  Like regrole, but a role that does not exist is no
 * error, so that a restored namespace whose role is missing comes back shut.
 */
CREATE TYPE exclusive_internal.namespace_role;

CREATE FUNCTION exclusive_internal._namespace_role_in(cstring)
RETURNS exclusive_internal.namespace_role
AS 'MODULE_PATHNAME', 'pgx_namespace_role_in'
LANGUAGE C STABLE STRICT PARALLEL SAFE;

CREATE FUNCTION exclusive_internal._namespace_role_out(exclusive_internal.namespace_role)
RETURNS cstring
AS 'MODULE_PATHNAME', 'pgx_namespace_role_out'
LANGUAGE C STABLE STRICT PARALLEL SAFE;

COMMENT ON FUNCTION exclusive_internal._namespace_role_in(cstring) IS 'I/O';
COMMENT ON FUNCTION exclusive_internal._namespace_role_out(exclusive_internal.namespace_role) IS 'I/O';

CREATE TYPE exclusive_internal.namespace_role (
	INPUT = exclusive_internal._namespace_role_in,
	OUTPUT = exclusive_internal._namespace_role_out,
	LIKE = pg_catalog.oid);

COMMENT ON TYPE exclusive_internal.namespace_role IS
'a role; one that does not exist is written as "-"';

CREATE CAST (exclusive_internal.namespace_role AS pg_catalog.regrole) WITHOUT FUNCTION AS IMPLICIT;
CREATE CAST (pg_catalog.regrole AS exclusive_internal.namespace_role) WITHOUT FUNCTION AS ASSIGNMENT;

/*
 * Tables and sequences.  Users have no DML on them.  They are written from C,
 * as the extension's owner, by fixed statements.
 */

CREATE TABLE exclusive_internal.namespace_registry (
	name			text COLLATE "C" PRIMARY KEY,
	allowed_role	exclusive_internal.namespace_role,
	interop			boolean NOT NULL DEFAULT false,
	max_holds		integer CHECK (max_holds > 0),
	lock_delay		interval CHECK (lock_delay >= '0'),
	max_lease		interval CHECK (max_lease > '0'),
	created_at		timestamptz NOT NULL DEFAULT pg_catalog.clock_timestamp(),
	paused_at		timestamptz,
	paused_by		text,
	paused_reason	text,
	CHECK (pg_catalog.octet_length(name) BETWEEN 1 AND
		   CASE pg_catalog.getdatabaseencoding() WHEN 'UTF8' THEN 63 ELSE 126 END),
	CHECK (NOT interop OR (allowed_role IS NULL AND max_lease IS NULL))
);

COMMENT ON TABLE exclusive_internal.namespace_registry IS
'registered lock namespaces; written by lock_namespace(), drop_lock_namespace(), pause_lock_namespace() and resume_lock_namespace()';

INSERT INTO exclusive_internal.namespace_registry (name) VALUES ('default');

CREATE TABLE exclusive_internal.run_record (
	namespace		text COLLATE "C" NOT NULL,
	key				text COLLATE "C" NOT NULL,
	kind			text NOT NULL CHECK (kind IN ('once', 'every')),
	slot			text COLLATE "C" NOT NULL,
	state			text NOT NULL CHECK (state IN ('started', 'succeeded', 'failed')),
	attempts		integer NOT NULL DEFAULT 1,
	started_at		timestamptz NOT NULL,
	finished_at		timestamptz,
	succeeded_at	timestamptz,
	failed_at		timestamptz,
	every			interval,
	token			bigint NOT NULL,
	role			text NOT NULL,
	application_name text NOT NULL,
	client_addr		inet,
	PRIMARY KEY (namespace, key, kind, slot)
);

COMMENT ON TABLE exclusive_internal.run_record IS
'runs of tasks; written by try_run_once(), try_run_every(), begin_run() and finish_run()';

CREATE TABLE exclusive_internal.fence_record (
	namespace		text COLLATE "C" NOT NULL,
	key				text COLLATE "C" NOT NULL,
	token			bigint NOT NULL,
	PRIMARY KEY (namespace, key)
);

COMMENT ON TABLE exclusive_internal.fence_record IS
'the highest token seen per lock; written by check_fence() and fence_guard()';

CREATE SEQUENCE exclusive_internal.token_system AS bigint MINVALUE -9223372036854775808 START 0;
CREATE SEQUENCE exclusive_internal.token_base AS bigint MINVALUE 0 START 0;
CREATE SEQUENCE exclusive_internal.token_epoch AS bigint MINVALUE 0 START 0;

COMMENT ON SEQUENCE exclusive_internal.token_system IS 'system identifier of the cluster that took the newest token epoch';
COMMENT ON SEQUENCE exclusive_internal.token_base IS 'what token epochs of this cluster are counted from';
COMMENT ON SEQUENCE exclusive_internal.token_epoch IS 'the newest token epoch';

SELECT pg_catalog.pg_extension_config_dump('exclusive_internal.namespace_registry', $$WHERE name <> 'default'$$);
SELECT pg_catalog.pg_extension_config_dump('exclusive_internal.run_record', '');
SELECT pg_catalog.pg_extension_config_dump('exclusive_internal.fence_record', '');
SELECT pg_catalog.pg_extension_config_dump('exclusive_internal.token_system', '');
SELECT pg_catalog.pg_extension_config_dump('exclusive_internal.token_base', '');
SELECT pg_catalog.pg_extension_config_dump('exclusive_internal.token_epoch', '');

/*
 * A change of the registry by hand reaches every session's cache.  The
 * trigger fires in replica mode too.
 */
CREATE FUNCTION exclusive_internal._namespace_registry_changed() RETURNS trigger
AS 'MODULE_PATHNAME', 'pgx_namespace_registry_changed'
LANGUAGE C VOLATILE PARALLEL UNSAFE;

COMMENT ON FUNCTION exclusive_internal._namespace_registry_changed() IS
'tells every session that the registry of namespaces has changed';

CREATE TRIGGER changed
	AFTER INSERT OR UPDATE OR DELETE OR TRUNCATE ON exclusive_internal.namespace_registry
	FOR EACH STATEMENT EXECUTE FUNCTION exclusive_internal._namespace_registry_changed();
ALTER TABLE exclusive_internal.namespace_registry ENABLE ALWAYS TRIGGER changed;

/*
 * Nobody but their owner writes our tables, whatever is granted on them.
 */
CREATE FUNCTION exclusive_internal._guard_table() RETURNS trigger
AS 'MODULE_PATHNAME', 'pgx_guard_table'
LANGUAGE C VOLATILE PARALLEL UNSAFE;

COMMENT ON FUNCTION exclusive_internal._guard_table() IS
'raises 42501 unless the table''s owner, or a member of it, writes the table';

CREATE TRIGGER guard
	BEFORE INSERT OR UPDATE OR DELETE OR TRUNCATE ON exclusive_internal.namespace_registry
	FOR EACH STATEMENT EXECUTE FUNCTION exclusive_internal._guard_table();
ALTER TABLE exclusive_internal.namespace_registry ENABLE ALWAYS TRIGGER guard;

/*
 * A subscription copies the row of "default", which is here already.
 */
CREATE FUNCTION exclusive_internal._skip_default() RETURNS trigger
AS 'MODULE_PATHNAME', 'pgx_skip_default'
LANGUAGE C VOLATILE PARALLEL UNSAFE;

COMMENT ON FUNCTION exclusive_internal._skip_default() IS
'ignores an insert of the namespace "default" where it is registered';

CREATE TRIGGER skip_default
	BEFORE INSERT ON exclusive_internal.namespace_registry
	FOR EACH ROW WHEN (NEW.name = 'default')
	EXECUTE FUNCTION exclusive_internal._skip_default();
ALTER TABLE exclusive_internal.namespace_registry ENABLE ALWAYS TRIGGER skip_default;

CREATE TRIGGER guard
	BEFORE INSERT OR UPDATE OR DELETE OR TRUNCATE ON exclusive_internal.run_record
	FOR EACH STATEMENT EXECUTE FUNCTION exclusive_internal._guard_table();
ALTER TABLE exclusive_internal.run_record ENABLE ALWAYS TRIGGER guard;

CREATE TRIGGER guard
	BEFORE INSERT OR UPDATE OR DELETE OR TRUNCATE ON exclusive_internal.fence_record
	FOR EACH STATEMENT EXECUTE FUNCTION exclusive_internal._guard_table();
ALTER TABLE exclusive_internal.fence_record ENABLE ALWAYS TRIGGER guard;

/*
 * Namespaces
 */

CREATE FUNCTION lock_namespace(
	name text,
	allowed_role regrole DEFAULT NULL,
	interop boolean DEFAULT false,
	max_holds integer DEFAULT NULL,
	lock_delay interval DEFAULT NULL,
	max_lease interval DEFAULT NULL)
RETURNS bigint
AS 'MODULE_PATHNAME', 'pgx_lock_namespace'
LANGUAGE C VOLATILE PARALLEL UNSAFE;

COMMENT ON FUNCTION lock_namespace(text, regrole, boolean, integer, interval, interval) IS
'registers a namespace, idempotently, and returns its 64-bit id; other settings than registered raise 42710';

CREATE FUNCTION drop_lock_namespace(name text)
RETURNS void
AS 'MODULE_PATHNAME', 'pgx_drop_lock_namespace'
LANGUAGE C VOLATILE PARALLEL UNSAFE;

COMMENT ON FUNCTION drop_lock_namespace(text) IS
'forgets a namespace; raises 55006 while a lock in it is held or waited for';

CREATE FUNCTION pause_lock_namespace(name text, reason text)
RETURNS void
AS 'MODULE_PATHNAME', 'pgx_pause_lock_namespace'
LANGUAGE C VOLATILE PARALLEL UNSAFE;

COMMENT ON FUNCTION pause_lock_namespace(text, text) IS
'refuses new acquires in a namespace, with the reason, until resume_lock_namespace()';

CREATE FUNCTION resume_lock_namespace(name text)
RETURNS void
AS 'MODULE_PATHNAME', 'pgx_resume_lock_namespace'
LANGUAGE C VOLATILE PARALLEL UNSAFE;

COMMENT ON FUNCTION resume_lock_namespace(text) IS
'ends pause_lock_namespace()';

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

CREATE FUNCTION try_lock_all(
	namespace text,
	keys text[],
	mode text DEFAULT 'exclusive',
	wait interval DEFAULT '0')
RETURNS boolean
AS 'MODULE_PATHNAME', 'pgx_try_lock_all'
LANGUAGE C VOLATILE PARALLEL UNSAFE;

COMMENT ON FUNCTION try_lock_all(text, text[], text, interval) IS
'takes all of these locks for the session, in the order of their ids, or none; false when one is still taken after "wait"';

CREATE FUNCTION try_lock_first(namespace text, keys text[])
RETURNS text
AS 'MODULE_PATHNAME', 'pgx_try_lock_first'
LANGUAGE C VOLATILE PARALLEL UNSAFE;

COMMENT ON FUNCTION try_lock_first(text, text[]) IS
'takes the first of these locks that is free, for the session, and returns its key; NULL when none is';

CREATE FUNCTION try_lock_each(
	namespace text,
	keys text[],
	OUT key text,
	OUT acquired boolean,
	OUT token bigint)
RETURNS SETOF record
AS 'MODULE_PATHNAME', 'pgx_try_lock_each'
LANGUAGE C VOLATILE PARALLEL UNSAFE;

COMMENT ON FUNCTION try_lock_each(text, text[]) IS
'tries each of these locks for the session: a row per key, in the order given';

CREATE FUNCTION try_lock_permit(
	namespace text,
	key text,
	permits integer,
	wait interval DEFAULT '0')
RETURNS integer
AS 'MODULE_PATHNAME', 'pgx_try_lock_permit'
LANGUAGE C VOLATILE PARALLEL UNSAFE;

COMMENT ON FUNCTION try_lock_permit(text, text, integer, interval) IS
'counting semaphore: takes one of "permits" permits for the session and returns its number; NULL when none is free after "wait"; unlock() frees it';

/*
 * Leases: locks without a session
 */

CREATE FUNCTION acquire_lease(
	namespace text,
	key text,
	ttl interval,
	wait interval DEFAULT '0')
RETURNS bigint
AS 'MODULE_PATHNAME', 'pgx_acquire_lease'
LANGUAGE C VOLATILE PARALLEL UNSAFE;

COMMENT ON FUNCTION acquire_lease(text, text, interval, interval) IS
'takes a lock for "ttl" and not for the session, and returns its token; NULL when it is still taken after "wait" (NULL: no limit)';

CREATE FUNCTION renew_lease(
	namespace text,
	key text,
	token bigint,
	ttl interval DEFAULT NULL)
RETURNS boolean
AS 'MODULE_PATHNAME', 'pgx_renew_lease'
LANGUAGE C VOLATILE PARALLEL UNSAFE;

COMMENT ON FUNCTION renew_lease(text, text, bigint, interval) IS
'lets a lease last for "ttl" from now on (NULL: as long as before), from any session; false when it is lost, for good';

CREATE FUNCTION release_lease(namespace text, key text, token bigint)
RETURNS boolean
AS 'MODULE_PATHNAME', 'pgx_release_lease'
LANGUAGE C VOLATILE PARALLEL UNSAFE;

COMMENT ON FUNCTION release_lease(text, text, bigint) IS
'frees the lock of a lease, from any session; false when it is lost';

CREATE FUNCTION hand_over_lease(namespace text, key text, token bigint)
RETURNS bigint
AS 'MODULE_PATHNAME', 'pgx_hand_over_lease'
LANGUAGE C VOLATILE PARALLEL UNSAFE;

COMMENT ON FUNCTION hand_over_lease(text, text, bigint) IS
'gives a lease to the caller, with a new token, and nobody gets it in between; the old token is dead; NULL when it is lost';

CREATE FUNCTION request_lock(namespace text, key text, reason text)
RETURNS boolean
AS 'MODULE_PATHNAME', 'pgx_request_lock'
LANGUAGE C VOLATILE PARALLEL UNSAFE;

COMMENT ON FUNCTION request_lock(text, text, text) IS
'asks those who hold a lock now to give it up; false when nobody holds it';

CREATE FUNCTION yield_requested(
	namespace text,
	key text,
	token bigint DEFAULT NULL)
RETURNS text
AS 'MODULE_PATHNAME', 'pgx_yield_requested'
LANGUAGE C VOLATILE PARALLEL UNSAFE;

COMMENT ON FUNCTION yield_requested(text, text, bigint) IS
'why the holder with this token (NULL: this session) was asked to give the lock up; NULL when it was not';

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
 * Runs of work outside the database
 */

CREATE FUNCTION begin_run(
	namespace text,
	key text,
	slot text,
	on_crash text DEFAULT 'retry',
	every interval DEFAULT NULL,
	token bigint DEFAULT NULL)
RETURNS boolean
AS 'MODULE_PATHNAME', 'pgx_begin_run'
LANGUAGE C VOLATILE PARALLEL UNSAFE;

COMMENT ON FUNCTION begin_run(text, text, text, text, interval, bigint) IS
'records the start of a run under a session-scope hold, or with "token" under a lease; false when this slot (or, with "every", this period) has had its run';

CREATE FUNCTION finish_run(
	namespace text,
	key text,
	slot text,
	succeeded boolean,
	token bigint DEFAULT NULL)
RETURNS void
AS 'MODULE_PATHNAME', 'pgx_finish_run'
LANGUAGE C VOLATILE PARALLEL UNSAFE;

COMMENT ON FUNCTION finish_run(text, text, text, boolean, bigint) IS
'records how the run ended that begin_run() began under the same hold';

CREATE FUNCTION forget_lock_runs(older_than interval)
RETURNS bigint
AS 'MODULE_PATHNAME', 'pgx_forget_lock_runs'
LANGUAGE C VOLATILE PARALLEL UNSAFE;

COMMENT ON FUNCTION forget_lock_runs(interval) IS
'forgets runs that finished longer ago, and returns how many; their slots can run again';

/*
 * Fencing at the resource
 */

CREATE FUNCTION check_fence(namespace text, key text, token bigint)
RETURNS void
AS 'MODULE_PATHNAME', 'pgx_check_fence'
LANGUAGE C VOLATILE PARALLEL UNSAFE;

COMMENT ON FUNCTION check_fence(text, text, bigint) IS
'raises 40001 for a token older than the highest seen of this lock, and remembers it otherwise';

CREATE FUNCTION fence_guard() RETURNS trigger
AS 'MODULE_PATHNAME', 'pgx_fence_guard'
LANGUAGE C VOLATILE PARALLEL UNSAFE;

COMMENT ON FUNCTION fence_guard() IS
'row trigger BEFORE INSERT OR UPDATE, with arguments namespace, key and the name of a bigint column (default token): check_fence() of that column';

/*
 * Administration
 */

CREATE FUNCTION break_lock(
	namespace text,
	key text,
	reason text,
	after interval DEFAULT '0')
RETURNS integer
AS 'MODULE_PATHNAME', 'pgx_break_lock'
LANGUAGE C VOLATILE PARALLEL UNSAFE;

COMMENT ON FUNCTION break_lock(text, text, text, interval) IS
'terminates the backends that hold a lock, ends its lease, and returns how many; logs who and why, and what else those sessions held; with "after" the holders are asked first, and have so long to give it up';

CREATE FUNCTION reset_lock_stats()
RETURNS void
AS 'MODULE_PATHNAME', 'pgx_reset_lock_stats'
LANGUAGE C VOLATILE PARALLEL UNSAFE;

COMMENT ON FUNCTION reset_lock_stats() IS
'sets all counters of lock_stats in this database to zero';

/*
 * Views
 */

CREATE FUNCTION lock_holder(
	namespace text,
	key text,
	OUT mode text,
	OUT scope text,
	OUT token bigint,
	OUT pid integer,
	OUT role text,
	OUT application_name text,
	OUT client_addr inet,
	OUT acquired_at timestamptz,
	OUT yield_requested text,
	OUT expires_at timestamptz)
RETURNS SETOF record
AS 'MODULE_PATHNAME', 'pgx_lock_holder'
LANGUAGE C VOLATILE PARALLEL UNSAFE ROWS 1;

COMMENT ON FUNCTION lock_holder(text, text) IS
'who holds one lock, without reading all locks of the server; the columns are those of lock_holders';

CREATE FUNCTION exclusive_internal._namespace_id(namespace text)
RETURNS bigint
AS 'MODULE_PATHNAME', 'pgx_namespace_id'
LANGUAGE C IMMUTABLE PARALLEL SAFE;

COMMENT ON FUNCTION exclusive_internal._namespace_id(text) IS
'64-bit id of a namespace, the hash with an empty key';

CREATE FUNCTION exclusive_internal._sees_namespace(namespace text)
RETURNS boolean
AS 'MODULE_PATHNAME', 'pgx_sees_namespace'
LANGUAGE C STABLE PARALLEL UNSAFE;

COMMENT ON FUNCTION exclusive_internal._sees_namespace(text) IS
'may the current role see the keys of a namespace';

CREATE FUNCTION exclusive_internal._lock_status(
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
	OUT queue_position integer,
	OUT permit integer,
	OUT permits integer,
	OUT delayed_until timestamptz,
	OUT blocked_by integer[],
	OUT yield_requested text,
	OUT expires_at timestamptz)
RETURNS SETOF record
AS 'MODULE_PATHNAME', 'pgx_lock_status'
LANGUAGE C VOLATILE PARALLEL UNSAFE ROWS 100;

COMMENT ON FUNCTION exclusive_internal._lock_status() IS
'what the lock manager says of our locks, with names; the views lock_holders and lock_waiters read it';

CREATE FUNCTION exclusive_internal._lock_stats(
	OUT namespace text,
	OUT grants bigint,
	OUT refusals bigint,
	OUT timeouts bigint,
	OUT total_wait interval,
	OUT longest_wait interval,
	OUT total_hold interval,
	OUT longest_hold interval,
	OUT collisions bigint,
	OUT unclean_releases bigint,
	OUT wait_histogram bigint[],
	OUT hold_histogram bigint[])
RETURNS SETOF record
AS 'MODULE_PATHNAME', 'pgx_lock_stats'
LANGUAGE C VOLATILE PARALLEL UNSAFE ROWS 10;

COMMENT ON FUNCTION exclusive_internal._lock_stats() IS 'the view lock_stats reads it';

CREATE VIEW lock_holders AS
	SELECT namespace, key, lock_id, mode, scope, token, pid, role,
		   application_name, client_addr, since AS acquired_at, waiters,
		   permit, permits, yield_requested, expires_at
	FROM exclusive_internal._lock_status() WHERE granted;

COMMENT ON VIEW lock_holders IS
'who holds which lock in this database, as the lock manager says, and who has a lease; yield_requested: why the holder was asked to give it up; expires_at: when a lease ends, if it is not renewed';

CREATE VIEW lock_waiters AS
	SELECT namespace, key, lock_id, mode, pid, role, application_name,
		   client_addr, since AS waiting_since, queue_position,
		   coalesce(blocked_by, pg_catalog.pg_blocking_pids(pid)) AS blocked_by,
		   permits, delayed_until
	FROM exclusive_internal._lock_status() WHERE NOT granted;

COMMENT ON VIEW lock_waiters IS
'who waits for which lock in this database; queue_position: the place in the queue; delayed_until: first in the queue, and waiting for the end of a lease or of the namespace''s lock_delay';

CREATE VIEW lock_namespaces AS
	SELECT name AS namespace, exclusive_internal._namespace_id(name) AS namespace_id,
		   allowed_role::pg_catalog.regrole AS allowed_role, interop, max_holds, lock_delay, max_lease, created_at,
		   paused_at, paused_by, paused_reason
	FROM exclusive_internal.namespace_registry;

COMMENT ON VIEW lock_namespaces IS 'the registered namespaces and their settings';

CREATE VIEW lock_runs AS
	SELECT namespace,
		   CASE WHEN sees THEN key END AS key,
		   kind,
		   CASE WHEN sees THEN slot END AS slot,
		   state, attempts, started_at, finished_at, token, role,
		   CASE WHEN sees THEN application_name END AS application_name,
		   CASE WHEN sees THEN client_addr END AS client_addr
	FROM (SELECT *, exclusive_internal._sees_namespace(namespace) AS sees FROM exclusive_internal.run_record OFFSET 0) r;

COMMENT ON VIEW lock_runs IS
'runs of tasks: once per slot (once), or per period (every)';

CREATE VIEW lock_stats AS
	SELECT namespace, grants, refusals, timeouts, total_wait, longest_wait,
		   total_hold, longest_hold, collisions, unclean_releases,
		   wait_histogram, hold_histogram
	FROM exclusive_internal._lock_stats();

COMMENT ON VIEW lock_stats IS
'counters per namespace since the server started or reset_lock_stats(); the histograms count up to 1 ms, then up to four times the bucket before, and in the last bucket all that took longer';

CREATE VIEW lock_histograms AS
	SELECT namespace, measure,
		   CASE WHEN bucket < pg_catalog.cardinality(buckets)
				THEN '1 ms'::interval * pg_catalog.power(4::float8, (bucket - 1)::float8) END AS upper_bound,
		   pg_catalog.sum(count) OVER (PARTITION BY namespace, measure ORDER BY bucket)::bigint AS cumulative_count,
		   CASE measure WHEN 'wait' THEN total_wait ELSE total_hold END AS total
	FROM lock_stats,
		 LATERAL (VALUES ('wait', wait_histogram), ('hold', hold_histogram)) AS m(measure, buckets),
		 LATERAL pg_catalog.unnest(buckets) WITH ORDINALITY AS b(count, bucket);

COMMENT ON VIEW lock_histograms IS
'how many waits and holds took at most upper_bound, per namespace, as Prometheus wants a histogram; upper_bound NULL: all of them';

CREATE FUNCTION exclusive_internal._lock_table(OUT used bigint, OUT room bigint)
AS 'MODULE_PATHNAME', 'pgx_lock_table'
LANGUAGE C VOLATILE PARALLEL UNSAFE;

COMMENT ON FUNCTION exclusive_internal._lock_table() IS 'the view lock_table reads it';

CREATE VIEW lock_table AS
	SELECT used, room FROM exclusive_internal._lock_table();

COMMENT ON VIEW lock_table IS
'how many locks of all kinds and databases are in the server''s lock table, and how many it has room for';

CREATE VIEW lock_jobs AS
	SELECT r.namespace, r.key, r.kind,
		   pg_catalog.max(r.succeeded_at) AS last_success,
		   pg_catalog.max(r.failed_at) AS last_failure,
		   pg_catalog.max(r.started_at) FILTER (WHERE r.running) AS running_since,
		   pg_catalog.max(r.started_at) FILTER (WHERE r.state = 'started' AND NOT r.running) AS crashed_since,
		   pg_catalog.sum(r.attempts)::bigint AS attempts,
		   pg_catalog.max(r.every) AS every,
		   CASE WHEN pg_catalog.max(r.every) IS NOT NULL
				THEN greatest(pg_catalog.clock_timestamp() -
			   (coalesce(pg_catalog.max(r.succeeded_at), pg_catalog.min(r.started_at)) + pg_catalog.max(r.every)),
			   '0'::interval) END AS overdue_by
	FROM (SELECT namespace, CASE WHEN exclusive_internal._sees_namespace(namespace) THEN key END AS key,
				 kind, state, started_at, succeeded_at, failed_at, every, attempts,
				 state = 'started' AND CASE WHEN NOT pg_catalog.pg_is_in_recovery()
					THEN token = ANY (ARRAY(SELECT token FROM lock_holders)) END AS running
		  FROM exclusive_internal.run_record OFFSET 0) r
	GROUP BY r.namespace, r.key, r.kind;

COMMENT ON VIEW lock_jobs IS
'per job: when it last succeeded and failed, since when it runs (running_since) or has not been finished by a session that is gone (crashed_since), and by how much it is late (overdue_by, NULL without a period)';

/*
 * What the client library calls.  It changes with the library, which asks
 * for the version that it needs.
 */

CREATE FUNCTION exclusive_internal._session(
	OUT pid integer,
	OUT nonce bigint,
	OUT version text)
AS 'MODULE_PATHNAME', 'pgx_session'
LANGUAGE C VOLATILE PARALLEL UNSAFE;

COMMENT ON FUNCTION exclusive_internal._session() IS
'which backend this is (a random number, drawn once per backend), and the version of the module';

CREATE FUNCTION exclusive_internal._try(namespace text, key text, mode "char")
RETURNS bigint
AS 'MODULE_PATHNAME', 'pgx_try'
LANGUAGE C VOLATILE PARALLEL UNSAFE;

COMMENT ON FUNCTION exclusive_internal._try(text, text, "char") IS
'try_lock() without wait, x exclusive or s shared; the token, or NULL when refused';

CREATE FUNCTION exclusive_internal._unlock(token bigint)
RETURNS boolean
AS 'MODULE_PATHNAME', 'pgx_unlock_token'
LANGUAGE C VOLATILE PARALLEL UNSAFE;

COMMENT ON FUNCTION exclusive_internal._unlock(bigint) IS
'frees the session-scope grant with this token; false when this session no longer has it';

CREATE FUNCTION exclusive_internal._calls(
	ops text,
	namespaces text[],
	keys text[],
	tokens bigint[])
RETURNS bigint[]
AS 'MODULE_PATHNAME', 'pgx_calls'
LANGUAGE C VOLATILE PARALLEL UNSAFE;

COMMENT ON FUNCTION exclusive_internal._calls(text, text[], text[], bigint[]) IS
'many calls; ops has a character per element: x, s try, u unlocks the token, h asks whether it is still held. Per element the token, or NULL for no; an element that fails does not stop the others';

CREATE FUNCTION exclusive_internal._details()
RETURNS text[]
AS 'MODULE_PATHNAME', 'pgx_details'
LANGUAGE C VOLATILE PARALLEL UNSAFE;

COMMENT ON FUNCTION exclusive_internal._details() IS
'why elements of the last _try(), _calls() or _wait_lock() were refused or failed, nine strings each: ordinal, sqlstate (empty: refused), message, hint, and of the holder pid, role, application name, address, and since when (microseconds since 1970); NULL when there are none';

CREATE PROCEDURE exclusive_internal._wait_lock(
	namespace text,
	key text,
	mode text,
	wait interval,
	INOUT token bigint)
AS 'MODULE_PATHNAME', 'pgx_wait_token'
LANGUAGE C;

COMMENT ON PROCEDURE exclusive_internal._wait_lock(text, text, text, interval, bigint) IS
'wait_lock() that returns the token; NULL when the lock is still taken after "wait"';

CREATE FUNCTION exclusive_internal._heartbeat(
	tokens bigint[],
	OUT nonce bigint,
	OUT lost bigint[],
	OUT asked bigint[])
AS 'MODULE_PATHNAME', 'pgx_heartbeat'
LANGUAGE C VOLATILE PARALLEL UNSAFE;

COMMENT ON FUNCTION exclusive_internal._heartbeat(bigint[]) IS
'which of the grants with these tokens this session no longer holds, says the lock manager, and which of the others it was asked to give up';

CREATE FUNCTION exclusive_internal._try_permit(namespace text, key text, permits integer)
RETURNS bigint
AS 'MODULE_PATHNAME', 'pgx_try_permit'
LANGUAGE C VOLATILE PARALLEL UNSAFE;

COMMENT ON FUNCTION exclusive_internal._try_permit(text, text, integer) IS
'try_lock_permit() without wait; the token, or NULL when none is free';

CREATE PROCEDURE exclusive_internal._wait_permit(
	namespace text,
	key text,
	permits integer,
	wait interval,
	INOUT token bigint)
AS 'MODULE_PATHNAME', 'pgx_wait_permit'
LANGUAGE C;

COMMENT ON PROCEDURE exclusive_internal._wait_permit(text, text, integer, interval, bigint) IS
'try_lock_permit() that waits without a snapshot and returns the token';

CREATE FUNCTION exclusive_internal._try_lease(
	namespace text,
	key text,
	ttl interval)
RETURNS bigint
AS 'MODULE_PATHNAME', 'pgx_try_lease'
LANGUAGE C VOLATILE PARALLEL UNSAFE;

COMMENT ON FUNCTION exclusive_internal._try_lease(text, text, interval) IS
'acquire_lease() without wait; NULL when refused, and then _details() says who has it';

CREATE FUNCTION exclusive_internal._renew_leases(
	namespaces text[],
	keys text[],
	tokens bigint[],
	OUT held bigint[],
	OUT asked bigint[])
AS 'MODULE_PATHNAME', 'pgx_renew_leases'
LANGUAGE C VOLATILE PARALLEL UNSAFE;

COMMENT ON FUNCTION exclusive_internal._renew_leases(text[], text[], bigint[]) IS
'renew_lease() of many leases: the tokens of those that are still held, and of those whose owner was asked to give the lock up';

/*
 * What pg_exclusive doctor warns of.  Nobody needs these rights, and they can
 * be used to disturb others.
 */
CREATE VIEW exclusive_internal.foreign_rights AS
	SELECT c.oid::pg_catalog.regclass::text AS object,
		   CASE WHEN a.grantee = 0 THEN 'PUBLIC' ELSE pg_catalog.pg_get_userbyid(a.grantee) END AS grantee,
		   a.privilege_type AS privilege
	FROM pg_catalog.pg_class c, pg_catalog.aclexplode(c.relacl) a
	WHERE c.relnamespace = 'exclusive_internal'::pg_catalog.regnamespace
		  AND c.relkind IN ('r', 'S') AND a.grantee <> c.relowner AND a.privilege_type <> 'SELECT'
	UNION ALL
	SELECT c.oid::pg_catalog.regclass::text, t.tgname, 'trigger'
	FROM pg_catalog.pg_trigger t JOIN pg_catalog.pg_class c ON c.oid = t.tgrelid
	WHERE c.relnamespace = 'exclusive_internal'::pg_catalog.regnamespace AND NOT t.tgisinternal
		  AND t.tgfoid NOT IN (SELECT p.oid FROM pg_catalog.pg_proc p
							   WHERE p.pronamespace = c.relnamespace);

COMMENT ON VIEW exclusive_internal.foreign_rights IS
'rights of other roles to write the tables of pg_exclusive, and triggers of theirs on them';

/*
 * Privileges.  Functions are for everybody, because a namespace's role is
 * checked inside.  Those that administrate are for those who are granted them.
 * What ALTER DEFAULT PRIVILEGES has given to other roles is taken back.
 */

CREATE FUNCTION exclusive_internal._take_back_grants() RETURNS void
AS 'MODULE_PATHNAME', 'pgx_take_back_grants'
LANGUAGE C VOLATILE PARALLEL UNSAFE;
SELECT exclusive_internal._take_back_grants();
DROP FUNCTION exclusive_internal._take_back_grants();

GRANT USAGE ON SCHEMA exclusive_internal TO PUBLIC;

GRANT SELECT ON exclusive_internal.foreign_rights TO PUBLIC;

/* pg_dump runs as the owner of the database, who need not be superuser. */
GRANT SELECT ON ALL TABLES IN SCHEMA exclusive_internal TO pg_database_owner;
GRANT SELECT ON ALL SEQUENCES IN SCHEMA exclusive_internal TO pg_database_owner;

REVOKE ALL ON FUNCTION lock_namespace(text, regrole, boolean, integer, interval, interval) FROM PUBLIC;
REVOKE ALL ON FUNCTION drop_lock_namespace(text) FROM PUBLIC;
REVOKE ALL ON FUNCTION pause_lock_namespace(text, text) FROM PUBLIC;
REVOKE ALL ON FUNCTION resume_lock_namespace(text) FROM PUBLIC;
REVOKE ALL ON FUNCTION forget_lock_runs(interval) FROM PUBLIC;
REVOKE ALL ON FUNCTION break_lock(text, text, text, interval) FROM PUBLIC;
REVOKE ALL ON FUNCTION reset_lock_stats() FROM PUBLIC;

GRANT SELECT ON lock_holders, lock_waiters, lock_namespaces, lock_runs, lock_jobs,
	lock_stats, lock_histograms, lock_table TO PUBLIC;
