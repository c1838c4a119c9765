# Thousands of cycles of taking, freeing and failing leave a backend as it was.
use strict;
use warnings;
use FindBin;
use lib $FindBin::Bin;
use Exclusive;
use Test::More;

my $node = new_node('memory');
$node->safe_psql('postgres', q{
	SELECT lock_namespace('few', max_holds => 1);
	CREATE PROCEDURE cycle(n int) LANGUAGE plpgsql AS $$
	BEGIN
		FOR i IN 1..n LOOP
			PERFORM try_lock('default', 'key' || i % 1000), unlock('default', 'key' || i % 1000);
			PERFORM try_xact_lock('default', repeat('long', 100) || i % 100);
			PERFORM try_run_exclusive('default', 'run', 'SELECT');
			PERFORM try_lock_permit('default', 'permit', 3), unlock('default', 'permit');
			PERFORM try_lock_all('default', ARRAY['a', 'b', 'c']), unlock_all();
			PERFORM try_lock('default', 'lost');
			PERFORM pg_advisory_unlock_all();
			BEGIN
				PERFORM try_lock('few', 'one'), try_xact_lock('few', 'two');
			EXCEPTION WHEN configuration_limit_exceeded THEN
				PERFORM unlock_all();
			END;
			BEGIN
				PERFORM try_run_exclusive('default', 'fail', 'SELECT 1/0');
			EXCEPTION WHEN division_by_zero THEN NULL;
			END;
			BEGIN
				PERFORM try_lock('typo' || n || i, 'k');
			EXCEPTION WHEN undefined_object THEN NULL;
			END;
			PERFORM try_lock('default', 'taken', wait => '1 microsecond');
			COMMIT;
		END LOOP;
	END $$});
my ($holder, $session) = (session($node), session($node));
is(ask($holder, "SELECT try_lock('default', 'taken')"), 't', 'one is taken by another');

sub measure
{
	return map { ask($session, $_) } (
		'SELECT sum(total_bytes) FROM pg_backend_memory_contexts',
		q{SELECT coalesce(sum(size), 0) FROM pg_shmem_allocations WHERE name = '<anonymous>'},
		'SELECT sum(used_bytes) FROM pg_backend_memory_contexts');
}
my $pid = pid_of($session);
sub resident { return (split ' ', PostgreSQL::Test::Utils::slurp_file("/proc/$pid/statm"))[1] * 4; }

is(ask($session, 'CALL cycle(200)'), '', 'warmed up');
my @before = measure();
my $resident = resident();
is(ask($session, 'CALL cycle(800)'), '', '800 rounds of twelve acquires');
my @after = measure();
cmp_ok($after[0], '<=', $before[0] * 1.02 + 65536, "memory contexts: $before[0] before, $after[0] after");
cmp_ok($after[2], '<=', $before[2] * 1.02 + 65536, "in use: $before[2] before, $after[2] after");
cmp_ok(resident(), '<=', $resident + 2048, "resident: $resident kB before, " . resident() . ' kB after');
is(ask($session, "SELECT count(*) FROM lock_holders WHERE pid = $pid"), 0, 'no hold is left');
is(ask($session, "SELECT count(*) FROM pg_locks WHERE pid = $pid AND locktype = 'advisory'"), 0, 'nor a lock');

# a long task again and again in one block
my $loop = q{DO $do$ DECLARE ran boolean; BEGIN FOR i IN 1..%d LOOP
	CALL run_exclusive('default', 'long', 'SELECT 1 --' || repeat('x', 20000), ran => ran); END LOOP; END $do$};
is(ask($session, sprintf($loop, 50)), '', 'warmed up');
$resident = resident();
is(ask($session, sprintf($loop, 1000)), '', 'a thousand tasks of 20 kB');
cmp_ok(resident(), '<=', $resident + 4096, "resident: $resident kB before, " . resident() . ' kB after');

# many sessions, one after the other: shared memory is used again
ask($session, 'SELECT 1');
for my $round (1 .. 30)
{
	my $short = session($node);
	ask($short, "SELECT count(*) FROM generate_series(1, 300) n WHERE try_lock('default', repeat('k', 200) || n)");
	$short->quit;
}
ok($node->poll_query_until('postgres', 'SELECT count(*) = 1 FROM lock_holders'), 'thirty sessions with 300 locks each have left nothing');
$_->quit foreach $holder, $session;
$node->stop;
done_testing();
