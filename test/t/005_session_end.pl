# Sessions that end in every way: their locks go, the views are exact, waiters get on.
use strict;
use warnings;
use FindBin;
use lib $FindBin::Bin;
use Exclusive;
use Test::More;

my $node = new_node('ends');
my $watch = session($node);

# ends(name, how, setup) - a session with three kinds of holds ends while another waits
sub ends
{
	my ($name, $how, @setup) = @_;
	my ($holder, $waiter) = (session($node), session($node));
	my ($holder_pid, $waiter_pid) = (pid_of($holder), pid_of($waiter));
	is(ask($holder, $_), '', "$name: $_") foreach @setup;
	is(ask($holder, "SELECT try_lock('default', 'session'), try_lock('default', 'shared', 'shared')"), 't|t', "$name: locks of a session");
	ask($holder, 'BEGIN');
	is(ask($holder, "SELECT try_xact_lock('default', 'xact')"), 't', "$name: lock of a transaction");
	is(ask($watch, 'SELECT count(*) FROM lock_holders'), 3, "$name: three are shown");
	ask_later($waiter, "CALL wait_lock('default', 'session')");
	wait_queued($node, $waiter_pid);
	is(ask($watch, "SELECT waiters, $waiter_pid = (SELECT pid FROM lock_waiters) FROM lock_holders WHERE key = 'session'"), '1|t', "$name: and who waits");
	$how->($holder, $holder_pid);
	is(answer($waiter), 't', "$name: the waiter gets the lock");
	$node->poll_query_until('postgres', "SELECT NOT EXISTS (SELECT FROM pg_stat_activity WHERE pid = $holder_pid)");
	is(ask($watch, "SELECT string_agg(key, ' ') FROM lock_holders WHERE pid = $waiter_pid"), 'session', "$name: it holds it");
	is(ask($watch, 'SELECT count(*) FROM lock_holders'), 1, "$name: nothing else is shown");
	is(ask($watch, "SELECT count(*) FROM pg_locks WHERE locktype = 'advisory'"), 1, "$name: nothing else is locked");
	$waiter->quit;
	return;
}

ends('quit', sub { $_[0]->quit });
ends('client killed', sub { kill_session($_[0]) });
ends('terminated', sub { ask($watch, "SELECT pg_terminate_backend($_[1])"); });
ends('SIGTERM', sub { kill('TERM', $_[1]) });
ends('idle in transaction', sub { }, "SET idle_in_transaction_session_timeout = '1s'");

# a waiter that is terminated leaves the queue
my ($holder, $waiter, $third) = map { session($node) } 1 .. 3;
is(ask($holder, "SELECT try_lock('default', 'k')"), 't', 'held');
my ($waiter_pid, $third_pid) = (pid_of($waiter), pid_of($third));
ask_later($waiter, "CALL wait_lock('default', 'k')");
wait_queued($node, $waiter_pid);
ask_later($third, "SELECT try_lock('default', 'k', wait => NULL)");
wait_queued($node, $third_pid);
ask($watch, "SELECT pg_terminate_backend($waiter_pid)");
$node->poll_query_until('postgres', "SELECT count(*) = 1 AND min(queue_position) = 1 FROM lock_waiters");
is(ask($holder, "SELECT unlock('default', 'k')"), 't', 'freed');
is(answer($third), 't', 'the next in the queue gets it');
is(ask($watch, 'SELECT pid FROM lock_holders'), $third_pid, 'and is shown');
$_->quit foreach $holder, $third;

# many holds and many sessions leave nothing behind
for my $round (1 .. 3)
{
	my @sessions = map { session($node) } 1 .. 5;
	ask($sessions[$_], "SELECT count(*) FROM generate_series(1, 200) n WHERE try_lock('default', $_ || '/' || n)") foreach 0 .. 4;
	is(ask($watch, 'SELECT count(*), count(DISTINCT pid) FROM lock_holders'), '1000|5', "round $round: 1,000 holds");
	$_->quit foreach @sessions;
	ok($node->poll_query_until('postgres', "SELECT count(*) = 0 FROM pg_locks WHERE locktype = 'advisory'"), "round $round: gone");
	is(ask($watch, 'SELECT count(*) FROM lock_holders'), 0, "round $round: and not shown");
}
$watch->quit;
$node->stop;
done_testing();
