# The module shows only symbols with its prefix, so that no other module's function
# is called in place of ours, though modules of PostgreSQL 15 share one name space.
use strict;
use warnings;
use FindBin;
use lib $FindBin::Bin;
use Exclusive;
use PostgreSQL::Test::Utils;
use Test::More;

my $config = $ENV{PG_CONFIG} // 'pg_config';
my %dir;
foreach my $which (qw(pkglibdir includedir-server))
{
	($dir{$which}) = run_command([ $config, "--$which" ]);
	chomp $dir{$which};
}

# What it shows.
my ($shown) = run_command([ 'nm', '-D', '--defined-only', "$dir{pkglibdir}/pg_exclusive.so" ]);
my %shown = map { (split)[2] => 1 } split /\n/, $shown;
my @functions = map { /^pg_finfo_(\w+)$/ ? $1 : () } sort keys %shown;
my $script = slurp_file(glob 'sql/*.sql');
my %called = map { $_ => 1 } $script =~ /'MODULE_PATHNAME', '(\w+)'/g;
is_deeply(\@functions, [ sort keys %called ], 'the functions of the SQL script');
my @settings = slurp_file('extension/pg_exclusive.h') =~ /^extern \w+\s+(pgx_\w+);/gm;
delete @shown{@settings};    # shown up to PostgreSQL 15 only
my %expected = map { $_ => 1 } qw(Pg_magic_func _PG_init),
  map { ($_, "pg_finfo_$_") } @functions;
is_deeply([ sort keys %shown ], [ sort keys %expected ], 'and nothing else');

# A module that was loaded first and has functions with all of our names.
my %names;
foreach my $header (glob 'extension/*/*.h')
{
	$names{$_} = 1 foreach slurp_file($header) =~ /^extern [^;(]*?(\w+)\(/gm;
}
cmp_ok(scalar(keys %names), '>', 80, 'there are names to take');
ok($names{$_}, "$_ is one of them") foreach qw(Count RecordDatum FindHold AcquireLock);
my $tmp = PostgreSQL::Test::Utils::tempdir();
append_to_file("$tmp/taker.c", join "\n",
	'#include "postgres.h"', '#include "fmgr.h"', 'PG_MODULE_MAGIC;',
	(map { "void $_(void); void $_(void) { elog(PANIC, \"$_() of another module was called\"); }" } sort keys %names), '');
my $cc = $ENV{CC} // 'cc';
command_ok([ split(/ /, $cc), '-shared', '-fPIC', '-w', "-I$dir{'includedir-server'}",
	'-o', "$tmp/taker.so", "$tmp/taker.c" ], 'a module that takes our names');
chmod 0755, $tmp, "$tmp/taker.so";
my $node = new_node('symbols', conf => "session_preload_libraries = '$tmp/taker.so'");
is($node->safe_psql('postgres', "SELECT try_lock('default', 'k'), try_run_once('default', 'r', 's', 'SELECT'),
	try_lock_permit('default', 'p', 2), fencing_token('default', 'k') > 0"), 't|t|1|t', 'our functions are called');
is($node->safe_psql('postgres', "SELECT grants FROM lock_stats WHERE namespace = 'default'"), 3, 'and count');
$node->stop;
done_testing();
