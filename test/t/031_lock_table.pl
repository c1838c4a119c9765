# lock_table says for how many locks the server has room.  Filling the table
# shows whether it is right.
use strict;
use warnings;
use FindBin;
use lib $FindBin::Bin;
use Exclusive;
use Test::More;

my $node = new_node('table', conf => 'pg_exclusive.max_locks_per_session = 1000000');
my ($greedy, $other) = (session($node), session($node));
my ($used, $room) = split /\|/, ask($other, 'SELECT used, room FROM lock_table');
cmp_ok($used, '<', 100, "an idle server uses $used");

ask($greedy, q{DO $$ BEGIN
	FOR i IN 1 .. 1000000 LOOP PERFORM try_lock('default', i::text); END LOOP;
EXCEPTION WHEN out_of_memory THEN NULL; END $$});
my ($full, $now) = split /\|/, ask($other, 'SELECT used, room FROM lock_table');
cmp_ok(abs($full - $room), '<', 0.05 * $room, "it said $room, and has room for $full");
cmp_ok(abs($now - $room), '<', 0.05 * $room, "when it is full it says $now");
ask($greedy, 'SELECT unlock_all()');
my ($left, $later) = split /\|/, ask($other, 'SELECT used, room FROM lock_table');
cmp_ok($left, '<', 100, 'all are freed');
cmp_ok(abs($later - $room), '<', 0.05 * $room, "and there is room as before: $later");
done_testing();
