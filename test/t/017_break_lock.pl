# break_lock terminates who holds a lock; the log says who did it and why, and
# what else was lost with that session.
use strict;
use warnings;
use FindBin;
use lib $FindBin::Bin;
use Exclusive;
use PostgreSQL::Test::Utils;
use Test::More;

my $node = new_node('break');
$node->safe_psql('postgres', q{
	CREATE ROLE keepers;
	CREATE ROLE worker LOGIN IN ROLE keepers;
	CREATE ROLE operator LOGIN IN ROLE keepers;
	CREATE ROLE stranger LOGIN IN ROLE pg_signal_backend;
	SELECT lock_namespace('kept', 'keepers');
	CREATE ROLE others;
	SELECT lock_namespace('secret', 'others');
	GRANT EXECUTE ON FUNCTION break_lock TO operator, stranger});
my $break = "SELECT break_lock('kept', 'k', 'stuck since noon')";

# holder() - a session of the worker with the lock and another one
sub holder
{
	my $session = session($node, 'postgres', 'worker');
	is(ask($session, "SELECT try_lock('kept', 'k'), try_lock('kept', 'also', 'shared')"), 't|t', 'held');
	return $session;
}

sub as
{
	my ($role, $sql) = @_;
	my $session = session($node);
	ask($session, "SET ROLE $role") if $role;
	my $answer = ask($session, $sql);
	$session->quit;
	return $answer;
}

my $holder = holder();
my $pid = pid_of($holder);
is(as('worker', $break), 'ERROR:  42501', 'not for everybody');
is(as('stranger', $break), 'ERROR:  42501', 'nor for one without the role of the namespace');
is(as('operator', $break), 'ERROR:  42501', 'nor for one who may not signal the backend');
is($node->safe_psql('postgres', 'SELECT count(*) FROM lock_holders'), 2, 'nothing has happened');

$node->safe_psql('postgres', 'GRANT pg_signal_backend TO operator');
my $at = -s $node->logfile;
is(as('operator', $break), 1, 'one session is terminated');
ok($node->poll_query_until('postgres', "SELECT NOT EXISTS (SELECT FROM pg_stat_activity WHERE pid = $pid)"), 'it is gone');
is($node->safe_psql('postgres', 'SELECT count(*) FROM lock_holders'), 0, 'and both its locks');
my $log = substr(slurp_file($node->logfile), $at);
like($log, qr/kept\/k/, 'the log names the lock');
like($log, qr/stuck since noon/, 'and the reason');
like($log, qr/operator/, 'and who did it');
like($log, qr/$pid/, 'and the process');
like($log, qr/kept\/also/, 'and what else was lost');
kill_session($holder);

# what else was lost is named to those who may know it, and counted for the others
$node->safe_psql('postgres', 'GRANT others TO worker');
$holder = holder();
is(ask($holder, "SELECT try_lock('secret', 'hush')"), 't', 'in a namespace of others');
my $operator = session($node, 'postgres', 'operator');
ask($operator, '\set VERBOSITY default');
$operator->{stderr} = '';
is($operator->query($break), 1, 'broken');
like($operator->{stderr}, qr{kept/also}, 'the operator is told what he may know');
unlike($operator->{stderr}, qr/hush/, 'and no key that he may not');
$operator->quit;
kill_session($holder);
$node->poll_query_until('postgres', 'SELECT count(*) = 0 FROM lock_holders');

# all holders of a shared lock; nobody
my @shared = map { session($node) } 1 .. 3;
is(ask($_, "SELECT try_lock('kept', 'k', 'shared')"), 't', 'shared') foreach @shared;
is(as('', $break), 3, 'all three');
ok($node->poll_query_until('postgres', 'SELECT count(*) = 0 FROM lock_holders'), 'gone');
kill_session($_) foreach @shared;
is(as('', $break), 0, 'nobody holds it');

# a waiter gets on
$holder = holder();
my $waiter = session($node);
ask_later($waiter, "CALL wait_lock('kept', 'k')");
$node->poll_query_until('postgres', 'SELECT count(*) = 1 FROM lock_waiters');
is(as('', $break), 1, 'broken');
is(answer($waiter), 't', 'the waiter has it');
kill_session($holder);
is(ask($waiter, "SELECT holds_lock('kept', 'k')"), 't', 'and keeps it');
is(ask($waiter, $break), 'ERROR:  55006', 'a session does not break its own lock');
is(ask($waiter, "SELECT break_lock('kept', 'k', NULL)"), 'ERROR:  22004', 'without a reason');
is(ask($waiter, "SELECT break_lock('typo', 'k', 'reason')"), 'ERROR:  42704', 'a typo');
is(ask($waiter, "SELECT holds_lock('kept', 'k')"), 't', 'still there');
$waiter->quit;
$node->stop;
done_testing();
