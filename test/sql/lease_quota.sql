-- How many leases there may be, and that those which are over do not count.
\set VERBOSITY sqlstate
SELECT lock_namespace('leases', max_holds => 2, max_lease => '1 min') IS NOT NULL;	-- true
SELECT acquire_lease('leases', 'a', '30 s') AS a \gset
SELECT acquire_lease('leases', 'b', '500 ms') AS b \gset
SELECT acquire_lease('leases', 'c', '30 s');	-- 53400
SELECT try_lock('leases', 'c');	-- 53400: locks and leases are counted together
SELECT pg_sleep(0.6);
SELECT try_lock('leases', 'c');	-- true: b is over
SELECT acquire_lease('leases', 'b', '30 s');	-- 53400
SELECT unlock('leases', 'c'), acquire_lease('leases', 'b', '30 s') AS b \gset
SELECT release_lease('leases', 'a', :a), release_lease('leases', 'a', :a), release_lease('leases', 'b', :b);	-- true, false, true
SELECT acquire_lease('leases', 'a', '30 s') AS a \gset
SELECT acquire_lease('leases', 'b', '30 s') AS b \gset
SELECT acquire_lease('leases', 'c', '30 s');	-- 53400: given back once, not twice
BEGIN;
SELECT release_lease('leases', 'b', :b), acquire_lease('leases', 'c', '30 s') > 0;	-- true, true
ROLLBACK;
SELECT acquire_lease('leases', 'b', '30 s') AS b \gset
SELECT renew_lease('leases', 'a', :a, '2 s'), renew_lease('leases', 'b', :b, '2 s');	-- true, true
SELECT break_lock('leases', 'a', 'test'), break_lock('leases', 'b', 'test');	-- 1, 1
SELECT try_lock('leases', 'd'), try_lock('leases', 'e'), unlock_all();	-- true, true, 2

-- of the server
SELECT lock_namespace('many', max_lease => '1 min') IS NOT NULL;	-- true
SELECT count(*) AS before FROM lock_holders \gset
SET pg_exclusive.max_leases = 2;
SELECT acquire_lease('many', 'a', '30 s') AS a \gset
SELECT acquire_lease('many', 'b', '500 ms') > 0;	-- true
SELECT acquire_lease('many', 'c', '30 s');	-- 53400
SELECT try_lock('many', 'c'), unlock('many', 'c');	-- true: nothing was kept
SELECT pg_sleep(0.6);
SELECT acquire_lease('many', 'c', '30 s') AS c \gset
SELECT acquire_lease('many', 'd', '30 s');	-- 53400
RESET pg_exclusive.max_leases;
SELECT release_lease('many', 'a', :a), release_lease('many', 'c', :c);	-- true, true

-- records are used again
DO $$ BEGIN
	FOR i IN 1..1000 LOOP
		PERFORM release_lease('many', repeat('k', i % 200 + 1) || i, acquire_lease('many', repeat('k', i % 200 + 1) || i, '30 s'));
	END LOOP;
END $$;
SELECT count(*) FROM lock_holders;	-- 0
SELECT drop_lock_namespace('many');
SELECT try_lock_all('leases', ARRAY['a', 'b'], wait => '1 min'), unlock_all();	-- true, 2
SELECT drop_lock_namespace('leases');
