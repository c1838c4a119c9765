# doctor: each line ok, warn or fail, and what to do.
use strict;
use warnings;
use FindBin;
use lib $FindBin::RealBin;
use IPC::Run qw(start);
use JSON::PP;
use ProcessTree qw(wait_for slurp);
use Test::More;
use Tool;

my $tool = $ENV{PG_EXCLUSIVE};

sub findings
{
	my ($code, $out, $err) = tool('doctor', '--json', @_);
	my $list = eval { decode_json($out) } // [];
	diag($err) if !@$list;
	return ($code, map { $_->{subject} => $_ } @$list);
}

my ($code, %found) = findings();
is($code, 0, 'all is well: exit code') or diag(explain(\%found));
is_deeply([ grep { $_->{level} ne 'ok' } values %found ], [], 'all is well: every line');
ok($found{$_}, "there is a line about: $_")
  for qw(server extension pooler lease settings role clock namespaces encoding rights), 'lock table', 'dead link';

my (undef, $out) = tool('doctor');
like($out, qr/^ok    server      PostgreSQL \d+\.\d+$/m, 'plain text');
my ($client, $server) = $found{lease}{text} =~ /after (\S+) s, .* after (\S+) s/;
cmp_ok($client, '<', $server, 'lease: the client gives up first');

# Over TCP, and for a lease that leaves little between the two ends.
($code, %found) = findings(qw(-h 127.0.0.1 --lease 0.5));
is($code, 0, 'TCP: exit code');
like($found{'dead link'}{text}, qr/by the server after [\d.]+ s, by us after [\d.]+ s/, 'TCP: a dead link is noticed');
($client, $server) = $found{lease}{text} =~ /after (\S+) s, .* after (\S+) s/;
cmp_ok($client, '<', $server, 'a short lease: the client gives up first');

# A lock table that fills up.
my $room = sql('SELECT room FROM lock_table');
for my $case ([ int(0.6 * $room), 1, 'warn' ], [ int(0.93 * $room), 2, 'fail' ])
{
	my ($locks, $exit, $level) = @$case;
	my $psql = start([ qw(psql -Xqc),
		"SET application_name = 'filler'; SELECT count(pg_advisory_lock(i)) FROM generate_series(1, $locks) i",
		'-c', 'SELECT pg_sleep(600)' ], \undef, '>', \my $ignored, '2>', \my $ended);
	wait_for(sub { sql('SELECT count(*) FROM pg_locks') > $locks });
	($code, %found) = findings();
	is($code, $exit, "$locks locks: exit code");
	is($found{'lock table'}{level}, $level, "$locks locks: a line about them");
	like($found{'lock table'}{advice}, qr/max_locks_per_transaction/, "$locks locks: what to do");
	sql("SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE application_name = 'filler'");
	$psql->finish;
}

# A clock that is wrong.
{
	local $ENV{PG_EXCLUSIVE} = 'faketime';
	($code, %found) = do {
		my ($exit, $text) = tool('-f', '+60s', $tool, qw(doctor --json));
		($exit, map { $_->{subject} => $_ } @{ decode_json($text) });
	};
	is($code, 1, 'a wrong clock: exit code');
	like($found{clock}{text}, qr/^(59|6\d)\.\d s apart/, 'a wrong clock: how wrong');
}

# A timeout that kills holds, from the role's settings.
sql(q(CREATE ROLE hasty SUPERUSER LOGIN;
	ALTER ROLE hasty SET idle_session_timeout = '2s';
	ALTER ROLE hasty SET statement_timeout = '1s'));
($code, %found) = findings(qw(-U hasty));
is($code, 1, 'timeouts of the role: warns');
is($found{setting}{level}, 'warn', 'timeouts of the role: a line about them');
like($found{setting}{advice}, qr/override/, 'timeouts of the role: what to do');
($code, %found) = findings();
is($code, 1, "timeouts of another role: warns");
like($found{timeout}{text}, qr/^hasty: (idle_session|statement)_timeout=[12]s$/, 'timeouts of another role: which');
sql('DROP ROLE hasty; CREATE ROLE calm LOGIN; ALTER ROLE calm SET statement_timeout = 0');
is((findings())[0], 0, 'a timeout that is switched off: all is well');

# Rights of others on the extension's own tables, and their triggers.
sql('CREATE ROLE app; GRANT INSERT, TRIGGER ON exclusive_internal.run_record TO app');
($code, %found) = findings();
is($code, 1, 'rights of others: warns');
like($found{rights}{text}, qr/run_record \(app\)/, 'rights of others: which');
sql('REVOKE ALL ON exclusive_internal.run_record FROM app; GRANT SELECT ON exclusive_internal.run_record TO app');
is((findings())[0], 0, 'the right to read: all is well');
sql(q(REVOKE ALL ON exclusive_internal.run_record FROM app;
	CREATE FUNCTION nosy() RETURNS trigger LANGUAGE plpgsql AS 'BEGIN RETURN NEW; END';
	CREATE TRIGGER nosy BEFORE INSERT ON exclusive_internal.run_record FOR EACH ROW EXECUTE FUNCTION nosy()));
($code, %found) = findings();
is($code, 1, 'a trigger of others: warns');
like($found{rights}{text}, qr/run_record: nosy/, 'a trigger of others: which');
sql('DROP FUNCTION nosy CASCADE');
is((findings())[0], 0, 'without it: all is well') or diag(explain(\%found));

# An encoding that needs care.
for my $case ([ 'LATIN1', qr/^LATIN1: names with/ ], [ 'SQL_ASCII', qr/^SQL_ASCII: / ])
{
	my ($encoding, $text) = @$case;
	sql("CREATE DATABASE \"$encoding\" TEMPLATE template0 ENCODING '$encoding' LC_COLLATE 'C' LC_CTYPE 'C'");
	system(qw(psql -Xq -d), $encoding, '-c', 'CREATE EXTENSION pg_exclusive') == 0 or die;
	($code, %found) = findings('-d', $encoding);
	is($code, 1, "$encoding: warns");
	like($found{encoding}{text}, $text, "$encoding: a line about it");
}

# No extension.
($code, %found) = findings(qw(-d template1));
is($code, 2, 'no extension: fails');
is($found{extension}{advice}, 'CREATE EXTENSION pg_exclusive;', 'no extension: what to do');

# An extension in a schema whose name has to be quoted.
sql('CREATE DATABASE odd');
system(qw(psql -Xq -d odd -c), 'CREATE SCHEMA "odd Schema"',
	'-c', 'CREATE EXTENSION pg_exclusive SCHEMA "odd Schema"') == 0 or die;
($code, %found) = findings(qw(-d odd));
is($code, 0, 'a schema with a blank: all is well');
like($found{extension}{text}, qr/in schema "odd Schema"$/, 'a schema with a blank: it is named');

# A paused namespace.
sql("SELECT lock_namespace('held up'), pause_lock_namespace('held up', 'a test')");
($code, %found) = findings();
is($code, 1, 'paused namespace: warns');
like($found{namespaces}{text}, qr/paused: held up/, 'paused namespace: which');
sql("SELECT resume_lock_namespace('held up')");

# PgBouncer in between, in transaction mode.
{
	my $dir = File::Temp::tempdir('pg_exclusive-doctor.XXXXXX', TMPDIR => 1, CLEANUP => 1);
	chmod 0777, $dir;
	open(my $users, '>', "$dir/users") or die;
	print $users qq("postgres" ""\n);
	close $users;
	open(my $ini, '>', "$dir/ini") or die;
	print $ini <<"END";
[databases]
test = host=$ENV{PGHOST} port=$ENV{PGPORT} user=postgres
[pgbouncer]
listen_addr =
unix_socket_dir = $dir
listen_port = 6432
auth_type = any
auth_file = $dir/users
pool_mode = transaction
END
	close $ini;
	my @as = $> == 0 ? ('setpriv', '--reuid', $ENV{SERVER_USER}, '--regid',
		$ENV{SERVER_USER}, '--init-groups') : ();
	my $bouncer = start([ @as, 'pgbouncer', "$dir/ini" ], \undef, '>', "$dir/log", '2>&1');
	ok(wait_for(sub { -S "$dir/.s.PGSQL.6432" }), 'a pooler runs') or diag(slurp("$dir/log"));
	($code, %found) = findings('-d', "host=$dir port=6432 dbname=test");
	is($code, 2, 'pooler: fails');
	my ($told) = grep { $_->{level} eq 'fail' } values %found;
	like("$told->{text} $told->{advice}", qr/pooler|server's place|server itself/, 'pooler: what it is')
	  or diag(explain(\%found));
	my ($exit, undef, $err) = tool('run', '-d', "host=$dir port=6432 dbname=test", 'default/x', '--', 'true');
	is($exit, 78, 'pooler: run refuses') or diag($err);
	$bouncer->signal('TERM');
	$bouncer->finish;
}

# A standby.
{
	my $dir = File::Temp::tempdir('pg_exclusive-standby.XXXXXX', TMPDIR => 1, CLEANUP => 1);
	chmod 0777, $dir;
	my @as = $> == 0 ? ('setpriv', '--reuid', $ENV{SERVER_USER}, '--regid',
		$ENV{SERVER_USER}, '--init-groups') : ();
	my $port = 21000 + $$ % 10000;
	system(@as, qw(pg_basebackup -R -c fast -D), "$dir/data") == 0 or die;
	system(@as, qw(pg_ctl -s -w start -D), "$dir/data", '-l', "$dir/log", '-o',
		"-p $port -c listen_addresses='' -c unix_socket_directories=$dir") == 0
	  or diag(slurp("$dir/log"));
	($code, %found) = findings('-h', $dir, '-p', $port);
	is($code, 2, 'standby: fails');
	is($found{role}{text}, 'this server is a standby', 'standby: what it is')
	  or diag(explain(\%found));
	like($found{role}{advice}, qr/target_session_attrs=read-write/, 'standby: what to do');
	my ($exit, undef, $err) = tool('run', '-h', $dir, '-p', $port, 'default/x', '--', 'true');
	is($exit, 69, 'standby: run refuses') or diag($err);
	system(@as, qw(pg_ctl -s -w -m immediate stop -D), "$dir/data");
}

($code) = tool(qw(doctor -h /nonexistent));
is($code, 69, 'nobody answers: exit code');

done_testing();
