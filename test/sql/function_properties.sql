-- How our functions are declared decides where the planner may run them.
CREATE TEMP VIEW ours AS
SELECT p.*, p.oid::regprocedure AS signature
FROM pg_proc p JOIN pg_depend d ON d.classid = 'pg_proc'::regclass AND d.objid = p.oid
WHERE d.refclassid = 'pg_extension'::regclass AND d.deptype = 'e'
	AND d.refobjid = (SELECT oid FROM pg_extension WHERE extname = 'pg_exclusive');

-- a NULL is an error or a default, never a silent NULL result
SELECT signature FROM ours WHERE proisstrict ORDER BY signature::text;	-- those of a type

-- taken locks do not survive a parallel worker, and EXPLAIN must not take any
SELECT signature, provolatile, proparallel FROM ours
WHERE prokind = 'f' AND (provolatile, proparallel) <> ('v', 'u')
ORDER BY signature::text COLLATE "C";	-- lock_id and the two that only compute
SELECT signature FROM ours WHERE proleakproof;	-- none

-- either would make CALL atomic; and a task must run with its caller's rights
SELECT signature FROM ours WHERE prosecdef OR proconfig IS NOT NULL;	-- none

-- who may call what
SELECT signature FROM ours
WHERE EXISTS (SELECT FROM aclexplode(proacl)) AND NOT EXISTS (
	SELECT FROM aclexplode(proacl) WHERE grantee = 0 AND privilege_type = 'EXECUTE')
ORDER BY signature::text COLLATE "C";	-- those that administrate

-- everything is documented
SELECT signature FROM ours WHERE obj_description(oid, 'pg_proc') IS NULL;	-- none
SELECT c.relname FROM pg_class c
	JOIN pg_depend d ON d.classid = 'pg_class'::regclass AND d.objid = c.oid AND d.deptype = 'e'
	JOIN pg_extension e ON e.oid = d.refobjid AND e.extname = 'pg_exclusive'
WHERE obj_description(c.oid, 'pg_class') IS NULL;	-- none

-- the extension stays where it was created
SELECT extrelocatable FROM pg_extension WHERE extname = 'pg_exclusive';	-- false
SELECT superuser, trusted, relocatable FROM pg_available_extension_versions
WHERE name = 'pg_exclusive' AND installed;	-- true, false, false
