# lock_delay: after an unclean end of a holder the name rests, so that a holder
# that cannot know yet has time to stop; a clean unlock has no delay.
use strict;
use warnings;
use FindBin;
use lib $FindBin::Bin;
use Exclusive;
use Test::More;
use Time::HiRes qw(time);

my $delay = 2;
my $node = new_node('delay', conf => "restart_after_crash = on\n");
$node->safe_psql('postgres', "SELECT lock_namespace('slow', lock_delay => '$delay s')");
my $watch = session($node);
my $try = "SELECT try_lock('slow', 'k')";

# A server start counts as unclean for every name, so the namespace rests first.
my $started = time;
is(ask($watch, "CALL wait_lock('slow', 'k')"), 't', 'the first grant after the start');
is(ask($watch, "SELECT unlock('slow', 'k')"), 't', 'freed');

# clean ends: no delay
is(ask($watch, "$try"), 't', 'again at once after unlock');
is(ask($watch, 'SELECT unlock_all()'), 1, 'freed by unlock_all');
is(ask($watch, "$try"), 't', 'again at once after unlock_all');
is(ask($watch, "SELECT unlock('slow', 'k')"), 't', 'freed');
is(ask($watch, "SELECT try_run_exclusive('slow', 'k', 'SELECT')"), 't', 'a run');
is(ask($watch, "SELECT try_run_exclusive('slow', 'k', 'SELECT 1/0')"), 'ERROR:  22012', 'a run that fails');
is(ask($watch, "CALL run_exclusive('slow', 'k', 'SELECT')"), 't', 'a run by the procedure, at once');
is(ask($watch, "$try"), 't', 'the end of a transaction is clean');
is(ask($watch, "SELECT unlock('slow', 'k')"), 't', 'freed');

# unclean(name, how) - a holder ends in that way: the name rests for the delay
sub unclean
{
	my ($name, $how) = @_;
	my ($holder, $waiter) = (session($node), session($node));
	my ($pid, $waiter_pid) = (pid_of($holder), pid_of($waiter));
	my $before = ask($watch, "SELECT unclean_releases FROM lock_stats WHERE namespace = 'slow'");
	is(ask($holder, $try), 't', "$name: held");
	my $token = ask($holder, "SELECT fencing_token('slow', 'k')");
	my $ended = time;
	$how->($holder, $pid);
	$node->poll_query_until('postgres', "SELECT count(*) = 0 FROM pg_locks WHERE pid = $pid");
	is(ask($watch, $try), 'f', "$name: refused without a wait");
	is(ask($watch, "SELECT try_run_exclusive('slow', 'k', 'SELECT 1/0')"), 'f', "$name: not run");
	is(ask($watch, "SELECT try_lock('slow', 'other'), unlock('slow', 'other')"), 't|t', "$name: other names do not rest");
	ask_later($waiter, "CALL wait_lock('slow', 'k')");
	ok($node->poll_query_until('postgres', "SELECT count(*) = 1 FROM lock_waiters WHERE pid = $waiter_pid AND delayed_until > now()"),
		"$name: a waiter sits it out, and it is shown until when");
	is(answer($waiter), 't', "$name: granted");
	cmp_ok(time - $ended, '>=', $delay, "$name: after the delay");
	cmp_ok(ask($waiter, "SELECT fencing_token('slow', 'k')"), '>', $token, "$name: with a larger token");
	is(ask($watch, "SELECT unclean_releases - $before FROM lock_stats WHERE namespace = 'slow'"), 1, "$name: counted");
	is(ask($waiter, "SELECT unlock('slow', 'k')"), 't', "$name: freed");
	is(ask($watch, "$try"), 't', "$name: and that was clean");
	is(ask($watch, "SELECT unlock('slow', 'k')"), 't', "$name: freed");
	$waiter->quit;
	return;
}

unclean('killed client', sub { kill_session($_[0]) });
unclean('terminated backend', sub { ask($watch, "SELECT pg_terminate_backend($_[1])") });
unclean('quit without unlock', sub { $_[0]->quit });

# a limited wait that is shorter than the rest of the delay ends in false
{
	my $holder = session($node);
	is(ask($holder, $try), 't', 'held');
	kill_session($holder);
	$node->poll_query_until('postgres', "SELECT count(*) = 0 FROM pg_locks WHERE locktype = 'advisory'");
	is(ask($watch, "SELECT try_lock('slow', 'k', wait => '100 ms')"), 'f', 'too short a wait');
	is(ask($watch, "SELECT count(*) FROM pg_locks WHERE locktype = 'advisory'"), 0, 'which leaves nothing');
	is(ask($watch, "SELECT try_lock('slow', 'k', wait => '1 hour'), unlock('slow', 'k')"), 't|t', 'a longer one is granted');
}

# a crash of the server: every name of the namespace rests
for my $mode ('crash', 'restart')
{
	my $holder = session($node);
	is(ask($holder, "SELECT try_lock('slow', 'k', wait => '1 hour')"), 't', "$mode: held");
	my $pid = pid_of($holder);
	my $begun = time;
	if ($mode eq 'crash')
	{
		kill('KILL', $pid);
		kill_session($_) foreach $holder, $watch;
		until_true('the backend is gone', sub { !is_alive($pid) });
		$node->poll_query_until('postgres', 'SELECT true');
	}
	else
	{
		$_->quit foreach $holder, $watch;
		$node->restart;
	}
	$watch = session($node);
	is(ask($watch, $try), 'f', "$mode: refused");
	is(ask($watch, "SELECT try_lock('slow', 'new')"), 'f', "$mode: a name that nobody held rests too, for nobody can know");
	is(ask($watch, "SELECT try_lock('default', 'k'), unlock('default', 'k')"), 't|t', "$mode: another namespace does not");
	is(ask($watch, "CALL wait_lock('slow', 'k')"), 't', "$mode: granted");
	cmp_ok(time - $begun, '>=', $delay, "$mode: after the delay");
	is(ask($watch, "SELECT unlock('slow', 'k')"), 't', "$mode: freed");
	is(ask($watch, "$try"), 't', "$mode: at once");
	is(ask($watch, "SELECT unlock('slow', 'k')"), 't', "$mode: freed");
}
$watch->quit;
$node->stop;
done_testing();
