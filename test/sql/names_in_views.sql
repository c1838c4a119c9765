-- Names in views are those of now, whatever they contain.
CREATE ROLE "regress_100% 'odd' ""one""";
SET ROLE "regress_100% 'odd' ""one""";
SELECT try_lock('default', 'it''s 100% "odd" \n'), try_xact_lock('default', E'tab\tand\nnewline');	-- true, true
SELECT key, role FROM lock_holders;	-- as they were given
SELECT try_lock('default', 'it''s 100% "odd" \n');	-- quoted in the message
SELECT unlock('default', 'it''s 100% "odd" \n');	-- true
SELECT unlock('default', 'it''s 100% "odd" \n');	-- a warning and false
RESET ROLE;

-- of every length, longer and shorter ones in turn
DO $$
DECLARE
	n int;
BEGIN
	FOR i IN 1..1024 LOOP
		FOREACH n IN ARRAY ARRAY[i, 1025 - i] LOOP
			ASSERT try_lock('default', repeat('k', n)), n;
			ASSERT (SELECT key = repeat('k', n) FROM lock_holders), n;
			ASSERT unlock('default', repeat('k', n)), n;
		END LOOP;
	END LOOP;
END $$;

CREATE ROLE regress_before;
SET ROLE regress_before;
SELECT try_lock('default', 'k');	-- true
SELECT role FROM lock_holders;	-- regress_before
RESET ROLE;
ALTER ROLE regress_before RENAME TO regress_after;
SELECT role FROM lock_holders;	-- regress_after
SELECT role FROM lock_holder('default', 'k');	-- regress_after
DROP ROLE regress_after;
SELECT role IS NULL OR role ~ '^\d+$' OR role ~ 'unknown' AS gone FROM lock_holders;	-- true
SELECT unlock('default', 'k');	-- true

-- the application's name and role are those of the grant, or of now: never another session's
SET application_name = 'before';
SELECT try_lock('default', 'k');	-- true
SET application_name = 'after';
SELECT application_name IN ('before', 'after') AS ours FROM lock_holders;	-- true
SELECT unlock('default', 'k');	-- true
RESET application_name;
DROP ROLE "regress_100% 'odd' ""one""";
