# What README.md says is so: its SQL runs as written, its C++ is taken from the
# examples that are compiled, the reference is complete, errors read as there.
use strict;
use warnings;
use PostgreSQL::Test::Cluster;
use PostgreSQL::Test::Utils;
use Test::More;

my $readme = slurp_file('README.md');

# blocks(language) - the code blocks in that language, in order.
sub blocks
{
	my ($language) = @_;
	return $readme =~ /^```\Q$language\E\n(.*?)^```$/msg;
}

my $node = PostgreSQL::Test::Cluster->new('readme');
$node->init(allows_streaming => 1);
$node->append_conf('postgresql.conf', 'max_prepared_transactions = 2');
$node->start;
my $psql = $node->background_psql('postgres', on_error_stop => 1);

# A statement ends in ";", then a comment may say what it returns, up to the
# first comma.
my $statements = 0;
my $blank = qr/[ \t]*/;
for my $block (blocks('sql'))
{
	while ($block =~ /\G\s*(.+?;)$blank(?:--$blank([^\n,]*)[^\n]*)?\n/gsc)
	{
		my ($sql, $expected) = ($1, $2);
		my $title = $sql =~ s/\s+/ /gr;
		my $got = $psql->query($sql);
		$statements++;
		if (defined $expected)
		{
			is($got, $expected =~ s/\s+$//r, $title);
		}
		else
		{
			is($psql->{stderr}, '', $title);
		}
	}
	is(substr($block, pos($block) // 0) =~ s/\s//gr,
		'', 'nothing of the block is left over');
}
ok($statements > 10, 'there are statements in the README');
$psql->quit;

# Code is compared without its indentation.
my $examples = join '', map { slurp_file($_) } glob('cpp/examples/*.cpp');
my $plain = sub { return $_[0] =~ s/^[ \t]+//mgr };
my @cpp = blocks('cpp');
ok(@cpp, 'there is C++ in the README');
for my $block (@cpp)
{
	ok(index($plain->($examples), $plain->($block)) >= 0,
		'C++ of the README is compiled: ' . (split /\n/, $block)[1]);
}

# Functions with their arguments, views with their columns, as in the database.
my $names_of = sub { return join "\n", sort split /\n/, $_[0] };
my $ours = q(IN (SELECT objid FROM pg_depend WHERE deptype = 'e'
	AND refclassid = 'pg_extension'::regclass AND refobjid =
	(SELECT oid FROM pg_extension WHERE extname = 'pg_exclusive')));
is( $names_of->(
		join "\n", $readme =~ /^\| `(?:CALL )?(\w+\([^`]*\))` \| /mg),
	$names_of->(
		$node->safe_psql('postgres', qq(
			SELECT proname || '(' || coalesce(array_to_string(CASE
				WHEN proargmodes IS NULL OR prokind = 'p' THEN proargnames
				ELSE proargnames[1:pronargs] END, ', '), '') || ')'
			FROM pg_proc WHERE oid $ours AND proname !~ '^_'))),
	'functions and their arguments');
is( $names_of->(join "\n", $readme =~ /^\| (`lock_\w+` \| .*) \|$/mg),
	$names_of->(
		$node->safe_psql('postgres', qq(
			SELECT '`' || relname || '` | ' || (
				SELECT string_agg(attname, ', ' ORDER BY attnum)
				FROM pg_attribute WHERE attrelid = c.oid AND attnum > 0)
			FROM pg_class c WHERE oid $ours AND relkind = 'v'))),
	'views and their columns');

# error(text, sql...) - the last statement says text, and the README has it.
# One number is as good as another.
my %explained = map { s/\d+/1/gr => 1 } $readme =~ /^\*\*`(.*?)`\*\*/mg;
my %tried;

sub error
{
	my ($text, @sql) = @_;
	my ($code, $out, $err) =
	  $node->psql('postgres', join(";\n", @sql), on_error_stop => 0);
	like($err =~ s/\d+/1/gr, qr/\Q$text\E$/m, "error: $text");
	$tried{$text} = 1;
}

error('lock namespace "job" does not exist', q(SELECT try_lock('job', 'x')));
my $take = q(SELECT try_lock('jobs', 'nightly-close'));
error('lock "jobs/nightly-close" is already held by this session',
	$take, $take);
error('lock "jobs/nightly-close" is not held by this session at session scope',
	q(SELECT unlock('jobs', 'nightly-close')));
error('cannot execute unlock() in a transaction that has written',
	$take, 'BEGIN', 'CREATE TABLE t ()',
	q(SELECT unlock('jobs', 'nightly-close')));
error('cannot execute try_run_exclusive() at isolation level '
	  . 'REPEATABLE READ or SERIALIZABLE',
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
	'SET pg_exclusive.max_locks_per_session = 1',
	$take, q(SELECT try_lock('jobs', 'another')));
error('lock namespace "jobs" is registered with other settings',
	q(SELECT lock_namespace('jobs', max_holds => 3)));
error('cannot PREPARE a transaction that holds a pg_exclusive lock '
	  . 'at transaction scope',
	'BEGIN', q(SELECT try_xact_lock('jobs', 'nightly-close')),
	q(PREPARE TRANSACTION 'x'));
error('fencing token 1 of lock "jobs/nightly-close" is stale',
	$take,
	q(UPDATE balance SET token = fencing_token('jobs', 'nightly-close')),
	q(UPDATE balance SET token = fencing_token('jobs', 'nightly-close') - 1));
error('lock namespace "jobs" is paused: maintenance',
	q(SELECT pause_lock_namespace('jobs', 'maintenance')), $take);

# A standby says the rest.
$node->backup('base');
my $standby = PostgreSQL::Test::Cluster->new('standby');
$standby->init_from_backup($node, 'base', has_streaming => 1);
$standby->start;
$node->wait_for_catchup($standby);
$node = $standby;
error('cannot execute a lock function during recovery', $take);

is_deeply([ sort keys %tried ],
	[ sort keys %explained ], 'the README explains what was tried here');

# Links lead somewhere; the README is short enough to be read.
for my $target (($readme =~ s/^```.*?^```//msgr) =~ /\]\((?!https?:)([^)#]+)/g)
{
	ok(-e $target, "link to $target");
}
cmp_ok(($readme =~ tr/\n//), '<=', 300, 'at most 300 lines');

done_testing();
