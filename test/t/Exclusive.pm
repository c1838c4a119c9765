# What our TAP tests share: servers with the extension, sessions that can be
# left waiting, and processes that can be stopped.
package Exclusive;

use strict;
use warnings;
use Exporter 'import';
use PostgreSQL::Test::Cluster;
use PostgreSQL::Test::Utils;
use Test::More;
use Time::HiRes qw(usleep);

our @EXPORT = qw(new_node session ask ask_later answer until_true wait_queued
  pid_of stop_process continue_process is_alive kill_session token_of);

# new_node(name, conf => text, init => [...]) - a running server with the extension
sub new_node
{
	my ($name, %arg) = @_;
	my $node = PostgreSQL::Test::Cluster->new($name);
	$node->init(@{ $arg{init} // [] });
	$node->append_conf('postgresql.conf', $arg{conf} // '');
	$node->start;
	$node->safe_psql('postgres', 'CREATE EXTENSION pg_exclusive');
	return $node;
}

# session(node, dbname, user) - a psql that stays; errors are shown as SQLSTATEs
sub session
{
	my ($node, $db, $user) = @_;
	my $session = $node->background_psql($db // 'postgres', on_error_stop => 0,
		extra_params => $user ? [ '-U', $user ] : []);
	ask($session, '\set VERBOSITY sqlstate');
	return $session;
}

# ask(session, sql) - its output, or else what went wrong, as "ERROR:  SQLSTATE"
sub ask
{
	my ($session, $sql) = @_;
	$session->{stdout} = $session->{stderr} = '';
	return said($session, $session->query($sql));
}

# said(session, output) - without the newline that BackgroundPsql of 16 leaves
sub said
{
	my ($session, $out) = @_;
	chomp $out;
	return first_error($session) // $out;
}

# ask_later(session, sql) - leaves it waiting; answer() has what came out
sub ask_later
{
	my ($session, $sql) = @_;
	$session->{stdout} = $session->{stderr} = '';
	$session->{stdin} .= "$sql;\n";
	$session->{run}->pump_nb while length $session->{stdin};
	return;
}

# first_error(session) - or warning, without the place where psql read it
sub first_error
{
	my ($session) = @_;
	return $session->{stderr} =~ /^(?:psql:\S+ )?+((?!NOTICE)\S.*)/m ? $1 : undef;
}

# answer(session) - of what was asked with ask_later()
sub answer
{
	my ($session) = @_;
	return said($session, $session->query(''));
}

sub pid_of { return ask($_[0], 'SELECT pg_backend_pid()'); }

# until_true(what, condition) - polls; dies when it takes too long
sub until_true
{
	my ($what, $condition) = @_;
	for (1 .. 10 * $PostgreSQL::Test::Utils::timeout_default)
	{
		return 1 if $condition->();
		usleep(100_000);
	}
	die "timed out waiting until $what";
}

# wait_queued(node, pid, ...) - until those backends wait in the lock manager
sub wait_queued
{
	my ($node, @pids) = @_;
	my $list = join ',', @pids;
	$node->poll_query_until('postgres', "SELECT count(*) = ${\scalar @pids} FROM pg_locks
		WHERE locktype = 'advisory' AND NOT granted AND pid IN ($list)")
	  or die 'timed out waiting for waiters';
	return;
}

# stop_process(pid, ...) - SIGSTOP, and wait until it has taken effect
sub stop_process
{
	my @pids = @_;
	kill('STOP', @pids) == @pids or die "could not stop @pids: $!";
	for my $pid (@pids)
	{
		until_true("process $pid is stopped",
			sub { slurp_file("/proc/$pid/stat") =~ /^\d+ \(.*\) T /s });
	}
	return;
}

sub continue_process { return kill('CONT', @_); }

# is_alive(pid) - it runs; one that nobody has waited for yet does not
sub is_alive
{
	my ($pid) = @_;
	open(my $stat, '<', "/proc/$pid/stat") or return 0;
	my $line = <$stat> // '';
	return $line =~ /\) [^ZX] /;
}

# kill_session(session) - kill -9 of the client
sub kill_session
{
	my ($session) = @_;
	$session->{run}->kill_kill(grace => 0);
	return;
}

# token_of(session, key) - takes and frees a lock for its token
sub token_of
{
	my ($session, $key) = @_;
	is(ask($session, "SELECT try_lock('default', '$key')"), 't', "$key is granted");
	my $token = ask($session, "SELECT fencing_token('default', '$key')");
	like($token, qr/^\d+$/, "$key has a token");
	is(ask($session, "SELECT unlock('default', '$key')"), 't', "$key is freed");
	return $token;
}

1;
