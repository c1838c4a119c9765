# The scope of a lock is its database: others neither see nor meet it.
use strict;
use warnings;
use FindBin;
use lib $FindBin::Bin;
use Exclusive;
use Test::More;

my $node = new_node('two');
$node->safe_psql('postgres', "SELECT lock_namespace('jobs')");
$node->safe_psql('postgres', 'CREATE DATABASE other');
$node->safe_psql('other', "CREATE SCHEMA elsewhere; CREATE EXTENSION pg_exclusive SCHEMA elsewhere;
	ALTER DATABASE other SET search_path = elsewhere");
my ($here, $there, $there2) = (session($node), session($node, 'other'), session($node, 'other'));

is(ask($here, "SELECT try_lock('default', 'k')"), 't', 'one database');
is(ask($there, "SELECT try_lock('default', 'k')"), 't', 'the other');
is(ask($there2, "SELECT try_lock('default', 'k')"), 'f', 'and within it, it excludes');
is(ask($_, 'SELECT pid = pg_backend_pid() FROM lock_holders'), 't', 'each sees its own only') foreach $here, $there;
is(ask($there, "SELECT count(*) FROM pg_locks WHERE locktype = 'advisory'"), 2, 'both are in the lock manager');

# namespaces are the database's
is(ask($there, "SELECT try_lock('jobs', 'k')"), 'ERROR:  42704', 'not registered there');
is(ask($there, "SELECT lock_namespace('jobs') IS NOT NULL"), 't', 'registered');
is(ask($here, "SELECT try_lock('jobs', 'k')"), 't', 'used here');
is(ask($there, "SELECT drop_lock_namespace('jobs')"), '', 'dropped there while it is used here');
is(ask($here, "SELECT drop_lock_namespace('jobs')"), 'ERROR:  55006', 'not here');

# waiting, runs and tokens
is(ask($here, 'SELECT unlock_all()'), 2, 'freed here');
is(ask($there2, "SELECT try_lock('default', 'k')"), 'f', 'not there');
is(ask($there, "SELECT try_run_once('default', 'run', 'slot', 'SELECT')"), 't', 'a run there');
is(ask($here, "SELECT try_run_once('default', 'run', 'slot', 'SELECT')"), 't', 'is not a run here');
ask_later($there2, "CALL wait_lock('default', 'k')");
wait_queued($node, $node->safe_psql('other', 'SELECT pid FROM elsewhere.lock_waiters'))
  if $node->poll_query_until('other', 'SELECT count(*) = 1 FROM elsewhere.lock_waiters');
is(ask($here, 'SELECT count(*) FROM lock_waiters'), 0, 'a waiter there is not seen here');
my $token = ask($there, "SELECT fencing_token('default', 'k')");
$there->quit;
is(answer($there2), 't', 'the waiter gets it');
cmp_ok(ask($there2, "SELECT fencing_token('default', 'k')"), '>', $token, 'with a larger token');
$_->quit foreach $here, $there2;

# a database without the extension beside them, and one copied from a template
$node->safe_psql('postgres', 'CREATE DATABASE copy TEMPLATE other');
my $copy = session($node, 'copy');
is(ask($copy, "SELECT elsewhere.try_lock('default', 'k'), elsewhere.unlock('default', 'k')"), 't|t', 'a copy of a database locks by itself');
$copy->quit;
$node->safe_psql('postgres', 'DROP DATABASE copy');
$node->stop;
done_testing();
