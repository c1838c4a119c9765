# --isolate: the command has a PID namespace of its own, and its init is a third
# watcher. Also who kills or stops front and guard at once leaves no live child
# with a free lock.
use strict;
use warnings;
use FindBin;
use lib $FindBin::RealBin;
use ProcessTree qw(wait_for lateness slurp state_of children_of %kinds);
use Test::More;
use Time::HiRes qw(time);

plan skip_all => 'PID namespaces are not allowed here'
  if system('unshare --pid --fork --mount-proc true 2>/dev/null') != 0;

sub isolated
{
	my ($command, %more) = @_;
	my $tree = ProcessTree->new(command => $command, isolate => 1, %more);
	return $tree;
}

sub running
{
	my $tree = isolated(@_);
	$tree->ready or BAIL_OUT('it does not start: ' . $tree->stderr);
	return $tree;
}

# Signals all of them in the same moment: none can act between the first and
# the last.
sub kill_at_once
{
	my ($tree, @targets) = @_;
	my @pids = @$tree{@targets};
	kill 'STOP', $_ for @pids;
	wait_for(sub { !grep { state_of($_) ne 'T' } @pids })
	  if !grep { $_ eq 'init' } @targets;    # which the guard wakes up
	kill 'KILL', @pids;
	return;
}

# Killed, alone and together. Not promised for all three: then the kernel kills
# the command just after the last of them has closed its socket.
for my $kind (sort keys %kinds)
{
	for my $targets ([qw(front)], [qw(guard)], [qw(init)], [qw(front guard)],
		[qw(front init)], [qw(guard init)], [qw(front guard init)])
	{
		my $what = "KILL to @$targets, command: $kind";
		my $tree = running($kinds{$kind}, grace => 200);
		kill_at_once($tree, @$targets);
		ok($tree->wait_free, "$what: the lock is free in the end");
		ok(!$tree->{alive}, "$what: no child lived when it was") if @$targets < 3;
		ok(defined $tree->exit_code, "$what: the tool has ended");
		ok($tree->all_gone, "$what: no process is left")
		  or diag(join ' ', $tree->survivors);
	}
}

# Front and guard stopped at once: the command is gone before the lease is.
{
	my %trees = map { $_ => running($kinds{$_}, lease => 8000) } keys %kinds;
	my $late = lateness();
	my $before = time;
	kill 'STOP', map { @$_{qw(front guard)} } values %trees;
	for my $kind (sort keys %trees)
	{
		my $tree = $trees{$kind};
		my $what = "both stopped, $kind";
		ok(wait_for(sub { $tree->try_lock('witness') }), "$what: the command ends");
		my $after = time - $before;
		# What a busy machine is late by itself, the tool may be late by too.
		cmp_ok($after, '<', $after < 8 ? 8 : 8 + 20 * $late->(), "$what: before the lease does");
		ok(!$tree->try_lock('lock'), "$what: the lock is still there");
		like($tree->stderr, qr/front and guard do not answer; killing the command/,
			"$what: it says so");
		kill 'CONT', @$tree{qw(front guard)};
		ok($tree->wait_free && $tree->all_gone, "$what: no process is left");
	}
	$late->();
}

# Both killed: the command has the grace to clean up, and the lock as long.
{
	my $tree = running(q{exec perl -e '$SIG{TERM} = sub { select undef, undef, undef, 0.5;
		open F, ">cleaned"; exit 0 }; open F, ">ready"; sleep 1 while 1'},
		grace => 20_000, lease => 120_000);
	kill_at_once($tree, qw(front guard));
	ok($tree->wait_free && !$tree->{alive} && -e $tree->path('cleaned'),
		'both killed: the command could clean up, under the lock');
	like($tree->stderr, qr/front and guard have died; ending the command/,
		'both killed: it says so');
}

# Both killed while it waits: nothing is started, nothing is left.
{
	my $dir = File::Temp::tempdir('pg_exclusive-cli.XXXXXX', TMPDIR => 1, CLEANUP => 1);
	open(my $lock, '>>', "$dir/lock") or die;
	flock($lock, 2) or die;
	my $tree = isolated('touch started', dir => $dir);
	$tree->find or BAIL_OUT('it does not wait');
	kill_at_once($tree, qw(front guard));
	close $lock;
	ok($tree->all_gone, 'both killed while waiting: no process is left');
	ok(!-e $tree->path('started'), 'both killed while waiting: it was not started');
}

# A tool that waits is sent TERM, and gets the lock: (exit code, was it clean).
sub end_waiting
{
	my ($target) = @_;
	my $dir = File::Temp::tempdir('pg_exclusive-cli.XXXXXX', TMPDIR => 1, CLEANUP => 1);
	open(my $lock, '>>', "$dir/lock") or die;
	flock($lock, 2) or die;
	my $tree = isolated('touch started', dir => $dir);
	$tree->find or BAIL_OUT('it does not wait');
	kill 'TERM', $tree->{$target};
	close $lock;
	return ($tree->exit_code, $tree->all_gone && !-e $tree->path('started'));
}
is_deeply([ end_waiting($_) ], [ 143, 1 ], "TERM to the waiting $_: exit code, not started")
  for qw(front guard);
my %ended;
$ended{ join ' ', end_waiting('command_pid') }++ for 1 .. 50;
is_deeply(\%ended, { '143 1' => 50 }, '50 commands that TERM ends before they are started');

# Any other signal to init is nothing, and when it is stopped the guard wakes it.
{
	my $tree = running($kinds{daemon});
	kill $_, $tree->{init} for qw(TERM HUP INT QUIT PIPE SEGV USR1 ALRM);
	kill 'STOP', $tree->{init};
	ok(wait_for(sub { state_of($tree->{init}) =~ /S/ }), 'signals to init: it goes on');
	is($tree->wait_free(0.3), undef, 'signals to init: so does the command');
	kill 'TERM', $tree->{front};
	is($tree->exit_code, 143, 'a signal to the front is passed on');
	ok($tree->all_gone, 'and ends all of it');
}

# Stops are the tool's, and orphans do not stay as zombies.
{
	my $tree = running('sh -c "true & exec true"; (sleep 0.01 &); touch ready;
		exec sleep 1000');
	ok(wait_for(sub { children_of($tree->{init}) == 1 }), 'orphans are reaped');
	kill 'STOP', $tree->{command_pid};
	ok(wait_for(sub { state_of($tree->{front}) eq 'T' }), 'a command that stops stops the tool');
	kill 'CONT', $tree->{command_pid};
	ok(wait_for(sub { state_of($tree->{front}) ne 'T' }), 'a command that goes on continues it');
}

# It ends as without --isolate, and cannot kill its init.
my %ends = ('exit 5' => 5, 'kill -9 $$' => 137, 'kill $$' => 143,
	'kill 1; kill -9 1; exit 4' => 4);
for my $command (sort keys %ends)
{
	my $tree = isolated($command);
	is($tree->exit_code, $ends{$command}, "$command: exit code");
	is($tree->stderr, '', "$command: nothing to say");
	ok($tree->wait_free && $tree->all_gone, "$command: no process is left");
}
for my $leftovers ('wait', 'end')
{
	my $tree = isolated('setsid sh -c "touch ready; exec sleep 1000" &
		while [ ! -e ready ]; do sleep 0.01; done; exit 3', leftovers => $leftovers);
	if ($leftovers eq 'wait')
	{
		ok(wait_for(sub { $tree->stderr =~ /keeping the lock/ }), 'leftovers: they are waited for');
		is($tree->wait_free(0.3), undef, 'leftovers: the lock is kept');
		kill 'TERM', $tree->{front};
	}
	is($tree->exit_code, 3, "leftovers, $leftovers: exit code");
	ok($tree->wait_free && !$tree->{alive} && $tree->all_gone,
		"leftovers, $leftovers: no process is left");
}

# It sees its own processes only.
{
	my $tree = isolated('cat /proc/1/comm; ls /proc | grep -c "^[0-9]"');
	$tree->exit_code;
	like(slurp($tree->path('stdout')), qr/^pg_excl init\n[34]\n$/, 'it sees itself and its init')
}

# Not root: in a user namespace, as oneself and with no right more than before.
SKIP:
{
	my @somebody = qw(setpriv --reuid 4321 --regid 4321 --clear-groups);
	my @reads_here = map { "--$_-caps=-all,+dac_override" } qw(inh ambient);
	skip 'user namespaces are not allowed here', 4
	  if system("@somebody unshare -U -p -f --map-current-user --mount-proc true 2>/dev/null") != 0;
	my $dir = File::Temp::tempdir('pg_exclusive-cli.XXXXXX', TMPDIR => 1, CLEANUP => 1);
	chmod 0777, $dir;
	my $tree = running('id -u; grep -h CapEff /proc/self/status; touch ready; exec sleep 1000',
		dir => $dir, program => [ @somebody, @reads_here, $ENV{SUPERVISED},
			qw(--isolate lock 3000 200 wait) ]);
	like(slurp($tree->path('stdout')), qr/^4321\nCapEff:\s+0+\n/, 'not root: it is who it was');
	kill_at_once($tree, qw(front guard));
	ok($tree->wait_free && !$tree->{alive}, 'not root, both killed: no child lived');
	ok(defined $tree->exit_code, 'not root, both killed: the tool has ended');
	ok($tree->all_gone, 'not root, both killed: no process is left');
}

# Not allowed: it says so, and nothing is run without it.
SKIP:
{
	skip 'only root has the right that is taken away', 3 if $> != 0;
	my $tree = isolated('touch started', program => [
		qw(setpriv --bounding-set -sys_admin), $ENV{SUPERVISED}, qw(--isolate lock 3000 200 wait) ]);
	is($tree->exit_code, 78, 'not allowed: exit code');
	like($tree->stderr, qr/error: could not isolate.*not permitted\n.*hint: --isolate needs/,
		'not allowed: it says so');
	ok(!-e $tree->path('started') && $tree->all_gone, 'not allowed: nothing was run');
}

done_testing();
