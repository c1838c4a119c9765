# Eight clients at once: no update is lost, and tokens come in the order of grants.
use strict;
use warnings;
use FindBin;
use lib $FindBin::Bin;
use Exclusive;
use PostgreSQL::Test::Utils;
use Test::More;

my $node = new_node('busy');
$node->safe_psql('postgres', q{
	CREATE TABLE counter AS SELECT 0 AS n;
	CREATE TABLE ran (who int);
	CREATE TABLE granted (n serial, token bigint);
	CREATE FUNCTION bump(pause float DEFAULT 0) RETURNS void LANGUAGE plpgsql AS $$
	DECLARE
		seen int := (SELECT n FROM counter);
	BEGIN
		PERFORM pg_sleep(pause);
		UPDATE counter SET n = seen + 1;
	END $$});

# clients(name, transactions, script) - eight of them
sub clients
{
	my ($name, $transactions, $script) = @_;
	my $file = "$PostgreSQL::Test::Utils::tmp_check/$name.sql";
	append_to_file($file, $script);
	my ($out, $err);
	my $ok = IPC::Run::run([ 'pgbench', '-n', '-c', 8, '-j', 2, '-t', $transactions, '-f', $file,
		'-h', $node->host, '-p', $node->port, 'postgres' ], '>', \$out, '2>', \$err);
	ok($ok, "$name: clients end well") or diag $err;
	like($out, qr{number of transactions actually processed: ${\(8 * $transactions)}/}, "$name: all went through");
	return;
}

sub check_counter
{
	my ($name, $expected) = @_;
	is($node->safe_psql('postgres', 'SELECT n, (SELECT count(*) FROM ran) FROM counter'), "$expected|$expected", "$name: nothing is lost");
	$node->safe_psql('postgres', 'UPDATE counter SET n = 0; TRUNCATE ran');
	return;
}

# without a lock updates are lost: this test can see it
clients('unprotected', 25, q{SELECT bump(0.02);});
cmp_ok($node->safe_psql('postgres', 'SELECT n FROM counter'), '<', 200, 'without a lock updates are lost');
$node->safe_psql('postgres', 'UPDATE counter SET n = 0');

my $task = '$$SELECT bump(); INSERT INTO ran VALUES (1)$$';
clients('waiting', 200, "SELECT try_run_exclusive('default', 'counter', $task, wait => NULL);\n");
check_counter('waiting', 1600);
clients('limited', 200, "SELECT try_run_exclusive('default', 'counter', $task, wait => '1 hour');\n");
check_counter('limited', 1600);
clients('calling', 100, "CALL run_exclusive('default', 'counter', $task);\n");
check_counter('calling', 800);

# who is refused does nothing
clients('trying', 200, "SELECT try_run_exclusive('default', 'counter', $task);\n");
my ($n, $ran) = split /\|/, $node->safe_psql('postgres', 'SELECT n, (SELECT count(*) FROM ran) FROM counter');
is($n, $ran, 'trying: as many increments as runs');
cmp_ok($n, '>', 0, 'trying: some ran');
check_counter('trying', $n);

# by hand, in a transaction and in a session
clients('by hand', 100, q{
BEGIN;
SELECT try_xact_lock('default', 'counter', wait => NULL);
SELECT bump(); INSERT INTO ran VALUES (1);
COMMIT;
});
check_counter('by hand', 800);

# at every isolation level the procedure is right
$node->safe_psql('postgres', "ALTER DATABASE postgres SET default_transaction_isolation = 'serializable'");
clients('serializable', 50, "CALL run_exclusive('default', 'counter', $task);\n");
$node->safe_psql('postgres', 'ALTER DATABASE postgres RESET default_transaction_isolation');
check_counter('serializable', 400);

# once per slot, eight at a time: each of 50 slots is run once
clients('once', 400, qq{
\\set slot random(1, 50)
SELECT try_run_once('default', 'once', :slot::text, 'INSERT INTO ran VALUES (' || :slot || ')');
});
is($node->safe_psql('postgres', 'SELECT count(*) = count(DISTINCT who), count(*) > 40 FROM ran'), 't|t', 'once: no slot was run twice');
is($node->safe_psql('postgres', 'SELECT count(*) = (SELECT count(*) FROM ran) FROM lock_runs'), 't', 'once: every run is recorded');

# the order of the tokens is the order of the grants
clients('tokens', 300, q{
BEGIN;
SELECT try_xact_lock('default', 'order', wait => NULL);
INSERT INTO granted (token) VALUES (fencing_token('default', 'order'));
COMMIT;
SELECT try_lock('default', 'order', wait => '1 hour');
INSERT INTO granted (token) VALUES (fencing_token('default', 'order'));
SELECT unlock('default', 'order');
});
is($node->safe_psql('postgres', 'SELECT count(*), bool_and(token > before) FROM (
	SELECT token, lag(token, 1, 0::bigint) OVER (ORDER BY n) AS before FROM granted) s'),
	'4800|t', 'tokens: 4,800, in the order of the grants');

# names of all lengths come and go in the same places; whoever looks sees whole ones
clients('names', 500, q{
\set n random(1, 984)
SELECT count(*) FROM generate_series(:n, :n + 40) n, LATERAL (SELECT repeat(chr(97 + n % 26), n)) k(key)
	WHERE try_lock('default', key) AND unlock('default', key);
SELECT 1 / min((key = repeat(chr(97 + length(key) % 26), length(key)))::int) FROM lock_holders;
});
is($node->safe_psql('postgres', "SELECT count(*) FROM pg_locks WHERE locktype = 'advisory'"), 0, 'no lock is left');
$node->stop;
done_testing();
