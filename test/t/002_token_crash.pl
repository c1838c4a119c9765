# Tokens rise over kill -9 of the server, whatever was not written out by then.
# Background writers are stopped, so that nobody flushes WAL for us by chance.
use strict;
use warnings;
use FindBin;
use lib $FindBin::Bin;
use Exclusive;
use PostgreSQL::Test::Utils;
use Test::More;

my $node = new_node('crash', conf => "restart_after_crash = off\n");
my $newest = 0;

# see(token) - a client was given it
sub see
{
	my ($token, $what) = @_;
	cmp_ok($token, '>', $newest, "$what: token is larger than all before");
	$newest = $token;
	return;
}

sub stop_writers
{
	my @pids = split /\n/, $node->safe_psql('postgres', "SELECT pid FROM pg_stat_activity
		WHERE backend_type IN ('walwriter', 'checkpointer', 'background writer')");
	is(scalar @pids, 3, 'three background writers');
	stop_process(@pids);
	return;
}

# crash(sessions) - kill -9 of the server and all its processes, then start again
sub crash
{
	my @sessions = @_;
	my ($postmaster) = split /\n/, slurp_file($node->data_dir . '/postmaster.pid');
	my @children = split ' ', slurp_file("/proc/$postmaster/task/$postmaster/children");
	cmp_ok(scalar @children, '>', 3 + @sessions, 'processes to kill');
	kill_session($_) foreach @sessions;
	$node->kill9;
	kill('KILL', @children);
	until_true('they are gone', sub { !grep { is_alive($_) } $postmaster, @children });
	# a zombie that nobody has reaped yet would pass for a running server
	unlink($node->data_dir . '/postmaster.pid', $node->host . '/.s.PGSQL.' . $node->port . '.lock');
	$node->start;
	return;
}

sub token
{
	my ($session, $call) = @_;
	is(ask($session, "SELECT $call"), 't', $call);
	return ask($session, "SELECT fencing_token('default', 'k')");
}

# an autocommit session beside a transaction that drew the first token and stays open
for my $first ('try_lock', 'try_xact_lock')
{
	stop_writers();
	my ($open, $auto) = (session($node), session($node));
	ask($open, 'BEGIN');
	see(token($open, "$first('default', 'k')"), "$first in an open transaction");
	is(ask($auto, "SELECT try_lock('default', 'other')"), 't', 'beside it');
	see(ask($auto, "SELECT fencing_token('default', 'other')"), 'in an autocommit session');
	crash($open, $auto);
}

# asynchronous commit
for my $round (1 .. 2)
{
	stop_writers();
	my $session = session($node);
	ask($session, 'SET synchronous_commit = off');
	see(token($session, "try_lock('default', 'k')"), "synchronous_commit = off, round $round");
	is(ask($session, "SELECT unlock('default', 'k')"), 't', 'unlock');
	see(token($session, "try_lock('default', 'k')"), 'and again');
	crash($session);
}

# the transaction that drew the first token is rolled back
{
	stop_writers();
	my $session = session($node);
	ask($session, 'BEGIN');
	see(token($session, "try_lock('default', 'k')"), 'rolled back');
	ask($session, 'ROLLBACK');
	crash($session);
}

# many tokens, then a crash
{
	stop_writers();
	my $session = session($node);
	is(ask($session, "SELECT count(*) FROM generate_series(1, 900) n WHERE try_lock('default', n::text)"), 900, '900 locks');
	see(ask($session, "SELECT max(fencing_token('default', n::text)) FROM generate_series(1, 900) n"), 'the largest of 900');
	crash($session);
}

my $session = session($node);
see(token($session, "try_lock('default', 'k')"), 'at the end');
$session->quit;

# immediate and clean restarts
for my $mode ('immediate', 'fast')
{
	$node->restart if $mode eq 'fast';
	if ($mode eq 'immediate') { $node->stop('immediate'); $node->start; }
	$session = session($node);
	see(token($session, "try_lock('default', 'k')"), "after a restart, $mode");
	$session->quit;
}

# the extension is made anew while the server runs, then the server is
$node->safe_psql('postgres', 'DROP EXTENSION pg_exclusive; CREATE EXTENSION pg_exclusive');
$session = session($node);
see(token($session, "try_lock('default', 'k')"), 'created again');
$session->quit;
$node->safe_psql('postgres', 'DROP EXTENSION pg_exclusive');
$session = session($node);
ask($session, 'BEGIN');
ask($session, 'CREATE EXTENSION pg_exclusive');
see(token($session, "try_lock('default', 'k')"), 'created by a transaction');
ask($session, 'ROLLBACK');
ask($session, 'CREATE EXTENSION pg_exclusive');
is(ask($session, "SELECT try_lock('default', 'other')"), 't', 'created again, by the same session');
see(ask($session, "SELECT fencing_token('default', 'other')"), 'created again, by the same session');
crash($session);
$session = session($node);
see(token($session, "try_lock('default', 'k')"), 'created again, after a crash');
$session->quit;
$node->stop;
done_testing();
