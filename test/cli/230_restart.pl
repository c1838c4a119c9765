# A run that waits goes on waiting while the server restarts, and the exit code
# is the command's when the link goes after the command has ended.
use strict;
use warnings;
use FindBin;
use lib $FindBin::RealBin;
use ProcessTree qw(wait_for slurp %kinds);
use Test::More;
use Tool;

sql("SELECT lock_namespace('tool')");

sub pg_ctl
{
	my @as = $> == 0 ? ('setpriv', '--reuid', $ENV{SERVER_USER}, '--regid', $ENV{SERVER_USER}, '--init-groups') : ();
	return system(@as, qw(pg_ctl -s -w), @_, '-D', $ENV{PGDATA}, '-l', "$ENV{PGDATA}/restart.log") == 0;
}

for my $mode (qw(fast immediate))
{
	my $holder = tool_tree([], $kinds{plain}, 'tool/restart');
	$holder->ready or BAIL_OUT('it does not start: ' . $holder->stderr);
	my $waiter = tool_tree([qw(-w 300)], 'touch ready; exit 3', 'tool/restart');
	my $short = tool_tree([qw(-w 5)], 'touch ready', 'tool/restart');
	$_->find for $waiter, $short;
	waits_for_lock('tool/restart', 2) or BAIL_OUT('they do not wait');
	ok(pg_ctl('stop', '-m', $mode), "$mode: the server stops");
	is($holder->exit_code, 76, "$mode: the holder loses its lock");
	is($short->exit_code, 69, "$mode: a wait that ends before the server is back: exit code");
	ok(!$waiter->has_ended, "$mode: a longer wait goes on") or diag($waiter->stderr);
	ok(pg_ctl('start'), "$mode: the server is back");
	is($waiter->exit_code(120), 3, "$mode: the command runs then") or diag($waiter->stderr);
	like($waiter->stderr, qr/the wait was interrupted .*; connecting again$/m, "$mode: it says so");
}

# A signal ends the wait, also while there is no server.
{
	my $holder = tool_tree([], $kinds{plain}, 'tool/restart');
	$holder->ready or BAIL_OUT('it does not start: ' . $holder->stderr);
	my $waiter = tool_tree([qw(-w 300)], 'touch ready', 'tool/restart');
	$waiter->find;
	waits_for_lock('tool/restart', 1) or BAIL_OUT('it does not wait');
	ok(pg_ctl(qw(stop -m fast)), 'TERM: the server stops');
	wait_for(sub { $waiter->stderr =~ /connecting again/ });
	kill 'TERM', $waiter->{front};
	is($waiter->exit_code, 143, 'TERM: ends the wait');
	ok(pg_ctl('start'), 'TERM: the server is back');
}

# The session is ended at the moment when the command has ended. The guard is
# stopped meanwhile, so that it learns of both at the same time.
for my $code (0, 3)
{
	my $tree = tool_tree([], "touch ready; until [ -e go ]; do sleep 0.05; done; exit $code");
	$tree->ready or BAIL_OUT('it does not start: ' . $tree->stderr);
	my (undef, $key) = split m{/}, $tree->{name}, 2;
	my $backend = sql("SELECT pid FROM lock_holders WHERE key = '$key'");
	kill 'STOP', $backend;    # it cannot answer the release
	open(my $go, '>', $tree->path('go'));
	ok(wait_for(sub { !-d "/proc/$tree->{command_pid}" }), "command exits $code: it has ended");
	kill 'KILL', $backend;
	is($tree->exit_code, $code, "command exits $code, then the link goes: exit code") or diag($tree->stderr);
	wait_for(sub { eval { sql('SELECT 1') } }, 60);
}

done_testing();
