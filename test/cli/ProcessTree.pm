# Starts a command under a lock with the tool's own processes, and watches both
# from outside.
#
# The witness is not the lock: every process of the command inherits a
# descriptor with a lock of flock(2) on a second file, so that file is free
# exactly when none of them lives, detached or not.
package ProcessTree;

use strict;
use warnings;
use Fcntl qw(:flock);
use File::Temp qw(tempdir);
use POSIX qw(:sys_wait_h);
use Time::HiRes qw(sleep time);
use Exporter 'import';
our @EXPORT_OK = qw(wait_for lateness slurp state_of children_of %kinds);

# Commands with the ways children have to live on. Each makes the file "ready"
# when all of its processes run.
our %kinds = (
	plain => 'touch ready; exec sleep 1000',
	'ignores TERM' => q{exec perl -e '$SIG{TERM} = "IGNORE";
		open(F, ">ready"); sleep 1000 while 1'},
	'detached' => 'setsid sh -c "touch ready; exec sleep 1000" & wait',
	'daemon' => q{perl -MPOSIX -e 'fork and exit; setsid; fork and exit;
		open(F, ">ready"); sleep 1000'; exec sleep 1000},
);

# wait_for(CONDITION, SECONDS) - true as soon as the condition is.
sub wait_for
{
	my ($condition, $seconds) = @_;
	my $until = time + ($seconds // 120);
	while (time < $until)
	{
		my $result = $condition->();
		return $result if $result;
		sleep 0.005;
	}
	return;
}

# lateness() - starts a process that sleeps and wakes; what it returns stops that and
# says by how many seconds it woke late at most.
sub lateness
{
	pipe(my $from, my $to) or die "pipe: $!";
	my $pid = fork // die "fork: $!";
	if ($pid == 0)
	{
		my ($late, $end) = (0, 0);
		$SIG{TERM} = sub { $end = 1 };
		until ($end)
		{
			my $due = time + 0.02;
			sleep 0.02;
			$late = time - $due if time - $due > $late;
		}
		syswrite($to, $late);
		POSIX::_exit(0);
	}
	close $to;
	my $late;
	return sub {
		return $late if defined $late;
		kill 'TERM', $pid;
		$late = <$from>;
		waitpid $pid, 0;
		return $late;
	};
}

sub slurp
{
	my ($path) = @_;
	open(my $file, '<', $path) or return '';
	local $/;
	return scalar <$file> // '';
}

# state_of(PID) - the letter of its state, '' if it is gone.
sub state_of
{
	my ($pid) = @_;
	return slurp("/proc/$pid/stat") =~ /^.*\) (\S)/s ? $1 : '';
}

sub children_of
{
	my ($pid) = @_;
	return split ' ', join ' ', map { slurp($_) } glob "/proc/$pid/task/*/children";
}

# new(command => SHELL, lease => MS, grace => MS, leftovers => wait|end,
#     isolate => BOOL, program => [...]) - starts it in a directory of its own.
sub new
{
	my ($class, %given) = @_;
	my $self = bless {
		lease => 3000, grace => 300, leftovers => 'wait', %given,
		dir => $given{dir} // tempdir('pg_exclusive-cli.XXXXXX',
			TMPDIR => 1, CLEANUP => 1),
	}, $class;
	my $program = $self->{program}
	  // [ $ENV{SUPERVISED}, $self->{isolate} ? '--isolate' : (), 'lock',
		@$self{qw(lease grace leftovers)} ];
	my $command = "exec 9>>witness; flock -n 9 || touch overlap; $self->{command}";
	$self->{tag} = "TREE_TAG=$$." . ++(our $count);
	$self->{front} = fork;
	if ($self->{front} == 0)
	{
		chdir $self->{dir} or die;
		$ENV{TREE_TAG} = substr $self->{tag}, 9;
		open(STDERR, '>>', 'stderr');
		open(STDOUT, '>>', 'stdout');
		exec @$program, 'sh', '-c', $command or die;
	}
	return $self;
}

sub path { return "$_[0]{dir}/$_[1]" }

# Waits until the command and all its processes run; true if they do.
sub ready
{
	my ($self) = @_;
	wait_for(sub { -e $self->path('ready') }) or return;
	return $self->find;
}

# Waits until the command's process has been forked, started or not.
sub find
{
	my ($self) = @_;
	return wait_for(
		sub {
			($self->{guard}) = children_of($self->{front}) or return;
			return if slurp("/proc/$self->{guard}/comm") !~ /guard/;
			my ($child) = children_of($self->{guard}) or return;
			if ($self->{isolate})
			{
				return if slurp("/proc/$child/comm") !~ /init/;
				$self->{init} = $child;
				($child) = children_of($child) or return;
			}
			return $self->{command_pid} = $child;
		});
}

# try_lock(FILE) - takes the lock on a file if it is free; a handle or nothing.
sub try_lock
{
	my ($self, $name) = @_;
	open(my $file, '>>', $self->path($name)) or die "$name: $!";
	return flock($file, LOCK_EX | LOCK_NB) ? $file : undef;
}

# The tool's lock, as soon as it is free. "alive" is set if a process of the
# command lived at that moment: what must never be.
sub wait_free
{
	my ($self, $seconds) = @_;
	my $lock = wait_for(sub { $self->try_lock('lock') }, $seconds);
	$self->{alive} = 1 if $lock && !$self->try_lock('witness');
	return $lock;
}

# Its exit code as a shell shows it, once it has ended.
sub exit_code
{
	my ($self, $seconds) = @_;
	return $self->{code} if defined $self->{code};
	wait_for(sub { waitpid($self->{front}, WNOHANG) == $self->{front} },
		$seconds) or return;
	$self->{code} = WIFSIGNALED($?) ? 128 + WTERMSIG($?) : WEXITSTATUS($?);
	return $self->{code};
}

sub has_ended { return defined $_[0]->exit_code(0.001) }

# Processes that carry our tag, whoever their parents are.
sub survivors
{
	my ($self) = @_;
	return grep { slurp("/proc/$_/environ") =~ /\Q$self->{tag}\E(\0|$)/
		  && state_of($_) ne '' } map { m{(\d+)} } glob '/proc/[0-9]*';
}

# True when none of them is left, within a few seconds.
sub all_gone
{
	my ($self) = @_;
	return wait_for(sub { !$self->survivors }, 10);
}

sub stderr { return slurp($_[0]->path('stderr')) }

sub DESTROY
{
	my ($self) = @_;
	local ($?, $!);
	kill 'KILL', $_ for $self->survivors;
	waitpid($self->{front}, 0) if !defined $self->{code};
	return;
}

1;
