# docs/sql.md is complete: each function with its arguments, each view with its
# columns, and each message that it explains is what the server says.
use strict;
use warnings;
use FindBin;
use lib $FindBin::RealBin;
use IPC::Run qw(run);
use Page qw(slurp);
use Test::More;

my $page = slurp('docs/sql.md');
$ENV{PGDATABASE} = 'postgres';
psql('CREATE DATABASE reference');
$ENV{PGDATABASE} = 'reference';
psql('CREATE EXTENSION pg_exclusive', q(SELECT lock_namespace('jobs')));

# psql(STATEMENT...) - (what it prints, what it complains about).
sub psql
{
	my @statements = @_;
	my ($out, $err);
	run([ qw(psql -XAtq -v VERBOSITY=verbose) ], '<', \join(";\n", @statements, ''), '>', \$out, '2>', \$err);
	return ($out, $err);
}

# Functions with their arguments, views with their columns.
my $sorted = sub { return join "\n", sort split /\n/, $_[0] };
my $in_extension = q(IN (SELECT objid FROM pg_depend WHERE deptype = 'e'
	AND refclassid = 'pg_extension'::regclass AND refobjid =
	(SELECT oid FROM pg_extension WHERE extname = 'pg_exclusive')));
my ($functions) = psql(qq(
	SELECT proname || '(' || coalesce(array_to_string(CASE
		WHEN proargmodes IS NULL OR prokind = 'p' THEN proargnames
		ELSE proargnames[1:pronargs] END, ', '), '') || ')'
	FROM pg_proc WHERE oid $in_extension AND pronamespace <> 'exclusive_internal'::regnamespace));
is($sorted->(join "\n", $page =~ /^### `(.*)`$/mg),
	$sorted->($functions), 'functions and their arguments');
my ($views) = psql(qq(
	SELECT '`' || relname || '` | ' || (
		SELECT string_agg(attname, ', ' ORDER BY attnum)
		FROM pg_attribute WHERE attrelid = c.oid AND attnum > 0)
	FROM pg_class c WHERE oid $in_extension AND relkind = 'v'
		AND relnamespace <> 'exclusive_internal'::regnamespace));
is($sorted->(join "\n", $page =~ /^\| (`lock_\w+` \| (?:namespace|used), .*) \|$/mg),
	$sorted->($views), 'views and their columns');
my ($settings) = psql(q(SELECT lock_id('x', 'y')),
	q(SELECT '`' || name || '` | ' || boot_val FROM pg_settings
		WHERE name LIKE 'pg_exclusive.%' ORDER BY name));
is(join("\n", sort($page =~ /^\| (`pg_exclusive\.\w+` \| \S+) \|/mg), ''),
	$settings =~ s/^-?\d+\n//r, 'settings and their defaults');

# What a message means.  One number is as good as another.
my %explained;
while ($page =~ /^\| `([^|]*)` \| (\w+) \| [^|]+ \|$/mg)
{
	my ($text, $state) = ($1, $2);
	next if $text =~ /^pg_exclusive\./ || $state !~ /^(?:[0-9A-Z]{5}|warning)$/;
	$explained{ $text =~ s/\d+/1/gr } = $state;
}
my %tried;

# error(TEXT, STATEMENT...) - the last statement says TEXT.
sub error
{
	my ($text, @statements) = @_;
	my (undef, $err) = psql(@statements);
	my $state = $explained{$text} // 'none';
	like($err =~ s/^(ERROR:  \w+|WARNING:  \w+)|\d+/$1 || 1/gemr,
		qr/(?:ERROR:  \Q$state\E|WARNING:  \w+): \Q$text\E$/m, "message: $text");
	$tried{$text} = 1;
	return;
}

my $take = q(SELECT try_lock('jobs', 'nightly-close'));
error('lock namespace "job" does not exist', q(SELECT try_lock('job', 'x')));
error('lock "jobs/nightly-close" is already held by this session', $take, $take);
error('lock "jobs/nightly-close" is not held by this session at session scope',
	q(SELECT unlock('jobs', 'nightly-close')));
error('cannot execute unlock() in a transaction that has written',
	$take, 'BEGIN', 'CREATE TABLE t ()', q(SELECT unlock('jobs', 'nightly-close')));
error('cannot execute try_run_exclusive() at isolation level REPEATABLE READ or SERIALIZABLE',
	'BEGIN ISOLATION LEVEL REPEATABLE READ',
	q(SELECT try_run_exclusive('jobs', 'nightly-close', 'SELECT')));
error('wait_lock() cannot be called in a transaction block or a function',
	'BEGIN', q(CALL wait_lock('jobs', 'nightly-close')));
error('a task cannot begin or end a transaction',
	q(SELECT try_run_exclusive('jobs', 'nightly-close', 'COMMIT')));
error('permission denied for lock namespace "payments"',
	'CREATE ROLE operator', 'CREATE ROLE outsider',
	q(SELECT lock_namespace('payments', 'operator')),
	'SET ROLE outsider', q(SELECT try_lock('payments', 'x')));
error('role "operator" cannot be dropped because some objects depend on it',
	'DROP ROLE operator');
error('too many locks in this session',
	'SET pg_exclusive.max_locks_per_session = 1', $take, q(SELECT try_lock('jobs', 'another')));
error('lock namespace "jobs" is registered with other settings',
	q(SELECT lock_namespace('jobs', max_holds => 3)));
error('cannot PREPARE a transaction that holds a pg_exclusive lock at transaction scope',
	'BEGIN', q(SELECT try_xact_lock('jobs', 'nightly-close')), q(PREPARE TRANSACTION 'x'));
my $token = q(fencing_token('jobs', 'nightly-close'));
error('fencing token 1 of lock "jobs/nightly-close" is stale',
	$take, "CREATE TEMP TABLE old AS SELECT $token AS token", q(SELECT unlock_all()),
	$take, "SELECT check_fence('jobs', 'nightly-close', $token)",
	q(SELECT check_fence('jobs', 'nightly-close', token) FROM old));
error('lock namespace "jobs" is paused: maintenance',
	q(SELECT pause_lock_namespace('jobs', 'maintenance')), $take);

# A standby says the rest: a copy of this server that replays its log.
my $standby = "$ENV{PGHOST}/standby";
my @as_server = $> == 0 ? ('setpriv', "--reuid=$ENV{SERVER_USER}", '--clear-groups') : ();
my $told;
run([ @as_server, 'pg_basebackup', '-D', $standby, '-R', '-c', 'fast' ], '>&', \$told)
  or BAIL_OUT("pg_basebackup: $told");
my $port = $ENV{PGPORT} + 1;
run([ @as_server, 'pg_ctl', '-D', $standby, '-w', '-o', "-p $port", '-l', "$standby/log", 'start' ])
  or BAIL_OUT('the standby does not start');
{
	local $ENV{PGPORT} = $port;
	error('cannot execute a lock function during recovery', $take);
}
run([ @as_server, 'pg_ctl', '-D', $standby, '-m', 'immediate', 'stop' ]);

is_deeply([ sort keys %tried ], [ sort keys %explained ], 'each message that is explained was tried');
done_testing();
