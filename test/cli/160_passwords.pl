# PGPASSFILE, services and PG* variables work as in psql; a password is never in
# the process list or in output.
use strict;
use warnings;
use FindBin;
use lib $FindBin::RealBin;
use IO::Pty;
use POSIX qw(setsid);
use ProcessTree qw(wait_for slurp %kinds children_of);
use Test::More;
use Tool;

my $secret = 'Xyzzy-plugh';
my $dir = File::Temp::tempdir('pg_exclusive-cli.XXXXXX', TMPDIR => 1, CLEANUP => 1);
sql("CREATE ROLE guarded LOGIN PASSWORD '$secret'; SELECT lock_namespace('safe')");
my $hba = slurp("$ENV{PGDATA}/pg_hba.conf");
open(my $file, '>', "$ENV{PGDATA}/pg_hba.conf") or die;
print $file "local all guarded scram-sha-256\n$hba";
close $file;
sql('SELECT pg_reload_conf()');

sub put
{
	my ($name, $text) = @_;
	open(my $out, '>', "$dir/$name") or die;
	print $out $text;
	close $out;
	chmod 0600, "$dir/$name";
	return "$dir/$name";
}

my $conninfo = "user=guarded password=$secret";
my @run = qw(run -U guarded safe/x -- echo in);

ok(wait_for(sub { (tool(@run))[0] == 69 }), 'a role with a password: refused without it');
my (undef, undef, $err) = tool(@run);
like($err, qr/no password supplied|fe_sendauth/, 'without it: why');
{
	local $ENV{PGPASSWORD} = 'wrong';
	my ($code, $out, $text) = tool(@run);
	is($code, 69, 'a wrong password: exit code');
	unlike($text, qr/wrong/, 'a wrong password is not shown');
}
{
	local $ENV{PGPASSWORD} = $secret;
	is((tool(@run))[1], "in\n", 'PGPASSWORD');
}
{
	local $ENV{PGPASSFILE} = put('pass', "*:*:*:guarded:$secret\n");
	is((tool(@run))[1], "in\n", 'PGPASSFILE');
}
{
	local $ENV{PGSERVICEFILE} = put('service', "[mine]\nuser=guarded\npassword=$secret\n");
	local $ENV{PGSERVICE} = 'mine';
	is((tool(qw(run safe/x -- echo in)))[1], "in\n", 'PGSERVICE');
	delete local $ENV{PGSERVICE};
	is((tool(qw(run -d service=mine safe/x -- echo in)))[1], "in\n", '-d service=mine');
}
for my $given ($conninfo, "postgresql://guarded:$secret\@/test")
{
	my ($code, $out, $text) = tool('run', '-v', '-d', $given, qw(safe/x -- echo in));
	is($out, "in\n", "-d with a password, $code");
	unlike($out . $text, qr/$secret/, '-d with a password: not in output');
}
# Given on the command line it is wiped out at once, also while waiting.
for my $given ([ '-d', $conninfo ], ["--dbname=$conninfo"], ["-d$conninfo"],
	[ '-d', "postgresql://guarded:$secret\@/test" ])
{
	my $tree = ProcessTree->new(command => $kinds{plain},
		program => [ $ENV{PG_EXCLUSIVE}, 'run', @$given, 'safe/y', '--' ]);
	$tree->ready or BAIL_OUT('it does not start: ' . $tree->stderr);
	my @all = map { slurp("/proc/$_/cmdline") } @$tree{qw(front guard command_pid)};
	is(scalar(grep { /$secret/ } @all), 0, "process list: @$given[0 .. 0] " . substr($given->[-1], 0, 12));
	like($all[0], qr/safe\/y/, 'process list: the rest is there');
}
# JSON and doctor.
for my $command ([qw(status --json)], ['doctor'], [qw(doctor --json)])
{
	my (undef, $out, $text) = tool(@$command, '-d', $conninfo);
	unlike($out . $text, qr/$secret/, "@$command: not in output");
}
my (undef, undef, $text) = tool('status', '-d', "$conninfo nonsense");
unlike($text, qr/$secret/, 'a broken connection string is not shown');

# -W asks on the terminal, without echo.
{
	my $pty = IO::Pty->new;
	my $pid = fork // die;
	if ($pid == 0)
	{
		setsid;
		$pty->make_slave_controlling_terminal;
		my $slave = $pty->slave;
		close $pty;
		open(STDIN, '<&', $slave);
		open(STDOUT, '>', "$dir/out");
		open(STDERR, '>', "$dir/err");
		exec $ENV{PG_EXCLUSIVE}, @run[0 .. 2], '-W', @run[3 .. $#run];
	}
	$pty->close_slave;
	$pty->blocking(0);
	my $screen = '';
	ok(wait_for(sub { my $part; $screen .= $part while sysread($pty, $part, 99); $screen =~ /Password: / }),
		'-W: it asks');
	syswrite($pty, "$secret\n");
	waitpid $pid, 0;
	is($?, 0, '-W: exit code') or diag(slurp("$dir/err"));
	is(slurp("$dir/out"), "in\n", '-W: it runs');
	my $part;
	$screen .= $part while sysread($pty, $part, 99);
	unlike($screen, qr/$secret/, '-W: no echo');
}

done_testing();
