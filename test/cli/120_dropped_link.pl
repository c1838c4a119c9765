# The link is cut and nobody says so: the command is gone before the server can
# give the lock to somebody else. Two network namespaces are two machines.
use strict;
use warnings;
use FindBin;
use lib $FindBin::RealBin;
use ProcessTree qw(wait_for lateness slurp %kinds);
use Test::More;
use Time::HiRes qw(time clock_gettime CLOCK_BOOTTIME);
use Tool;

my $space = "pgx$$";
my ($ours, $theirs) = ("pgxa$$" =~ /^(.{1,15})/, "pgxb$$" =~ /^(.{1,15})/);
plan skip_all => 'network namespaces need root'
  if $> != 0 || system("ip netns add $space 2>/dev/null") != 0;

sub ip { system("ip $_[0]") == 0 or die "ip $_[0] failed"; return }

END { my $status = $?; system("ip netns del $space 2>/dev/null; ip link del $ours 2>/dev/null") if $space; $? = $status; }

# A permanent neighbour entry and no address on the other side: packets leave
# and nothing comes back, not even that nobody is there.
my $net = '10.' . (64 + $$ % 128) . '.' . ($$ >> 7 & 255);
ip("link add $ours type veth peer name $theirs netns $space");
ip("addr add $net.1/24 dev $ours");
ip("link set $ours up");
ip("-n $space addr add $net.2/24 dev $theirs");
ip("-n $space link set $theirs up");
ip("-n $space link set lo up");
my ($server_mac) = slurp("/sys/class/net/$ours/address") =~ /(\S+)/;
ip("-n $space neigh replace $net.1 lladdr $server_mac dev $theirs nud permanent");
my ($client_mac) =
  `ip -n $space link show $theirs` =~ m{link/ether (\S+)};
ip("neigh replace $net.2 lladdr $client_mac dev $ours nud permanent");

# The server listens on 127.0.0.1 only; a relay would notice the cut. So it is
# told to listen here too.
sql("ALTER SYSTEM SET listen_addresses = '127.0.0.1, $net.1'");
open(my $hba, '>>', "$ENV{PGDATA}/pg_hba.conf") or die;
print $hba "host all all $net.0/24 trust\n";
close $hba;
system('setpriv', '--reuid', $ENV{SERVER_USER}, '--regid', $ENV{SERVER_USER},
	'--init-groups', "$ENV{PATH}" =~ m{^([^:]+)} ? "$1/pg_ctl" : 'pg_ctl',
	qw(-s -w -m fast restart -l), "$ENV{PGDATA}/restart.log") == 0 or die 'restart failed';
sql("SELECT lock_namespace('tool')");

# A machine that is late itself by more than 20 ms, where the margin is a tenth of a second, gets
# another try.
my (%done, %tries);
for my $kind (('plain', 'ignores TERM', 'detached') x 5)
{
	next if $done{$kind};
	my $late = lateness();
	my $name = "tool/link-" . ($kind =~ s/ /-/gr);
	my $tree = ProcessTree->new(
		command => $kinds{$kind},
		program => [
			qw(ip netns exec), $space, $ENV{PG_EXCLUSIVE}, 'run', '-h', "$net.1",
			qw(--lease 4 --grace 0.8), $name, '--' ]);
	$tree->ready or BAIL_OUT("$kind: it does not start: " . $tree->stderr);
	my $before = time;
	ip("-n $space addr del $net.2/24 dev $theirs");

	# Who waits here gets the lock when the server frees it.
	my ($code) = tool('wait', '-w', 60, $name);
	my $after = time - $before;
	my $gone = $code == 0 && $tree->try_lock('witness');
	$done{$kind} = $gone || $late->() < 0.02 || ++$tries{$kind} == 5;
	ok($gone, "cut, $kind: no process of the command lives when the server frees the lock")
	  if $done{$kind};
	cmp_ok($after, '<', 30, sprintf('cut, %s: freed after %.1f s', $kind, $after));
	is($tree->exit_code, 76, "cut, $kind: exit code");
	like($tree->stderr, qr/lost: .*another node may run (since|from) 20/, "cut, $kind: it says so");
	ok($tree->all_gone, "cut, $kind: no process is left");
	ip("-n $space addr add $net.2/24 dev $theirs");
	$late->();
	ip("-n $space neigh replace $net.1 lladdr $server_mac dev $theirs nud permanent");
}

done_testing();
