# Signals are the command's as without the tool: each once, whoever was sent it,
# and those that were ignored or blocked at the start stay so.
use strict;
use warnings;
use Fcntl qw(:flock);
use FindBin;
use lib $FindBin::RealBin;
use ProcessTree qw(wait_for slurp);
use Test::More;

# A set of signals in /proc/PID/status, as a number.
sub signals
{
	my ($pid, $which) = @_;
	my ($set) = slurp("/proc/$pid/status") =~ /^\Q$which\E:\s+([0-9a-f]+)$/m;
	return hex($set // 0);
}

# What a service manager does: TERM to every process of the tool.
for my $isolate (0, 1)
{
	my $tree = ProcessTree->new(isolate => $isolate, command => q{exec perl -e '
		$SIG{TERM} = sub { open F, ">got" . ++$n; close F };
		open F, ">ready"; close F; select undef, undef, undef, 0.01 while !-e "end";
		exit $n'});
	$tree->ready or BAIL_OUT('it does not start: ' . $tree->stderr);
	kill 'TERM', @$tree{qw(front guard)};
	ok(wait_for(sub { -e $tree->path('got1') }), 'TERM to front and guard: the command gets it');
	wait_for(sub { !grep { signals($_, 'ShdPnd') } @$tree{qw(front guard command_pid)} });
	open(my $end, '>', $tree->path('end')) or die;
	is($tree->exit_code, 1, 'TERM to front and guard: once');
}

# Two are two.
{
	my $tree = ProcessTree->new(command => q{exec perl -e '
		$SIG{TERM} = sub { open F, ">got" . ++$n; close F; exit 2 if $n == 2 };
		open F, ">ready"; close F; sleep 1000 while 1'});
	$tree->ready or BAIL_OUT('it does not start: ' . $tree->stderr);
	kill 'TERM', $tree->{front};
	ok(wait_for(sub { -e $tree->path('got1') }), 'TERM, and TERM again: the first');
	kill 'TERM', $tree->{front};
	is($tree->exit_code, 2, 'TERM, and TERM again: the second');
}

# Under nohup, and under a parent that ignores SIGCHLD: so does the command, HUP
# ends no wait, and the command's end is told all the same.
{
	my $dir = File::Temp::tempdir('pg_exclusive-cli.XXXXXX', TMPDIR => 1, CLEANUP => 1);
	open(my $lock, '>>', "$dir/lock") or die;
	flock($lock, LOCK_EX) or die;
	my $tree = ProcessTree->new(dir => $dir,
		command => 'touch ready; until [ -e end ]; do sleep 0.01; done; exit 5',
		program => [ $^X, '-e', '$SIG{$_} = "IGNORE" for qw(HUP CHLD); exec @ARGV',
			$ENV{SUPERVISED}, qw(lock 3000 300 wait) ]);
	$tree->find or BAIL_OUT('it does not wait');
	kill 'HUP', @$tree{qw(front guard)};
	close $lock;
	ok($tree->ready, 'HUP ignored: the tool goes on waiting, and starts the command')
	  or diag($tree->stderr);
	is(signals($tree->{command_pid}, 'SigIgn') & 1, 1, 'HUP ignored: the command ignores it');
	open(my $end, '>', $tree->path('end')) or die;
	is($tree->exit_code, 5, 'CHLD ignored: exit code of the command');
}
{
	# No shell here: some of them put the mask right themselves.
	my $tree = ProcessTree->new(command => '', program => [ $ENV{SUPERVISED},
		qw(lock 3000 300 wait), $^X, '-e', 'open F, ">ready"; close F; sleep 1000' ]);
	$tree->ready or BAIL_OUT('it does not start: ' . $tree->stderr);
	is(signals($tree->{command_pid}, 'SigBlk'), 0, 'no signal is blocked for the command');
	is(signals($tree->{command_pid}, 'SigIgn'), signals($$, 'SigIgn'), 'and none more is ignored');
}

done_testing();
