# The command is gone before the lease is, also when the guard is stuck; and
# what a loss of the lock does.
use strict;
use warnings;
use FindBin;
use lib $FindBin::RealBin;
use ProcessTree qw(wait_for lateness state_of %kinds);
use Test::More;
use Time::HiRes qw(time);

# Long enough that its margins, half a second, are more than a busy machine is
# late.
my $lease = 8000;

sub touch { open(my $file, '>', $_[0]) or die; return }

# What a busy machine is late by itself, the tool may be late by too, as often as it
# has to wake up on its way.
my $wakes = 20;

# Does something to four tools at once, and checks that each gives its lock up
# within a lease, with a dead command.
sub gives_up
{
	my ($what, $act, $said) = @_;
	my %trees = map {
		$_ => ProcessTree->new(command => $kinds{$_}, lease => $lease, grace => 800)
	} keys %kinds;
	$_->ready or BAIL_OUT('it does not start') for values %trees;
	my $late = lateness();
	my $before = time;
	$act->($_) for values %trees;
	my %after;
	for my $kind (sort keys %trees)
	{
		my $tree = $trees{$kind};
		ok($tree->wait_free(60), "$what, $kind: the lock is given up");
		$after{$kind} = time - $before;
		ok(!$tree->{alive}, "$what, $kind: no child lived then");
	}
	my $most = $lease / 1000 + $wakes * $late->();
	for my $kind (sort keys %trees)
	{
		my ($tree, $after) = ($trees{$kind}, $after{$kind});
		cmp_ok($after, '<', $most, "$what, $kind: before the lease ended");
		cmp_ok($after, '>', 3, "$what, $kind: not at once");
		is($tree->exit_code, 76, "$what, $kind: exit code");
		like($tree->stderr, $said, "$what, $kind: it says so");
		ok($tree->all_gone, "$what, $kind: no process is left");
	}
	return;
}

# No heartbeat is answered any more: all processes are dead when the server
# could give the lock away, one lease after the last answer.
gives_up('no heartbeats', sub { touch($_[0]->path('lock.mute')) },
	qr/lost: .*ending the command/);

# The guard is stopped: the front sees that its deadline does not move.
gives_up('stopped guard', sub { kill 'STOP', $_[0]{guard} },
	qr/guard process was killed .*ending the command/);

# A guard that goes on in time changes nothing.
{
	my $tree = ProcessTree->new(command => $kinds{plain}, lease => 6000);
	$tree->ready or BAIL_OUT('it does not start');
	kill 'STOP', $tree->{guard};
	wait_for(sub { state_of($tree->{guard}) eq 'T' });
	kill 'CONT', $tree->{guard};
	is($tree->wait_free(7), undef, 'a guard stopped for a moment: all goes on');
	kill 'TERM', $tree->{front};
	is($tree->exit_code, 143, 'a guard stopped for a moment: ends as told');
}

# Lost while the command runs: TERM, KILL after the grace, 76.
for my $kind (sort keys %kinds)
{
	my $tree = ProcessTree->new(command => $kinds{$kind}, grace => 500);
	$tree->ready or BAIL_OUT('it does not start');
	my $before = time;
	touch($tree->path('lock.lose'));
	is($tree->exit_code, 76, "lost, $kind: exit code");
	my $after = time - $before;
	cmp_ok($after, '>=', 0.5, "lost, $kind: KILL came after the grace")
	  if $kind eq 'ignores TERM';
	like($tree->stderr, qr/lost: the test took it; ending the command/,
		"lost, $kind: it says why");
	ok($tree->all_gone, "lost, $kind: no process is left");
}

# A command that cleans up on TERM has the grace for it.
{
	my $tree = ProcessTree->new(grace => 20_000, lease => 120_000,
		command => q{exec perl -e '$SIG{TERM} = sub { select undef, undef, undef, 0.3;
			open F, ">cleaned"; exit 0 }; open F, ">ready"; sleep 1 while 1'});
	$tree->ready or BAIL_OUT('it does not start');
	touch($tree->path('lock.lose'));
	is($tree->exit_code, 76, 'lost, cleans up: exit code');
	ok(-e $tree->path('cleaned'), 'lost, cleans up: it could');
}

# Giving the lock back takes for ever: the front ends the guard, and the
# command's own exit code is the result.
{
	my $tree = ProcessTree->new(command => 'touch ready; exit 5', lease => 1500);
	touch($tree->path('lock.hang'));
	is($tree->exit_code, 5, 'stuck release: exit code of the command');
	ok($tree->wait_free(10), 'stuck release: the lock is free in the end');
	ok($tree->all_gone, 'stuck release: no process is left');
}

# Two faults: the front is stopped, then the guard is killed. The kernel wakes
# the front up.
for my $kind (sort keys %kinds)
{
	my $tree = ProcessTree->new(command => $kinds{$kind}, lease => 60_000);
	$tree->ready or BAIL_OUT('it does not start');
	kill 'STOP', $tree->{front};
	wait_for(sub { state_of($tree->{front}) eq 'T' });
	kill 'KILL', $tree->{guard};
	is($tree->exit_code, 76, "stopped front, killed guard, $kind: exit code");
	ok($tree->wait_free(10) && !$tree->{alive},
		"stopped front, killed guard, $kind: no child lives with a free lock");
	ok($tree->all_gone, "stopped front, killed guard, $kind: none is left");
}

done_testing();
