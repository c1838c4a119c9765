# The tool is frozen for longer than its lease, then goes on.  Others may have
# the lock by then, so the command has to be ended, whatever was frozen.
use strict;
use warnings;
use FindBin;
use lib $FindBin::RealBin;
use ProcessTree qw(wait_for slurp state_of);
use Test::More;
use Time::HiRes qw(time sleep);
use Tool;

sql("SELECT lock_namespace('tool')");
my $rounds = $ENV{FREEZE_ROUNDS} // 6;

# frozen(TREE, SECONDS, PID...) - stops the processes for so long.
sub frozen
{
	my ($seconds, @pids) = @_;
	kill 'STOP', @pids;
	wait_for(sub { !grep { state_of($_) =~ /[RSD]/ } @pids });
	sleep $seconds;    # the lease is measured by a clock that goes on
	kill 'CONT', reverse @pids if rand() < 0.5;
	kill 'CONT', @pids;
	return;
}

# A group of tools is frozen at the same time: it saves time, and CPU is scarce
# when they all go on.
sub try_freeze
{
	my ($what, $lease, $grace, $who, $kind) = @_;
	my @trees = map { tool_tree([ '--lease', $lease, '--grace', $grace ], $ProcessTree::kinds{$kind}) } 1 .. $rounds;
	my @ready = grep { $_->ready } @trees;
	is(scalar @ready, $rounds, "$what: all started") or return;
	frozen($lease * 1.2, map { $who->($_) } @trees);
	my $told = grep { ($_->exit_code // -1) == 76 } @trees;
	is($told, $rounds, "$what: exit code 76") or diag(map { $_->stderr } @trees);
	is(scalar(grep { $_->all_gone } @trees), $rounds, "$what: no command is left");
	return;
}

my %who = (
	'front and guard' => sub { @{ $_[0] }{qw(front guard)} },
	'guard' => sub { $_[0]{guard} },
	'front, guard and command' => sub { @{ $_[0] }{qw(front guard command_pid)} });
for my $times ([ 1, 0.2 ], [ 2.5, 0.3 ])
{
	for my $who (sort keys %who)
	{
		try_freeze("$who, lease $times->[0] s", @$times, $who{$who}, 'plain');
	}
}
try_freeze('front and guard, ignores TERM', 1, 0.2, $who{'front and guard'}, 'ignores TERM');
try_freeze('front and guard, detached', 1, 0.2, $who{'front and guard'}, 'detached');

# The same when nothing but the deadline tells of the loss.  A lock on a file
# stands for a library that forgets to tell.
for my $isolate (0, 1)
{
	SKIP:
	{
		skip 'PID namespaces are not allowed here', 3
		  if $isolate && system('unshare --pid --fork --mount-proc true 2>/dev/null') != 0;
		my $what = 'a loss that is not told' . ($isolate ? ', isolated' : '');
		my $tree = ProcessTree->new(command => $ProcessTree::kinds{'detached'},
			lease => 3000, grace => 300, isolate => $isolate);
		ok($tree->ready, "$what: it starts") or diag($tree->stderr);
		open(my $forget, '>', $tree->path('lock.forget'));
		is($tree->exit_code, 76, "$what: exit code") or diag($tree->stderr);
		ok($tree->all_gone, "$what: no process is left");
	}
}

done_testing();
