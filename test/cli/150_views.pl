# status, watch, wait, break and id.
use strict;
use warnings;
use FindBin;
use lib $FindBin::RealBin;
use Encode qw(decode);
use JSON::PP;
use ProcessTree qw(wait_for slurp %kinds);
use Test::More;
use Tool;

sql("SELECT lock_namespace('see')");

# id: the golden vectors, and what the server says.
my %golden = (
	'billing/nightly' => '-4857304600860246807',
	'jobs/nightly-close' => '6823680722203212612',
	'a/b/c' => '-4805501903565335352',
	'jobs/Job' => '1674934026793591418',
	'jobs/job' => '5195228993943049750',
	"\xc3\xa9/\xd0\xba\xd0\xbb\xd1\x8e\xd1\x87" => '-4950525707655477489',
	'jobs/' . 'x' x 1024 => '-8376917133111979859');
for my $name (sort keys %golden)
{
	my ($code, $out) = tool('id', '-h', $name);
	($code, $out) = tool('id', $name);
	is($out, "$golden{$name}\n", 'id: ' . substr($name, 0, 30));
	my ($namespace, $key) = split m{/}, $name, 2;
	is(sql("SELECT lock_id('$namespace', '$key')"), $golden{$name}, 'the server agrees');
}
my (undef, $out) = tool(qw(id --namespace a/b --key c));
is($out, "5884018112297427615\n", 'id: a slash in the namespace');
(undef, $out) = tool(qw(id --json a/b/c));
is_deeply(decode_json($out), { namespace => 'a', key => 'b/c', id => '-4805501903565335352' },
	'id: JSON');

# status: nothing, then a holder and two who wait.
(undef, $out) = tool(qw(status see));
is($out, "No lock is held.\n", 'status: nothing held');
my $holder = tool_tree([], $kinds{plain}, 'see/one');
$holder->ready or BAIL_OUT('it does not start');
my @waiting = map { tool_tree([], $kinds{plain}, 'see/one') } 1 .. 2;
waits_for_lock('see/one', 2) or BAIL_OUT('they do not wait');
(undef, $out) = tool(qw(status see));
like($out, qr{^LOCK +MODE +HELD FOR +WAITERS +PID +ROLE +APPLICATION$}m, 'status: header');
like($out, qr{^see/one  exclusive  \d\d:\d\d:\d\d  2 +\d+ +\w+ +pg_exclusive\@\S+$}m, 'status: holder');
like($out, qr{^see/one  exclusive  \d\d:\d\d:\d\d  $_ +\d+ +\w+ +pg_exclusive\@\S+$}m, "status: waiter $_")
  for 1, 2;
is(scalar(grep { length > 80 } split /\n/, $out), 0, 'status: 80 columns');
{
	local $ENV{COLUMNS} = 120;
	(undef, $out) = tool(qw(status see));
	like($out, qr{^LOCK +MODE +HELD FOR +WAITERS +TOKEN +PID +ROLE +APPLICATION$}m, 'status: with room, tokens');
	my $token = sql("SELECT token FROM lock_holders WHERE namespace = 'see'");
	like($out, qr{^see/one  exclusive  \d\d:\d\d:\d\d  2 +$token +\d+ }m, 'status: with room, the token');
	local $ENV{COLUMNS} = 70;
	(undef, $out) = tool(qw(status see));
	is(scalar(grep { length > 70 } split /\n/, decode('UTF-8', $out)), 0, 'status: narrower');
}
(undef, $out) = tool(qw(status --json see/one));
my $told = decode_json($out);
is(@{ $told->{holders} }, 1, 'status, JSON: holders');
is(@{ $told->{waiters} }, 2, 'status, JSON: waiters');
is($told->{holders}[0]{pid} . '', $told->{waiters}[0]{blocked_by}[0] . '',
	'status, JSON: who is in the way');
(undef, $out) = tool(qw(status --json see/other));
is_deeply(decode_json($out), { holders => [], waiters => [] }, 'status, JSON: of another lock');
(undef, $out) = tool(qw(status --json --runs --namespaces see));
$told = decode_json($out);
is($told->{namespaces}[0]{namespace}, 'see', 'status, JSON: namespaces');
is_deeply($told->{runs}, [], 'status, JSON: runs');
is_deeply($told->{jobs}, [], 'status, JSON: jobs');
(undef, $out) = tool(qw(status --namespaces));
like($out, qr/^see /m, 'status: namespaces');

# Jobs and runs, in 80 columns.
tool(qw(run --once-per 1d see/job -- true));
tool(qw(run --slot monday see/other-job -- false));
(undef, $out) = tool(qw(status --runs see));
like($out, qr{^JOB +LAST SUCCESS +LAST FAILURE +RUNNING SINCE +OVERDUE$}m, 'status --runs: jobs');
like($out, qr{^see/job +\d\d-\d\d \d\d:\d\d:\d\d +00:00:00$}m, 'status --runs: a job that is well');
like($out, qr{^see/other-job +\d\d-\d\d \d\d:\d\d:\d\d$}m, 'status --runs: a job that failed');
like($out, qr{^see/other-job  monday +failed +1 +\d\d-\d\d}m, 'status --runs: a run');
is(scalar(grep { length > 80 } split /\n/, $out), 0, 'status --runs: 80 columns');

# check: in the manner of Nagios.
sub check_is
{
	my ($expected, $text, $what, @arguments) = @_;
	my ($code, $told) = tool('check', @arguments);
	is($code, $expected, "check, $what: exit code");
	like($told, qr/^$text/, "check, $what: text");
	is(scalar(() = $told =~ /\n/g), 1, "check, $what: one line");
	return;
}
sub started { sql("UPDATE exclusive_internal.run_record SET started_at = clock_timestamp() - interval '$_[1]', succeeded_at = clock_timestamp() - interval '$_[1]' WHERE key = '$_[0]'"); return }
check_is(0, 'OK - see/job: last success 00:0', 'just now', 'see/job');
check_is(0, 'OK - see/job: last success 00:0', 'just now, --max-age', qw(see/job --max-age 26h));
check_is(2, 'CRITICAL - see/other-job: no success on record, failed 00:0', 'never', qw(see/other-job --max-age 26h));
check_is(2, 'CRITICAL - see/none: no success on record', 'no record', qw(see/none --max-age 26h));
check_is(3, 'UNKNOWN - see/other-job: no period is known; use --max-age', 'no period', 'see/other-job');
check_is(3, 'UNKNOWN - see/job: ', 'no server', qw(see/job -h /nonexistent));
started('job', '25 hours');
check_is(2, 'CRITICAL - see/job: last success 1d 01:00:0', 'too old', 'see/job');
check_is(0, 'OK - see/job: last success 1d 01:00:0', 'not too old, --max-age', qw(see/job --max-age 26h));
is((tool(qw(run --once-per 1d see/job -- false)))[0], 1, 'a run that fails');
check_is(1, 'WARNING - see/job: last success 1d 01:00:0\d ago, failed 00:0', 'a later failure', qw(see/job --max-age 26h));
{
	my $running = tool_tree([qw(--once-per 1d)], $kinds{plain}, 'see/job');
	$running->ready or BAIL_OUT('it does not start');
	check_is(1, 'WARNING - see/job: last success .* running since 00:0', 'running', qw(see/job --max-age 26h));
	kill 'KILL', $running->{guard};
	$running->exit_code;
	check_is(1, 'WARNING - see/job: .* never ended', 'crashed', qw(see/job --max-age 26h));
}
is((tool(qw(run --once-per 1d --full-period see/full -- true)))[0], 0, 'a run with --full-period');
started('full', '25 hours');
check_is(2, 'CRITICAL - see/full: last success 1d 01:00:0', '--full-period: the period as typed', 'see/full');
(undef, $out) = tool(qw(check --json see/job --max-age 26h));
is(decode_json($out)->{state}, 'WARNING', 'check, JSON');
is((tool('check', @$_))[0], 64, "check @$_: usage") for [], ['see'], [qw(see/job --max-age 26)], [qw(see/job --max-age h)];

# watch without a terminal is plain text.
(undef, $out) = tool(qw(watch --count 2 -i 0.1));
is(scalar(() = $out =~ /1 held, 2 waiting/g), 2, 'watch: two looks');
like($out, qr{^see/one +exclusive +\d\d:\d\d:\d\d}m, 'watch: holder');
like($out, qr{^  waits, place 2 +exclusive}m, 'watch: waiter');
unlike($out, qr/\e/, 'watch: no control sequences');
(undef, $out) = tool(qw(watch --count 2 -i 0.1 --json see/one));
is(@{ decode_json($_)->{waiters} }, 2, 'watch, JSON: an object a look') for split /\n/, $out;

# break: ends the holder, and the next in the queue has it.
my ($code, undef, $err) = tool(qw(break see/one), '--reason', 'a test');
is($code, 0, 'break: exit code') or diag($err);
is($holder->exit_code, 76, 'break: the holder has lost it');
like(slurp($ENV{SERVER_LOG}), qr/a test/, 'break: the reason is in the log');
ok(wait_for(sub { grep { -e $_->path('ready') } @waiting }), 'break: the next one runs');
(undef, $out) = tool(qw(break see/free --reason none));
is($out, "see/free: 0 sessions ended\n", 'break: nobody had it');
(undef, $out) = tool(qw(break --json see/free --reason none));
is(decode_json($out)->{sessions_ended}, 0, 'break: JSON');

# wait: until it is free.
my $waiter = fork // die;
if ($waiter == 0) { open(STDOUT, '>', '/dev/null'); exec $ENV{PG_EXCLUSIVE}, qw(wait see/one) }
waits_for_lock('see/one', 2);
kill 'TERM', $_->{front} for @waiting;
$_->exit_code for @waiting;
waitpid $waiter, 0;
is($?, 0, 'wait: returns when it is free');
(undef, $out) = tool(qw(wait see/one));
is($out, "free: see/one\n", 'wait: says so');
(undef, $out) = tool(qw(wait --json see/one));
is_deeply(decode_json($out), { namespace => 'see', key => 'one', free => JSON::PP::true },
	'wait: JSON');
(undef, $out) = tool(qw(status see));
is($out, "No lock is held.\n", 'wait: keeps nothing');

# Keys are shown in any language, and cannot steer the terminal.
{
	local $ENV{LC_ALL} = 'C.UTF-8';
	my $foreign = tool_tree([], $kinds{plain}, "see/\xd0\xba\xd0\xbb\xd1\x8e\xd1\x87");
	$foreign->ready or BAIL_OUT('it does not start: ' . $foreign->stderr);
	(undef, $out) = tool(qw(status see));
	like($out, qr{^see/\xd0\xba\xd0\xbb\xd1\x8e\xd1\x87  exclusive}m, 'a key in Cyrillic');
	local $ENV{PGCLIENTENCODING} = 'LATIN1';
	(undef, $out) = tool(qw(status --json see));
	is(eval { decode_json($out)->{holders}[0]{key} }, "\x{43a}\x{43b}\x{44e}\x{447}",
		'a key in Cyrillic, whatever PGCLIENTENCODING says');
}
{
	# A name that is long moves its own line only, and is not cut.
	my $long = 'see/' . 'long-' x 40;
	my @trees = map { tool_tree([], $kinds{plain}, $_) } $long, 'see/short';
	$_->ready or BAIL_OUT('it does not start: ' . $_->stderr) for @trees;
	for my $command ([qw(status see)], [qw(watch --count 1 see)])
	{
		(undef, $out) = tool(@$command);
		like($out, qr{^\Q$long\E  exclusive  }m, "@$command: a long name is shown whole");
		like($out, qr{^see/short  exclusive  }m, "@$command: the others stay in their columns");
	}
}
{
	my $evil = tool_tree([], $kinds{plain}, "see/\e[2Jkey\x07");
	$evil->ready or BAIL_OUT('it does not start: ' . $evil->stderr);
	(undef, $out) = tool(qw(status see));
	like($out, qr{^see/\\x1b\[2Jkey\\x07 }m, 'control characters in a key are shown, not sent');
}

done_testing();
