# pg_upgrade into a new cluster: namespaces, runs and rising tokens come along.
use strict;
use warnings;
use FindBin;
use lib $FindBin::Bin;
use Exclusive;
use PostgreSQL::Test::Utils;
use Test::More;

plan skip_all => 'takes a minute; PG_TEST_EXTRA=pg_upgrade runs it'
  unless ($ENV{PG_TEST_EXTRA} // '') =~ /\bpg_upgrade\b/;

my $old = new_node('old');
$old->safe_psql('postgres', "CREATE ROLE keepers; SELECT lock_namespace('kept', 'keepers'), try_run_once('default', 'run', 'slot', 'SELECT')");
$old->restart;
my $session = session($old);
my $newest = token_of($session, 'k');
$session->quit;
$old->stop;

my $new = PostgreSQL::Test::Cluster->new('new');
$new->init;
my $bindir = $new->config_data('--bindir');
chdir $PostgreSQL::Test::Utils::tmp_check;
command_ok([ 'pg_upgrade', '--no-sync', '-d', $old->data_dir, '-D', $new->data_dir, '-b', $bindir, '-B', $bindir,
	'-s', $new->host, '-p', $old->port, '-P', $new->port ], 'pg_upgrade');
$new->start;
$session = session($new);
is(ask($session, 'SELECT namespace, allowed_role FROM lock_namespaces ORDER BY 1 DESC LIMIT 1'), 'kept|keepers', 'namespaces are there');
is(ask($session, "SELECT try_run_once('default', 'run', 'slot', 'SELECT')"), 'f', 'what has run has run');
cmp_ok(token_of($session, 'k'), '>', $newest, 'tokens are larger');
is(ask($session, 'DROP ROLE keepers'), 'ERROR:  2BP01', 'the role is still named');
$session->quit;
$new->stop;
done_testing();
