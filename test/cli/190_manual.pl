# The manual page and the completion know every option.
use strict;
use warnings;
use FindBin;
use lib $FindBin::RealBin;
use ProcessTree qw(slurp);
use Test::More;
use Tool;

my $top = "$FindBin::RealBin/../..";
my $dir = File::Temp::tempdir('pg_exclusive-cli.XXXXXX', TMPDIR => 1, CLEANUP => 1);

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
