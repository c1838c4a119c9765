# Leases: they outlive sessions, waiters queue behind them in order, and what the
# server forgets in a restart is shut for as long as an owner may believe in it.
use strict;
use warnings;
use FindBin;
use lib $FindBin::Bin;
use Exclusive;
use Test::More;
use Time::HiRes qw(time);

my $max_lease = 3;
my $node = new_node('lease', conf => "restart_after_crash = on\nmax_prepared_transactions = 2\n");
$node->safe_psql('postgres', "SELECT lock_namespace('l', max_lease => '$max_lease s');
	SELECT lock_namespace('long', max_lease => '1 h'); SELECT lock_namespace('delayed', max_lease => '1 min', lock_delay => '1 s')");
my $watch = session($node);

sub acquire
{
	my ($session, $key, $ttl, $namespace) = @_;
	my $ns = $namespace // 'long';
	my $token = ask($session, "SELECT acquire_lease('$ns', '$key', '$ttl')");
	like($token, qr/^\d+$/, "$key is leased for $ttl");
	return $token;
}

sub ask_lease { return ask($watch, "SELECT $_[0]('long', '$_[1]', $_[2])"); }

# sits(pid) - until that backend is first in the queue and waits for the lease
sub sits
{
	my ($pid) = @_;
	$node->poll_query_until('postgres', "SELECT count(*) = 1 FROM lock_waiters
		WHERE pid = $pid AND delayed_until > now() AND queue_position = 0") or die "$pid does not wait for the lease";
	return;
}

# a lease outlives its session
my $first = session($node);
my $token = acquire($first, 'k', '1 h');
$first->quit;
is(ask_lease('renew_lease', 'k', $token), 't', 'its session has ended, and it can be renewed');

# order among plain waiters and those who want a lease
my @queue = map { session($node) } 1 .. 4;
my @pids = map { pid_of($_) } @queue;
ask_later($queue[0], "CALL wait_lock('long', 'k')");
sits($pids[0]);
ask_later($queue[1], "SELECT acquire_lease('long', 'k', '1 h', NULL)");
wait_queued($node, $pids[1]);
ask_later($queue[2], "SELECT try_lock('long', 'k', 'shared', NULL)");
wait_queued($node, @pids[ 1, 2 ]);
is(ask($watch, "SELECT waiters FROM lock_holders WHERE key = 'k'"), 3, 'lock_holders counts all who wait');
is(ask($watch, "SELECT string_agg(queue_position::text, ' ' ORDER BY queue_position) FROM lock_waiters WHERE key = 'k'"),
	'0 1 2', 'lock_waiters has their order');
is(ask($watch, "SELECT backend_xmin IS NULL FROM pg_stat_activity WHERE pid = $pids[0]"), 't', 'CALL wait_lock waits without a snapshot');
is(ask($watch, "SELECT wait_event FROM pg_stat_activity WHERE pid = $pids[0]"), $node->pg_version >= 17 ? 'PgExclusiveLease' : 'Extension', 'the wait has a name');
is(ask_lease('renew_lease', 'k', $token), 't', 'renewed under waiters');
is(ask_lease('release_lease', 'k', $token), 't', 'released');
is(answer($queue[0]), 't', 'the first has it');
is(ask($watch, "SELECT count(*) FROM lock_waiters WHERE key = 'k'"), 2, 'the others wait');
is(ask($queue[0], "SELECT unlock('long', 'k')"), 't', 'it unlocks');
$token = answer($queue[1]);
like($token, qr/^\d+$/, 'the second has its lease');
sits($pids[2]);

# the waiter in front is cancelled, then terminated: the next takes its place
ask_later($queue[3], "SELECT try_lock('long', 'k', wait => NULL)");
wait_queued($node, $pids[3]);
is(ask($watch, "SELECT pg_cancel_backend($pids[2])"), 't', 'the first in the queue is cancelled');
is(answer($queue[2]), 'ERROR:  57014', 'it says so');
sits($pids[3]);
ask_later($queue[2], "CALL wait_lock('long', 'k')");
wait_queued($node, $pids[2]);
is(ask($watch, "SELECT pg_terminate_backend($pids[3], 60000)"), 't', 'the next one is terminated');
sits($pids[2]);
is(ask_lease('renew_lease', 'k', $token), 't', 'the lease is as it was');
is(ask_lease('release_lease', 'k', $token), 't', 'released');
is(answer($queue[2]), 't', 'the last in the queue has it');
is(ask($queue[2], "SELECT unlock('long', 'k')"), 't', 'it unlocks');

# a client that is gone is noticed while its backend waits for a lease
$token = acquire($watch, 'ghost', '1 h');
ask_later($queue[1], "SELECT try_lock('long', 'ghost', wait => NULL)");
sits($pids[1]);
kill_session($queue[1]);
$node->poll_query_until('postgres', 'SELECT count(*) = 0 FROM lock_waiters') or die 'a ghost waits';
is(ask_lease('release_lease', 'ghost', $token), 't', 'no ghost waiter is left');

# a session that ends before its commit leaves no lease
my $open = session($node);
ask($open, 'BEGIN');
acquire($open, 'uncommitted', '1 h');
kill_session($open);
$node->poll_query_until('postgres', "SELECT count(*) = 0 FROM lock_holders WHERE key = 'uncommitted'") or die 'it is still leased';
ok(1, 'the lease of a session that was killed before its commit is gone');

# PREPARE TRANSACTION is a commit: a later rollback does not end the lease
my $prepared = session($node);
ask($prepared, 'BEGIN');
$token = acquire($prepared, 'prepared', '1 h');
is(ask($prepared, "PREPARE TRANSACTION 'p'; BEGIN; SELECT 1 AS one; ROLLBACK"), '1', 'prepared, and another transaction rolled back');
is(ask_lease('renew_lease', 'prepared', $token), 't', 'the lease is as it was');
ask($prepared, "ROLLBACK PREPARED 'p'");
is(ask_lease('release_lease', 'prepared', $token), 't', 'also after ROLLBACK PREPARED');

# leases are in nobody's way
$node->safe_psql('postgres', 'CREATE DATABASE other');
$node->safe_psql('other', "CREATE EXTENSION pg_exclusive; SELECT lock_namespace('o', max_lease => '1 h'); SELECT acquire_lease('o', 'k', '1 h')");
is($node->psql('postgres', 'CREATE DATABASE copy TEMPLATE other; DROP DATABASE other; DROP DATABASE copy'), 0, 'databases with leases can be copied and dropped');

# the end of a lease is unclean: with a lock_delay the name rests after it
my $from = time;
acquire($watch, 'k', '500 ms', 'delayed');
is(ask($watch, "SELECT try_lock('delayed', 'k', wait => '1 min')"), 't', 'a lease ran out, and its lock_delay');
cmp_ok(time - $from, '>=', 1.5, 'after both');
is(ask($watch, "SELECT unlock('delayed', 'k')"), 't', 'unlocked');
$token = acquire($watch, 'k', '1 min', 'delayed');
is(ask($watch, "SELECT release_lease('delayed', 'k', $token), try_lock('delayed', 'k')"), 't|t', 'a release is clean: no delay');

# a longer wait behind an owner that renews ends only with the lease
my $waiter = session($node);
$token = acquire($watch, 'renewed', '1 s', 'l');
ask_later($waiter, "SELECT extract(epoch FROM clock_timestamp()) FROM (SELECT try_lock('l', 'renewed', wait => '1 h') OFFSET 0) w");
my $renewed = 0;
for (1 .. 30)
{
	select undef, undef, undef, 0.1;
	my $at = time;
	last if ask($watch, "SELECT renew_lease('l', 'renewed', $token)") ne 't';
	$renewed = $at;
}
cmp_ok(answer($waiter), '>=', $renewed + 1, 'the waiter has it when the last renewal is over, and not before');

# what a restart forgets is shut for max_lease
sub forgotten
{
	my ($how, $restart) = @_;
	my $owner = session($node);
	my $old = acquire($owner, "f$how", "$max_lease s", 'l');
	my $acquired = time;
	$restart->($owner);
	$node->poll_query_until('postgres', 'SELECT true') or die 'no server';
	my $after = session($node);
	is(ask($after, "SELECT renew_lease('l', 'f$how', $old)"), 'f', "$how: the owner learns it at the next renewal");
	my $begun = ask($after, "SELECT acquire_lease('l', 'f$how', '1 s')");
	ok($begun eq '' || time - $acquired >= $max_lease, "$how: nobody has it in its time");
	my $new = ask($after, "SELECT acquire_lease('l', 'f$how', '1 s', '1 min')");
	cmp_ok($new, '>', $old, "$how: the next token is larger");
	cmp_ok(time - $acquired, '>=', $max_lease, "$how: the next owner came after max_lease");
	is(ask($after, "SELECT lock_namespace('after$how', max_lease => '1 h') > -9e18, try_lock('after$how', 'k')"), 't|t', "$how: a new namespace is not shut");
	$after->quit;
	return;
}
forgotten('crash', sub { kill KILL => pid_of($_[0]) });
$watch = session($node);
forgotten('restart', sub { $node->restart });
forgotten('immediate', sub { $node->stop('immediate'); $node->start });

# promotion: the same
my $standby = PostgreSQL::Test::Cluster->new('standby');
$node->append_conf('postgresql.conf', "wal_level = replica\nmax_wal_senders = 4\nhot_standby = on\n");
$node->restart;
$node->backup('b');
$standby->init_from_backup($node, 'b', has_streaming => 1);
$standby->start;
$watch = session($node);
is(ask($watch, "SELECT acquire_lease('l', 'p', '1 s', '1 min') > 0"), 't', 'leased on the primary');
$token = ask($watch, "SELECT token FROM lock_holders WHERE key = 'p'");
is(ask($watch, "SELECT renew_lease('l', 'p', $token, '$max_lease s')"), 't', 'for max_lease');
$node->wait_for_catchup($standby);
my $on_standby = session($standby);
is(ask($on_standby, "SELECT acquire_lease('l', 'p', '1 s')"), 'ERROR:  25006', 'a standby leases nothing');
is(ask($on_standby, "SELECT renew_lease('l', 'p', $token)"), 'ERROR:  25006', 'nor renews');
my $renewed_at = time;
is(ask($watch, "SELECT renew_lease('l', 'p', $token)"), 't', 'renewed once more');
$node->stop('immediate');
$standby->promote;
is(ask($on_standby, "SELECT renew_lease('l', 'p', $token)"), 'f', 'promoted: the lease is forgotten');
cmp_ok(ask($on_standby, "SELECT acquire_lease('l', 'p', '1 s', '1 min')"), '>', $token, 'and granted anew, with a larger token');
cmp_ok(time - $renewed_at, '>=', $max_lease, 'after max_lease');
$standby->stop;
done_testing();
