# docs/operations.md says who held a lock at some time, from the server's csvlog
# and jsonlog.  The queries are run as they stand there.
use strict;
use warnings;
use FindBin;
use lib $FindBin::Bin;
use Exclusive;
use PostgreSQL::Test::Utils;
use Test::More;

my $page = slurp_file("$FindBin::Bin/../../docs/operations.md");
my @queries = $page =~ /032_who_held_it.pl runs it -->\n```sql\n(.*?)```/sg;
is(@queries, 2, 'the page has two queries');
my ($json, $csv) = @queries;

my $node = new_node('who', conf => q{
logging_collector = on
log_destination = 'csvlog,jsonlog'
log_directory = 'log'
log_filename = 'postgresql.log'
pg_exclusive.log_min_hold = 0
});
$node->safe_psql('postgres', "SELECT lock_namespace('jobs')");

# hold(name, then) - a hold by an application of that name; the time in its middle
sub hold
{
	my ($name, $end) = @_;
	my $session = session($node);
	ask($session, "SET application_name = '$name'");
	ask($session, "SELECT try_lock('jobs', 'nightly-close')");
	my $time = ask($session, 'SELECT clock_timestamp()');
	ask($session, "SELECT try_lock('jobs', 'nightly-close-too')");
	$end->($session);
	ok($node->poll_query_until('postgres', 'SELECT count(*) = 0 FROM lock_holders'), "$name holds nothing");
	return $time;
}

my $first = hold('node3', sub { ask($_[0], 'SELECT unlock_all()') });
my $second = hold('node7', sub { $_[0]->quit });
my $log = $node->data_dir . '/log/postgresql';
until_true('both are in the files', sub {
	slurp_file("$log.json") =~ /nightly-close\\" ended.*node7/ && slurp_file("$log.csv") =~ /nightly-close"" ended.*node7/;
});

$node->safe_psql('postgres', q{CREATE TABLE postgres_log (
	log_time timestamptz, user_name text, database_name text, process_id integer,
	connection_from text, session_id text, session_line_num bigint, command_tag text,
	session_start_time timestamptz, virtual_transaction_id text, transaction_id bigint,
	error_severity text, sql_state_code text, message text, detail text, hint text,
	internal_query text, internal_query_pos integer, context text, query text,
	query_pos integer, location text, application_name text, backend_type text,
	leader_pid integer, query_id bigint)});
$node->safe_psql('postgres', "COPY postgres_log FROM '$log.csv' WITH csv");

for my $case ([ $json, 'jsonlog' ], [ $csv, 'csvlog' ])
{
	my ($query, $format) = @$case;
	like(answer_at($query, $first), qr/^Mode exclusive, .*"node3"\.\|\d+\|.*\| unlock$/, "$format: the first");
	like(answer_at($query, $second), qr/^Mode exclusive, .*"node7"\.\|\d+\|.*\| session end$/, "$format: the second, and how it ended");
	is(answer_at($query, '2020-02-02 02:00'), '', "$format: nobody");
}

sub answer_at
{
	my ($query, $time) = @_;
	$query =~ s/'2026-11-28 02:00'/'$time'/ or die;
	return $node->safe_psql('postgres', $query);
}

done_testing();
