# The server's log says which lock is waited for and who holds it, and, when
# asked to, how long waits and holds were and why they ended.
use strict;
use warnings;
use FindBin;
use lib $FindBin::Bin;
use Exclusive;
use PostgreSQL::Test::Utils;
use Test::More;

my $node = new_node('log', conf => q{
log_lock_waits = on
deadlock_timeout = '10ms'
pg_exclusive.log_min_hold = 0
pg_exclusive.log_min_wait = 0
});
my $at = 0;

# logged(pattern) - waits until the log has it, from the last mark on
sub logged
{
	my ($pattern, $what) = @_;
	until_true($what, sub { substr(slurp_file($node->logfile), $at) =~ $pattern });
	ok(1, $what);
}

sub mark { $at = -s $node->logfile }

# holds(session, sql) - takes a lock as node7
sub holder
{
	my ($sql) = @_;
	my $session = session($node);
	ask($session, "SET application_name = 'node7'");
	ask($session, $sql);
	return $session;
}

# The context of a wait.
my $holder = holder("SELECT try_lock('default', 'close')");
my $pid = pid_of($holder);
my $waiter = session($node);
ask_later($waiter, "CALL wait_lock('default', 'close')");
my $context = qr/CONTEXT:  lock "default\/close", held by node7 \(pid $pid\) since 20/;
logged(qr/still waiting for ExclusiveLock on advisory.*?$context/s, 'a long wait names the lock and its holder');
mark();
my $waiting = $node->safe_psql('postgres', 'SELECT pid FROM lock_waiters');
$node->safe_psql('postgres', "SELECT pg_cancel_backend($waiting)");
is(answer($waiter), 'ERROR:  57014', 'the wait is canceled');
logged(qr/canceling statement.*?$context/s, 'so does a cancel');
logged(qr/wait for lock "default\/close" ended after \d+\.\d{3} ms: canceled/, 'and the wait is logged');
mark();
is(ask($waiter, "SET lock_timeout = '50ms'; SELECT try_lock('default', 'close', wait => '1h')"), 'ERROR:  55P03',
	'the lock_timeout of the user');
logged(qr/lock timeout.*?$context/s, 'and that');
mark();
is(ask($waiter, "SELECT try_lock('default', 'close', wait => '20ms')"), 'f', 'a wait with a limit');
logged(qr/wait for lock "default\/close" ended after \d+\.\d{3} ms: timed out/, 'is logged');

# A deadlock names the lock that closed the circle.
my $other = session($node);
ask($other, "SELECT try_lock('default', 'second')");
ask($waiter, 'RESET lock_timeout');
ask_later($holder, "CALL wait_lock('default', 'second')");
wait_queued($node, $pid);
mark();
is(ask($other, "CALL wait_lock('default', 'close')"), 'ERROR:  40P01', 'a deadlock');
logged(qr/deadlock detected.*?CONTEXT:  lock "default\/close", held by node7/s, 'names the lock');
$other->quit;
answer($holder);

# Why holds end.
sub ends
{
	my ($name, $why, $sql) = @_;
	mark();
	my $session = holder($sql);
	logged(qr/hold of lock "default\/$name" ended after \d+\.\d{3} ms: $why\n.*?DETAIL:  Mode \w+, scope \w+, token \d+, role "[^"]+", client local, application "node7"/s,
		"$name: $why");
	return $session;
}

ends('a', 'unlock', "SELECT try_lock('default', 'a'); SELECT unlock('default', 'a')");
ends('b', 'commit', "BEGIN; SELECT try_xact_lock('default', 'b'); COMMIT");
ends('c', 'rollback', "BEGIN; SELECT try_xact_lock('default', 'c'); ROLLBACK");
ends('d', 'rollback', "BEGIN; SAVEPOINT s; SELECT try_xact_lock('default', 'd'); ROLLBACK TO s");
ends('e', 'loss', "SELECT try_lock('default', 'e'); DISCARD ALL; SET application_name = 'node7'");
ends('g', 'expiry', "SELECT try_lock('default', 'g'); SET idle_session_timeout = '10ms'");
ends('h', 'unlock', "CALL run_exclusive('default', 'h', 'SELECT 1')");
ends('i', 'commit', "SELECT try_run_exclusive('default', 'i', 'SELECT 1')");
ends('p', 'unlock', "SELECT try_lock_permit('default', 'p', 2); SELECT unlock('default', 'p')");
mark();
holder("SELECT try_lock('default', 'f')")->quit;
logged(qr/hold of lock "default\/f" ended after \d+\.\d{3} ms: session end/, 'f: session end');
mark();
my $victim = holder("SELECT try_lock('default', 'k')");
is($node->safe_psql('postgres', "SELECT break_lock('default', 'k', 'test')"), 1, 'a lock is broken');
logged(qr/hold of lock "default\/k" ended after \d+\.\d{3} ms: break/, 'k: break');
kill_session($victim);

# The settings are limits, and belong to the superuser.
mark();
my $quiet = session($node);
ask($quiet, q{SET pg_exclusive.log_min_hold = '1h'; SET pg_exclusive.log_min_wait = -1});
ask($quiet, q{SELECT try_lock('default', 'quiet'); SELECT unlock('default', 'quiet')});
ask($quiet, q{SELECT try_lock('default', 'close', wait => '10ms')});
$node->safe_psql('postgres', "DO \$\$ BEGIN RAISE LOG 'the end'; END \$\$");
logged(qr/the end/, 'all is written');
unlike(substr(slurp_file($node->logfile), $at), qr/hold of lock "default\/quiet"|wait for lock/,
	'what is below the limit is not logged');
$node->safe_psql('postgres', 'CREATE ROLE plain LOGIN');
my $plain = session($node, 'postgres', 'plain');
ask($plain, "SELECT lock_id('default', 'k')");
is(ask($plain, 'SET pg_exclusive.log_min_hold = 0'), 'ERROR:  42501', 'not for everybody');

# Waits for permits and for a lock_delay have names of their own from 17 on.
sub event
{
	my ($key, $event, $sql) = @_;
	my $session = session($node);
	ask_later($session, $sql);
	$event = 'Extension' if $node->pg_version < 17;
	ok($node->poll_query_until('postgres',
			"SELECT wait_event = '$event' FROM pg_stat_activity JOIN lock_waiters USING (pid) WHERE key = '$key'"),
		"$key: $event");
	kill_session($session);
}

ask($quiet, "SELECT try_lock_permit('default', 'busy', 1)");
event('busy', 'PgExclusivePermit', "SELECT try_lock_permit('default', 'busy', 1, '1h')");
$node->safe_psql('postgres', "SELECT lock_namespace('slow', lock_delay => '1h')");
$node->psql('postgres', "SELECT try_lock('slow', 'late')");
event('late', 'PgExclusiveLockDelay', "CALL wait_lock('slow', 'late')");
mark();
my $late = session($node);
ask($late, "SET statement_timeout = '100ms'");
is(ask($late, "CALL wait_lock('slow', 'late')"), 'ERROR:  57014', 'a canceled wait for a lock_delay');
logged(qr/CONTEXT:  lock "slow\/late", which may be granted from 20\S+ \S+ on/, 'says until when');

done_testing();
