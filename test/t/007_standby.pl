# A standby locks nothing: a lock there would exclude nobody.  After promotion
# it does, with tokens above those of the old primary.
use strict;
use warnings;
use FindBin;
use lib $FindBin::Bin;
use Exclusive;
use Test::More;

my $primary = new_node('primary', init => [ allows_streaming => 1 ]);
my $holder = session($primary);
is(ask($holder, "SELECT try_lock('default', 'k')"), 't', 'held on the primary');
is(ask($holder, "SELECT try_run_once('default', 'run', 'slot', 'SELECT')"), 't', 'a run on the primary');
$primary->backup('base');
my $standby = PostgreSQL::Test::Cluster->new('standby');
$standby->init_from_backup($primary, 'base', has_streaming => 1);
$standby->start;
$primary->wait_for_catchup($standby);

my $session = session($standby);
is(ask($session, "SELECT lock_id('jobs', 'nightly-close')"), '6823680722203212612', 'lock_id');
is(ask($session, 'SELECT count(*) FROM lock_holders'), 0, 'lock_holders is empty');
is(ask($session, 'SELECT count(*) FROM lock_waiters'), 0, 'lock_waiters is empty');
is(ask($session, 'SELECT namespace FROM lock_namespaces'), 'default', 'lock_namespaces is a table');
for my $call (
	"SELECT try_lock('default', 'k')", "SELECT try_xact_lock('default', 'k')",
	"SELECT try_lock('default', 'k', wait => NULL)",
	"CALL wait_lock('default', 'k')", "SELECT unlock('default', 'k')",
	"SELECT unlock_all()", "SELECT holds_lock('default', 'k')", "SELECT fencing_token('default', 'k')",
	"SELECT lock_namespace('new')", "SELECT lock_namespace('default')", "SELECT drop_lock_namespace('default')",
	"SELECT try_run_exclusive('default', 'k', 'SELECT')", "CALL run_exclusive('default', 'k', 'SELECT')",
	"SELECT try_run_once('default', 'run', 'slot', 'SELECT')", "SELECT try_run_every('default', 'k', '1 h', 'SELECT')")
{
	is(ask($session, $call), 'ERROR:  25006', $call);
}
is(ask($session, "SELECT count(*) FROM pg_locks WHERE locktype = 'advisory'"), 0, 'no lock on the standby');

# An asynchronous standby that has not received the newest epoch is promoted.
$primary->poll_query_until('postgres', "SELECT count(*) = 1 FROM pg_stat_replication WHERE state = 'streaming'");
my $receiver = $standby->safe_psql('postgres', "SELECT pid FROM pg_stat_activity WHERE backend_type = 'walreceiver'");
stop_process($receiver);
$holder->quit;
$primary->stop('immediate');
$primary->start;
$holder = session($primary);
my $newest = token_of($holder, 'k');
$holder->quit;
$primary->stop('immediate');
continue_process($receiver);
$standby->promote;
ok($standby->poll_query_until('postgres', 'SELECT NOT pg_is_in_recovery()'), 'promoted');
cmp_ok(token_of($session, 'k'), '>', $newest, 'a session from before the promotion: larger than what the old primary gave');
my $new = session($standby);
cmp_ok(token_of($new, 'k'), '>', $newest, 'a new session: the same');
is(ask($new, "SELECT try_run_once('default', 'run', 'slot', 'SELECT')"), 'f', 'runs are remembered');
is(ask($session, "SELECT try_lock('default', 'k')"), 't', 'locked on the new primary');
is(ask($new, "SELECT try_lock('default', 'k')"), 'f', 'and it excludes');
is(ask($new, 'SELECT key FROM lock_holders'), 'k', 'and is shown');
$_->quit foreach $session, $new;
$standby->stop;
done_testing();
