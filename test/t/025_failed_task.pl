# run_exclusive: a task that fails is rolled back before its lock is free.
#
# The client that called it is stopped and the error is long, so that the server
# has to wait for it in between: after the failure, before the rollback.
use strict;
use warnings;
use FindBin;
use lib $FindBin::Bin;
use Exclusive;
use Test::More;

my $node = new_node('failed');
$node->safe_psql('postgres', q{
	CREATE TABLE work AS SELECT 0 AS done;
	CREATE PROCEDURE fail() LANGUAGE plpgsql AS $$
	BEGIN
		UPDATE work SET done = done + 1;
		PERFORM pg_advisory_xact_lock(4711);
		RAISE EXCEPTION '%', repeat('long ', 2000000);
	END $$});
my ($first, $next, $gate) = (session($node), session($node), session($node));
my ($first_pid, $next_pid) = (pid_of($first), pid_of($next));

for my $task ('CALL fail()', q{DO 'BEGIN CALL fail(); END'})
{
	ask($gate, 'SELECT pg_advisory_lock(4711)');
	(my $quoted = $task) =~ s/'/''/g;
	ask_later($first, "CALL run_exclusive('default', 'k', '$quoted')");
	wait_queued($node, $first_pid);
	ask_later($next, "CALL run_exclusive('default', 'k', 'SELECT done FROM work FOR UPDATE NOWAIT')");
	wait_queued($node, $first_pid, $next_pid);

	my $psql = $first->{run}{KIDS}[0]{PID};
	stop_process($psql);
	ask($gate, 'SELECT pg_advisory_unlock(4711)');
	until_true('the error is on its way', sub {
		$node->safe_psql('postgres', "SELECT wait_event FROM pg_stat_activity WHERE pid = $first_pid") eq 'ClientWrite' });
	is($node->safe_psql('postgres', "SELECT pid FROM lock_holders WHERE key = 'k'"),
		$first_pid, "$task: it has the lock until it is rolled back");
	continue_process($psql);
	like(answer($first), qr/P0001/, "$task: the error arrives");
	unlike(answer($next), qr/ERROR/, "$task: the next finds nothing locked");
}
is($node->safe_psql('postgres', 'SELECT count(*) FROM lock_holders'), 0, 'nothing is held');
is(ask($first, "SELECT try_lock('default', 'k')"), 't', 'nor remembered');
$_->quit foreach $first, $next, $gate;
done_testing();
