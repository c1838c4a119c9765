# The whole regression suite again with every plan that may run in a parallel
# worker forced into one: no lock is taken there and lost.
use strict;
use warnings;
use FindBin;
use lib $FindBin::Bin;
use Exclusive;
use PostgreSQL::Test::Utils;
use Test::More;

my $top = "$FindBin::Bin/../..";
my $node = PostgreSQL::Test::Cluster->new('parallel');
$node->init;
my $force = $node->pg_version < 16 ? 'force_parallel_mode' : 'debug_parallel_query';
$node->append_conf('postgresql.conf', "$force = regress\nmax_parallel_workers_per_gather = 2\n");
$node->start;
like($node->safe_psql('postgres', "SET $force = on; EXPLAIN SELECT 1"), qr/Gather.*Single Copy/s, 'plans do run in a worker');
my @tests = sort map { s{.*/(.*)\.sql$}{$1}r } glob "$top/test/sql/*.sql";
my $out = "$PostgreSQL::Test::Utils::tmp_check/parallel";
mkdir $out;
symlink("$top/expected", "$out/expected");
local $ENV{PGUSER} = $node->safe_psql('postgres', 'SELECT current_user');
my @command = ($ENV{PG_REGRESS}, "--inputdir=$top/test", "--outputdir=$out", '--bindir=', '--host=' . $node->host,
	'--port=' . $node->port, '--load-extension=pg_exclusive', '--dbname=regress_parallel', @tests);
my ($log, $err) = run_command(\@command);
ok($log =~ /All ${\scalar @tests} tests passed/, scalar(@tests) . ' tests in parallel workers') or diag $log, $err, -e "$out/regression.diffs" ? slurp_file("$out/regression.diffs") : '';
$node->stop;
done_testing();
