# A failed acquire leaves no lock, also when the grant and the failure race:
# the waiting backend is stopped, the lock released, the time limit passes (or
# the cancel is sent), and only then it goes on.
use strict;
use warnings;
use FindBin;
use lib $FindBin::Bin;
use Exclusive;
use Test::More;

my $node = new_node('race');
my $holder = session($node);

my %form = (
	'try_lock' => "SELECT try_lock('default', '%s', wait => %s)",
	'try_xact_lock' => "SELECT try_xact_lock('default', '%s', wait => %s)",
	'try_run_exclusive' => "SELECT try_run_exclusive('default', '%s', 'SELECT', wait => %s)",
	'wait_lock' => "CALL wait_lock('default', '%s', wait => %s)",
	'run_exclusive' => "CALL run_exclusive('default', '%s', 'SELECT', wait => %s)",
	'built-in' => "SELECT true FROM pg_advisory_lock(hashtext('%s'))");
my %error = (
	lock_timeout => 'ERROR:  55P03', statement_timeout => 'ERROR:  57014',
	cancel => 'ERROR:  57014', limit => 'f');

# race(seconds) - all forms against all ends at once; false if we were too slow
sub race
{
	my ($seconds) = @_;
	my @racers;
	for my $form (sort keys %form)
	{
		for my $end (sort keys %error)
		{
			next if $form eq 'built-in' && $end eq 'limit';
			my $session = session($node);
			push @racers, { form => $form, end => $end, key => "$form/$end",
				session => $session, pid => pid_of($session) };
		}
	}
	ask($holder, $_->{form} eq 'built-in' ? "SELECT pg_advisory_lock(hashtext('$_->{key}'))"
		: "SELECT try_lock('default', '$_->{key}')") foreach @racers;
	for my $r (@racers)
	{
		ask($r->{session}, "SET $r->{end} = '${seconds}s'") if $r->{end} =~ /timeout/;
		ask($r->{session}, 'BEGIN') if $r->{form} =~ /^try_(xact|run)/;
		ask_later($r->{session}, sprintf($form{ $r->{form} }, $r->{key},
			$r->{end} eq 'limit' ? "'${seconds}s'" : 'NULL'));
	}
	my @pids = map { $_->{pid} } @racers;
	my $waiting = "FROM pg_locks WHERE locktype = 'advisory' AND NOT granted AND pid IN (" . join(',', @pids) . ')';
	until_true('all wait or have given up', sub {
		$node->safe_psql('postgres', "SELECT count(*) $waiting") == @racers
		  || $node->safe_psql('postgres', "SELECT bool_or(now() > query_start + interval '$seconds s')
			FROM pg_stat_activity WHERE pid IN (" . join(',', @pids) . ')') eq 't' });
	stop_process(@pids);
	my $in_time = $node->safe_psql('postgres', "SELECT count(*) $waiting") == @racers;

	ask($holder, "SELECT unlock_all()");
	ask($holder, 'SELECT pg_advisory_unlock_all()');
	if ($in_time)
	{
		is($node->safe_psql('postgres', "SELECT count(*) $waiting"), 0, 'the stopped backends were granted their locks');
		$node->safe_psql('postgres', "SELECT pg_cancel_backend($_->{pid})")
		  foreach grep { $_->{end} eq 'cancel' } @racers;
		$node->poll_query_until('postgres', "SELECT bool_and(clock_timestamp() > query_start + interval '" . ($seconds + 1)
			. " s') FROM pg_stat_activity WHERE pid IN (" . join(',', @pids) . ')');
	}
	continue_process(@pids);
	for my $r (@racers)
	{
		my $answer = answer($r->{session});
		check($r, $answer) if $in_time;
		$r->{session}->quit;
	}
	return $in_time;
}

# check(racer, answer) - a failure and no lock, or success and the lock
sub check
{
	my ($r, $answer) = @_;
	my $held = $node->safe_psql('postgres', "SELECT count(*) FROM pg_locks
		WHERE locktype = 'advisory' AND pid = $r->{pid}");
	my $shown = $node->safe_psql('postgres', "SELECT count(*) FROM lock_holders WHERE pid = $r->{pid}");
	my $what = "$r->{form}, $r->{end}";
	if ($r->{form} eq 'built-in')
	{
		is("$answer $held", "$error{$r->{end}} 1", "$what: fails and leaves a lock, so the race is real");
		return;
	}
	my $free = $answer eq $error{ $r->{end} };
	ok($free || $answer eq 't', "$what: answers $answer");
	is($held, $free || $r->{form} eq 'run_exclusive' ? 0 : 1, "$what: locks held after $answer");
	is($shown, $held, "$what: and shown");
	ask($r->{session}, 'ROLLBACK') if $r->{form} =~ /^try_(xact|run)/;
	is(ask($r->{session}, "SELECT holds_lock('default', '$r->{key}')"), $held && $r->{form} !~ /^try_(xact|run)/ ? 't' : 'f',
		"$what: the session agrees");
	is(ask($holder, "SELECT try_lock('default', '$r->{key}'), unlock_all()"), 't|1', "$what: free for others") if $free;
	return;
}

my $seconds = 2;
$seconds *= 2 until race($seconds) || $seconds > 60;
cmp_ok($seconds, '<=', 60, 'the machine was fast enough for the race');
$holder->quit;
$node->stop;
done_testing();
