# An encrypted client key: with sslpassword it works, without it the tool says
# what is missing, and never reads the command's input for a passphrase.
use strict;
use warnings;
use FindBin;
use lib $FindBin::RealBin;
use IPC::Run qw(run start timeout);
use ProcessTree qw(wait_for slurp);
use Test::More;
use Time::HiRes qw(time);
use Tool;

my $dir = File::Temp::tempdir('pg_exclusive-cli.XXXXXX', TMPDIR => 1, CLEANUP => 1);

sub openssl { system("openssl @_ 2>/dev/null") == 0 or die "openssl @_"; return }
openssl(qw(req -x509 -newkey rsa:2048 -nodes -days 2 -subj /CN=postgres -keyout), "$dir/key", '-out', "$dir/crt");
openssl(qw(rsa -aes256 -passout pass:sesame -in), "$dir/key", '-out', "$dir/locked");
chmod 0600, "$dir/locked";
for my $file (qw(key crt))
{
	system('cp', "$dir/$file", "$ENV{PGDATA}/server.$file") == 0 or die;
	chmod 0600, "$ENV{PGDATA}/server.$file";
	chown((getpwnam $ENV{SERVER_USER})[ 2, 3 ], "$ENV{PGDATA}/server.$file") if $> == 0;
}
sql("SELECT lock_namespace('safe')");
sql('ALTER SYSTEM SET ssl = on');
sql('SELECT pg_reload_conf()');
ok(wait_for(sub { run([ qw(psql -XAtqc), 'SELECT 1', "host=127.0.0.1 sslmode=require dbname=$ENV{PGDATABASE}" ],
			\undef, \my $out, \my $told) }), 'the server speaks TLS');

my $conninfo = "host=127.0.0.1 sslmode=require sslcert=$dir/crt sslkey=$dir/locked";
is((tool('run', '-d', "$conninfo sslpassword=sesame", qw(safe/x -- echo in)))[1], "in\n", 'with sslpassword');

for my $command ([qw(run safe/x -- cat)], ['status'], [qw(wait safe/x)], ['doctor'], [qw(break safe/x --reason none)])
{
	my ($name, @rest) = @$command;
	# An input that stays open, with a line that would be the passphrase.
	pipe(my $in, my $writer) or die;
	syswrite $writer, "sesame\n";
	my ($out, $err) = ('', '');
	my $before = time;
	my $ended = eval { run([ $ENV{PG_EXCLUSIVE}, $name, '-d', $conninfo, @rest ], '<', $in, '>', \$out, '2>', \$err, timeout(60)); 1 };
	ok($ended, "$name: ends");
	is($? >> 8, 69, "$name: exit code") or diag($err);
	like($err, qr/^pg_exclusive: error: the client's private key is encrypted and no sslpassword is given/m, "$name: what is missing");
	like($err, qr/^pg_exclusive: hint: Add sslpassword/m, "$name: what to do");
	is($out, '', "$name: nothing ran");
	my $left = '';
	vec(my $bits = '', fileno $in, 1) = 1;
	sysread $in, $left, 100 if select($bits, undef, undef, 0);
	is($left, "sesame\n", "$name: its input is untouched");
}
sql('ALTER SYSTEM RESET ssl');

done_testing();
