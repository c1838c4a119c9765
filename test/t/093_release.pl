# What releases have promised is frozen, and `make release` refuses what is not ready.
use strict;
use warnings;
use Cwd qw(abs_path);
use PostgreSQL::Test::Utils;
use Test::More;

my $matrix = abs_path(PostgreSQL::Test::Utils::tempdir()) . '/matrix';
my $copy = PostgreSQL::Test::Utils::tempdir();
system_or_bail('cp', '-a', (grep { !/^tmp_check/ } glob '*'), $copy);
chdir $copy or BAIL_OUT("chdir: $!");
$ENV{"GIT_${_}_NAME"} = 'a', $ENV{"GIT_${_}_EMAIL"} = 'a@example.org' for 'AUTHOR', 'COMMITTER';
$ENV{GIT_CONFIG_GLOBAL} = '/dev/null';
my ($version) = slurp_file('extension/pg_exclusive.control') =~ /^default_version = '(.*)'$/m;
my $script = "sql/pg_exclusive--$version.sql";

# change(file, from, to) - in one place
sub change
{
	my ($file, $from, $to) = @_;
	my $text = slurp_file($file);
	$text =~ s/$from/$to/ or BAIL_OUT("$file has no $from");
	open(my $out, '>', $file) or BAIL_OUT("$file: $!");
	print $out $text;
	close $out;
	return;
}

sub commit
{
	system_or_bail('git', 'add', '-A');
	system_or_bail('git', 'commit', '-qm', 'change');
	return;
}

# release() - its exit status and what it said
sub release
{
	my $err;
	my $done = IPC::Run::run([ 'test/lib/release' ], '>', \my $out, '2>', \$err);
	return ($done, $err);
}

sub refused
{
	my ($why, $what) = @_;
	my ($done, $err) = release();
	ok(!$done && $err =~ /$why/ && $err =~ /nothing was made/, "refused: $what") or diag($err);
	return;
}

# matrix(line) - as if make matrix had run on this commit
sub matrix
{
	my ($last) = @_;
	my ($head) = run_command([ 'git', 'rev-parse', 'HEAD' ]);
	open(my $out, '>', $matrix) or BAIL_OUT("$matrix: $!");
	print $out "matrix of $head\n$last\n";
	close $out;
	$ENV{MATRIX} = $matrix;
	return;
}

my $rows = 2;
mkdir 'test/matrix' or -d 'test/matrix' or BAIL_OUT("mkdir: $!");
append_to_file('test/matrix/releases.new', "# two\none\ntwo one\n");
rename 'test/matrix/releases.new', 'test/matrix/releases';
system_or_bail('git', 'init', '-q');
change('CHANGELOG.md', '\A## \S+ .*', "## $version (2026-11-28)");
change('debian/changelog', '\(\S+-', "($version-");
commit();
refused('MATRIX', 'without a matrix');
matrix('matrix: 1 of ' . $rows . ' passed');
refused('MATRIX', 'with a matrix in which something failed');
matrix("matrix: $rows of $rows passed");
append_to_file('README.md', "\n");
refused('not committed', 'with a change in the tree');
system_or_bail('git', 'checkout', '-q', 'README.md');
change('CHANGELOG.md', '\(2026-11-28\)', '(unreleased)');
commit();
matrix("matrix: $rows of $rows passed");
refused('CHANGELOG', 'when the log of changes says unreleased');
change('CHANGELOG.md', '\(unreleased\)', '(2026-11-28)');
change('META.json', qr/"version": "\Q$version\E"/, '"version": "9.9.9"');
commit();
matrix("matrix: $rows of $rows passed");
refused('META', 'when versions differ');
change('META.json', '"version": "9.9.9"', "\"version\": \"$version\"");
commit();
matrix("matrix: $rows of $rows passed");
my ($done, $err) = release();
ok($done, 'released') or diag($err);
ok(-s "pg_exclusive-$version.zip", 'the archive is there');
unlink "pg_exclusive-$version.zip";
is((run_command([ 'git', 'describe' ]))[0], "v$version", 'and the tag');
refused('tag', 'a second time');

sub frozen_is
{
	my ($expected, $what) = @_;
	my ($out) = run_command(['test/lib/frozen']);
	is(join(',', $out =~ /^not ok \d+ - (.*)$/gm), $expected, $what);
	system_or_bail('git', 'checkout', '-q', '.');
	return;
}
frozen_is('', 'as released');
change($script, '\n\z', "\n-- more\n");
frozen_is("$script is as in v$version", 'a released script is not changed');
change('extension/shmem/entry.h', 'typedef struct LockEntry\n\{\n', "typedef struct LockEntry\n{\n\tint\t\t\tnew;\n");
frozen_is("LockEntry is as in v$version", 'a struct in shared memory is not changed');
change('extension/shmem/shmem.c', '\} SharedState;', "\tint\t\t\tnew;\n} SharedState;");
frozen_is('', 'the struct that has room may grow');
change('extension/shmem/shmem.c', 'typedef struct SharedState\n\{\n', "typedef struct SharedState\n{\n\tint\t\t\tnew;\n");
frozen_is("SharedState is as in v$version", 'but only at its end');
done_testing();
