# META.json as the PGXN Meta Spec 1.0.0 wants it, and the archive of `make dist`.
use strict;
use warnings;
use JSON::PP;
use PostgreSQL::Test::Utils;
use Storable qw(dclone);
use Test::More;

my $semver = qr/\d+\.\d+\.\d+(?:-?[A-Za-z][0-9A-Za-z-]*)?/;
my $range = qr/(?:(?:[<>]=?|[=!]=)\s*)?(?:0|$semver)/;
my %licenses = map { $_ => 1 } qw(agpl_3 apache_1_1 apache_2_0 artistic_1 artistic_2
  bsd freebsd gfdl_1_2 gfdl_1_3 gpl_1 gpl_2 gpl_3 lgpl_2_1 lgpl_3_0 mit mozilla_1_0
  mozilla_1_1 openssl perl_5 postgresql qpl_1_0 ssleay sun zlib open_source
  restricted unrestricted unknown);

# Kinds of values; each returns true for a value of its kind.
my $map = sub { ref $_[0] eq 'HASH' && %{ $_[0] } };
my $text = sub { defined $_[0] && !ref $_[0] && length $_[0] };
my $texts = sub { ref $_[0] eq 'ARRAY' && @{ $_[0] } && !grep { !$text->($_) } @{ $_[0] } };
my $matches = sub { my ($re) = @_; sub { $text->($_[0]) && $_[0] =~ /\A$re\z/ } };
my $one_of = sub { my %known = map { $_ => 1 } @_; sub { $text->($_[0]) && $known{ $_[0] } } };
my $url = $matches->(qr{[a-z]+://\S+});
my $term = $matches->(qr{[^\s/\\[:cntrl:]]{2,}});

# complaints(what, value, required, optional) - about the keys of a map, whose
# kinds are given by name
sub complaints
{
	my ($what, $value, $required, $optional) = @_;
	return "$what is no object" unless $map->($value);
	my %kinds = (%$required, %$optional);
	return (
		(map { "$what has no $_" } grep { !exists $value->{$_} } sort keys %$required),
		map {
			!$kinds{$_} ? (/\A[xX]_/ ? () : "$what knows no $_")
			  : $kinds{$_}->($value->{$_}) ? () : "$what: bad $_"
		} sort keys %$value);
}

# each_of(what, map, sub) - what sub says of each value of a map
sub each_of
{
	my ($what, $value, $sub) = @_;
	return "$what is no object" unless $map->($value);
	return map { $sub->("$what.$_", $value->{$_}, $_) } sort keys %$value;
}

sub prereq_complaints
{
	my ($phase, $value) = @_;
	return each_of($phase, $value, sub {
		my ($relation, $needs, $name) = @_;
		return "$relation is no relation" unless $name =~ /\A(?:requires|recommends|suggests|conflicts)\z/;
		return each_of($relation, $needs, sub {
			$matches->(qr/$range(?:,\s*$range)*/)->($_[1]) ? () : "$_[0]: bad version";
		});
	});
}

sub resource_complaints
{
	my ($resources) = @_;
	return (
		complaints('resources', $resources, {}, { homepage => $url, bugtracker => $map, repository => $map }),
		$resources->{bugtracker} ? complaints('bugtracker', $resources->{bugtracker}, {},
			{ web => $url, mailto => $matches->(qr/\S+@\S+/) }) : (),
		$resources->{repository} ? complaints('repository', $resources->{repository}, {},
			{ url => $url, web => $url, type => $matches->(qr/[a-z]+/) }) : ());
}

# invalid(meta) - all that the specification would object to
sub invalid
{
	my ($meta) = @_;
	my $license = sub {
		$map->($_[0]) ? !grep { !$url->($_) } values %{ $_[0] }
		  : !grep { !$text->($_) || !$licenses{$_} } ref $_[0] eq 'ARRAY' ? @{ $_[0] } : $_[0];
	};
	return (
		complaints('META', $meta,
			{ name => $term, version => $matches->($semver), abstract => $text,
				maintainer => sub { $text->($_[0]) || $texts->($_[0]) },
				license => $license, provides => $map, 'meta-spec' => $map },
			{ description => $text, generated_by => $text, tags => $texts, no_index => $map,
				prereqs => $map, resources => $map,
				release_status => $one_of->(qw(stable testing unstable)) }),
		complaints('meta-spec', $meta->{'meta-spec'},
			{ version => $matches->(qr/1\.0\.\d+/) }, { url => $url }),
		each_of('provides', $meta->{provides}, sub {
			complaints(@_[0, 1], { file => $text, version => $matches->($semver) },
				{ abstract => $text, docfile => $text }), $term->($_[2]) ? () : "$_[0]: bad name" }),
		exists $meta->{prereqs} ? each_of('prereqs', $meta->{prereqs}, sub {
			my ($phase, $value, $name) = @_;
			$name =~ /\A(?:configure|build|test|runtime|develop)\z/ ? prereq_complaints($phase, $value)
			  : "$phase is no phase" }) : (),
		exists $meta->{resources} ? resource_complaints($meta->{resources}) : ());
}

my $meta = decode_json(slurp_file('META.json'));
is_deeply([ invalid($meta) ], [], 'META.json is valid');

# The checks object to what is wrong.
my %faults = (
	'no name' => sub { delete $_[0]{name} },
	'a name with a space' => sub { $_[0]{name} = 'pg exclusive' },
	'a version of two parts' => sub { $_[0]{version} = '1.0' },
	'an unknown license' => sub { $_[0]{license} = 'PostgreSQL License' },
	'a license without its text' => sub { $_[0]{license} = { ours => 'LICENSE' } },
	'an empty maintainer' => sub { $_[0]{maintainer} = [] },
	'nothing provided' => sub { $_[0]{provides} = {} },
	'an extension without a file' => sub { delete $_[0]{provides}{pg_exclusive}{file} },
	'a key that is misspelt' => sub { $_[0]{licence} = 'postgresql' },
	'an old specification' => sub { $_[0]{'meta-spec'}{version} = '0.9.0' },
	'a phase that is none' => sub { $_[0]{prereqs}{run} = { requires => { PostgreSQL => '15.0.0' } } },
	'a relation that is none' => sub { $_[0]{prereqs}{runtime}{needs} = { PostgreSQL => '15.0.0' } },
	'a range that is none' => sub { $_[0]{prereqs}{runtime}{requires}{PostgreSQL} = '15+' },
	'a status that is none' => sub { $_[0]{release_status} = 'beta' },
	'a tag that is no text' => sub { $_[0]{tags} = [ ['lock'] ] },
	'a repository that is no address' => sub { $_[0]{resources}{repository}{url} = 'here' });
for my $fault (sort keys %faults)
{
	my $broken = dclone($meta);
	$faults{$fault}->($broken);
	my @found = invalid($broken);
	cmp_ok(scalar(@found), '>', 0, "$fault is noticed");
}

# The archive, from a commit of what is here.
my $copy = PostgreSQL::Test::Utils::tempdir();
command_ok([ 'cp', '-a', (grep { !/^tmp_check/ } glob '*'), $copy ], 'a copy');
chdir $copy;
my @git = ('git', '-C', $copy, '-c', 'user.name=a', '-c', 'user.email=a@example.org');
command_ok([ @git, 'init', '-q' ], 'git init');
command_ok([ @git, 'add', '-A' ], 'git add');
command_ok([ @git, 'commit', '-qm', 'all' ], 'git commit');
command_ok(['test/lib/dist'], 'make dist');
my $name = "$meta->{name}-$meta->{version}";
command_ok([ 'python3', '-m', 'zipfile', '-e', "$name.zip", 'unpacked' ], 'an archive named after the version');
ok(-s "unpacked/$name/$_", "it has $_")
  for ('META.json', 'Makefile', 'LICENSE', map { ($_->{file}, $_->{docfile}) } values %{ $meta->{provides} });
is_deeply([ glob 'unpacked/*' ], ["unpacked/$name"], 'and one directory at its top');
done_testing();
