# Many calls in one statement that is cancelled in the middle: nobody learns
# what it took, so it keeps nothing.
use strict;
use warnings;
use FindBin;
use lib $FindBin::Bin;
use Exclusive;
use Test::More;

my $node = new_node('batch', conf => q{
max_locks_per_transaction = 256
pg_exclusive.max_locks_per_session = 20000
});
$node->safe_psql('postgres', q{
	CREATE TABLE batch AS
	SELECT repeat('x', 10000) ops, array_fill('default'::text, ARRAY[10000]) namespaces,
		array_agg('key-' || i) keys, array_fill(0::bigint, ARRAY[10000]) tokens
	FROM generate_series(1, 10000) i;
	CREATE VIEW mine AS SELECT count(*) n FROM pg_locks
	WHERE locktype = 'advisory' AND pid = pg_backend_pid();
	CREATE TABLE written (a int);
	CREATE VIEW granted AS SELECT sum(grants) n FROM lock_stats});

my $session = session($node);

# without_limit(sql) - the limit of before is still in force until this is done, and
# a short one may strike here too.
sub without_limit
{
	my ($sql) = @_;
	until_true("$sql is done", sub { ask($session, $sql) !~ /57014/ });
	return;
}

# Also in a transaction that has written, where an unlock() would be refused.  The
# limit is the last that is set before the call: it is meant for nothing else.  It
# grows from call to call, from the start again when it never struck between two
# grants.
for my $written (1, 0)
{
	my ($limit, $struck, $kept, $answer) = (1, 0, 0, '');
	for (my $calls = 0; $calls < 1_000 && !($struck && $answer eq '10000'); $calls++)
	{
		ask($session, 'SELECT pg_advisory_unlock_all()');
		ask($session, 'SELECT reset_lock_stats()');
		ask($session, 'BEGIN; INSERT INTO written VALUES (1)') if $written;
		ask($session, "SET statement_timeout = $limit");
		$answer = ask($session, 'SELECT cardinality(exclusive_internal._calls(ops, namespaces, keys, tokens)) FROM batch');
		without_limit('ROLLBACK') if $written;
		without_limit('SET statement_timeout = 0');
		if ($answer eq '10000')
		{
			$limit = 1;
			next;
		}
		like($answer, qr/57014/, "cancelled after $limit ms");
		$limit = int($limit * 1.3) + 1;
		my $granted = ask($session, 'SELECT n FROM granted');
		$struck++ if $granted > 0;
		# With all of them the call may have returned: only the statement failed.
		$kept += ask($session, 'SELECT n FROM mine') if $granted < 10_000;
	}
	cmp_ok($struck, '>', 0, 'some were cancelled when there were locks');
	is($kept, 0, 'nothing was kept');
	is($answer, '10000', 'the whole of it goes well in time');
	ask($session, 'SELECT pg_advisory_unlock_all()') if $written;
}
is(ask($session, 'SELECT n FROM mine'), 10_000, 'and is held');
is($node->safe_psql('postgres', 'SELECT count(*) FROM lock_holders'), 10_000, 'and seen');
$session->quit;
done_testing();
