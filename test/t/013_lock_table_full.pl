# Through our API nobody fills the server's lock table: quotas stop him first.
# Where an administrator lifted them, 53200 is typed and leaves nothing half-taken.
use strict;
use warnings;
use FindBin;
use lib $FindBin::Bin;
use Exclusive;
use Test::More;

my $node = new_node('full', conf => "max_connections = 15\nmax_locks_per_transaction = 10\nmax_wal_senders = 0\n");
$node->safe_psql('postgres', "CREATE ROLE runaway LOGIN; SELECT lock_namespace('small', max_holds => 50)");

# agree(session, what) - views, lock manager and session tell the same
sub agree
{
	my ($session, $what) = @_;
	is(ask($session, "SELECT (SELECT count(*) FROM lock_holders) - (SELECT count(*) FROM pg_locks WHERE locktype = 'advisory')"),
		0, "$what: as many holders as locks");
	return;
}

# a quota of the namespace, whoever and however many loop
my @loops = map { session($node) } 1 .. 3;
for my $i (0 .. 2)
{
	ask($loops[$i], 'SET ROLE runaway');
	is(ask($loops[$i], "SELECT count(*) FROM generate_series(1, 100000) n WHERE try_lock('small', $i || '/' || n)"), 'ERROR:  53400', "loop $i is stopped");
}
is(ask($loops[0], 'SELECT count(*) FROM lock_holders'), 50, '50 for all together');
is($node->safe_psql('postgres', 'SELECT 1'), 1, 'a new login works');
kill_session($loops[0]);
$_->quit foreach @loops[1, 2];
$node->poll_query_until('postgres', 'SELECT count(*) = 0 FROM lock_holders');

# what they held is given back, and no more
my $again = session($node);
is(ask($again, "SELECT count(*) FROM generate_series(1, 50) n WHERE try_lock('small', 'again' || n)"), 50, 'all 50 again');
is(ask($again, "SELECT try_lock('small', 'one more')"), 'ERROR:  53400', 'and not one more');
$again->quit;
$node->poll_query_until('postgres', 'SELECT count(*) = 0 FROM lock_holders');

# without quotas the table fills up; the API answers with the server's own error
my ($greedy, $other) = (session($node), session($node));
ask($greedy, 'SET pg_exclusive.max_locks_per_session = 1000000');
ask($greedy, "SET client_min_messages = error");
is(ask($greedy, "SELECT count(*) FROM generate_series(1, 1000000) n WHERE try_lock('default', n::text)"), 'ERROR:  53200', 'out of shared memory');
my $held = ask($greedy, "SELECT count(*) FROM pg_locks WHERE locktype = 'advisory'");
cmp_ok($held, '>', 100, "$held locks were taken");
ask($greedy, "SELECT unlock('default', n::text) FROM generate_series(1, 20) n");
agree($greedy, 'after 53200');
for my $call ("try_lock('default', 'x' || n)", "try_xact_lock('default', 'x' || n)",
	"try_run_exclusive('default', 'x' || n, 'SELECT')", "try_lock_permit('default', 'x' || n, 3) IS NOT NULL")
{
	is(ask($greedy, "SELECT count(*) FROM generate_series(1, 100000) n WHERE $call"), 'ERROR:  53200', "$call: 53200");
	agree($greedy, $call);
	ask($greedy, "SELECT unlock('default', 'x' || n) FROM generate_series(1, 20) n WHERE holds_lock('default', 'x' || n)");
}
$held = ask($greedy, "SELECT count(*) FROM pg_locks WHERE locktype = 'advisory'");
is(ask($greedy, "SELECT try_lock_all('default', array_agg('all' || n)) FROM generate_series(1, 100000) n"), 'ERROR:  53200', 'all or none');
is(ask($greedy, "SELECT count(*) FROM pg_locks WHERE locktype = 'advisory'"), $held, 'and it is none');
agree($greedy, 'try_lock_all');
is(ask($other, "SELECT try_lock('default', '21')"), 'f', 'another session is refused what is taken');
like(ask($greedy, 'SELECT unlock_all()'), qr/^\d+$/, 'all can be freed');
is(ask($other, 'SELECT count(*) FROM lock_holders'), 0, 'nothing is left');
is(ask($other, "SELECT try_lock('default', '21')"), 't', 'and everything works again');
is(ask($other, "SELECT count(*) FROM generate_series(1, 100) n WHERE try_lock('default', 'y' || n)"), 100, 'for others too');
$_->quit foreach $greedy, $other;
$node->stop;
done_testing();
