# Round trips, counted by the proxy in test/proxy, and CPU time.
use strict;
use warnings;
use FindBin;
use lib $FindBin::RealBin;
use IPC::Run qw(run);
use Test::More;
use Tool;

my $proxy = $ENV{PROXY} // ($ENV{PG_EXCLUSIVE} =~ s{cli/pg_exclusive$}{proxy/proxy}r);
plan skip_all => 'test/proxy is not built' if !-x $proxy;
sql("SELECT lock_namespace('tool')");

# trips(COMMAND...) - from connect to exit.
sub trips
{
	my @command = @_;
	my ($out, $err) = ('', '');
	run([ $proxy, '--', $ENV{PG_EXCLUSIVE}, @command ], \undef, \$out, \$err);
	my ($trips) = "$out$err" =~ /^trips: (\d+)$/m or diag("@command: $out$err");
	return $trips;
}

# With libpq's own connect, which is two.
my %most = ('run tool/x -- true' => 7, 'status' => 4, 'status tool' => 4, 'status --json' => 4, 'doctor' => 8,
	'break tool/x --reason none' => 4, 'check tool/x --max-age 1d' => 4, 'watch --count 1' => 4);
for my $command (sort keys %most)
{
	# These two open lock sessions of the client library.
	local our $TODO = 'the library opens a session in fewer round trips' if $command =~ /^(run|doctor)/;
	my $trips = trips(split ' ', $command);
	cmp_ok($trips // 'none', '<=', $most{$command}, "$command: $trips round trips");
}

done_testing();
