# kill -9 of any backend restarts the server: all locks are gone, tokens go on.
use strict;
use warnings;
use FindBin;
use lib $FindBin::Bin;
use Exclusive;
use Test::More;

my $node = new_node('crash', conf => "restart_after_crash = on\n");
my $newest = 0;
for my $victim ('holder', 'waiter', 'bystander')
{
	my %session = map { $_ => session($node) } qw(holder waiter bystander);
	my %pid = map { $_ => pid_of($session{$_}) } keys %session;
	is(ask($session{holder}, "SELECT count(*) FROM generate_series(1, 10) n WHERE try_lock('default', n::text)"), 10, 'ten locks');
	my $token = ask($session{holder}, "SELECT max(fencing_token('default', n::text)) FROM generate_series(1, 10) n");
	cmp_ok($token, '>', $newest, 'tokens go on');
	$newest = $token;
	ask_later($session{waiter}, "CALL wait_lock('default', '1')");
	wait_queued($node, $pid{waiter});
	kill('KILL', $pid{$victim});
	kill_session($session{$_}) foreach keys %session;
	until_true('all backends are gone', sub { !grep { is_alive($_) } values %pid });
	ok($node->poll_query_until('postgres', 'SELECT true'), "$victim killed: the server comes back");
	is($node->safe_psql('postgres', "SELECT (SELECT count(*) FROM lock_holders),
		(SELECT count(*) FROM lock_waiters), (SELECT count(*) FROM pg_locks WHERE locktype = 'advisory')"), '0|0|0', 'nothing is held');
}
my $session = session($node);
cmp_ok(token_of($session, '1'), '>', $newest, 'and tokens go on');
$session->quit;
$node->stop;
done_testing();
