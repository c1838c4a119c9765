# With synchronous_standby_names a token of a new epoch is handed out only when
# a standby has that epoch: else a failover could hand it out again.
use strict;
use warnings;
use FindBin;
use lib $FindBin::Bin;
use Exclusive;
use Test::More;

my $primary = new_node('primary', init => [ allows_streaming => 1 ]);
my $session = session($primary);
my $newest = token_of($session, 'k');
$session->quit;
$primary->safe_psql('postgres', 'CREATE TABLE t (n int)');
$primary->backup('base');
$primary->append_conf('postgresql.conf', "synchronous_standby_names = 'standby'\n");
$primary->restart;

# nobody answers: nothing is handed out, whatever the form and synchronous_commit say
for my $commit ('on', 'off', 'local')
{
	my $waiting = session($primary);
	ask($waiting, "SET synchronous_commit = $commit");
	ask($waiting, "SET statement_timeout = '1s'");
	for my $call ("SELECT try_lock('default', 'k')", "CALL wait_lock('default', 'k')",
		"SELECT try_xact_lock('default', 'k')", "SELECT try_run_exclusive('default', 'k', 'INSERT INTO t VALUES (1)')")
	{
		like(ask($waiting, $call), qr/^ERROR:  57014$/, "$commit: $call: no token without a standby");
		is(ask($waiting, "SELECT holds_lock('default', 'k'), fencing_token('default', 'k')"), 'f|', "$commit: no lock, no token");
		is(ask($waiting, "SELECT count(*) FROM pg_locks WHERE locktype = 'advisory'"), 0, "$commit: nothing is left");
		last unless $commit eq 'on';
	}
	$waiting->quit;
}
is($primary->safe_psql('postgres', 'SET synchronous_commit = off; SELECT count(*) FROM t'), 0, 'no task has run');

# two sessions wait for the confirmation; the standby comes, both go on
my @waiting = map { session($primary) } 1 .. 2;
ask_later($waiting[$_], "SELECT try_lock('default', 'w$_'), fencing_token('default', 'w$_')") foreach 0 .. 1;
my $standby = PostgreSQL::Test::Cluster->new('standby');
$standby->init_from_backup($primary, 'base', has_streaming => 1);
$standby->start;
my @tokens = map { (split /\|/, answer($_))[1] } @waiting;
cmp_ok($tokens[$_], '>', $newest, "session $_ has its token once the standby confirms") foreach 0 .. 1;
isnt($tokens[0], $tokens[1], 'each its own');
$newest = (sort { $b <=> $a } @tokens)[0];

# once confirmed, the epoch is good without asking the standby again
$standby->stop;
cmp_ok(ask($waiting[0], "SELECT fencing_token('default', 'more') FROM try_lock('default', 'more')"), '>', $newest, 'no wait in a confirmed epoch');
$_->quit foreach @waiting;
$standby->start;
$primary->stop('immediate');
$standby->promote;
$standby->poll_query_until('postgres', 'SELECT NOT pg_is_in_recovery()');
$standby->safe_psql('postgres', 'SET synchronous_commit = off; ALTER SYSTEM RESET synchronous_standby_names');
$standby->reload;
my $after = session($standby);
cmp_ok(token_of($after, 'k'), '>', $newest, 'larger after the failover');
$after->quit;
$standby->stop;
done_testing();
