# The first token after a server start writes a new epoch, in whatever
# transaction it is drawn; that does not count as the caller's writing.
use strict;
use warnings;
use FindBin;
use lib $FindBin::Bin;
use Exclusive;
use Test::More;

my $node = new_node('first');
$node->append_conf('postgresql.conf', 'wal_log_hints = on');
$node->safe_psql('postgres', 'CREATE TABLE t (n int); CREATE TABLE unread AS SELECT 1; CREATE ROLE poor LOGIN');
my $newest = 0;

# fresh(name, statement => expected, ...) - the statements are a new server's first
sub fresh
{
	my ($name, @script) = @_;
	$node->restart;
	my $session = session($node);
	while (my ($sql, $expected) = splice @script, 0, 2)
	{
		is(ask($session, $sql), $expected, "$name: $sql");
	}
	is(ask($session, "SELECT try_lock('default', 'last')"), 't', "$name: a last grant");
	my $token = ask($session, "SELECT fencing_token('default', 'last')");
	cmp_ok($token, '>', $newest, "$name: larger than all before");
	$newest = $token;
	$session->quit;
	return;
}

my ($lock, $unlock) = ("SELECT try_lock('default', 'k')", "SELECT unlock('default', 'k')");

fresh('freed where it was taken', 'BEGIN', '', $lock, 't', $unlock, 't', 'COMMIT', '');
fresh('in one statement', "SELECT try_lock('default', 'k'), unlock('default', 'k')", 't|t');
fresh('freed later in a transaction', 'BEGIN', '', 'SELECT count(*) FROM t', 0, $lock, 't',
	'SELECT count(*) FROM t', 0, "SELECT unlock_all()", 1, 'COMMIT', '');
fresh('reading logs hint bits', 'BEGIN', '', $lock, 't', 'SELECT count(*) FROM unread', 1, $unlock, 't', 'COMMIT', '');
fresh('written in the same statement', 'BEGIN', '', "WITH w AS (INSERT INTO t SELECT try_lock('default', 'k')::int RETURNING n)
	SELECT unlock('default', 'k') FROM w", 'ERROR:  25001', 'ROLLBACK', '');
fresh('written after it', 'BEGIN', '', $lock, 't', 'INSERT INTO t VALUES (1)', '', $unlock, 'ERROR:  25001', 'ROLLBACK', '');
fresh('written before it', 'BEGIN', '', 'INSERT INTO t VALUES (1)', '', $lock, 't', $unlock, 'ERROR:  25001', 'ROLLBACK', '');
fresh('in a savepoint', 'BEGIN', '', 'SAVEPOINT s', '', $lock, 't', $unlock, 't', 'ROLLBACK TO s', '', $lock, 't', $unlock, 't', 'COMMIT', '');
fresh('a savepoint that wrote', 'BEGIN', '', $lock, 't', 'SAVEPOINT s', '', 'INSERT INTO t VALUES (1)', '', 'RELEASE s', '',
	$unlock, 'ERROR:  25001', 'ROLLBACK', '');
fresh('read only', 'BEGIN READ ONLY', '', $lock, 't', $unlock, 't',
	'INSERT INTO t VALUES (1)', 'ERROR:  25006', 'ROLLBACK', '');
fresh('read only session', 'SET default_transaction_read_only = on', '', $lock, 't', "CALL wait_lock('default', 'w')", 't', 'SELECT unlock_all()', 2);
fresh('serializable', 'BEGIN ISOLATION LEVEL SERIALIZABLE READ ONLY', '', "SELECT try_xact_lock('default', 'k')", 't', 'COMMIT', '');
fresh('a role without rights', 'SET ROLE poor', '', $lock, 't', $unlock, 't', 'SELECT current_user', 'poor',
	"SELECT setval('exclusive_internal.token_epoch', 1)", 'ERROR:  42501');
fresh('asynchronous commit', 'SET synchronous_commit = off', '', $lock, 't', 'SHOW synchronous_commit', 'off', $unlock, 't');
fresh('a failing transaction', 'BEGIN', '', $lock, 't', 'SELECT 1/0', 'ERROR:  22012', 'ROLLBACK', '', $unlock, 't');
fresh('a run', "SELECT try_run_exclusive('default', 'k', 'INSERT INTO t VALUES (1)')", 't', 'SELECT count(*) FROM t', 1);
fresh('a call', "CALL run_exclusive('default', 'k', 'INSERT INTO t VALUES (1)')", 't', 'SELECT count(*) FROM t', 2);
fresh('a task that fails', "SELECT try_run_exclusive('default', 'k', 'SELECT 1/0')", 'ERROR:  22012', 'SELECT count(*) FROM lock_holders', 0);
$node->stop;
done_testing();
