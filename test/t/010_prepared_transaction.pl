# PREPARE TRANSACTION: refused with a lock of the transaction, harmless with one of the session.
use strict;
use warnings;
use FindBin;
use lib $FindBin::Bin;
use Exclusive;
use Test::More;

my $node = new_node('twophase', conf => "max_prepared_transactions = 5\n");
$node->safe_psql('postgres', 'CREATE TABLE t (n int)');
my $session = session($node);

for my $call ("try_xact_lock('default', 'k')", "try_xact_lock('default', 'k', 'shared')",
	"try_run_exclusive('default', 'k', 'INSERT INTO t VALUES (1)')",
	"try_run_once('default', 'k', 'slot', 'INSERT INTO t VALUES (1)')")
{
	ask($session, 'BEGIN');
	is(ask($session, "SELECT $call"), 't', $call);
	is(ask($session, "PREPARE TRANSACTION 'gid'"), 'ERROR:  0A000', 'cannot be prepared');
	is(ask($session, 'SELECT count(*) FROM lock_holders'), 0, 'the transaction is over, and its lock free');
	is(ask($session, 'SELECT count(*) FROM pg_prepared_xacts'), 0, 'nothing is prepared');
	is(ask($session, "SELECT try_lock('default', 'k'), unlock('default', 'k')"), 't|t', 'the session goes on');
}
is(ask($session, 'SELECT count(*) FROM t'), 0, 'no work is left');

# a lock that was given up with its savepoint is no obstacle
ask($session, $_) foreach 'BEGIN', 'SAVEPOINT s', "SELECT try_xact_lock('default', 'k')", 'ROLLBACK TO s', 'INSERT INTO t VALUES (1)';
is(ask($session, "PREPARE TRANSACTION 'gid'"), '', 'prepared after ROLLBACK TO');
is(ask($session, "COMMIT PREPARED 'gid'"), '', 'and committed');

# a lock of the session survives, also one taken in that transaction
is(ask($session, "SELECT try_lock('default', 'before')"), 't', 'taken before');
ask($session, 'BEGIN');
is(ask($session, "SELECT try_lock('default', 'inside')"), 't', 'taken inside');
ask($session, 'INSERT INTO t VALUES (2)');
is(ask($session, "PREPARE TRANSACTION 'gid'"), '', 'prepared');
is(ask($session, "SELECT string_agg(key || ' ' || scope, ', ' ORDER BY key) FROM lock_holders"), 'before session, inside session', 'both are held');
is(ask($session, "SELECT unlock_all()"), 2, 'and can be freed');
is(ask($session, "COMMIT PREPARED 'gid'"), '', 'committed');
is(ask($session, 'SELECT count(*) FROM t'), 2, 'with its work');
is(ask($session, "SELECT count(*) FROM pg_locks WHERE locktype = 'advisory'"), 0, 'no lock is left');
$session->quit;
$node->stop;
done_testing();
