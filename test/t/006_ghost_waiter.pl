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

for my $call ("CALL wait_lock('default', 'k')",
	"CALL wait_lock('default', 'k', wait => '1 day')",
	"CALL run_exclusive('default', 'k', 'SELECT')",
	"SELECT try_lock('default', 'k', wait => NULL)",
	"SELECT try_xact_lock('default', 'k', wait => '1 day')",
	"SELECT try_run_exclusive('default', 'k', 'SELECT', wait => NULL)")
{
	my $ghost = session($node);
	my $pid = pid_of($ghost);
	ask_later($ghost, $call);
	wait_queued($node, $pid);
	kill_session($ghost);
	ok($node->poll_query_until('postgres', "SELECT NOT EXISTS (SELECT FROM pg_stat_activity WHERE pid = $pid)"),
		"$call: its backend ends");
	is($node->safe_psql('postgres', 'SELECT count(*) FROM lock_waiters'), 0, 'and has left the queue');
}

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
is(ask($waiter, "SELECT pg_sleep(1.5)"), '', 'and the timer is off');
ask($waiter, "SET client_connection_check_interval = '7s'");
is(ask($holder, "SELECT try_lock('default', 'k', wait => '10 ms')"), 'f', 'taken');
is(ask($waiter, "SELECT unlock('default', 'k')"), 't', 'freed');
is(ask($waiter, "CALL wait_lock('default', 'k')"), 't', 'waited with a setting of the user');
is(ask($waiter, 'SHOW client_connection_check_interval'), '7s', 'which stays');
$_->quit foreach $waiter, $holder;
$node->stop;
done_testing();
