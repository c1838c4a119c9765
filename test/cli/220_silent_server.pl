# A server that accepts and says nothing, or falls silent: every command ends in
# time, TERM is heard at once, and watch can be left.
use strict;
use warnings;
use FindBin;
use lib $FindBin::RealBin;
use IO::Socket::INET;
use IPC::Run qw(run start timeout);
use ProcessTree qw(wait_for slurp state_of %kinds);
use Test::More;
use Time::HiRes qw(time);
use Tool;

sql("SELECT lock_namespace('tool')");
my $deaf = IO::Socket::INET->new(Listen => 50, LocalAddr => '127.0.0.1') or die;
my @to_deaf = ('-h', '127.0.0.1', '-p', $deaf->sockport);

for my $command ([qw(status)], [qw(watch --count 1)], [qw(break tool/x --reason none)], [qw(doctor)],
	[qw(wait tool/x)], [qw(run tool/x -- true)])
{
	local $ENV{PGCONNECT_TIMEOUT} = 2;
	my ($name, @rest) = @$command;
	my $before = time;
	my ($code, undef, $err) = tool($name, @to_deaf, @rest);
	is($code, 69, "deaf server, $name: exit code") or diag($err);
	cmp_ok(time - $before, '<', 20, "deaf server, $name: in time");
}

# TERM while connecting.
{
	local $ENV{PGCONNECT_TIMEOUT} = 300;
	my $tree = tool_tree([@to_deaf], 'touch started');
	$tree->find or BAIL_OUT('it does not start');
	my $before = time;
	kill 'TERM', $tree->{front};
	is($tree->exit_code(60), 143, 'TERM while connecting: exit code');
	cmp_ok(time - $before, '<', 30, 'TERM while connecting: heard at once');
	ok($tree->all_gone && !-e $tree->path('started'), 'TERM while connecting: nothing ran');
}

# A server that falls silent after it has answered.
{
	my $dir = File::Temp::tempdir('pg_exclusive-cli.XXXXXX', TMPDIR => 1, CLEANUP => 1);
	for my $leave ('q', 'C-c', 'TERM', 'HUP')
	{
		my @tmux = ('tmux', '-S', "$dir/$leave", '-f', '/dev/null');
		my $screen = sub { `@tmux -u capture-pane -p -t watch 2>/dev/null` };
		my $run = sub { system(@tmux, @_) == 0 or diag("tmux @_ failed") };
		$run->(qw(new-session -d -s watch -x 80 -y 24),
			qq(LC_ALL=C.UTF-8 PGAPPNAME=watcher PGCONNECT_TIMEOUT=300 sh -c 'echo \$\$ >$dir/pid; exec $ENV{PG_EXCLUSIVE} watch -i 0.2'; echo status:\$?; stty -a | grep -o -- '-\\?echo ' ; exec cat));
		ok(wait_for(sub { $screen->() =~ /held/ }), "$leave: it runs") or diag($screen->());
		my $backend = sql("SELECT pid FROM pg_stat_activity WHERE application_name = 'watcher'");
		kill 'STOP', $backend;
		# Its next look hangs, and the screen is alive all the same.
		sleep 1;
		system(@tmux, qw(send-keys -t watch Space));
		ok(wait_for(sub { $screen->() =~ /PAUSED/ }), "$leave: keys are heard while the server is silent");
		$leave =~ /^(q|C-c)$/ ? system(@tmux, qw(send-keys -t watch), $leave) : kill $leave, slurp("$dir/pid");
		my $expected = { TERM => 143, HUP => 129 }->{$leave} // 0;
		ok(wait_for(sub { $screen->() =~ /^status:$expected$/m }), "$leave: it ends while the server is silent") or diag($screen->());
		ok(wait_for(sub { $screen->() =~ /^echo/m }), "$leave: the terminal is as it was") or diag($screen->());
		kill 'CONT', $backend;
		$run->('kill-server');
	}
}

done_testing();
