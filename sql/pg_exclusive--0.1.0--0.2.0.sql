/* sql/pg_exclusive--0.1.0--0.2.0.sql: the rest of the server side */

-- complain if script is sourced in psql, rather than via ALTER EXTENSION
\echo Use "ALTER EXTENSION pg_exclusive UPDATE TO '0.2.0'" to load this file. \quit

CREATE TABLE fence_record (
	namespace		text COLLATE "C" NOT NULL,
	key				text COLLATE "C" NOT NULL,
	token			bigint NOT NULL,
	PRIMARY KEY (namespace, key)
);

COMMENT ON TABLE fence_record IS
'the highest token seen per lock; written by check_fence() and fence_guard()';

SELECT pg_catalog.pg_extension_config_dump('fence_record', '');

/*
 * Many at once
 */

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
 * Runs of work outside the database
 */

CREATE FUNCTION begin_run(
	namespace text,
	key text,
	slot text,
	on_crash text DEFAULT 'retry',
	every interval DEFAULT NULL)
RETURNS boolean
AS 'MODULE_PATHNAME', 'pgx_begin_run'
LANGUAGE C VOLATILE PARALLEL UNSAFE;

COMMENT ON FUNCTION begin_run(text, text, text, text, interval) IS
'records the start of a run under a session-scope hold; false when this slot (or, with "every", this period) has had its run';

CREATE FUNCTION finish_run(namespace text, key text, slot text, succeeded boolean)
RETURNS void
AS 'MODULE_PATHNAME', 'pgx_finish_run'
LANGUAGE C VOLATILE PARALLEL UNSAFE;

COMMENT ON FUNCTION finish_run(text, text, text, boolean) IS
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

COMMENT ON TABLE namespace_registry IS
'registered lock namespaces; written by lock_namespace(), drop_lock_namespace(), pause_lock_namespace() and resume_lock_namespace()';

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

CREATE FUNCTION break_lock(namespace text, key text, reason text)
RETURNS integer
AS 'MODULE_PATHNAME', 'pgx_break_lock'
LANGUAGE C VOLATILE PARALLEL UNSAFE;

COMMENT ON FUNCTION break_lock(text, text, text) IS
'terminates the backends that hold a lock and returns how many; logs who and why, and what else those sessions held';

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
	OUT acquired_at timestamptz)
RETURNS SETOF record
AS 'MODULE_PATHNAME', 'pgx_lock_holder'
LANGUAGE C VOLATILE PARALLEL UNSAFE ROWS 1;

COMMENT ON FUNCTION lock_holder(text, text) IS
'who holds one lock, without reading all locks of the server';

CREATE FUNCTION _lock_stats(
	OUT namespace text,
	OUT grants bigint,
	OUT refusals bigint,
	OUT timeouts bigint,
	OUT total_wait interval,
	OUT longest_wait interval,
	OUT total_hold interval,
	OUT longest_hold interval,
	OUT collisions bigint,
	OUT unclean_releases bigint)
RETURNS SETOF record
AS 'MODULE_PATHNAME', 'pgx_lock_stats'
LANGUAGE C VOLATILE PARALLEL UNSAFE ROWS 10;

COMMENT ON FUNCTION _lock_stats() IS 'internal: the view lock_stats reads it';

CREATE VIEW lock_stats AS
	SELECT namespace, grants, refusals, timeouts, total_wait, longest_wait,
		   total_hold, longest_hold, collisions, unclean_releases
	FROM _lock_stats();

COMMENT ON VIEW lock_stats IS
'counters per namespace since the server started or reset_lock_stats()';

DROP VIEW lock_holders, lock_waiters;
DROP FUNCTION _lock_status();

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
	OUT queue_position integer,
	OUT permit integer,
	OUT permits integer,
	OUT delayed_until timestamptz,
	OUT blocked_by integer[])
RETURNS SETOF record
AS 'MODULE_PATHNAME', 'pgx_lock_status'
LANGUAGE C VOLATILE PARALLEL UNSAFE ROWS 100;

COMMENT ON FUNCTION _lock_status() IS
'internal: what the lock manager says of our locks, with names; the views lock_holders and lock_waiters read it';

CREATE VIEW lock_holders AS
	SELECT namespace, key, lock_id, mode, scope, token, pid, role,
		   application_name, client_addr, since AS acquired_at, waiters,
		   permit, permits
	FROM _lock_status() WHERE granted;

COMMENT ON VIEW lock_holders IS
'who holds which lock in this database, as the lock manager says';

CREATE VIEW lock_waiters AS
	SELECT namespace, key, lock_id, mode, pid, role, application_name,
		   client_addr, since AS waiting_since, queue_position,
		   coalesce(blocked_by, pg_catalog.pg_blocking_pids(pid)) AS blocked_by,
		   permits, delayed_until
	FROM _lock_status() WHERE NOT granted;

COMMENT ON VIEW lock_waiters IS
'who waits for which lock in this database; queue_position: the place in the queue; delayed_until: granted, and sitting out the namespace''s lock_delay';

/*
 * What the client library calls
 */

CREATE FUNCTION _try_permit(namespace text, key text, permits integer)
RETURNS bigint
AS 'MODULE_PATHNAME', 'pgx_try_permit'
LANGUAGE C VOLATILE PARALLEL UNSAFE;

COMMENT ON FUNCTION _try_permit(text, text, integer) IS
'internal: try_lock_permit() without wait; the token, or NULL when none is free';

CREATE PROCEDURE _wait_permit(
	namespace text,
	key text,
	permits integer,
	wait interval,
	INOUT token bigint)
AS 'MODULE_PATHNAME', 'pgx_wait_permit'
LANGUAGE C;

COMMENT ON PROCEDURE _wait_permit(text, text, integer, interval, bigint) IS
'internal: try_lock_permit() that waits without a snapshot and returns the token';

/*
 * Privileges
 */

REVOKE ALL ON FUNCTION forget_lock_runs(interval) FROM PUBLIC;
REVOKE ALL ON FUNCTION pause_lock_namespace(text, text) FROM PUBLIC;
REVOKE ALL ON FUNCTION resume_lock_namespace(text) FROM PUBLIC;
REVOKE ALL ON FUNCTION break_lock(text, text, text) FROM PUBLIC;
REVOKE ALL ON FUNCTION reset_lock_stats() FROM PUBLIC;

GRANT SELECT ON lock_holders, lock_waiters, lock_stats TO PUBLIC;
