# A role that fills the lock table before anybody has used the extension does not keep
# others from using it.
use strict;
use warnings;
use FindBin;
use lib $FindBin::Bin;
use Exclusive;
use PostgreSQL::Test::Utils;
use Test::More;

my $node = new_node('home', conf => 'restart_after_crash = on');
$node->safe_psql('postgres', 'CREATE ROLE nobody LOGIN; CREATE DATABASE other');
$node->safe_psql('other', 'CREATE EXTENSION pg_exclusive');

my $fill = 'SELECT count(pg_advisory_lock(g)) FROM generate_series(1, 1000000) g';
foreach my $how ('disconnect', 'unlock')
{
	$node->restart;
	my ($early, $filler) = (session($node), session($node, 'postgres', 'nobody'));    # later nobody can log in
	is(ask($filler, $fill), 'ERROR:  53200', 'the lock table is full');
	my $answer = ask($early, q(SELECT try_lock('default', 'k')));
	like($answer, qr/^(?:ERROR:  53200|t)$/, 'an error, or an answer');
	is(ask($early, 'SELECT unlock_all() IS NOT NULL'), 't', 'and nothing is broken') if $answer eq 't';
	is(ask($filler, 'SELECT pg_advisory_unlock_all()'), '', 'freed') if $how eq 'unlock';
	$filler->quit;

	my ($one, $two) = (session($node), session($node));
	until_true('the locks are free', sub {
		$node->safe_psql('postgres', q(SELECT count(*) FROM pg_locks WHERE locktype = 'advisory')) == 0 });
	is(ask($one, q(SELECT try_lock('default', 'k'))), 't', "$how: a session can lock");
	is(ask($two, q(SELECT try_lock('default', 'k'))), 'f', 'another sees it');
	is(ask($two, q(SELECT key, role FROM lock_holders)), 'k|postgres', 'by name');
	is(ask($early, q(SELECT try_lock('default', 'k'))), 'f', 'also the session that was there before');
	my $other = session($node, 'other');
	is(ask($other, q(SELECT try_lock('default', 'k'))), 't', 'in another database');
	is(ask($other, q(SELECT grants FROM lock_stats WHERE namespace = 'default')), 1, 'which counts by itself');
	my $token = ask($one, q(SELECT fencing_token('default', 'k')));
	is(ask($one, q(SELECT unlock('default', 'k'))), 't', 'freed');
	is(ask($two, q(SELECT try_lock('default', 'k'))), 't', 'taken by the next');
	cmp_ok(ask($two, q(SELECT fencing_token('default', 'k'))), '>', $token, 'with a larger token');
	is(ask($two, q(SELECT count(*) FROM pg_locks WHERE locktype = 'advisory')), 2, 'pg_locks shows two locks');

	# after the crash of a backend all is made anew
	my ($pid, $witness) = (pid_of($one), pid_of($two));
	kill 'KILL', $pid;
	until_true('all sessions are gone', sub { !is_alive($witness) });
	until_true('the server is back', sub { ($node->psql('postgres', 'SELECT 1'))[0] == 0 });
	my $after = session($node);
	is(ask($after, q(SELECT try_lock('default', 'k'))), 't', 'after a crash restart');
	cmp_ok(ask($after, q(SELECT fencing_token('default', 'k'))), '>', $token, 'with a larger token');
	is(ask($after, q(SELECT count(*) FROM lock_holders)), 1, 'one holder');
	eval { $_->quit } foreach $one, $two, $early, $other, $after;
}

# CREATE EXTENSION and the first use after the table was filled
$node->restart;
my $filler = session($node, 'postgres', 'nobody');
is(ask($filler, $fill), 'ERROR:  53200', 'the lock table is full');
$filler->quit;
$node->safe_psql('postgres', 'CREATE DATABASE late');
$node->safe_psql('late', 'CREATE EXTENSION pg_exclusive');
is($node->safe_psql('late', q(SELECT try_lock('default', 'k'))), 't', 'a new extension works');
$node->stop;
done_testing();
