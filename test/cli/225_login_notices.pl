# What a server says on its own at login is never printed, least of all between
# lines of JSON.
use strict;
use warnings;
use FindBin;
use lib $FindBin::RealBin;
use IPC::Run qw(run);
use Test::More;
use Tool;

sql('CREATE DATABASE chatty');
{
	local $ENV{PGDATABASE} = 'chatty';
	sql('CREATE EXTENSION pg_exclusive');
}
my $chatty;
sql(q(UPDATE pg_database SET datcollversion = '0.0' WHERE datname = 'chatty'));
{
	my $e;
	run([qw(psql -XAtq -d chatty -c), 'SELECT 1'], '>', \my $o, '2>', \$e);
	$chatty = $e =~ /collation version/;
}
SKIP:
{
	skip 'the server does not warn of collations here', 12 if !$chatty;
	for my $command ([qw(run -q default/x -- true)], [qw(run --json default/x -- true)], [qw(status)],
		[qw(status --json)], [qw(wait default/x)], [qw(doctor --json)])
	{
		my ($name, @rest) = @$command;
		my ($code, undef, $err) = tool($name, qw(-d chatty), @rest);
		is($code, 0, "@$command: exit code") or diag($err);
		is($err, '', "@$command: no word of the server's");
	}
}

done_testing();
