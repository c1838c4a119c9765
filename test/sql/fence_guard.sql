-- fence_guard: a trigger that lets no stale writer into a table
\set VERBOSITY sqlstate
CREATE TABLE book (page int, token bigint);
CREATE TRIGGER guard BEFORE INSERT OR UPDATE ON book
	FOR EACH ROW EXECUTE FUNCTION fence_guard('default', 'book');
SELECT try_lock('default', 'book'), fencing_token('default', 'book') AS old \gset
INSERT INTO book VALUES (1, :old);
SELECT unlock('default', 'book');	-- true
SELECT try_lock('default', 'book'), fencing_token('default', 'book') AS new \gset
INSERT INTO book VALUES (2, :old);	-- nobody has written with the new one yet
UPDATE book SET token = :new WHERE page = 1;
INSERT INTO book VALUES (3, :old);	-- 40001
UPDATE book SET page = 4, token = :old WHERE page = 1;	-- 40001
INSERT INTO book VALUES (3, :new);
INSERT INTO book VALUES (5, NULL);	-- 22004
INSERT INTO book VALUES (5, 9223372036854775807);	-- 22023
SELECT page FROM book ORDER BY page;	-- 1 2 3

-- a column of another name
CREATE TABLE page (words text, fence bigint);
CREATE TRIGGER guard BEFORE INSERT OR UPDATE ON page
	FOR EACH ROW EXECUTE FUNCTION fence_guard('default', 'book', 'fence');
INSERT INTO page VALUES ('stale', :old);	-- 40001
INSERT INTO page VALUES ('good', :new);
SELECT words FROM page;	-- good

-- called or attached in the wrong way
SELECT fence_guard();	-- 39P01
CREATE TRIGGER wrong AFTER INSERT ON page FOR EACH ROW EXECUTE FUNCTION fence_guard('default', 'book', 'fence');
INSERT INTO page VALUES ('good', :new);	-- 39P01
DROP TRIGGER wrong ON page;
CREATE TRIGGER wrong BEFORE INSERT ON page FOR EACH STATEMENT EXECUTE FUNCTION fence_guard('default', 'book', 'fence');
INSERT INTO page VALUES ('good', :new);	-- 39P01
DROP TRIGGER wrong ON page;
CREATE TRIGGER wrong BEFORE INSERT ON page FOR EACH ROW EXECUTE FUNCTION fence_guard('default', 'book', 'words');
INSERT INTO page VALUES ('good', :new);	-- 42703
DROP TRIGGER wrong ON page;
CREATE TRIGGER wrong BEFORE INSERT ON page FOR EACH ROW EXECUTE FUNCTION fence_guard('default', 'book', 'nowhere');
INSERT INTO page VALUES ('good', :new);	-- 42703
DROP TRIGGER wrong ON page;
CREATE TRIGGER wrong BEFORE INSERT ON page FOR EACH ROW EXECUTE FUNCTION fence_guard('default');
INSERT INTO page VALUES ('good', :new);	-- 22023
DROP TRIGGER wrong ON page;
SELECT words FROM page;	-- good, once
SELECT unlock_all();	-- 1
DELETE FROM exclusive_internal.fence_record;
DROP TABLE book, page;
