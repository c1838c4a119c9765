# Every code block of the documents does what it says.  Page.pm has the comments
# that steer it, Runner.pm what is done with each language.
use strict;
use warnings;
use FindBin;
use lib $FindBin::RealBin;
use Page qw(read_blocks slurp);
use Runner;
use Test::More;

my $work = $ENV{DOCUMENTS_WORK};
my $prefix = "$work/prefix";

# Programs that a reader has and a test must not use.  And what the tests have
# compiled already is not compiled once more for the blocks that run in the
# checkout, but installed from there.  With DOCUMENTS_COMPILE it is.
sub stand_ins
{
	my %scripts = (sudo => 'exec "$@"', ldconfig => 'exit 0');
	my ($cmake) = grep { -x } map { "$_/cmake" } split /:/, $ENV{PATH};
	$scripts{cmake} = <<"END" unless $ENV{DOCUMENTS_COMPILE};
[ "\$PWD" = "$work/checkout" ] || exec $cmake "\$@"
case "\$1" in
--build) ;;
--install) shift 2; exec $cmake --install "$ENV{DOCUMENTS_BUILD}" "\$@" ;;
*) exec $cmake "\$@" ;;
esac
END
	mkdir "$work/bin";
	for my $name (keys %scripts)
	{
		open(my $out, '>', "$work/bin/$name") or die;
		print $out "#!/bin/sh\n$scripts{$name}\n";
		close $out;
		chmod 0755, "$work/bin/$name";
	}
	return;
}

stand_ins();
my ($libdir) = glob("$prefix/lib/*/pkgconfig $prefix/lib/pkgconfig");
$libdir =~ s{/pkgconfig$}{};
%ENV = (
	%ENV,
	PATH => "$work/bin:$prefix/bin:$ENV{PATH}",
	LD_LIBRARY_PATH => $libdir,
	PKG_CONFIG_PATH => "$libdir/pkgconfig",
	CMAKE_PREFIX_PATH => $prefix,
	CMAKE_BUILD_TYPE => 'Debug',
	CMAKE_GENERATOR => 'Ninja',
	DESTDIR => "$work/root");

# Links lead somewhere, and a page can be read in one go.
sub check_form
{
	my ($page, $text) = @_;
	my ($folder) = $page =~ m{^(.*/)?};
	$folder //= '';
	my $prose = $text =~ s/^```.*?^```//msgr;
	for my $target ($prose =~ /\]\((?!https?:)([^)#]+)/g)
	{
		ok(-e "$folder$target", "$page: link to $target");
	}
	cmp_ok(($text =~ tr/\n//), '<=', $page eq 'README.md' ? 160 : 500, "$page: is not too long");
	return;
}

for my $page (@ARGV)
{
	my $text = slurp($page);
	check_form($page, $text);
	my @blocks = eval { read_blocks($text) };
	ok(@blocks || !$@, "$page: can be read") or do { diag($@); next };
	my $runner = Runner->new($page);
	system('psql', '-Xqc', 'CREATE EXTENSION pg_exclusive') == 0 or BAIL_OUT('no extension')
	  unless $text =~ /^CREATE EXTENSION pg_exclusive/m;
	$runner->run($_) for @blocks;
	$runner->done;
}
done_testing();
