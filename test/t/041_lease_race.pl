# Leases at their edges: renewals at the deadline, cancels and terminations at any
# moment.  No owner believes in a lease when the next one has it; nothing is left.
use strict;
use warnings;
use FindBin;
use lib $FindBin::Bin;
use Exclusive;
use Test::More;
use Time::HiRes qw(time);

my $node = new_node('race');
$node->safe_psql('postgres', q{
	SELECT lock_namespace('race', max_lease => '1 min');
	CREATE UNLOGGED TABLE history (granted timestamptz, believed timestamptz, close int, late int);

	-- owns one name again and again, and renews as late as it can
	CREATE PROCEDURE own(n int) LANGUAGE plpgsql AS $$
	DECLARE
		ttl interval := '20 ms';
		sent timestamptz; granted timestamptz; believed timestamptz;
		token bigint; close int; late int;
	BEGIN
		FOR i IN 1..n LOOP
			token := NULL;
			WHILE token IS NULL LOOP
				sent := clock_timestamp();
				token := acquire_lease('race', 'edge', ttl, CASE WHEN random() < 0.5 THEN interval '1 s' ELSE '0' END);
				granted := clock_timestamp();
				COMMIT;
			END LOOP;
			believed := sent + ttl;
			close := 0; late := 0;
			FOR j IN 1..5 LOOP
				LOOP
					sent := clock_timestamp();
					EXIT WHEN sent >= believed + (random() - 0.8) * interval '1.2 ms';
				END LOOP;
				IF renew_lease('race', 'edge', token) THEN
					believed := sent + ttl;
					close := close + 1;
				ELSE
					late := late + 1;
					EXIT;
				END IF;
				COMMIT;
			END LOOP;
			IF random() < 0.5 AND clock_timestamp() < believed THEN
				believed := clock_timestamp();
				PERFORM release_lease('race', 'edge', token);
			END IF;
			INSERT INTO history VALUES (granted, believed, close, late);
			COMMIT;
		END LOOP;
	END $$;

	-- acquires and releases, whatever hits it in between
	CREATE PROCEDURE be_hit(n int, INOUT canceled int) LANGUAGE plpgsql AS $$
	DECLARE
		token bigint;
	BEGIN
		canceled := 0;
		FOR i IN 1..n LOOP
			BEGIN
				token := acquire_lease('race', 'hit' || i % 2, '1 min', '50 ms');
				IF token IS NOT NULL THEN
					token := hand_over_lease('race', 'hit' || i % 2, token);
					PERFORM release_lease('race', 'hit' || i % 2, token);
				END IF;
			EXCEPTION WHEN query_canceled THEN
				canceled := canceled + 1;
			END;
			COMMIT;
		END LOOP;
	END $$;
	CREATE PROCEDURE hit(function text, pids int[], n int) LANGUAGE plpgsql AS $$
	BEGIN
		FOR i IN 1..n LOOP
			EXECUTE format('SELECT %I($1)', function) USING pids[1 + i % array_length(pids, 1)];
			PERFORM pg_sleep(random() * 0.004);
			COMMIT;
		END LOOP;
	END $$});

# renewals at the edge, until there were enough of them
my @owners = map { session($node) } 1 .. 3;
my $until = time + $PostgreSQL::Test::Utils::timeout_default;
my ($close, $late) = (0, 0);
while (($close < 300 || $late < 30) && time < $until)
{
	ask_later($_, 'CALL own(20)') foreach @owners;
	is(answer($_), '', 'an owner went its rounds') foreach @owners;
	($close, $late) = split /\|/, $node->safe_psql('postgres', 'SELECT sum(close), sum(late) FROM history');
}
note "$close renewals near the deadline, $late too late";
ok($close >= 300 && $late >= 30, 'renewals were at the edge, before and after it');
is($node->safe_psql('postgres', q{SELECT count(*) FROM (SELECT granted, max(believed) OVER
	(ORDER BY granted ROWS BETWEEN UNBOUNDED PRECEDING AND 1 PRECEDING) AS before FROM history) h
	WHERE before > granted}), 0, 'no belief outlived the next grant');

# cancels at any moment
my @victims = map { session($node) } 1 .. 3;
my $hitter = session($node);
my $hits = 0;
my $pids = join ',', map { pid_of($_) } @victims;
while ($hits < 200 && time < $until)
{
	ask_later($_, 'CALL be_hit(500, NULL)') foreach @victims;
	ask($hitter, "CALL hit('pg_cancel_backend', ARRAY[$pids], 200)");
	foreach my $victim (@victims)
	{
		my $canceled = answer($victim);
		$hits += $canceled eq 'ERROR:  57014' ? 1 : $canceled;
	}
	my $left = ask($hitter, "SELECT count(*) FROM lock_holders WHERE key LIKE 'hit%'");
	is($left, 0, 'nothing is left of what was canceled') if $left ne '0';
}
cmp_ok($hits, '>=', 200, "$hits calls were hit by a cancel");
is(ask($hitter, "SELECT try_lock_all('race', ARRAY['hit0', 'hit1']), unlock_all()"), 't|2', 'all is free at once');

# terminations
my $ended = 0;
for (1 .. 15)
{
	my @short = map { session($node) } 1 .. 2;
	my $list = join ',', map { pid_of($_) } @short;
	ask_later($_, 'CALL be_hit(100000, NULL)') foreach @short;
	$node->poll_query_until('postgres', "SELECT count(*) = 2 FROM pg_stat_activity WHERE pid IN ($list) AND query LIKE 'CALL%'");
	$ended += ask($hitter, "SELECT count(*) FROM unnest(ARRAY[$list]) pid WHERE pg_sleep(random() * 0.02) IS NOT NULL AND pg_terminate_backend(pid, 60000)");
}
is($ended, 30, 'thirty sessions were terminated');
is(ask($hitter, "SELECT count(*) FROM lock_holders WHERE key LIKE 'hit%'"), 0, 'nothing is left of them');
is(ask($hitter, "SELECT try_lock_all('race', ARRAY['hit0', 'hit1']), unlock_all()"), 't|2', 'all is free at once');
is($node->safe_psql('postgres', q{SELECT count(*) FROM pg_locks WHERE locktype = 'advisory'}), 0, 'no lock is held');
$node->stop;
done_testing();
