# Moving a database: dumps by an owner who is no superuser, a role that is missing
# where it is restored, another encoding, and logical replication.
use strict;
use warnings;
use FindBin;
use lib $FindBin::Bin;
use Exclusive;
use PostgreSQL::Test::Utils;
use Test::More;

my $old = new_node('old', conf => "wal_level = logical\nmax_wal_senders = 4");
my $tmp = PostgreSQL::Test::Utils::tempdir();

# The owner of a database dumps it, in whatever schema the extension is.
$old->safe_psql('postgres', 'CREATE ROLE shop LOGIN');
foreach my $schema ('public', 'locks')
{
	my $db = "shop_$schema";
	$old->safe_psql('postgres', "CREATE DATABASE $db OWNER shop");
	$old->safe_psql($db, "CREATE SCHEMA IF NOT EXISTS $schema; CREATE EXTENSION pg_exclusive SCHEMA $schema;
		SELECT $schema.lock_namespace('jobs'), $schema.try_run_once('jobs', 'k', 'slot', 'SELECT')");
	foreach my $how ([], ['--schema-only'], ['--data-only'])
	{
		$old->command_ok([ 'pg_dump', '-U', 'shop', @$how, '-f', "$tmp/$db.sql", $db ], "$db: pg_dump @$how by its owner");
		my $dump = slurp_file("$tmp/$db.sql");
		like($dump, qr/^jobs\tk\tonce\tslot/m, 'with the runs') unless "@$how" =~ /schema/;
	}
	$old->command_ok([ 'pg_dump', '-U', 'shop', '-Fc', '-f', "$tmp/$db.dump", $db ], "$db: dumped");
	$old->safe_psql('postgres', "CREATE DATABASE copy_$db");
	$old->command_ok([ 'pg_restore', '-d', "copy_$db", "$tmp/$db.dump" ], 'and restored');
	is($old->safe_psql("copy_$db", "SELECT $schema.try_run_once('jobs', 'k', 'slot', 'SELECT')"), 'f', 'what has run has run');
}

# A role that is missing: the others come back, its namespace comes back shut.
$old->safe_psql('postgres', q{CREATE ROLE "the payers"; CREATE ROLE app LOGIN; CREATE DATABASE paid});
$old->safe_psql('paid', q{CREATE EXTENSION pg_exclusive;
	SELECT lock_namespace('payments', '"the payers"'), lock_namespace('jobs', max_holds => 7), lock_namespace('app', 'app')});
$old->command_ok([ 'pg_dump', '-Fc', '-O', '-x', '-f', "$tmp/paid.dump", 'paid' ], 'a dump without owners and privileges');
$old->safe_psql('postgres', 'DROP DATABASE paid; DROP ROLE "the payers"; CREATE DATABASE paid');
my ($out, $err);
IPC::Run::run([ 'pg_restore', '-O', '-x', '-h', $old->host, '-p', $old->port, '-d', 'paid', "$tmp/paid.dump" ], '>', \$out, '2>', \$err);
unlike($err, qr/error/i, 'restored where a role is missing');
is($old->safe_psql('paid', 'SELECT namespace, allowed_role, max_holds FROM lock_namespaces ORDER BY 1'),
	"app|app|\ndefault||\njobs||7\npayments|-|", 'all namespaces are there');
my $app = session($old, 'paid', 'app');
is(ask($app, q(SELECT try_lock('payments', 'k'))), 'ERROR:  42501', 'and the one without its role is shut');
is(ask($app, q(SELECT try_lock('app', 'k'), try_lock('jobs', 'k'), unlock_all())), 't|t|2', 'the others are open');
$app->quit;
my $admin = session($old, 'paid');
is(ask($admin, q(SELECT lock_namespace('payments') IS NOT NULL)), 'ERROR:  42710', 'it is not opened by accident');
is(ask($admin, q(SELECT drop_lock_namespace('payments'))), '', 'it can be dropped');
is(ask($admin, q(SELECT lock_namespace('payments', 'app') IS NOT NULL)), 't', 'and registered again');
$admin->quit;
$old->command_ok([ 'pg_dump', '-f', "$tmp/again.sql", 'paid' ], 'dumped again');

# Only the data of a table with fence_guard: with its triggers it would be checked row by row.
$old->safe_psql('postgres', 'CREATE DATABASE book');
$old->safe_psql('book', q{CREATE EXTENSION pg_exclusive; CREATE TABLE balance (account int, token bigint);
	CREATE TRIGGER fence BEFORE INSERT OR UPDATE ON balance FOR EACH ROW EXECUTE FUNCTION fence_guard('default', 'k')});
foreach my $account (1 .. 2)
{
	$old->safe_psql('book', "SELECT try_lock('default', 'k'); INSERT INTO balance VALUES ($account, fencing_token('default', 'k'))");
}
$old->safe_psql('book', 'UPDATE balance SET account = account WHERE token = (SELECT max(token) FROM balance)');
foreach my $data ([], ['--data-only', '--disable-triggers'])
{
	$old->command_ok([ 'pg_dump', @$data, '-f', "$tmp/book.sql", 'book' ], "pg_dump @$data");
	$old->safe_psql('postgres', 'DROP DATABASE IF EXISTS book2; CREATE DATABASE book2');
	$old->safe_psql('book2', q{CREATE EXTENSION pg_exclusive; CREATE TABLE balance (account int, token bigint);
		CREATE TRIGGER fence BEFORE INSERT OR UPDATE ON balance FOR EACH ROW EXECUTE FUNCTION fence_guard('default', 'k')}) if @$data;
	$old->command_ok([ 'psql', '-X', '-v', 'ON_ERROR_STOP=1', '-d', 'book2', '-f', "$tmp/book.sql" ], 'is restored');
	is($old->safe_psql('book2', 'SELECT count(*) FROM balance'), 2, 'with all rows');
	my $writer = session($old, 'book2');
	is(ask($writer, q(SELECT try_lock('default', 'k'))), 't', 'the next holder');
	is(ask($writer, q(INSERT INTO balance VALUES (3, fencing_token('default', 'k')))), '', 'may write');
	is(ask($writer, q(INSERT INTO balance SELECT 4, min(token) FROM balance)), 'ERROR:  40001', 'an old one may not');
	$writer->quit;
}

# Limits are those of UTF-8 in databases of all encodings, so what is in one fits into another.
$old->safe_psql('postgres', q(CREATE DATABASE latin1 TEMPLATE template0 ENCODING latin1 LC_COLLATE 'C' LC_CTYPE 'C'));
$old->safe_psql('latin1', 'CREATE EXTENSION pg_exclusive');
my $latin = session($old, 'latin1');
is(ask($latin, q(SELECT try_run_once('default', 'k', repeat(chr(233), 600), 'SELECT'))), 'ERROR:  42622', '1,200 bytes in UTF-8 are too long');
is(ask($latin, q(SELECT try_lock('default', repeat(chr(233), 513)))), 'ERROR:  42622', 'for a key too');
is(ask($latin, q(SELECT lock_namespace(repeat(chr(233), 32)))), 'ERROR:  42622', 'and for a namespace');
is(ask($latin, q(SELECT lock_namespace(repeat(chr(233), 31)) IS NOT NULL,
	try_run_once(repeat(chr(233), 31), repeat(chr(233), 512), repeat(chr(233), 512), 'SELECT'))), 't|t', 'the longest');
$latin->quit;
$old->command_ok([ 'pg_dump', '-Fc', '-f', "$tmp/latin1.dump", 'latin1' ], 'dumped');
$old->safe_psql('postgres', 'CREATE DATABASE utf8');
$old->command_ok([ 'pg_restore', '-d', 'utf8', "$tmp/latin1.dump" ], 'and restored in UTF-8');
is($old->safe_psql('utf8', q(SELECT try_run_once(repeat(chr(233), 31), repeat(chr(233), 512), repeat(chr(233), 512), 'SELECT'))), 'f', 'with its runs');

# characters that take more bytes there than in UTF-8
$old->safe_psql('postgres', q(CREATE DATABASE euc TEMPLATE template0 ENCODING euc_jp LC_COLLATE 'C' LC_CTYPE 'C'));
$old->safe_psql('euc', 'CREATE EXTENSION pg_exclusive');
my $euc = session($old, 'euc');
my $wide = q(convert_from('\x8faba1', 'euc_jp'));    # 3 bytes, 2 in UTF-8
is(ask($euc, "SELECT octet_length($wide), octet_length(convert_to($wide, 'utf8'))"), '3|2', 'a wide character');
is(ask($euc, "SELECT lock_namespace(repeat($wide, 31)) IS NOT NULL, try_lock(repeat($wide, 31), repeat($wide, 512))"), 't|t', 'the longest names fit');
is(ask($euc, "SELECT namespace = repeat($wide, 31), key = repeat($wide, 512) FROM lock_holders"), 't|t', 'and are shown');
is(ask($euc, "SELECT lock_id(repeat($wide, 31), repeat($wide, 512))"),
	$old->safe_psql('utf8', "SELECT lock_id(repeat(s, 31), repeat(s, 512)) FROM (SELECT convert_from('\\x8faba1', 'euc_jp') s) t"), 'one id in both');
is(ask($euc, "SELECT try_lock('default', repeat($wide, 513))"), 'ERROR:  42622', 'and one more does not');
$euc->quit;

# Logical replication: a publication of all tables syncs by itself.
$old->restart foreach 1, 2;
my $session = session($old);
is(ask($session, q(SELECT lock_namespace('jobs') IS NOT NULL, try_run_once('jobs', 'r', 'slot', 'SELECT'))), 't|t', 'at work');
my $fenced = token_of($session, 'k');
is(ask($session, "SELECT check_fence('default', 'k', $fenced)"), '', 'fenced');
is(ask($session, 'CREATE PUBLICATION up FOR ALL TABLES'), '', 'a publication');
my $new = new_node('new', conf => 'max_logical_replication_workers = 4');
$new->safe_psql('postgres', "CREATE SUBSCRIPTION up CONNECTION '" . $old->connstr . " dbname=postgres' PUBLICATION up");
until_true('all tables are copied', sub {
	$new->safe_psql('postgres', q(SELECT count(*) = 3 AND bool_and(srsubstate = 'r') FROM pg_subscription_rel)) eq 't' });
is($new->safe_psql('postgres', 'SELECT namespace FROM lock_namespaces ORDER BY 1'), "default\njobs", 'namespaces are there');
is($new->safe_psql('postgres', q(SELECT slot FROM lock_runs)), 'slot', 'and runs');
is(ask($session, q(SELECT pause_lock_namespace('default', 'the move'))), '', 'a change of the old server');
until_true('it has arrived', sub { $new->safe_psql('postgres', 'SELECT count(paused_at) FROM lock_namespaces') == 1 });
is(ask($session, q(SELECT resume_lock_namespace('default'))), '', 'and back');
until_true('it has arrived too', sub { $new->safe_psql('postgres', 'SELECT count(paused_at) FROM lock_namespaces') == 0 });
$new->safe_psql('postgres', 'DROP SUBSCRIPTION up');
my $next = session($new);
my $token = token_of($next, 'k');
cmp_ok($token, '<', $fenced, 'sequences are not replicated');
is(ask($next, "SELECT check_fence('default', 'k', $token)"), 'ERROR:  40001', 'so the first holder is refused');
$token = token_of($next, 'k');
cmp_ok($token, '>', $fenced, 'and the next one has a larger token');
is(ask($next, "SELECT check_fence('default', 'k', $token)"), '', 'which passes');
# the documented statement makes all tokens larger at once
$new->safe_psql('postgres', "SELECT setval('exclusive_internal.token_epoch', " . ($fenced >> 20) . " + 1000)");
my $last = session($new);
cmp_ok(token_of($last, 'k') >> 20, '>', ($fenced >> 20) + 1000, 'the documented statement');
$_->quit foreach $session, $next, $last;
$_->stop foreach $old, $new;
done_testing();
