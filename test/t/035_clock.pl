# A server whose clock was wrong for a while: what it has put into the future blocks
# nothing for longer than its period.
use strict;
use warnings;
use FindBin;
use lib $FindBin::Bin;
use Exclusive;
use PostgreSQL::Test::Utils;
use Test::More;

my ($library) = glob '/usr/lib/*/faketime/libfaketimeMT.so.1';
plan skip_all => 'there is no libfaketime' unless defined $library;

my $clock = PostgreSQL::Test::Utils::tempdir() . '/clock';
sub set_clock
{
	my ($offset) = @_;
	unlink $clock;
	append_to_file($clock, "$offset\n");
	return;
}
set_clock('+0');
my $node;
{
	local %ENV = (%ENV, LD_PRELOAD => $library, FAKETIME_TIMESTAMP_FILE => $clock,
		FAKETIME_NO_CACHE => 1, DONT_FAKE_MONOTONIC => 1);
	$node = new_node('clock');
}
sub year { return $node->safe_psql('postgres', 'SELECT extract(year FROM clock_timestamp())') }
my $now = year();
$node->safe_psql('postgres', q(SELECT lock_namespace('slow', lock_delay => '2 s')));

set_clock('+730d');
cmp_ok(year(), '>', $now, 'the clock is wrong');
my $session = session($node);
is(ask($session, q(SELECT try_run_every('default', 'nightly', '1 day', 'SELECT 1'))), 't', 'a run of the future');
is(ask($session, q(SELECT try_lock('slow', 'k'))), 't', 'a lock in a namespace with a lock_delay');
my $pid = pid_of($session);
kill_session($session);
until_true('its server process has ended', sub { !is_alive($pid) });

set_clock('+0');
is(year(), $now, 'the clock is right again');
my $next = session($node);
is(ask($next, q(SELECT try_run_every('default', 'nightly', '1 day', 'SELECT 1'))), 't', 'the next run is due');
is(ask($next, q(SELECT try_run_every('default', 'nightly', '1 day', 'SELECT 1'))), 'f', 'and then it has been');
is(ask($next, q(SELECT try_lock('slow', 'k', wait => '1 min'))), 't', 'the lock opens after its delay');
is(ask($next, q(SELECT unlock('slow', 'k'))), 't', 'unlock');

# a clock that is set back while a session waits for the delay
set_clock('+730d');
$session = session($node);
is(ask($session, q(SELECT try_lock('slow', 'l'))), 't', 'locked again');
$pid = pid_of($session);
kill_session($session);
until_true('its server process has ended', sub { !is_alive($pid) });
ask_later($next, q(SELECT try_lock('slow', 'l', wait => '1 min')));
set_clock('-730d');
is(answer($next), 't', 'the wait ends with the delay');
$next->quit;
$node->stop;
done_testing();
