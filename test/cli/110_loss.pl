# Loss while a command runs, with a real server: the session is ended, the server
# crashes, the session forgets its locks, the link is cut.
use strict;
use warnings;
use FindBin;
use lib $FindBin::RealBin;
use ProcessTree qw(wait_for slurp %kinds);
use Test::More;
use Time::HiRes qw(time sleep);
use Tool;

sql("SELECT lock_namespace('tool')");

sub holder_pid
{
	my ($name) = @_;
	my (undef, $key) = split m{/}, $name, 2;
	return sql("SELECT pid FROM lock_holders WHERE namespace = 'tool' AND key = '$key'");
}

sub check_lost
{
	my ($tree, $what) = @_;
	is($tree->exit_code, 76, "$what: exit code") or diag($tree->stderr);
	like($tree->stderr, qr/lost: .*another node may run since 20.*; ending the command/,
		"$what: what happened and since when");
	ok($tree->all_gone, "$what: no process is left");
	return;
}

for my $kind (sort keys %kinds)
{
	my $tree = tool_tree([ '--grace', 1 ], $kinds{$kind});
	$tree->ready or BAIL_OUT('it does not start: ' . $tree->stderr);
	my $pid = holder_pid($tree->{name});
	my $before = time;
	sql("SELECT pg_terminate_backend($pid)");
	check_lost($tree, "terminated, $kind");
	cmp_ok(time - $before, '<', 30, "terminated, $kind: soon");
	cmp_ok(time - $before, '>=', 1, "terminated, $kind: KILL only after the grace")
	  if $kind eq 'ignores TERM';
}

# The guard is killed: the server's session must live on until the front has
# ended the command. A waiter of the server is the witness.
for my $kind (sort keys %kinds)
{
	my $tree = tool_tree([ '--grace', 1 ], $kinds{$kind});
	$tree->ready or BAIL_OUT('it does not start: ' . $tree->stderr);
	kill 'KILL', $tree->{guard};
	my ($code) = tool('wait', '-w', 60, $tree->{name});
	ok($code == 0 && $tree->try_lock('witness'),
		"killed guard, $kind: the server frees the lock when the command is gone");
	is($tree->exit_code, 76, "killed guard, $kind: exit code");
	ok($tree->all_gone, "killed guard, $kind: no process is left");
}

# Both killed at once: under --isolate the command's init keeps the session.
SKIP:
{
	skip 'PID namespaces are not allowed here', 6
	  if system('unshare --pid --fork --mount-proc true 2>/dev/null') != 0;
	for my $kind ('detached', 'ignores TERM')
	{
		my $tree = tool_tree([qw(--grace 1 --isolate)], $kinds{$kind});
		$tree->ready or BAIL_OUT('it does not start: ' . $tree->stderr);
		kill 'STOP', @$tree{qw(front guard)};
		kill 'KILL', @$tree{qw(front guard)};
		my ($code) = tool('wait', '-w', 60, $tree->{name});
		ok($code == 0 && $tree->try_lock('witness'),
			"both killed, $kind: the server frees the lock when the command is gone");
		is($tree->exit_code, 137, "both killed, $kind: exit code");
		ok($tree->all_gone, "both killed, $kind: no process is left");
	}
}

# Stopped, it cannot send heartbeats: the front ends the command before the
# server ends the lease.
{
	my $tree = tool_tree([qw(--grace 0.5 --lease 3)], $kinds{detached});
	$tree->ready or BAIL_OUT('it does not start: ' . $tree->stderr);
	kill 'STOP', $tree->{guard};
	my ($code) = tool('wait', '-w', 60, $tree->{name});
	ok($code == 0 && $tree->try_lock('witness'),
		'stopped guard: the command is gone when the server frees the lock');
	is($tree->exit_code, 76, 'stopped guard: exit code');
	ok($tree->all_gone, 'stopped guard: no process is left');
}

# A tool that waits and loses its session has lost nothing. It connects again and
# goes on waiting.
{
	my $holder = tool_tree([], $kinds{plain});
	$holder->ready or BAIL_OUT('it does not start');
	my $tree = tool_tree([], 'touch started', $holder->{name});
	$tree->find;
	waits_for_lock($holder->{name}, 1) or BAIL_OUT('it does not wait');
	my ($pid) = sql("SELECT pid FROM lock_waiters WHERE namespace = 'tool'");
	sql("SELECT pg_terminate_backend($pid)");
	ok(wait_for(sub { (sql("SELECT count(*) FROM lock_waiters WHERE namespace = 'tool' AND pid <> $pid"))[0] == 1 }, 60),
		'a waiting session is terminated: another one waits');
	ok(!-e $tree->path('started'), 'a waiting session is terminated: nothing ran');
	kill 'TERM', $holder->{front};
	is($tree->exit_code, 0, 'a waiting session is terminated: it runs in its turn') or diag($tree->stderr);
	ok(-e $tree->path('started'), 'a waiting session is terminated: it ran');
	ok($tree->all_gone, 'a waiting session is terminated: no process is left');
}

# The server crashes.
{
	my $tree = tool_tree([ '--grace', 1 ], $kinds{'ignores TERM'});
	$tree->ready or BAIL_OUT('it does not start: ' . $tree->stderr);
	my ($victim) = sql('SELECT pid FROM pg_stat_activity'
		  . " WHERE backend_type = 'background writer'");
	kill 'KILL', $victim;
	check_lost($tree, 'crash');
	ok(wait_for(sub { eval { sql('SELECT 1') } }, 60), 'crash: the server is back');
	my ($code) = tool('run', '-w', 30, $tree->{name}, '--', 'true');
	is($code, 0, 'crash: the lock can be had again');
}

done_testing();
