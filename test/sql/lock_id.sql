-- The id of a lock is frozen: any client computes it without us.
SET client_encoding = 'UTF8';
CREATE FUNCTION pg_temp.by_definition(namespace text, key text) RETURNS bigint
	RETURN ('x' || encode(substr(sha256(convert_to(namespace, 'UTF8')
		|| '\x00'::bytea || convert_to(key, 'UTF8')), 1, 8), 'hex'))::bit(64)::bigint;

SELECT namespace, left(key, 20) AS key, lock_id(namespace, key) = id AS ok
FROM (VALUES
	('billing', 'nightly', -4857304600860246807),
	('jobs', 'nightly-close', 6823680722203212612),
	('a', 'b/c', -4805501903565335352),
	('a/b', 'c', 5884018112297427615),
	('jobs', 'Job', 1674934026793591418),
	('jobs', 'job', 5195228993943049750),
	('é', 'ключ', -4950525707655477489),
	('jobs', repeat('x', 1024), -8376917133111979859)) v(namespace, key, id);	-- all true

-- one key per byte length 1 to 1024, and namespaces of 1 to 63 bytes
SELECT count(*), bool_and(lock_id('jobs', repeat('k', n)) =
	pg_temp.by_definition('jobs', repeat('k', n))) FROM generate_series(1, 1024) n;	-- 1024, true
SELECT count(*), bool_and(lock_id(repeat('n', n), 'k') =
	pg_temp.by_definition(repeat('n', n), 'k')) FROM generate_series(1, 63) n;	-- 63, true

-- nothing is folded, trimmed or normalised: composed and decomposed é differ
SELECT count(DISTINCT lock_id('jobs', key)) FROM (VALUES
	(U&'\00e9'), (U&'e\0301'), ('k'), ('K'), ('k '), (' k'), (E'k\n')) v(key);	-- 7

-- it asks no table: an unregistered namespace has ids too
SELECT lock_id('never registered', 'k') = pg_temp.by_definition('never registered', 'k');	-- true
SELECT provolatile, proparallel FROM pg_proc WHERE oid = 'lock_id'::regproc;	-- i, s

-- it may be indexed
CREATE TEMP TABLE job (key text);
CREATE INDEX ON job (lock_id('jobs', key));

-- a parallel worker computes it
SET parallel_setup_cost = 0; SET parallel_tuple_cost = 0; SET min_parallel_table_scan_size = 0;
CREATE TABLE parallel_job AS SELECT n::text AS key FROM generate_series(1, 1000) n;
SELECT count(DISTINCT lock_id('jobs', key)) FROM parallel_job;	-- 1000
DROP TABLE parallel_job;
