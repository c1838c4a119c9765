# Epochs of fencing tokens: below 2^53, over a million tokens, and after a restore
# into a database that is in use.
use strict;
use warnings;
use FindBin;
use lib $FindBin::Bin;
use Exclusive;
use PostgreSQL::Test::Utils;
use Test::More;

my $node = new_node('epoch');
my $session = session($node);
my $first = token_of($session, 'k');
cmp_ok($first, '<', 2**53, 'a token is exact as a double');
is($first >> 20, 1 << 20, 'the first epoch of the first timeline');
sub stored { return $node->safe_psql('postgres', 'SELECT last_value FROM exclusive_internal.token_epoch') }
is(stored(), 1 << 20, 'is stored');

# A million tokens: the next epoch is logged before it is needed, and tokens rise.
my $draw = 'SELECT count(*) FROM generate_series(1, %d) WHERE try_lock($$default$$, $$%s$$) AND unlock($$default$$, $$%2$s$$)';
my @others = (session($node), session($node));
ask_later($others[$_], sprintf($draw, 400_000, "m$_")) foreach 0, 1;
is(answer($_), 400_000, '400,000 tokens') foreach @others;
is(token_of($session, 'k') >> 20, 1 << 20, 'the same epoch');
is(stored(), (1 << 20) + 1, 'the next one is stored');
my $before = token_of($session, 'k');
ask_later($others[$_], sprintf($draw, 200_000, "m$_")) foreach 0, 1;
is(answer($_), 200_000, '200,000 more') foreach @others;
my $after = token_of($session, 'k');
is($after >> 20, (1 << 20) + 1, 'the next epoch');
cmp_ok($after, '>', $before, 'tokens rise');
is(stored(), (1 << 20) + 1, 'it was logged once');
is(ask($session, "SELECT check_fence('default', 'k', $after)"), '', 'such a token is known');
is(ask($session, "SELECT check_fence('default', 'k', $before)"), 'ERROR:  40001', 'and the one before is stale');

# drawn in the same statement by sessions that meet at the end of an epoch: on a busy
# machine one may be done before the other comes there, so they go on until they met
my $each = 'SELECT count(*), count(DISTINCT token >> 20) > 1, bool_and(token > coalesce(before, 0))
	FROM (SELECT token, lag(token) OVER (ORDER BY i) AS before
		FROM (SELECT i, unlock($$default$$, $$%s$$), try_lock($$default$$, $$%1$s$$),
			fencing_token($$default$$, $$%1$s$$) AS token FROM generate_series(1, 500000) i OFFSET 0) drawn) pairs';
is(ask($others[$_], "SELECT try_lock('default', 'm$_')"), 't', 'held') foreach 0, 1;
my $met = 0;
for (my $try = 0; $try < 50 && !$met; $try++)
{
	ask_later($others[$_], sprintf($each, "m$_")) foreach 0, 1;
	my @answers = map { answer($_) } @others;
	like($_, qr/^500000\|[tf]\|t$/, 'each of a million tokens in two sessions is larger than the one before') foreach @answers;
	$met = 2 == grep { /\|t\|t$/ } @answers;
}
ok($met, 'both had tokens of two epochs');

# Another epoch is stored while sessions are at work, as a restore does it.
my $restored = stored() + 5_000_000;
$node->safe_psql('postgres', "SELECT setval('exclusive_internal.token_epoch', $restored)");
my $fresh = session($node);
cmp_ok(token_of($fresh, 'fresh') >> 20, '>', $restored, 'a new session draws larger ones at once');
cmp_ok(token_of($session, 'k') >> 20, '>', $restored, 'and all others then');
# the session that has just looked, and no other is there to notice
$restored = stored() + 5_000_000;
token_of($session, 'k');
$node->safe_psql('postgres', "SELECT setval('exclusive_internal.token_epoch', $restored)");
until_true('tokens are larger than the restored epoch', sub { token_of($session, 'k') >> 20 > $restored });
ok(1, 'a session that is connected notices');
is(ask($session, 'SELECT check_fence($$default$$, $$k$$, ' . (($restored << 20) + 9) . ')'), '', 'a token of a restored epoch is known');
# one that is smaller than the epoch in use
my $epoch = stored();
$node->safe_psql('postgres', "SELECT setval('exclusive_internal.token_epoch', 5)");
until_true('the epoch is stored again', sub { token_of($session, 'k'); stored() > $epoch });
ok(1, 'an epoch that was set back is stored again');

# A dump of a server with larger tokens, restored into one that is in use.
my $dump = "$PostgreSQL::Test::Utils::tmp_check/epoch.dump";
my $fenced = token_of($session, 'k');
is(ask($session, "SELECT check_fence('default', 'k', $fenced)"), '', 'fenced');
$node->command_ok([ 'pg_dump', '-Fc', '-f', $dump, 'postgres' ], 'pg_dump');
my $used = new_node('used');
foreach my $how ([ '--clean', '--if-exists' ], ['--data-only'])
{
	$used->safe_psql('postgres', 'DROP EXTENSION IF EXISTS pg_exclusive; CREATE EXTENSION pg_exclusive');
	my $busy = session($used);
	token_of($busy, 'k');
	is($used->safe_psql('postgres', "SELECT try_lock('default', 'k')"), 't', "@$how: in use");
	$used->command_ok([ 'pg_restore', @$how, '-d', 'postgres', $dump ], "@$how: restored");
	my $next = session($used);
	my $token = token_of($next, 'k');
	cmp_ok($token, '>', $fenced, "@$how: a new session's token is larger");
	is(ask($next, "SELECT check_fence('default', 'k', $token)"), '', "@$how: and passes the fence");
	until_true('tokens of the session that was there are larger', sub { token_of($busy, 'k') > $fenced });
	$_->quit foreach $busy, $next;
}

# The transaction that takes an epoch keeps no lock of the sequences.
$used->restart;
my ($holder, $waiter) = (session($used), session($used));
is(ask($waiter, 'BEGIN'), '', 'a transaction');
is(ask($waiter, "SELECT try_lock('default', 'first')"), 't', 'takes the first token');
is($used->safe_psql('postgres', q(SELECT relation::regclass, mode FROM pg_locks WHERE locktype = 'relation'
	AND relation::regclass::text ~ 'exclusive_internal')), '', 'no lock of our relations is kept');
$_->quit foreach $holder, $waiter, $session, $fresh, @others;
$_->stop foreach $node, $used;
done_testing();
