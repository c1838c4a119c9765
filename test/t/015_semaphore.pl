# A semaphore under load and under fire: never more holders than permits,
# waiters in order, and a killed holder's permit goes to the next at once.
use strict;
use warnings;
use FindBin;
use lib $FindBin::Bin;
use Exclusive;
use PostgreSQL::Test::Utils;
use Test::More;

my $node = new_node('permits');
$node->safe_psql('postgres', q{
	CREATE TABLE inside (pid int);
	CREATE TABLE seen (together int, permit int);
	CREATE PROCEDURE visit() LANGUAGE plpgsql AS $$
	DECLARE
		permit int;
	BEGIN
		permit := try_lock_permit('default', 's', 3, '1 hour');
		INSERT INTO inside VALUES (pg_backend_pid());
		COMMIT;
		INSERT INTO seen SELECT count(*), permit FROM inside;
		COMMIT;
		DELETE FROM inside WHERE pid = pg_backend_pid();
		COMMIT;
		PERFORM unlock('default', 's');
	END $$});
my $script = "$PostgreSQL::Test::Utils::tmp_check/visit.sql";
append_to_file($script, "CALL visit();\n");

# On a busy machine eight clients may come one by one: they go on until they met.
my ($visits, $met) = (0, 0);
while ($visits < 80_000 && !$met)
{
	system_or_bail('pgbench', '-n', '-c', 8, '-j', 2, '-t', 100, '-f', $script, '-h', $node->host, '-p', $node->port, 'postgres');
	$visits += 800;
	$met = $node->safe_psql('postgres', 'SELECT max(together) > 1 AND max(permit) = 3 FROM seen') eq 't';
}
ok($met, 'eight clients meet');
is($node->safe_psql('postgres', 'SELECT count(*), max(together) <= 3, min(permit), max(permit) FROM seen'), "$visits|t|1|3",
	'never more than three at once');
is($node->safe_psql('postgres', "SELECT count(*) FROM pg_locks WHERE locktype = 'advisory'"), 0, 'nothing is left');

# waiters in the order they came; each way of ending wakes the next
my %end = (
	unlock => sub { ask($_[0], "SELECT unlock('default', 's')"); },
	quit => sub { $_[0]->quit },
	kill => sub { kill_session($_[0]) },
	terminate => sub { $node->safe_psql('postgres', "SELECT pg_terminate_backend($_[1])") },
	reset => sub { ask($_[0], 'DISCARD ALL') });
my @holders = map { session($node) } 1 .. 2;
is(ask($_, "SELECT try_lock_permit('default', 's', 2) IS NOT NULL"), 't', 'a permit') foreach @holders;
my @queue;
for my $i (1 .. 5)
{
	my $session = session($node);
	push @queue, { session => $session, pid => pid_of($session) };
	ask_later($session, "SELECT try_lock_permit('default', 's', 2, '1 hour') IS NOT NULL");
	ok($node->poll_query_until('postgres', "SELECT count(*) = $i FROM lock_waiters"), "waiter $i is shown");
}
is($node->safe_psql('postgres', "SELECT string_agg(pid::text, ' ' ORDER BY queue_position) FROM lock_waiters"),
	join(' ', map { $_->{pid} } @queue), 'in the order of the queue');
for my $how (sort keys %end)
{
	my $holder = shift @holders;
	my $next = shift @queue;
	$end{$how}->($holder, pid_of($holder));
	is(answer($next->{session}), 't', "$how: the first waiter gets the permit");
	is($node->safe_psql('postgres', 'SELECT count(*) FROM lock_waiters'), scalar @queue, "$how: the others wait");
	is($node->safe_psql('postgres', "SELECT count(*), count(DISTINCT permit), bool_or(pid = $next->{pid}) FROM lock_holders"), '2|2|t', "$how: two holders");
	push @holders, $next->{session};
}
$_->quit foreach @holders;

# a waiter that dies leaves the queue to the others
my ($holder, $ghost, $next) = map { session($node) } 1 .. 3;
is(ask($holder, "SELECT try_lock_permit('default', 's', 1)"), 1, 'the only permit');
ask_later($ghost, "SELECT try_lock_permit('default', 's', 1, '1 hour')");
$node->poll_query_until('postgres', 'SELECT count(*) = 1 FROM lock_waiters');
ask_later($next, "SELECT try_lock_permit('default', 's', 1, '1 hour')");
$node->poll_query_until('postgres', 'SELECT count(*) = 2 FROM lock_waiters');
kill_session($ghost);
ok($node->poll_query_until('postgres', 'SELECT count(*) = 1 FROM lock_waiters'), 'a dead client leaves the queue');
is(ask($holder, "SELECT unlock('default', 's')"), 't', 'freed');
is(answer($next), 1, 'the next one gets it');
$_->quit foreach $holder, $next;
$node->stop;
done_testing();
