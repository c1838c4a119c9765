# What the tool says: who, when and where, and nothing that steers a terminal.
use strict;
use warnings;
use FindBin;
use lib $FindBin::RealBin;
use IPC::Run qw(run start);
use JSON::PP;
use ProcessTree qw(wait_for slurp %kinds);
use Sys::Hostname;
use Test::More;
use Tool;

sql("SELECT lock_namespace('tool')");
my $host = substr hostname, 0, 20;

# busy: node, process and application.
my $holder = tool_tree([], $kinds{plain}, 'tool/busy');
$holder->ready or BAIL_OUT('it does not start');
my (undef, undef, $err) = tool(qw(run -n tool/busy -- true));
like($err, qr/^pg_exclusive: busy: tool\/busy held by \S+ \(pid \d+\) for \d\d:\d\d:\d\d, application "pg_exclusive\@\Q$host\E.*:$holder->{front}"$/m,
	'busy: the host and the process that can be signalled');
(undef, undef, $err) = tool(qw(run -n --json tool/busy -- true));
like(decode_json($err)->{holder}{application_name}, qr/^pg_exclusive\@.*:$holder->{front}$/, 'busy, JSON: the same');
{
	local $ENV{PGAPPNAME} = 'the bakery';
	my $named = tool_tree([], $kinds{plain}, 'tool/named');
	$named->ready or BAIL_OUT('it does not start');
	(undef, undef, $err) = tool(qw(run -n tool/named -- true));
	like($err, qr/application "the bakery"$/m, 'busy: PGAPPNAME goes first');
}

# already ran: when and where.
is((tool(qw(run --slot s1 tool/slot -- true)))[0], 0, 'a slot: it runs');
(my $code, undef, $err) = tool(qw(run --slot s1 tool/slot -- true));
is($code, 77, 'already ran: exit code');
like($err, qr/already ran: tool\/slot, slot "s1", started 20\d\d-\d\d-\d\d \d\d:\d\d:\d\dZ by \S+, application "pg_exclusive\@\Q$host\E.*", succeeded$/m,
	'already ran: when and where');
(undef, undef, $err) = tool(qw(run --json --slot s1 tool/slot -- true));
like(decode_json($err)->{started_at}, qr/^20/, 'already ran, JSON: when');
is((tool(qw(run --once-per 1d tool/period -- true)))[0], 0, 'a period: it runs');
(undef, undef, $err) = tool(qw(run --once-per 1d tool/period -- true));
like($err, qr/already ran: tool\/period, once every 86400 s, started 20.* by /m, 'already ran, period: when');
(undef, undef, $err) = tool(qw(run -q --once-per 1d tool/period -- true));
is($err, '', 'already ran, -q: nothing');

# Half of the period, or all of it.
sub started_ago { sql("UPDATE exclusive_internal.run_record SET started_at = clock_timestamp() - interval '$_[0]' WHERE key = 'period'"); return }
started_ago('13 hours');
is((tool(qw(run --once-per 1d --full-period tool/period -- true)))[0], 77, '--full-period: half of it is not enough');
is((tool(qw(run --once-per 1d tool/period -- true)))[0], 0, 'without: half of it is');
started_ago('25 hours');
is((tool(qw(run --once-per 1d --full-period tool/period -- true)))[0], 0, '--full-period: all of it is');

# Control characters of a name steer no terminal.
my $evil = "tool/\e[31mred\a\x{c2}\x{9b}\tx";
my $tree = tool_tree([], $kinds{plain}, $evil);
$tree->ready or BAIL_OUT('it does not start');
for my $locale ('C', 'C.UTF-8')
{
	local $ENV{LC_ALL} = $locale;
	for my $command ([ 'run', '-n', $evil, '--', 'true' ], [ 'wait', '-n', $evil ], ['status'],
		[ 'wait', "$evil-free" ], [ 'break', "$evil-free", '--reason', 'none' ], [qw(watch --count 1)],
		[ 'status', "no\e[31m" ])
	{
		my (undef, $out, $text) = tool(@$command);
		unlike("$out$text", qr/[\x00-\x08\x0b-\x1f\x7f]|\xc2[\x80-\x9f]/, "$locale, $command->[0]: no control character");
	}
	(undef, undef, $err) = tool('run', '-n', "tool/caf\xc3\xa9", '--', '/no/caf' . "\xc3\xa9");
	like($err, qr/caf\xc3\xa9/, "$locale: other letters stay");
}
undef $tree;

# Ids and tokens in JSON are strings: JSON numbers are exact up to 2^53 only.
my (undef, $out) = tool(qw(status --json tool/busy));
my $token = sql("SELECT token FROM lock_holders WHERE key = 'busy'");
my $id = sql("SELECT lock_id('tool', 'busy')");
like($out, qr/"lock_id": "$id"/, 'status, JSON: the id is a string');
like($out, qr/"token": "$token"/, 'status, JSON: the token is a string');
(undef, $out) = tool(qw(watch --json --count 1 tool/busy));
like($out, qr/"token":"$token"/, 'watch, JSON: the token is a string');
(undef, $out) = tool(qw(id --json tool/busy));
is(decode_json($out)->{id}, $id, 'id, JSON: exact');
like($out, qr/"id":"-?\d+"/, 'id, JSON: a string');
(undef, $out) = tool(qw(status --json --runs --namespaces tool));
unlike($out, qr/"(token|lock_id|namespace_id|id)": -?\d/, 'status, JSON: no id or token is a number');
like($out, qr/"attempts": \d/, 'status, JSON: counts are numbers');

# A role whose name is no UTF-8, because it was made in another database.
sql(q(CREATE DATABASE l1 TEMPLATE template0 ENCODING latin1 LC_COLLATE 'C' LC_CTYPE 'C'));
run([qw(psql -XAtq -d l1)], \"SET client_encoding = 'LATIN1'; CREATE ROLE \"caf\xe9\" SUPERUSER LOGIN;") or die;
my $psql = start([ qw(psql -Xqc), q(DO $$ BEGIN EXECUTE 'SET ROLE ' || (SELECT quote_ident(rolname) FROM pg_roles
	WHERE rolname LIKE 'caf%'); END $$), '-c', q(SELECT try_lock('tool', 'by latin')), '-c', 'SELECT pg_sleep(600)' ],
	\undef, '>', \my $ignored, '2>', \my $ignored_too);
ok(wait_for(sub { sql("SELECT count(*) FROM lock_holders WHERE key = 'by latin'") }), 'a role in LATIN1 holds a lock');
for my $command ([qw(status --json)], [qw(status)], [qw(watch --count 1)], [qw(watch --json --count 1)],
	[qw(status --json --runs --namespaces)])
{
	my $exit;
	($exit, $out, $err) = tool(@$command);
	is($exit, 0, "a role in LATIN1, @$command: exit code") or diag($err);
	ok(eval { decode_json($out); 1 }, "a role in LATIN1, @$command: JSON") if grep { /json/ } @$command;
}
($code) = tool('run', '-n', 'tool/by latin', '--', 'true');
is($code, 75, 'a role in LATIN1: run');
$psql->kill_kill;
sql("SELECT pg_terminate_backend(pid) FROM lock_holders WHERE key = 'by latin'");

# A server that speaks German.
SKIP:
{
	skip 'no German messages here', 3
	  if !eval { sql("SET lc_messages = 'de_DE.UTF-8'; SELECT 1") };
	local $ENV{PGOPTIONS} = '-c lc_messages=de_DE.UTF-8';
	my ($text) = do { my $e; run([qw(psql -XAtqc), 'SELECT 1/0'], '>', \my $o, '2>', \$e); $e };
	skip 'no German messages here', 3 if $text !~ /FEHLER/;
	for my $command ([qw(break nons/x --reason none)], [qw(run nons/x -- true)], [qw(wait nons/x)])
	{
		(undef, undef, $err) = tool(@$command);
		like($err, qr/^pg_exclusive: error: (?!FEHLER|ERROR)/, "German, @$command: no severity twice");
	}
}

# Usage errors and other errors are JSON when that was asked for.
for my $wrong ([qw(run --json)], [qw(run --json --wait x tool/x -- true)], [qw(status --json a b)],
	[qw(id --json)], [qw(run --json tool/x --no-such -- true)])
{
	($code, undef, $err) = tool(@$wrong);
	is($code, 64, "@$wrong: exit code");
	my $told = eval { decode_json($err) };
	ok($told && $told->{message} =~ /^error: / && $told->{hint} =~ /--help/, "@$wrong: JSON") or diag($err);
}
(undef, undef, $err) = tool(qw(run tool/x --wait y -- cmd --json));
unlike($err, qr/^\{/, 'a --json of the command is not the tool\'s');
($code, undef, $err) = tool(qw(status --json -h /nonexistent));
ok(eval { decode_json($err)->{message} }, 'an error, JSON');

# TERM to the tool ends what the command leaves behind, and says nothing else.
for my $signal (qw(TERM INT HUP))
{
	my $left = tool_tree([ '--grace', 5 ], 'sleep 1000 & touch ready; wait');
	$left->ready or BAIL_OUT('it does not start');
	kill $signal, $left->{front};
	is($left->exit_code, { TERM => 143, INT => 130, HUP => 129 }->{$signal}, "$signal: exit code");
	unlike($left->stderr, qr/keeping the lock/, "$signal: no promise that is not kept");
	ok($left->all_gone, "$signal: no process is left");
}

# Hints speak of the tool.
(undef, undef, $err) = tool(qw(run nons/x -- true));
unlike($err, qr/client_options|::/, 'hints: no C++');

done_testing();
