# A cancel at each interrupt point between the grant and the answer.  A debugger stops
# the backend wherever it looks for interrupts, and at the n-th place there is one.
# Whatever n is, the call answers and holds, or it fails and holds nothing.
use strict;
use warnings;
use FindBin;
use lib $FindBin::Bin;
use Exclusive;
use PostgreSQL::Test::Utils;
use Test::More;

my $node = new_node('points');
my $tmp = PostgreSQL::Test::Utils::tempdir();

# The debugger's part.  Statements come from psql, more than are needed.  It cancels
# the first before its first look, the second after it, until there is no n-th.
append_to_file("$tmp/points.py", <<'END');
import gdb
gdb.execute('set confirm off')
gdb.execute('set pagination off')
granted = gdb.Breakpoint('AskLockManager')
ready = gdb.Breakpoint('ReadyForQuery')
print('ATTACHED', flush=True)

def stopped_at(name):
    frame = gdb.newest_frame()
    return frame.name() == name

def go_to(name):
    gdb.execute('continue', to_string=True)
    while not stopped_at(name):
        gdb.execute('continue', to_string=True)

n = 0
while True:
    n += 1
    granted.enabled = True
    go_to('AskLockManager')
    granted.enabled = False
    gdb.execute('finish', to_string=True)
    looks = gdb.Breakpoint('*(int *) &InterruptPending', gdb.BP_WATCHPOINT, gdb.WP_READ)
    for i in range(n - 1):
        gdb.execute('continue', to_string=True)
        if stopped_at('ReadyForQuery'):
            break
    looks.delete()
    if stopped_at('ReadyForQuery'):
        break
    gdb.execute('set var *(int *) &QueryCancelPending = 1')
    gdb.execute('set var *(int *) &InterruptPending = 1')
    go_to('ReadyForQuery')
print('POINTS', n - 1, flush=True)
END

# points(call) - how many there were, and what came out at each
sub points
{
	my ($call) = @_;
	my $session = session($node);
	my $pid = pid_of($session);
	ask($session, q(SELECT try_lock('default', 'warm'), unlock('default', 'warm')));
	my ($out, $err) = ('', '');
	my $gdb = IPC::Run::start([ 'gdb', '-q', '-nx', '-batch', '-p', $pid, '-x', "$tmp/points.py" ],
		'<', \undef, '>', \$out, '2>', \$err, IPC::Run::timeout($PostgreSQL::Test::Utils::timeout_default));
	$gdb->pump until $out =~ /ATTACHED/ || !$gdb->pumpable;
	if ($out !~ /ATTACHED/)
	{
		$gdb->finish;
		return (undef, $err);
	}
	my @results;
	my $most = 60;
	$session->{stdout} = $session->{stderr} = '';
	$session->{stdin} .= "\\o $tmp/out\n";
	foreach my $i (1 .. $most)
	{
		# the state of the last statement and what it has left
		$session->{stdin} .= "$call;\n\\set sqlstate :LAST_ERROR_SQLSTATE\n\\set failed :ERROR\n"
		  . "SELECT CASE WHEN :'failed' = 'true' THEN :'sqlstate' ELSE 'answered' END, count(*) FROM pg_locks\n"
		  . "WHERE locktype = 'advisory' AND pid = $pid;\nSELECT unlock_all() IS NULL;\n\\if false\n\\endif\n";
	}
	$session->{run}->pump_nb while length $session->{stdin} && $out !~ /POINTS/ && $gdb->pumpable && $gdb->pump_nb;
	$gdb->finish;
	ask($session, '\o');
	my ($n) = $out =~ /POINTS (\d+)/;
	@results = grep { /^(answered|\d\w{4})\|/ } split /\n/, slurp_file("$tmp/out");
	$session->quit;
	unlink "$tmp/out";
	return ($n, $out . $err, @results);
}

my %calls = (
	q(SELECT try_lock('default', 'k')) => 1,
	q(SELECT try_lock('default', 'k', 'shared', '1 min')) => 1,
	q(CALL wait_lock('default', 'k')) => 1,
	q(SELECT try_lock_permit('default', 'p', 2)) => 1,
	q(SELECT try_lock_permit('default', 'p', 2, '1 min')) => 1,
	q(SELECT exclusive_internal._try('default', 'k', 'x')) => 1,
	q(SELECT exclusive_internal._try_permit('default', 'p', 2)) => 1,
	q(CALL exclusive_internal._wait_lock('default', 'k', 'exclusive', NULL, NULL)) => 1,
	q(CALL exclusive_internal._wait_permit('default', 'p', 2, '1 min', NULL)) => 1,
	q(SELECT exclusive_internal._calls('xs', '{default,default}', '{k,l}', '{NULL,NULL}')) => 2,
	q(SELECT try_lock_all('default', '{k,l}')) => 2,
	q(SELECT try_lock_first('default', '{k,l}')) => 1,
	q(SELECT * FROM try_lock_each('default', '{k,l}')) => 2);
foreach my $call (sort keys %calls)
{
	my ($n, $said, @results) = points($call);
	plan skip_all => "no debugger can attach here: $said" unless defined $n || @results;
	cmp_ok($n // 0, '>', 0, "$call: there are interrupt points") or diag($said);
	my @cancelled = grep { /^57014/ } @results;
	cmp_ok(scalar(@cancelled), '>', 0, 'it was cancelled at some');
	is_deeply([ grep { $_ ne '57014|0' && $_ ne "answered|$calls{$call}" } @results ],
		[], "at each of them it answers and holds, or fails and holds nothing");
}
$node->stop;
done_testing();
