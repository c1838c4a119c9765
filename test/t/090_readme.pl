# What README.md says is so: its SQL runs as written, and its C++ is taken from
# the examples that are compiled.
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
$node->init;
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
		'C++ of the README is compiled: ' . (split /\n/, $block)[0]);
}

done_testing();
