# Kernels and containers that refuse what the tool needs: it works, or it says
# why not and runs nothing. It never hangs, and never leaves a process behind.
use strict;
use warnings;
use FindBin;
use lib $FindBin::RealBin;
use IPC::Run qw(run timeout);
use POSIX qw(:errno_h);
use ProcessTree qw(wait_for slurp children_of %kinds);
use Test::More;
use Tool;

sql("SELECT lock_namespace('tool')");
my $dir = File::Temp::tempdir('pg_exclusive-cli.XXXXXX', TMPDIR => 1, CLEANUP => 1);
my $busy = tool_tree([], $kinds{plain}, 'tool/busy');
$busy->ready or BAIL_OUT('it does not start');

# within(COMMAND...) - (exit code, stderr); 'hangs' after a generous time.
sub within
{
	my @command = @_;
	my $err = '';
	my $ran = eval { run(\@command, \undef, \my $out, \$err, timeout(60)); 1 };
	return ('hangs', $err) if !$ran;
	return ($? & 127 ? 128 + ($? & 127) : $? >> 8, $err);
}

# refuses(WHAT, REASON, PREFIX...) - the tool behind this prefix runs nothing.
sub refuses
{
	my ($what, $reason, @prefix) = @_;
	unlink "$dir/ran";
	my ($code, $err) = within(@prefix, $ENV{PG_EXCLUSIVE}, qw(run tool/free -- touch), "$dir/ran");
	is($code, 71, "$what: exit code") or diag($err);
	like($err, qr/^pg_exclusive: error: .*(?:$reason)/m, "$what: the reason");
	ok(!-e "$dir/ran", "$what: nothing ran");
	($code, $err) = within(@prefix, $ENV{PG_EXCLUSIVE}, qw(run -n tool/free -- touch), "$dir/ran");
	is($code, 71, "$what, -n: exit code") or diag($err);
	ok(!-e "$dir/ran", "$what, -n: nothing ran");
	($code, $err) = within(@prefix, $ENV{PG_EXCLUSIVE}, qw(run -n tool/busy -- true));
	is($code, 75, "$what, -n and busy: exit code") or diag($err);
	is((tool(qw(wait -w 10 tool/free)))[0], 0, "$what: the lock is free");
	return;
}

for my $errno (EPERM, ENOSYS, EACCES, EINVAL)
{
	refuses("pidfds refused with errno $errno", 'pidfd_open', "$FindBin::RealBin/without_syscalls",
		$errno, 434, 424, '--');
}
refuses('pidfd_send_signal refused', 'pidfd_send_signal', "$FindBin::RealBin/without_syscalls",
	EPERM, 424, '--');

SKIP:
{
	skip 'mount namespaces are not allowed here', 26
	  if system('unshare -m true 2>/dev/null') != 0;
	refuses('an empty /proc', '/proc', qw(unshare -m sh -c), 'mount -t tmpfs none /proc && exec "$@"', 'sh');
	refuses("another namespace's /proc", 'PID namespace', qw(unshare -pf));
	# With its own it works: the guard is killed, and the lock is kept until no
	# process of the command is left.
	my ($code, $err) = within(qw(unshare -pf --mount-proc), $ENV{PG_EXCLUSIVE}, qw(run tool/free -- true));
	is($code, 0, 'PID 1 with a /proc of its own: exit code') or diag($err);

	# /proc goes away while the command runs: not being able to look is not
	# "nothing there".
	my $tree = ProcessTree->new(command => 'touch ready; exec sleep 1000',
		program => [ qw(unshare -m sh -c), 'exec "$@"', 'sh', $ENV{PG_EXCLUSIVE}, qw(run --grace 0.5 tool/lost --) ]);
	$tree->ready or BAIL_OUT('it does not start: ' . $tree->stderr);
	system('nsenter', '-t', $tree->{front}, '-m', qw(mount -t tmpfs none /proc)) == 0 or die;
	sql("SELECT break_lock('tool', 'lost', 'a test')");
	is($tree->exit_code, 76, '/proc goes away: exit code');
	like($tree->stderr, qr/cannot look for the command's processes/, '/proc goes away: it says so');
	ok($tree->all_gone, '/proc goes away: no process is left');

	$tree = ProcessTree->new(command => 'setsid sh -c "touch ready; exec sleep 1000" & wait',
		program => [ qw(unshare -m sh -c), 'exec "$@"', 'sh', $ENV{PG_EXCLUSIVE}, qw(run --grace 0.5 tool/lost --) ]);
	$tree->ready or BAIL_OUT('it does not start: ' . $tree->stderr);
	system('nsenter', '-t', $tree->{front}, '-m', qw(mount -t tmpfs none /proc)) == 0 or die;
	kill 'TERM', $tree->{guard};
	ok(wait_for(sub { $tree->stderr =~ /cannot look/ }), '/proc goes away, detached: it says so');
	ok(!$tree->try_lock('witness') && (tool(qw(run -n tool/lost -- true)))[0] == 75,
		'/proc goes away, detached: the lock is kept as long as a process lives');
	system('nsenter', '-t', $tree->{front}, '-m', qw(umount /proc)) == 0 or die;
	ok($tree->all_gone, '/proc is back, detached: no process is left');
}

# Few descriptors: from none that are enough up to where it works.
my %seen;
for my $limit (5 .. 20, 24, 28, 32, 36, 40, 48, 64)
{
	my ($code, $err) = within('sh', '-c', "ulimit -n $limit; exec \"\$@\"", 'sh',
		$ENV{PG_EXCLUSIVE}, qw(run tool/free -- true));
	$seen{$code}++;
	ok($code =~ /^(0|70|71)$/, "$limit descriptors: exit code $code") or diag($err);
	like($err, qr/^pg_exclusive: error: .*(descriptor|open files)/m, "$limit descriptors: the reason")
	  if $code ne '0' && $limit > 8;
}
ok($seen{0} && $seen{71}, 'few descriptors: some too few, some enough');

# No process, no thread: the reason, and the exit code of the system.
SKIP:
{
	skip 'needs a user of its own', 3 if $> != 0;
	my ($code, $err) = within(qw(prlimit --nproc=1 setpriv --reuid 64999 --clear-groups),
		$ENV{PG_EXCLUSIVE}, qw(run -h), $ENV{PGHOST}, qw(-U postgres tool/free -- true));
	is($code, 71, 'no process: exit code');
	like($err, qr/^pg_exclusive: error: .*fork: Resource/m, 'no process: the reason');
}

done_testing();
