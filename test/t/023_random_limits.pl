# Limits and timeouts that strike at any moment around a grant: what
# fails holds nothing, what succeeds holds the lock, thousands of times.
use strict;
use warnings;
use FindBin;
use lib $FindBin::Bin;
use Exclusive;
use Test::More;

my $node = new_node('random');
$node->safe_psql('postgres', q{
	CREATE PROCEDURE hold(key text, rounds int) LANGUAGE plpgsql AS $$
	BEGIN
		FOR i IN 1..rounds LOOP
			IF try_lock('default', key, wait => '10 s') THEN
				PERFORM pg_sleep(0.001 + random() * 0.002);
				PERFORM unlock('default', key);
			END IF;
		END LOOP;
	END $$;
	-- how often the call failed, how often it was granted, how often the session then disagreed
	CREATE FUNCTION wait(key text, rounds int, call text) RETURNS text LANGUAGE plpgsql AS $$
	DECLARE
		answer boolean;
		yes int := 0; no int := 0; wrong int := 0;
	BEGIN
		FOR i IN 1..rounds LOOP
			BEGIN
				EXECUTE call INTO answer USING key;
				PERFORM pg_sleep(0);
			EXCEPTION WHEN lock_not_available OR query_canceled THEN
				answer := false;
			END;
			IF answer <> holds_lock('default', key) OR answer <> (SELECT count(*) = 1 FROM pg_locks l
				WHERE l.locktype = 'advisory' AND l.granted AND l.pid = pg_backend_pid()) THEN
				wrong := wrong + 1;
			END IF;
			IF answer THEN yes := yes + 1; ELSE no := no + 1; END IF;
			PERFORM pg_advisory_unlock_all();
		END LOOP;
		RETURN format('%s %s %s', yes > 0, no > 0, wrong);
	END $$});

my %call = (
	limit => "SELECT try_lock('default', \$1, wait => interval '1 ms' * ceil(random() * 3))",
	lock_timeout => "SELECT set_config('lock_timeout', ceil(random() * 3)::text, false) <> '' AND try_lock('default', \$1, wait => NULL)");
my %session;
for my $name (sort keys %call)
{
	$session{$name} = [ session($node), session($node) ];
	ask_later($session{$name}[0], "CALL hold('$name', 20000)");
	ask_later($session{$name}[1], "SELECT wait('$name', 1500, " . q{$q$} . $call{$name} . q{$q$)});
}

# pid_of_holder(key) - the backend that runs hold()
sub pid_of_holder
{
	my ($key) = @_;
	return $node->safe_psql('postgres', "SELECT pid FROM pg_stat_activity WHERE query LIKE 'CALL hold(''$key''%'");
}
for my $name (sort keys %session)
{
	my $answer = answer($session{$name}[1]);
	like($answer, qr/^t t 0$/, "$name: granted, refused, and never in doubt");
	$node->safe_psql('postgres', 'SELECT pg_terminate_backend(' . pid_of_holder($name) . ')');
	kill_session($session{$name}[0]);
	is(ask($session{$name}[1], "SELECT count(*) FROM pg_locks WHERE locktype = 'advisory' AND pid = pg_backend_pid()"), 0, "$name: no lock is left");
	$session{$name}[1]->quit;
}

$node->stop;
done_testing();
