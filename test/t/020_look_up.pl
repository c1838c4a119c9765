# lock_holder() reads one lock, not all of them: with ten thousand locks held it
# costs at most a tenth of a scan of pg_locks.
use strict;
use warnings;
use FindBin;
use lib $FindBin::Bin;
use Exclusive;
use Test::More;

my $node = new_node('many', conf => "max_locks_per_transaction = 256\n");
my @holders = map { session($node) } 1 .. 2;
for my $i (0 .. 1)
{
	ask($holders[$i], 'SET pg_exclusive.max_locks_per_session = 10000');
	is(ask($holders[$i], "SELECT count(*) FROM generate_series(1, 5000) n WHERE try_lock('default', $i || '/' || n)"), 5000, '5,000 locks');
}
my $session = session($node);
ask($session, q{
	CREATE FUNCTION cost(query text, times int) RETURNS float LANGUAGE plpgsql AS $$
	DECLARE
		best interval := '1 day';
		started timestamptz;
	BEGIN
		FOR i IN 1..times LOOP
			started := clock_timestamp();
			EXECUTE query;
			best := least(best, clock_timestamp() - started);
		END LOOP;
		RETURN extract(epoch FROM best) * 1e6;
	END $$});
my $look_up = q{$$SELECT count(*) FROM lock_holder('default', '1/77')$$};
my $scan = q{$$SELECT count(*) FROM pg_locks WHERE locktype = 'advisory' AND objsubid = 20568 AND objid = 77$$};
is(ask($session, "SELECT pid FROM lock_holder('default', '1/77')"), pid_of($holders[1]), 'it finds the holder');
is(ask($session, "SELECT count(*) FROM lock_holder('default', 'nobody')"), 0, 'or nobody');
my ($cheap, $dear) = map { ask($session, "SELECT cost($_, 20)") } $look_up, $scan;
cmp_ok($cheap * 10, '<=', $dear, "lock_holder $cheap microseconds, pg_locks $dear");

# ending a transaction beside 256 holds, and refusing a try, stay cheap too
ok(ask($session, "SELECT cost('SELECT try_lock(''default'', ''1/77'')', 50)") * 10 <= $dear, 'a refusal scans nothing');
$_->quit foreach @holders, $session;
$node->stop;
done_testing();
