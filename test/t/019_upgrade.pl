# From the first release to the newest: sessions that hold a lock all along keep
# it, and it keeps excluding; an upgraded database is the same as a new one.
use strict;
use warnings;
use FindBin;
use lib $FindBin::Bin;
use Exclusive;
use PostgreSQL::Test::Utils;
use Test::More;

my $node = PostgreSQL::Test::Cluster->new('upgrade');
$node->init;
$node->start;
my $newest = $node->safe_psql('postgres', "SELECT default_version FROM pg_available_extensions WHERE name = 'pg_exclusive'");
my @path = split /--/, $node->safe_psql('postgres', "SELECT path FROM pg_extension_update_paths('pg_exclusive')
	WHERE source = '0.1.0' AND target = '$newest'");
is($path[0], '0.1.0', "there is a path from 0.1.0 to $newest");

$node->safe_psql('postgres', "CREATE EXTENSION pg_exclusive VERSION '0.1.0'; SELECT lock_namespace('jobs', max_holds => 7);
	SELECT try_run_once('jobs', 'run', 'slot', 'SELECT')");
my ($old, $fresh) = (session($node), session($node));
is(ask($old, "SELECT try_lock('jobs', 'k')"), 't', 'held in 0.1.0');
my $token = ask($old, "SELECT fencing_token('jobs', 'k')");
for my $i (1 .. $#path)
{
	$node->safe_psql('postgres', "ALTER EXTENSION pg_exclusive UPDATE TO '$path[$i]'");
	is(ask($fresh, "SELECT try_lock('jobs', 'k')"), 'f', "$path[$i]: it still excludes");
	is(ask($old, "SELECT holds_lock('jobs', 'k'), fencing_token('jobs', 'k') = $token"), 't|t', "$path[$i]: the session still holds it");
	is(ask($fresh, "SELECT key, token = $token FROM lock_holders"), 'k|t', "$path[$i]: and it is shown");
}
is(ask($old, "SELECT unlock('jobs', 'k')"), 't', 'and can be freed');
is(ask($fresh, "SELECT try_lock('jobs', 'k')"), 't', 'by another it can be taken');
cmp_ok(ask($fresh, "SELECT fencing_token('jobs', 'k')"), '>', $token, 'with a larger token');
is(ask($fresh, "SELECT unlock('jobs', 'k')"), 't', 'freed');
is(ask($fresh, "SELECT try_run_once('jobs', 'run', 'slot', 'SELECT')"), 'f', 'what has run has run');
is(ask($fresh, "SELECT max_holds FROM lock_namespaces WHERE namespace = 'jobs'"), 7, 'namespaces are as they were');
$_->quit foreach $old, $fresh;

# upgraded and new have the same objects
$node->safe_psql('postgres', 'CREATE DATABASE fresh');
$node->safe_psql('fresh', 'CREATE EXTENSION pg_exclusive');
my $objects = q{SELECT pg_describe_object(d.classid, d.objid, 0) || concat_ws(' ', '', p.prosrc, p.provolatile::text, p.proparallel::text,
	p.proacl::text, c.relkind::text, c.relacl::text, CASE WHEN c.relkind = 'v' THEN pg_get_viewdef(c.oid) END)
	FROM pg_depend d LEFT JOIN pg_proc p ON d.classid = 'pg_proc'::regclass AND p.oid = d.objid
	LEFT JOIN pg_class c ON d.classid = 'pg_class'::regclass AND c.oid = d.objid
	WHERE d.deptype = 'e' AND d.refclassid = 'pg_extension'::regclass
	AND d.refobjid = (SELECT oid FROM pg_extension WHERE extname = 'pg_exclusive') ORDER BY 1};
my $upgraded = $node->safe_psql('postgres', $objects);
cmp_ok($upgraded =~ tr/\n//, '>', 50, 'objects to compare');
is($upgraded, $node->safe_psql('fresh', $objects), 'upgraded is the same as new');
$node->stop;
done_testing();
