# Dump and restore into another cluster: namespaces, runs and rising tokens come along.
use strict;
use warnings;
use FindBin;
use lib $FindBin::Bin;
use Exclusive;
use PostgreSQL::Test::Utils;
use Test::More;

my $old = new_node('old');
$old->safe_psql('postgres', q{
	CREATE ROLE keepers;
	CREATE ROLE keeper LOGIN IN ROLE keepers;
	SELECT lock_namespace('kept', 'keepers', max_holds => 7);
	SELECT lock_namespace('shared', interop => true);
	SELECT lock_namespace('slow', lock_delay => '1 min');
	SELECT try_run_once('default', 'run', 'slot', 'SELECT')});
# restarts are epochs, each with larger tokens
my $newest = 0;
for (1 .. 3)
{
	$old->restart;
	my $session = session($old);
	$newest = token_of($session, 'k');
	$session->quit;
}

my $dump = "$PostgreSQL::Test::Utils::tmp_check/dump.sql";
command_ok([ 'pg_dumpall', '--no-sync', '-h', $old->host, '-p', $old->port, '-f', $dump ], 'pg_dumpall');
my ($registry) = slurp_file($dump) =~ /^(COPY exclusive_internal\.namespace_registry.*?^\\\.)/ms;
like($registry, qr/^kept\t/m, 'a namespace is dumped');
unlike($registry, qr/^default\t/m, 'the namespace that is always there is not dumped');
my $settings = 'SELECT namespace, allowed_role, interop, max_holds, lock_delay, created_at FROM lock_namespaces WHERE namespace <> $$default$$ ORDER BY 1';
my $before = $old->safe_psql('postgres', $settings);

my $new = PostgreSQL::Test::Cluster->new('new');
$new->init;
$new->start;
my ($out, $err);
$new->psql('postgres', undef, extra_params => [ '-f', $dump ], on_error_stop => 0, stdout => \$out, stderr => \$err);
is(join("\n", grep { /ERROR/ && !/role "\w+" already exists/ } split /\n/, $err // ''), '', 'restored without errors');
is($new->safe_psql('postgres', $settings), $before, 'namespaces are as they were');
is($new->safe_psql('postgres', 'SELECT key, slot, state FROM lock_runs'), 'run|slot|succeeded', 'runs too');
my $session = session($new);
cmp_ok(token_of($session, 'k'), '>', $newest, 'the first token is larger than any of the old cluster');
is(ask($session, "SELECT try_run_once('default', 'run', 'slot', 'SELECT')"), 'f', 'what has run has run');

# several restarts of the new cluster keep rising
my $token = token_of($session, 'k');
$session->quit;
$new->restart;
$session = session($new);
cmp_ok(token_of($session, 'k'), '>', $token, 'and after a restart');

# rights came along, and the role cannot go while it is named
is(ask($session, 'SET ROLE keeper'), '', 'as a member');
is(ask($session, "SELECT try_lock('kept', 'k'), unlock('kept', 'k')"), 't|t', 'the namespace is usable');
is(ask($session, 'RESET ROLE'), '', 'as a superuser');
is(ask($session, 'DROP ROLE keepers'), 'ERROR:  2BP01', 'the role is named');
$session->quit;
$_->stop foreach $old, $new;
done_testing();
