# The version stands in the control file; everything else agrees with it.
use strict;
use warnings;
use JSON::PP;
use PostgreSQL::Test::Cluster;
use PostgreSQL::Test::Utils;
use Test::More;

my ($version) =
  slurp_file('extension/pg_exclusive.control') =~
  /^default_version = '(\d+\.\d+\.\d+)'$/m
  or BAIL_OUT('the control file has no version');

my $meta = decode_json(slurp_file('META.json'));
is($meta->{version}, $version, 'META.json: version');
my $provided = $meta->{provides}{pg_exclusive};
is($provided->{version}, $version, 'META.json: version that is provided');
ok(-e $provided->{file}, 'META.json: names a script that is there');

is_deeply([ glob 'sql/*' ], ["sql/pg_exclusive--$version.sql"],
	'there is one script, of this version');
like(slurp_file('CHANGELOG.md'),
	qr/\A## \Q$version\E /, 'CHANGELOG.md starts with it');

# The C++ header is written by CMake.
my $build = PostgreSQL::Test::Utils::tempdir();
my ($out, $err) = run_command([ 'cmake', '-S', 'cpp', '-B', $build ]);
my ($header) =
  grep { -e } glob("$build/include/pg_exclusive/version.hpp $build/*/version.hpp $build/*/*/version.hpp");
ok($header, 'CMake writes version.hpp') or diag("$out\n$err");
like($header ? slurp_file($header) : '',
	qr/^#define PG_EXCLUSIVE_VERSION "\Q$version\E"$/m,
	'version.hpp: version');

# What the server says.
my $node = PostgreSQL::Test::Cluster->new('version');
$node->init;
$node->start;
$node->safe_psql('postgres', 'CREATE EXTENSION pg_exclusive');
is( $node->safe_psql('postgres',
		q(SELECT extversion FROM pg_extension WHERE extname = 'pg_exclusive')),
	$version,
	'the extension that is installed');
is($node->safe_psql('postgres', 'SELECT version FROM exclusive_internal._session()'),
	$version, 'the module that is loaded');

done_testing();
