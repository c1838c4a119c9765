-- a role's name is never a format
CREATE ROLE "regress_%2$s%3$s%%n";
CREATE ROLE "regress_%2$s%3$s%n";
SELECT lock_namespace('percent', '"regress_%2$s%3$s%%n"') IS NOT NULL;	-- t
SELECT grantee::regrole FROM pg_class, aclexplode(relacl)
WHERE oid = 'exclusive_internal.namespace_registry'::regclass AND grantee NOT IN (relowner, 'pg_database_owner'::regrole);	-- that role, no other
SELECT drop_lock_namespace('percent');
SELECT count(*) FROM pg_class, aclexplode(relacl)
WHERE oid = 'exclusive_internal.namespace_registry'::regclass AND grantee NOT IN (relowner, 'pg_database_owner'::regrole);	-- 0
DROP ROLE "regress_%2$s%3$s%%n", "regress_%2$s%3$s%n";
