# Input, output, the controlling terminal and job control are the command's
# own, as without the tool. A shell on a pseudo terminal is the user.
use strict;
use warnings;
use FindBin;
use lib $FindBin::RealBin;
use IO::Pty;
use POSIX qw(setsid);
use ProcessTree qw(wait_for state_of children_of slurp);
use Test::More;

my $dir = File::Temp::tempdir('pg_exclusive-cli.XXXXXX', TMPDIR => 1,
	CLEANUP => 1);
my $isolate = $ENV{ISOLATE} ? '--isolate' : '';    # see 060_terminal_isolated.pl
my $tool = "$ENV{SUPERVISED} $isolate lock 20000 500 wait";
my $pty = IO::Pty->new;
my $shell = fork // die;
if ($shell == 0)
{
	setsid;
	$pty->make_slave_controlling_terminal;
	my $slave = $pty->slave;
	close $pty;
	open(STDIN, '<&', $slave);
	open(STDOUT, '>&', $slave);
	open(STDERR, '>&', $slave);
	chdir $dir;
	@ENV{qw(PS1 TERM)} = ('ready> ', 'dumb');
	exec qw(bash --norc --noprofile --noediting -i) or die;
}
$pty->close_slave;
$pty->blocking(0);

my $screen = '';

sub read_screen
{
	my $part;
	$screen .= $part while sysread($pty, $part, 4096);
	return $screen;
}

sub type { syswrite($pty, $_[0]); return }

# Waits until the screen shows it; then what is before it is forgotten.
sub shows
{
	my ($what, $test) = @_;
	my $ok = wait_for(sub { read_screen() =~ /$what/ });
	ok($ok, $test) or diag("the screen shows: $screen");
	$screen =~ s/^.*?$what//s;
	return;
}

# Runs a line and waits for the shell's next prompt.
sub run_line
{
	type("$_[0]\n");
	return;
}

# (front, guard, command) of the tool that the shell runs now.
sub processes
{
	my @found;
	wait_for(
		sub {
			for my $front (children_of($shell))
			{
				my ($guard) = grep { slurp("/proc/$_/comm") =~ /guard/ }
				  children_of($front) or next;
				my ($command) = children_of($guard) or next;
				($command) = children_of($command) or next if $isolate;
				@found = ($front, $guard, $command);
			}
			return @found;
		});
	return @found;
}

# Has the tool the terminal?
sub in_foreground
{
	my ($pid) = @_;
	my ($group, $foreground) =
	  slurp("/proc/$pid/stat") =~ /^.*\) \S \S+ (\S+) \S+ \S+ (\S+)/s;
	return defined $group && $group == $foreground;
}

sub states { return join '', map { state_of($_) || '-' } @_ }

shows(qr/ready> /, 'a shell');

# Input from the terminal.
run_line("$tool sh -c 'echo type; read -r x; echo \"got:\$x\"'");
shows(qr/\ntype/, 'input: the command runs');
type("abc\n");
shows(qr/got:abc/, 'input: the command reads the terminal');
shows(qr/ready> /, 'input: it ends');

# Ctrl-C reaches the command once, from the terminal, and not from us again.
run_line(qq($tool perl -e '\$| = 1; \$SIG{INT} = sub { print "int", ++\$n, "\\n" }; print "n"."ow\\n"; sleep 1 while !-e "end"; print "total \$n\\n"'));
shows(qr/now/, 'Ctrl-C: the command runs');
type("\cC");
shows(qr/int1/, 'Ctrl-C: it gets the signal');
{ open(my $end, '>', "$dir/end") }
shows(qr/total (\d+)/, 'Ctrl-C: it goes on and ends');
unlike($screen, qr/int2/, 'Ctrl-C: one signal, not two');
shows(qr/ready> /, 'Ctrl-C: the shell is back');

# It ends a loop of the shell, as it does when the shell runs the command.
run_line("for i in 1 2 3; do echo round\$i; $tool sleep 1000; done; echo status:\$?");
shows(qr/\nround1/, 'Ctrl-C in a loop: the first round runs');
my @p = processes();
wait_for(sub { slurp("/proc/$p[2]/comm") =~ /^sleep/ });
type("\cC");
shows(qr/ready> /, 'Ctrl-C in a loop: the shell is back');
run_line('echo status:$?');
shows(qr/status:130/, 'Ctrl-C in a loop: 130');
unlike($screen, qr/round2/, 'Ctrl-C in a loop: no second round');

run_line("$tool sleep 1000");
@p = processes();
wait_for(sub { slurp("/proc/$p[2]/comm") =~ /^sleep/ });
type("\c\\");
shows(qr/ready> /, 'Ctrl-\\: the shell is back');
run_line('echo status:$?');
shows(qr/status:131/, 'Ctrl-\\: 131');

# Ctrl-Z stops the command and the shell's job, not the guard; fg goes on.
run_line("$tool sh -c 'echo on; read -r x; echo \"after:\$x\"'");
shows(qr/\non/, 'Ctrl-Z: the command runs');
@p = processes();
type("\cZ");
shows(qr/Stopped/, 'Ctrl-Z: the shell says so');
wait_for(sub { states(@p) =~ /^T[^T]T$/ });
like(states(@p), qr/^T[^T]T$/, 'Ctrl-Z: front and command are stopped, the guard is not');
run_line('fg');
ok(wait_for(sub { states(@p) !~ /T/ }), 'fg: both go on');
type("xyz\n");
shows(qr/after:xyz/, 'fg: the command has the terminal again');
shows(qr/ready> /, 'fg: it ends');

# kill -STOP and -CONT of the job, from elsewhere.
run_line("$tool sleep 1000");
@p = processes();
wait_for(sub { slurp("/proc/$p[2]/comm") =~ /^sleep/ });
kill 'TSTP', $p[0];
ok(wait_for(sub { states(@p) =~ /^T[^T]T$/ }), 'kill -TSTP of the tool: both stop');
shows(qr/Stopped/, 'the shell has seen the stop');
kill 'CONT', $p[0];
ok(wait_for(sub { states(@p) !~ /T/ }), 'kill -CONT of the tool: both go on');
run_line('fg');
wait_for(sub { in_foreground($p[0]) });
type("\cC");
shows(qr/ready> /, 'and the end');

# A command that ignores Ctrl-Z is not stopped, and neither is the tool.
run_line(qq($tool perl -e '\$| = 1; \$SIG{TSTP} = "IGNORE"; print "g"."o!\\n"; <STDIN>; print "still\\n"'));
shows(qr/go!/, 'Ctrl-Z ignored: the command runs');
type("\cZ");
type("\n");
shows(qr/still/, 'Ctrl-Z ignored: it goes on');
shows(qr/ready> /, 'Ctrl-Z ignored: it ends');

# In the background it may not read; in the foreground it may.
run_line("$tool sh -c 'read -r x; echo \"line:\$x\"' &");
shows(qr/ready> /, 'background: the shell is back');
@p = processes();
ok(wait_for(sub { states(@p) =~ /^T[^T]T$/ }), 'background: stopped when it reads');
run_line('fg');
wait_for(sub { states(@p) !~ /T/ && in_foreground($p[0]) });
type("pqr\n");
shows(qr/line:pqr/, 'background: reads after fg');
shows(qr/ready> /, 'background: it ends');

# With "stty tostop" the guard, in a session of its own, may still speak.
run_line("stty tostop; $tool sleep 1000; echo status:\$?");
@p = processes();
wait_for(sub { slurp("/proc/$p[2]/comm") =~ /^sleep/ });
{ open(my $lose, '>', "$dir/lock.lose") }
shows(qr/lost: the test took it/, 'stty tostop: the message is shown');
shows(qr/status:76/, 'stty tostop: exit code');
unlink "$dir/lock.lose";
shows(qr/ready> /, 'stty tostop: the shell is back');

# A new size of the window is told once.
run_line(qq($tool perl -e '\$| = 1; \$SIG{WINCH} = sub { print "size", ++\$n, "\\n" }; print "s"."ee\\n"; sleep 1 while !-e "end2"; print "sizes \$n\\n"'));
shows(qr/see/, 'window: the command runs');
$pty->set_winsize(50, 132);
shows(qr/size1/, 'window: it is told of its size');
{ open(my $end, '>', "$dir/end2") }
shows(qr/sizes 1\b/, 'window: once');
shows(qr/ready> /, 'window: it ends');

# The terminal is gone: so is everything.
run_line("$tool sh -c 'setsid sleep 1000 & sleep 1000'");
@p = processes();
wait_for(sub { scalar children_of($p[2]) >= 2 });
close $pty;
ok(wait_for(sub { states(@p) eq '---' || states(@p) =~ /^[-Z]+$/ }),
	'hangup: no process of the tool is left') or diag(states(@p));
my $tree = bless { dir => $dir, code => 0, tag => 'none' }, 'ProcessTree';
ok($tree->wait_free, 'hangup: the lock is free');
waitpid $shell, 0;

# A script without job control, as cron starts it, that has a stopped process:
# the end of command and guard must not make the kernel hang its group up.
for my $act ('exit', 'kill')
{
	my $command = $act eq 'exit' ? 'exit 3' : 'touch ready; exec sleep 1000';
	unlink "$dir/ready";
	my $script = fork // die;
	if ($script == 0)
	{
		setsid;
		chdir $dir;
		open(STDERR, '>', '/dev/null');
		exec 'sh', '-c', "sleep 1000 & stopped=\$!; kill -STOP \$stopped; "
		  . "$tool sh -c '$command'; echo \$? >$act.code; kill -KILL \$stopped";
	}
	if ($act eq 'kill')
	{
		wait_for(sub { -e "$dir/ready" });
		my ($front) = grep { children_of($_) } children_of($script);
		kill 'KILL', children_of($front);
	}
	waitpid $script, 0;
	is($?, 0, "script with a stopped process, $act: not hung up");
	is(slurp("$dir/$act.code"), $act eq 'exit' ? "3\n" : "76\n", "and it gets the exit code, $act");
}

done_testing();
