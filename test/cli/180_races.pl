# Short runs of race and storm; "perl test/cli/race 2000" is the long one.
use strict;
use warnings;
use FindBin;
use Test::More;

# long(SCRIPT, ROUNDS) - runs it, and tells how it ended: exit code, output.
sub long
{
	my ($script, $rounds) = @_;
	my $out = `$^X $FindBin::RealBin/$script $rounds`;
	diag($out =~ /^($script: .*)$/m);
	return ($? >> 8, $out);
}

my ($code, $out) = long('race', 40);
is($code, 0, 'race: exit code') or diag($out);
like($out, qr/^race: 40 rounds\b.* 0 troubles/m, 'race: 40 rounds, no trouble');

($code, $out) = long('storm', 4);
like($out, qr/^storm: [234] rounds\b.* 0 troubles/m, 'storm: no trouble') or diag($out);
SKIP:
{
	skip 'this machine does not send 21 signals within a millisecond', 1 if $code == 77;
	is($code, 0, 'storm: 4 rounds count');
}

done_testing();
