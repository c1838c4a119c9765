# A session of psql that is given one statement after the other.
package Psql;

use strict;
use warnings;
use IPC::Open2;

my $mark = 'end-of-statement';

# new(SETTINGS...) - they are set with \pset.
sub new
{
	my ($class, @settings) = @_;
	my $self = bless {}, $class;
	$self->{pid} = open2($self->{out}, $self->{in}, 'sh', '-c',
		'exec stdbuf -oL psql -X -q 2>&1');
	$self->{in}->autoflush(1);
	print { $self->{in} } "\\pset pager off\n";
	$self->tell("\\pset $_") for @settings;
	return $self;
}

sub DESTROY
{
	my ($self) = @_;
	local ($?, $!);
	close $self->{in};
	waitpid $self->{pid}, 0;
	return;
}

sub tell { my ($self, $line) = @_; print { $self->{in} } "$line\n"; return }

# run(TEXT) - (what it prints, the SQLSTATE of its last statement).
sub run
{
	my ($self, $text) = @_;
	$self->tell("$text\n\\echo $mark :SQLSTATE");
	my $told = '';
	while (defined(my $line = readline $self->{out}))
	{
		return ($told, $1) if $line =~ /^$mark (\S+)$/;
		$told .= $line;
	}
	return ($told, 'psql ended');
}

# statements(CODE) - [statement, comment behind it] each.  A statement ends with
# a line that ends in ";", outside of $$ quotes.
sub statements
{
	my ($code) = @_;
	my @list;
	my $text = '';
	for my $line (split /(?<=\n)/, $code)
	{
		$text .= $line;
		next if (() = $text =~ /\$\$/g) % 2;
		next unless $line =~ /(?:;|\\g\w+)[ \t]*(?:--[ \t]*(?<comment>[^\n]*))?$/ && $line !~ /^\s*--/;
		my $comment = $+{comment};
		$text =~ s/[ \t]*--[ \t]*\Q$comment\E\s*\z// if defined $comment;
		push @list, [ $text, $comment ];
		$text = '';
	}
	push @list, [ $text, undef ] if $text =~ /\S/ && $text !~ /\A(?:\s*--[^\n]*)*\s*\z/;
	return @list;
}

1;
