# Short runs of race and storm; "perl test/cli/race 2000" is the long one.
use strict;
use warnings;
use FindBin;
use Test::More;

for my $run ([ 'race', 40 ], [ 'storm', 4 ])
{
	my ($script, $rounds) = @$run;
	my $out = `$^X $FindBin::RealBin/$script $rounds`;
	is($?, 0, "$script: $rounds rounds") or diag($out);
	like($out, qr/^$script: $rounds rounds\b.* 0 troubles/m, "$script: no trouble");
	diag($out =~ /^($script: .*)$/m);
}

done_testing();
