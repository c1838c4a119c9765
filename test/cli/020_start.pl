# Never a child started after a signal arrived.
use strict;
use warnings;
use Fcntl qw(:flock);
use FindBin;
use lib $FindBin::RealBin;
use ProcessTree qw(wait_for state_of);
use Test::More;
use Time::HiRes qw(sleep);

my %number = (HUP => 1, INT => 2, QUIT => 3, USR1 => 10, PIPE => 13, TERM => 15);

# A tool that waits for a lock that we have: (tree, our lock).
sub waiting_tool
{
	my $dir = File::Temp::tempdir('pg_exclusive-cli.XXXXXX', TMPDIR => 1,
		CLEANUP => 1);
	open(my $lock, '>>', "$dir/lock") or die;
	flock($lock, LOCK_EX) or die;
	my $tree = ProcessTree->new(dir => $dir,
		command => 'touch started; exec sleep 1000');
	$tree->find or BAIL_OUT('the tool does not wait');
	return ($tree, $lock);
}

# Checks that it ended without a start, by that signal.
sub ended_unstarted
{
	my ($tree, $what, $code) = @_;
	is($tree->exit_code, $code, "$what: exit code");
	ok($tree->all_gone, "$what: no process is left");
	ok(!-e $tree->path('started'), "$what: the command was not started");
	ok($tree->wait_free(10), "$what: the lock is free");
	return;
}

# The signal is there before the lock is: kill() has returned.
for my $target (qw(front guard command_pid))
{
	for my $signal (sort keys %number)
	{
		my ($tree, $lock) = waiting_tool();
		kill $signal, $tree->{$target};
		close $lock;
		ended_unstarted($tree, "$signal to the waiting $target",
			128 + $number{$signal});
	}
}

# The front was stopped when the lock was granted: the signal comes first.
{
	my ($tree, $lock) = waiting_tool();
	kill 'STOP', $tree->{front};
	wait_for(sub { state_of($tree->{front}) eq 'T' });
	close $lock;
	wait_for(sub { !$tree->try_lock('lock') });
	kill 'TERM', $tree->{front};
	kill 'CONT', $tree->{front};
	ended_unstarted($tree, 'TERM to a front that was stopped at the grant', 143);
}

# Killed while it waits: nobody starts anything, and nothing is left.
for my $target (qw(front guard command_pid))
{
	my ($tree, $lock) = waiting_tool();
	kill 'KILL', $tree->{$target};
	close $lock;
	ended_unstarted($tree, "KILL to the waiting $target",
		$target eq 'guard' ? 70 : 137);
}

# The signal comes at about the time of the grant: it starts or it does not,
# but the signal ends it in any case, and nothing is left.
my ($started, $not) = (0, 0);
for my $round (1 .. 100)
{
	my ($tree, $lock) = waiting_tool();
	close $lock;
	sleep(rand(0.004));
	kill 'TERM', $tree->{front};
	my $code = $tree->exit_code;
	my $clean = $tree->all_gone && $tree->wait_free(10) && !$tree->{alive};
	-e $tree->path('started') ? $started++ : $not++;
	fail("round $round: exit code $code, clean: " . ($clean ? 'yes' : 'no'))
	  if $code != 143 || !$clean;
}
ok($started + $not == 100,
	"100 races of TERM and grant: $started started, $not did not");

# What a process says last thing is heard.
(my $last_words = $ENV{SUPERVISED}) =~ s/supervised$/last_words/;
is(system($last_words), 0, 'the last words of a process that left some unread');

done_testing();
