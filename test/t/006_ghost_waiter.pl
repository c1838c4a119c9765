# A client that dies while its backend waits is noticed: no ghost is granted the lock.
use strict;
use warnings;
use FindBin;
use lib $FindBin::Bin;
use Exclusive;
use Test::More;

my $node = new_node('ghost');
my $holder = session($node);
is(ask($holder, "SELECT try_lock('default', 'k')"), 't', 'held');
is(ask($holder, 'SHOW client_connection_check_interval'), 0, 'the server itself does not look');

my @calls = ("CALL wait_lock('default', 'k')",
	"CALL wait_lock('default', 'k', wait => '1 day')",
	"CALL run_exclusive('default', 'k', 'SELECT')",
	"SELECT try_lock('default', 'k', wait => NULL)",
	"SELECT try_xact_lock('default', 'k', wait => '1 day')",
	"SELECT try_run_exclusive('default', 'k', 'SELECT', wait => NULL)");
my @ghosts = map { session($node) } @calls;
my @pids = map { pid_of($_) } @ghosts;
ask_later($ghosts[$_], $calls[$_]) foreach 0 .. $#calls;
wait_queued($node, @pids);
kill_session($_) foreach @ghosts;
for my $i (0 .. $#calls)
{
	ok($node->poll_query_until('postgres', "SELECT NOT EXISTS (SELECT FROM pg_stat_activity WHERE pid = $pids[$i])"),
		"$calls[$i]: its backend ends");
}
is($node->safe_psql('postgres', 'SELECT count(*) FROM lock_waiters'), 0, 'the queue is empty');

# who still has a client goes on waiting; its settings are as they were
my $waiter = session($node);
my $pid = pid_of($waiter);
ask_later($waiter, "CALL wait_lock('default', 'k')");
wait_queued($node, $pid);
my $ghost = session($node);
ask_later($ghost, "CALL wait_lock('default', 'k')");
$node->poll_query_until('postgres', 'SELECT count(*) = 2 FROM lock_waiters');
kill_session($ghost);
ok($node->poll_query_until('postgres', 'SELECT count(*) = 1 FROM lock_waiters'), 'only the ghost goes');
is(ask($holder, "SELECT unlock('default', 'k')"), 't', 'freed');
is(answer($waiter), 't', 'the living waiter gets the lock');
is(ask($waiter, 'SHOW client_connection_check_interval'), 0, 'the setting is as it was');
ask($waiter, "SET client_connection_check_interval = '7s'");
is(ask($holder, "SELECT try_lock('default', 'k', wait => '10 ms')"), 'f', 'taken');
is(ask($waiter, "SELECT unlock('default', 'k')"), 't', 'freed');
is(ask($waiter, "CALL wait_lock('default', 'k')"), 't', 'waited with a setting of the user');
is(ask($waiter, 'SHOW client_connection_check_interval'), '7s', 'which stays');
$_->quit foreach $waiter, $holder;
$node->stop;
done_testing();
