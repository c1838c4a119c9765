# --slot and --once-per: at most one command that succeeds, on all nodes.
use strict;
use warnings;
use FindBin;
use lib $FindBin::RealBin;
use ProcessTree qw(wait_for slurp %kinds);
use Test::More;
use Tool;

sql("SELECT lock_namespace('slots')");

sub code_is
{
	my ($expected, $what, @arguments) = @_;
	my ($code, $out, $err) = tool('run', @arguments);
	is($code, $expected, $what) or diag($err);
	return $err;
}

sub record
{
	my ($key) = @_;
	return sql("SELECT state || ' ' || attempts FROM lock_runs"
		  . " WHERE namespace = 'slots' AND key = '$key' ORDER BY started_at DESC LIMIT 1");
}

# A slot runs once, a failed run may be repeated, another slot is another.
code_is(3, 'slot: a run that fails', qw(--slot mon slots/a -- sh -c), 'exit 3');
is(record('a'), 'failed 1', 'slot: recorded as failed');
code_is(0, 'slot: runs again after that', qw(--slot mon slots/a -- true));
is(record('a'), 'succeeded 2', 'slot: recorded as succeeded');
my $err = code_is(77, 'slot: not again after success', qw(--slot mon slots/a -- false));
like($err, qr{already ran: slots/a, slot "mon"}, 'slot: it says so');
code_is(0, 'slot: the next slot runs', qw(--slot tue slots/a -- true));
code_is(0, 'without a slot it runs always', qw(slots/a -- true));

# Killed by a signal counts as failed; a lost lock too, and by then nobody can
# say so: a run that never ended.
code_is(143, 'slot: a run that TERM ends', qw(--slot mon slots/b -- sh -c), 'kill $$');
is(record('b'), 'failed 1', 'slot: that is a failure');

for my $policy ('retry', 'skip')
{
	my $name = "slots/$policy";
	my $tree = tool_tree([ '--slot', 'x', '--grace', 1, '--on-crash', $policy ],
		$kinds{plain}, $name);
	$tree->ready or BAIL_OUT('it does not start: ' . $tree->stderr);
	is(record($policy), 'started 1', "$policy: recorded as started");
	sql("SELECT break_lock('slots', '$policy', 'a test')");
	is($tree->exit_code, 76, "$policy: lost");
	is(record($policy), 'started 1', "$policy: it never ended");
	code_is($policy eq 'retry' ? 0 : 77, "$policy: the next one",
		qw(--slot x --on-crash), $policy, $name, '--', 'true');
}

# A period.
code_is(1, 'period: a run that fails', qw(--once-per 1h slots/p -- false));
code_is(0, 'period: runs again after that', qw(--once-per 1h slots/p -- true));
$err = code_is(77, 'period: not again', qw(--once-per 1h slots/p -- false));
like($err, qr{already ran: slots/p, once every 3600 s}, 'period: it says so');
# Half of a period of 2 s is over when the server says so.
code_is(0, 'short period: runs', qw(--once-per 2s slots/q -- true));
ok( wait_for(
		sub {
			sql("SELECT clock_timestamp() > started_at + '1 s' FROM lock_runs"
				  . " WHERE namespace = 'slots' AND key = 'q'") eq 't';
		}),
	'short period: half of it is over');
code_is(0, 'short period: runs again', qw(--once-per 2s slots/q -- true));

# Five nodes whose crons fire together, with a task that is short: one runs.
my $dir = File::Temp::tempdir('pg_exclusive-slots.XXXXXX', TMPDIR => 1, CLEANUP => 1);
for my $option ([qw(--slot today)], [qw(--once-per 1d)])
{
	my @nodes = map {
		my $pid = fork // die;
		if ($pid == 0)
		{
			open(STDERR, '>', '/dev/null');
			exec $ENV{PG_EXCLUSIVE}, 'run', @$option, "slots/five-$option->[0]", '--',
			  'sh', '-c', "echo ran >>$dir/$option->[0]";
		}
		$pid
	} 1 .. 5;
	my %codes;
	for my $pid (@nodes) { waitpid $pid, 0; $codes{ $? >> 8 }++ }
	is_deeply(\%codes, { 0 => 1, 77 => 4 }, "five nodes, $option->[0]: one ran");
	is(slurp("$dir/$option->[0]"), "ran\n", "five nodes, $option->[0]: once");
}

done_testing();
