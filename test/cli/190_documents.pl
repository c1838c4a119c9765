# The crontab line, the service and the timer of docs/command-line.md work as
# they are written; manual page and completion know every option.
use strict;
use warnings;
use FindBin;
use lib $FindBin::RealBin;
use File::Copy;
use ProcessTree qw(wait_for slurp);
use Test::More;
use Tool;

my $top = "$FindBin::RealBin/../..";
my $document = slurp("$top/docs/command-line.md");
my $dir = File::Temp::tempdir('pg_exclusive-cli.XXXXXX', TMPDIR => 1, CLEANUP => 1);

# A block that is marked as tested.
sub block
{
	my ($name) = @_;
	my ($text) = $document =~ /<!-- tested: \Q$name\E -->\n```\w+\n(.*?)```/s
	  or BAIL_OUT("no block $name in the document");
	return $text;
}

sub put
{
	my ($path, $text, $mode) = @_;
	open(my $out, '>', $path) or die "$path: $!";
	print $out $text;
	close $out;
	chmod $mode // 0644, $path;
	return;
}

# Their paths, made ours: this is all that is changed.
sub here
{
	my ($text) = @_;
	$text =~ s{/usr/local/bin/backup}{$dir/backup}g;
	$text =~ s{/usr/bin/pg_exclusive}{$ENV{PG_EXCLUSIVE}}g;
	return $text;
}

sub shell_code { my ($line) = @_; system('sh', '-c', $line); return $? >> 8 }

put("$dir/backup", "#!/bin/sh\necho ran >>$dir/ran\nexit \${FAIL:-0}\n", 0755);
symlink $ENV{PG_EXCLUSIVE}, "$dir/pg_exclusive";
$ENV{PATH} = "$dir:$ENV{PATH}";
sql("SELECT lock_namespace('jobs')");

# crontab: five time fields, and a command in which no % stands.
my ($command) = block('crontab') =~ /^\S+ \S+ \S+ \S+ \S+ (.*)\n$/;
unlike($command, qr/%/, 'crontab: cron changes nothing in it');
$command = here($command);

# (exit code, output) of the line as cron runs it.
sub cron
{
	my ($before) = @_;
	my $told = `exec 2>&1; $before $command`;
	return ($? >> 8, $told);
}

is_deeply([ cron('FAIL=3; export FAIL;') ], [ 3, '' ], 'crontab: a failure is told');
is_deeply([ cron('') ], [ 0, '' ], 'crontab: runs');
is_deeply([ cron('') ], [ 77, '' ], 'crontab: another node has nothing to do or say');
is(slurp("$dir/ran"), "ran\nran\n", 'crontab: it succeeded once');
my $holder = tool_tree([], 'touch ready; exec sleep 1000', 'jobs/backup');
$holder->ready or BAIL_OUT('it does not start');
is_deeply([ cron('') ], [ 75, '' ], 'crontab: nothing to say when it is taken');
undef $holder;

# systemd: the files are understood, and the service's line runs.
put("$dir/backup.service", here(block('backup.service')));
put("$dir/backup.timer", block('backup.timer'));
my $told = `cd $dir && systemd-analyze verify --man=no ./backup.service ./backup.timer 2>&1`;
is($? >> 8, 0, 'systemd: service and timer are understood') or diag($told);
my ($line) = block('backup.service') =~ /^ExecStart=(.*)$/m;
my ($well) = block('backup.service') =~ /^SuccessExitStatus=(.*)$/m;
sql("SELECT forget_lock_runs('0')");
unlink "$dir/ran";
is(shell_code(here($line)), 0, 'systemd: runs');
my $code = shell_code(here($line));
ok((grep { $_ == $code } split ' ', $well), "systemd: $code on another node is a success");
is(slurp("$dir/ran"), "ran\n", 'systemd: it ran once');

# The manual page is clean, and names every option and exit code that help does.
my $page = "$top/cpp/cli/pg_exclusive.1";
is(`man -l --warnings=all $page 2>&1 >/dev/null`, '', 'manual page: no warning');
my $rendered = `MANWIDTH=80 man -l $page | col -b`;
like($rendered, qr/^$_$/m, "manual page: $_")
  for 'NAME', 'OPTIONS OF RUN', 'THE COMMAND', 'ISOLATION', 'EXIT STATUS', 'EXAMPLES';
my $manual = slurp($page) =~ s/\\//gr;
my $completion = slurp("$top/cpp/cli/pg_exclusive.bash-completion");
for my $of (qw(run status watch wait break id doctor))
{
	my (undef, $help) = tool($of, '--help');
	for my $option ($help =~ /(?<![\w-])(--[a-z]+(?:-[a-z]+)*)/g)
	{
		next if $option eq '--help';
		ok(index($manual, $option) >= 0, "manual page: $of $option");
		my ($case) = $completion =~ /^\t$of\) options=(.*?);;/ms;
		my $offered = ($case // '') =~ s/\$connection/connection()/re =~ s/\$name/name()/re;
		ok(index($offered, $option) >= 0, "completion: $of $option");
	}
}

sub connection { return $completion =~ /connection='(.*?)'/s ? $1 : '' }
sub name { return $completion =~ /name='(.*?)'/s ? $1 : '' }

# Completion, as bash calls it: the words before the cursor, "=" a word of its own.
sub completed
{
	my ($line) = @_;
	open(my $script, '>', "$dir/complete.sh") or die;
	print $script <<"END";
. /usr/share/bash-completion/bash_completion
. $top/cpp/cli/pg_exclusive.bash-completion
COMP_LINE='$line' COMP_POINT=${\length $line}
COMP_WORDS=(${\join ' ', map { "'$_'" } grep { $_ ne ' ' } split /( |=)/, $line, -1})
COMP_CWORD=\$((\${#COMP_WORDS[@]} - 1))
_pg_exclusive
echo "\${COMPREPLY[@]}"
END
	close $script;
	my $told = `bash $dir/complete.sh 2>/dev/null`;
	chomp $told;
	return $told;
}
my %completes = (
	'pg_exclusive w' => 'watch wait',
	'pg_exclusive run --i' => '--isolate',
	'pg_exclusive run --on-crash=s' => 'skip',
	'pg_exclusive run --leftovers ' => 'wait end',
	'pg_exclusive run -n jobs/x -- ls --almost-a' => '--almost-all',
	'pg_exclusive doctor --le' => '--lease');
is(completed($_), $completes{$_}, "completion: $_") for sort keys %completes;

done_testing();
