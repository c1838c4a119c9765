# Each exit code, and what is said with it.
use strict;
use warnings;
use FindBin;
use lib $FindBin::RealBin;
use IPC::Run qw(run);
use JSON::PP;
use ProcessTree qw(wait_for slurp);
use Test::More;
use Time::HiRes qw(time);
use Tool;

sql("SELECT lock_namespace('tool')");

sub code_is
{
	my ($expected, $what, @arguments) = @_;
	my ($code, $out, $err) = tool(@arguments);
	is($code, $expected, "$what: exit code") or diag($err);
	return ($out, $err);
}

# beside_full_lock_table(ARGUMENT...) - the tool at a server of its own, whose
# lock table somebody has filled and keeps full.
sub beside_full_lock_table
{
	my @arguments = @_;
	my ($out, $err) = ('', '');
	my $fill = q(SELECT pg_advisory_lock(n) FROM generate_series(1, 1000000) n);
	my $script = qq(psql -qX -c '$fill' -c 'SELECT pg_sleep(600)' >/dev/null 2>"\$PGDATA/filled" &
		until grep -qs 'out of shared memory' "\$PGDATA/filled"; do kill -0 \$! || exit; sleep 0.05; done
		"\$0" "\$@"; echo \$?);
	run([ "$FindBin::RealBin/../lib/with-server", qw(--build strict -o max_connections=10),
			qw(-o max_locks_per_transaction=10 -- bash -c), $script, $ENV{PG_EXCLUSIVE}, @arguments ],
		\undef, \$out, \$err) or die $err;
	is($out, "69\n", 'lock table full: exit code') or diag($err);
	return ($out, $err);
}

# The command's own.
for my $own (0, 1, 75, 76, 255)
{
	code_is($own, "a command that exits $own", 'run', 'tool/own', '--', 'sh', '-c',
		"exit $own");
}
code_is(128 + 9, 'a command that KILL ends', qw(run tool/own -- sh -c), 'kill -9 $$');
code_is(128 + 15, 'a command that TERM ends', qw(run tool/own -- sh -c), 'kill $$');
my ($out, $err) =
  code_is(127, 'no such command', qw(run tool/own -- /no/such/thing));
like($err, qr{could not execute "/no/such/thing": No such file}, 'no such command: text');
code_is(126, 'not executable', qw(run tool/own -- /etc/passwd));

# What the command sees.
($out) = code_is(0, 'environment', qw(run tool/a/b -- sh -c),
	'echo "$PG_EXCLUSIVE_NAMESPACE $PG_EXCLUSIVE_KEY $PG_EXCLUSIVE_TOKEN"');
like($out, qr{^tool a/b \d+$}, 'environment: namespace, key and token');
my ($before) = $out =~ /(\d+)$/;
($out) = code_is(0, 'next token', qw(run tool/a/b -- sh -c), 'echo $PG_EXCLUSIVE_TOKEN');
cmp_ok($out, '>', $before, 'next token: larger');
($out) = code_is(0, 'name in two pieces', qw(run --namespace tool --key a/b -- sh -c),
	'echo "$PG_EXCLUSIVE_NAMESPACE|$PG_EXCLUSIVE_KEY"');
is($out, "tool|a/b\n", 'name in two pieces: as given');
($out) = code_is(0, 'a command without --', qw(run tool/own echo -n -w));
is($out, "-w", 'a command without --: its options are its own');

# 75: taken, at once and after a wait; -E moves it.
my $holder = tool_tree([], 'touch ready; exec sleep 1000', 'tool/busy');
$holder->ready or BAIL_OUT('no holder');
(undef, $err) = code_is(75, 'taken', qw(run -n tool/busy -- true));
like($err, qr{^pg_exclusive: busy: tool/busy held by \S+ \(pid \d+\) for \d\d:\d\d:\d\d, application ".*"$}m,
	'taken: it says who has it');
code_is(99, 'taken, -E', qw(run -n -E 99 tool/busy -- true));
code_is(75, 'taken, -E with a leading zero', qw(run -n -E 075 tool/busy -- true));
code_is(75, "taken, -w $_", qw(run -w), $_, qw(tool/busy -- true)) for '.2', '0.2', '00', '01';
my $started = time;
(undef, $err) = code_is(75, 'timed out', qw(run -w 0.7 tool/busy -- true));
cmp_ok(time - $started, '>=', 0.7, 'timed out: not before');
like($err, qr/busy: .*; timed out/, 'timed out: text');
(undef, $err) = code_is(75, 'taken, JSON', qw(run -n --json tool/busy -- true));
my $told = decode_json($err);
is_deeply([ @$told{qw(event namespace key)} ], [qw(taken tool busy)], 'taken, JSON: what');
is($told->{holder}{pid},
	sql("SELECT pid FROM lock_holders WHERE namespace = 'tool' AND key = 'busy'"),
	'taken, JSON: by whom');
code_is(75, 'wait -n, taken', qw(wait -n tool/busy));
code_is(75, 'wait -w, taken', qw(wait -w 0.3 tool/busy));
code_is(75, 'shared, taken', qw(run -n -s tool/busy -- true));

# 76: lost.
sql("SELECT break_lock('tool', 'busy', 'a test')");
is($holder->exit_code, 76, 'lost: exit code');
like($holder->stderr,
	qr{lost: tool/busy: .* at 20\S+ \S+; another node may run since 20.*; ending the command},
	'lost: what happened, when, and since when another may run');
ok($holder->all_gone, 'lost: no process is left');
code_is(0, 'wait, free', qw(wait tool/busy));

# Shared.
$holder = tool_tree(['-s'], 'touch ready; exec sleep 1000', 'tool/shared');
$holder->ready or BAIL_OUT('no holder');
code_is(0, 'shared beside shared', qw(run -n -s tool/shared -- true));
code_is(75, 'exclusive beside shared', qw(run -n tool/shared -- true));
undef $holder;

# A paused namespace is refused for now, with the reason.
sql("SELECT lock_namespace('paused'), pause_lock_namespace('paused', 'new disks')");
(undef, $err) = code_is(75, 'paused', qw(run paused/x -- true));
like($err, qr/new disks/, 'paused: the reason');

# So is one whose quota is used up.
sql("SELECT lock_namespace('quota', max_holds => 1)");
code_is(75, 'quota used up',
	qw(run quota/a --), $ENV{PG_EXCLUSIVE}, qw(run -n quota/b -- true));
sql("SELECT resume_lock_namespace('paused')");

# 69: no server, no login, no database, a standby is in another test.
code_is(69, 'unreachable', qw(run -h /nonexistent tool/x -- true));
code_is(69, 'unreachable, status', qw(status -h /nonexistent));
code_is(69, 'no such role', qw(run -U nobody_knows tool/x -- true));
code_is(69, 'no such database', qw(run -d nowhere tool/x -- true));

# So is a server whose lock table is full.
(undef, $err) = beside_full_lock_table(qw(run default/x -- true));
like($err, qr/out of shared memory/, 'lock table full: text');

# 78: not set up for it, with the statement that mends it.
(undef, $err) = code_is(78, 'no namespace', qw(run nons/x -- true));
like($err, qr/hint: .*SELECT \S*lock_namespace\('nons'\)/, 'no namespace: the statement');
(undef, $err) = code_is(78, 'no namespace, JSON', qw(run --json nons/x -- true));
$told = decode_json($err);
is($told->{sqlstate}, '42704', 'no namespace, JSON: SQLSTATE');
like($told->{hint}, qr/lock_namespace/, 'no namespace, JSON: hint');
unlike($told->{message}, qr/\n/, 'no namespace, JSON: message on one line');
(undef, $err) = code_is(78, 'no namespace, break', qw(break nons/x --reason none));
like($err, qr/^pg_exclusive: error: lock namespace "nons" does not exist\npg_exclusive: hint: Register .*\n$/,
	'no namespace, break: error and hint');
for my $command (qw(status watch))
{
	(undef, $err) = code_is(78, "no namespace, $command", $command, 'nons');
	like($err, qr/"nons" does not exist\n.*hint: .*lock_namespace\('nons'\)/,
		"no namespace, $command: not as if its locks were free");
}
sql('CREATE DATABASE old');
{
	local $ENV{PGDATABASE} = 'old';
	sql(q(CREATE EXTENSION pg_exclusive;
		ALTER EXTENSION pg_exclusive DROP FUNCTION begin_run;
		DROP FUNCTION begin_run;
		UPDATE pg_extension SET extversion = '0.1.0' WHERE extname = 'pg_exclusive'));
	code_is(0, 'an older extension', qw(run default/x -- true));
	(undef, $err) = code_is(78, 'an older extension, slot', qw(run --slot a default/x -- true));
	like($err, qr/hint: .*ALTER EXTENSION pg_exclusive UPDATE/, 'an older extension: what to do');
	($out) = code_is(1, 'an older extension, doctor', 'doctor');
	like($out, qr/^warn  extension   0\.1\.0, .*\n.*ALTER EXTENSION/m, 'an older extension, doctor: a line');
}
(undef, $err) = code_is(78, 'no extension', qw(run -d template1 tool/x -- true));
like($err, qr/CREATE EXTENSION/, 'no extension: the statement');
(undef, $err) = code_is(78, 'no extension, status', qw(status -d template1));
like($err, qr/CREATE EXTENSION/, 'no extension, status: the statement');
sql(q(CREATE ROLE outsider LOGIN; CREATE ROLE insiders;
	SELECT lock_namespace('closed', 'insiders')));
code_is(78, 'no right', qw(run -U outsider closed/x -- true));

# 64: usage.
for my $wrong ([qw(run)], [qw(run tool/x)], [qw(run tool -- true)],
	[qw(run /x -- true)], [qw(run tool/ -- true)], [qw(run -w 1 -n tool/x -- true)],
	[qw(run -w -1 tool/x -- true)], [qw(run -E 256 tool/x -- true)],
	[qw(run --slot a --once-per 1d tool/x -- true)],
	[qw(run -s --slot a tool/x -- true)], [qw(run --once-per 1d -s tool/x -- true)],
	[qw(run --grace 1081 tool/x -- true)],
	[qw(run --once-per 1 tool/x -- true)], [qw(run --once-per x tool/x -- true)],
	# A unit without its number ("${N}d", unset), a fraction of a second.
	(map { [ 'run', '--once-per', $_, 'tool/x', '--', 'true' ] } qw(d s min 1.5s 0.9s 1.d.d +1d 1e1d 0x1d 1D .d), ' 1d', '1 d', ''),
	[qw(run --full-period tool/x -- true)], [qw(run --full-period --slot a tool/x -- true)],
	# Only plain numbers.
	(map { [ 'run', '-w', $_, 'tool/x', '--', 'true' ] } ' 1', '+1', '0x1', '1e2', '1 ', '', '.', '1.', '1,5', 'inf', "1\n"),
	(map { [ 'run', '-E', $_, 'tool/x', '--', 'true' ] } '7.5', '0x4b', '+75', ' 75', '', 'x'),
	[qw(run --grace 0x1 tool/x -- true)], [qw(run --lease +15 tool/x -- true)],
	[qw(watch --count 1.5)], [qw(watch -i 0x1)],
	[qw(run --on-crash never --slot a tool/x -- true)],
	[qw(run --grace 10 --lease 20 tool/x -- true)],
	[qw(run --namespace a tool/x -- true)], [qw(run tool/x stray -- true)],
	[qw(run --no-such-option tool/x -- true)],
	[ 'run', 'n' x 64 . '/x', '--', 'true' ], [ 'run', 'tool/' . 'k' x 1025, '--', 'true' ],
	# Empty or zero by mistake must not mean "not given".
	[ 'run', '--slot', '', 'tool/x', '--', 'true' ],
	[qw(run --once-per 0d tool/x -- true)], [qw(run --once-per 1e9d tool/x -- true)],
	[qw(run --on-crash skip tool/x -- true)],
	[ 'break', 'tool/x', '--reason', '' ], [qw(run -- true)],
	[qw(run -w nan tool/x -- true)], [qw(run -w 1e400 tool/x -- true)],
	[qw(run --grace nan tool/x -- true)], [qw(run -w abc tool/x -- true)],
	# Broken UTF-8 names nothing.
	[ 'run', "tool/\xff", '--', 'true' ], [ 'run', '--slot', "\xff", 'tool/x', '--', 'true' ],
	[ 'id', "tool/\xff" ], [ 'status', '--json', "tool/\xff" ],
	[ 'wait', "tool/\xff" ], [ 'break', 'tool/x', '--reason', "\xff" ],
	[], [qw(fly)], [qw(fly tool/x)], [qw(break tool/x)], [qw(id)], [qw(watch -i 0)],
	[qw(watch --count 0)], [qw(doctor --lease x)], [qw(status tool/x stray)])
{
	(undef, $err) = code_is(64, "usage: " . substr("@$wrong", 0, 60), @$wrong);
	like($err, qr/^pg_exclusive: hint: Try "pg_exclusive.* --help"|^\{.*"hint":"Try .*--help/m, 'usage: where to look');
	unlike($err, qr/.{160}/, 'usage: in few words');
}

# Closed input and output stay closed, and no socket takes their place.
{
	my $dir = File::Temp::tempdir(TMPDIR => 1, CLEANUP => 1);
	for my $closed ('', '<&-', '2>&-', '<&- >&- 2>&-')
	{
		my $probe = $^X . q{ -e 'my @open = grep { -l "/proc/$$/fd/$_" } 0 .. 99;}
		  . q{ open(my $out, ">", shift); print $out "@open"'};
		system("$probe $dir/without $closed");
		is(system("$ENV{PG_EXCLUSIVE} run -v tool/fds -- $probe $dir/with $closed"), 0,
			"descriptors, $closed: exit code");
		is(slurp("$dir/with"), slurp("$dir/without"), "descriptors, $closed: as without the tool");
	}
	my $tree = ProcessTree->new(command => 'touch ready; exec sleep 1000',
		program => [ 'sh', '-c', 'exec "$@" <&- 2>&-', 'sh', $ENV{PG_EXCLUSIVE}, qw(run tool/fds --) ]);
	$tree->ready or BAIL_OUT('it does not start');
	is(readlink("/proc/$tree->{guard}/fd/$_"), '/dev/null', "descriptor $_ closed: nothing of ours has it")
	  for 0, 2;
}

# What cannot be written is told.
for my $command ('id tool/x', 'status', 'doctor', '--help', '--version', 'run --help')
{
	is(system("$ENV{PG_EXCLUSIVE} $command >$_ 2>/dev/null") >> 8, 71,
		"$command >$_: exit code") for '/dev/full', '&-';
}

# It starts from any prefix, because it needs no library of ours.
unlike(`ldd $ENV{PG_EXCLUSIVE}`, qr/libpg_exclusive|not found/, 'libraries: none of ours, none missing');

# Help and version, in the form of PostgreSQL's own programs.
for my $command ('', qw(run status watch wait break check id doctor))
{
	my @command = $command ? ($command) : ();
	for my $option ('--help', '-?')
	{
		($out) = code_is(0, "$command $option", @command, $option);
		like($out, qr/^pg_exclusive.*\.\n\nUsage:\n  pg_exclusive /, "$command $option: form");
		is(scalar(grep { length > 80 } split /\n/, $out =~ s/^.*\n//r), 0,
			"$command $option: 80 columns");
	}
}
($out) = code_is(0, '--version', '--version');
like($out, qr/^pg_exclusive \d+\.\d+\.\d+$/, '--version: form');

done_testing();
