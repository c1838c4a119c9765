# A worker that dies in the middle of a run: what the database did is undone and
# may run again; of work outside, on_crash decides.
use strict;
use warnings;
use FindBin;
use lib $FindBin::Bin;
use Exclusive;
use Test::More;

my $node = new_node('runs', conf => "restart_after_crash = on\n");
$node->safe_psql('postgres', 'CREATE TABLE ledger (entry text)');

# worker(end) - begins two runs outside the database and one inside, and ends in that way
sub worker
{
	my ($end) = @_;
	my ($outside, $inside) = (session($node), session($node));
	my @pids = map { pid_of($_) } $outside, $inside;
	is(ask($outside, "SELECT try_lock('default', 'outside')"), 't', 'the lock of a worker');
	is(ask($outside, "SELECT begin_run('default', 'outside', '$end', 'retry'), begin_run('default', 'outside', '$end once', 'skip')"), 't|t', 'two runs have begun');
	ask_later($inside, "SELECT try_run_once('default', 'inside', '$end', 'INSERT INTO ledger VALUES (''half''); SELECT pg_sleep(600)')");
	ok($node->poll_query_until('postgres', "SELECT count(*) = 1 FROM lock_holders WHERE key = 'inside'"), 'one runs');
	return ([ $outside, $inside ], \@pids);
}

my %end = (
	terminate => sub { $node->safe_psql('postgres', "SELECT pg_terminate_backend($_)") foreach @{ $_[1] } },
	crash => sub { kill('KILL', $_[1][0]) },
	restart => sub { $node->stop('immediate'); $node->start });
for my $end (sort keys %end)
{
	my ($sessions, $pids) = worker($end);
	$end{$end}->($sessions, $pids);
	until_true('the backends are gone', sub { !grep { is_alive($_) } @$pids });
	kill_session($_) foreach @$sessions;
	$node->poll_query_until('postgres', 'SELECT true');
	my $next = session($node);
	is(ask($next, 'SELECT count(*) FROM ledger'), 0, "$end: what the task did is undone");
	is(ask($next, "SELECT count(*) FROM lock_runs WHERE key = 'inside' AND slot = '$end'"), 0, "$end: and is no run");
	is(ask($next, "SELECT try_run_once('default', 'inside', '$end', 'SELECT')"), 't', "$end: so it may run");
	is(ask($next, "SELECT string_agg(state, ' ') FROM lock_runs WHERE slot LIKE '$end%' AND key = 'outside'"), 'started started', "$end: outside, the record says started");
	is(ask($next, "SELECT finish_run('default', 'outside', '$end', true)"), 'ERROR:  55000', "$end: nobody else can say it is finished");
	is(ask($next, "SELECT try_lock('default', 'outside')"), 't', "$end: the lock is free");
	is(ask($next, "SELECT finish_run('default', 'outside', '$end', true)"), 'ERROR:  55000', "$end: nor the next holder");
	is(ask($next, "SELECT begin_run('default', 'outside', '$end', 'retry')"), 't', "$end: retry runs again");
	is(ask($next, "SELECT begin_run('default', 'outside', '$end once', 'skip')"), 'f', "$end: skip does not");
	is(ask($next, "SELECT finish_run('default', 'outside', '$end', true)"), '', "$end: finished");
	is(ask($next, "SELECT state, attempts FROM lock_runs WHERE slot = '$end' AND key = 'outside'"), 'succeeded|2', "$end: at the second attempt");
	$next->quit;
	$node->poll_query_until('postgres', 'SELECT count(*) = 0 FROM lock_holders');
}
$node->stop;
done_testing();
