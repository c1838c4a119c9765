# Reads a page of the documents into its code blocks.
#
# A comment directly above a block says what to do with it:
#
#   <!-- not run: WHY -->       it is not run; the reason is for the reader of the source
#   <!-- file: NAME -->         it is written to that file in the page's directory
#   <!-- taken from: PATH -->   it stands in that file of the checkout, which another test runs
#   <!-- session: NAME -->      SQL: in a session of that name, not in the first one
#   <!-- status: N -->          shell: it ends with this exit status
#   <!-- background: TEST -->   shell: it goes on in the background, and the page goes
#                               on when the shell command TEST succeeds
#   <!-- in: checkout -->       shell: it is run in a copy of this checkout
#   <!-- given: CODE -->        C++: stands before main()
#   <!-- refused: TEXT -->      C++: the compiler refuses it, and says this
#
# A comment <!-- test: STEP --> runs the script steps/STEP in the page's directory,
# for what a reader does not need to see.  A block of the language "text" is what
# the block before it prints.
package Page;

use strict;
use warnings;
use Exporter 'import';
our @EXPORT_OK = qw(read_blocks slurp);

my %directives = map { $_ => 1 }
  ('not run', 'taken from', qw(file session status background in given refused));

sub slurp
{
	my ($path) = @_;
	open(my $in, '<', $path) or die "$path: $!\n";
	local $/;
	return scalar <$in>;
}

# read_blocks(TEXT) - a list of hashes: language, code, line, and the directives
# of the block.  A text block is the "output" of the one before.  Dies when the
# page breaks a rule, and says where.
sub read_blocks
{
	my ($text) = @_;
	my @blocks;
	my %pending;
	pos($text) = 0;
	while (pos($text) < length $text)
	{
		my $line = 1 + (substr($text, 0, pos $text) =~ tr/\n//);
		if ($text =~ /\G<!--\s+([a-z ]+?):\s*(.*?)\s*-->[ ]*\n/gcs)
		{
			read_comment($1, $2, $line, \%pending, \@blocks);
		}
		elsif ($text =~ /\G```(\w*)\n(.*?)^```\n/gcms)
		{
			add_block($1, $2, $line, \%pending, \@blocks);
			%pending = ();
		}
		elsif ($text =~ /\G([^\n]*)(?:\n|\z)/gc && %pending && $1 =~ /\S/)
		{
			die "line $line: a comment for a block has no block below it\n";
		}
	}
	return @blocks;
}

sub read_comment
{
	my ($key, $value, $line, $pending, $blocks) = @_;
	length $value or die "line $line: \"$key\" says nothing\n";
	if ($key eq 'test')
	{
		push @$blocks, { language => 'step', code => $value, line => $line };
		return;
	}
	$directives{$key} or die "line $line: no directive \"$key\"\n";
	$pending->{$key} = $value;
	return;
}

sub add_block
{
	my ($language, $code, $line, $pending, $blocks) = @_;
	length $language or die "line $line: the block has no language\n";
	if ($language eq 'text' && !exists $pending->{'not run'})
	{
		@$blocks or die "line $line: output of nothing\n";
		$blocks->[-1]{output} = $code;
		return;
	}
	push @$blocks, { language => $language, code => $code, line => $line, %$pending };
	return;
}

1;
