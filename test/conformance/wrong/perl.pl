# perl.pl BUG: clients with one mistake each, as in python.py.
use strict;
use warnings;
use FindBin;
no warnings 'redefine';
require "$FindBin::Bin/../clients/perl.pl";

my ($ask, $connect) = (\&Exclusive::_ask, \&DBI::connect);

# frozen_in_renewal: beside the next holder
sub renewal_from_the_answer {
	*Exclusive::_ask = sub {
		my ($self) = @_;
		return $ask->(@_) if $self->{until} == 9**9**9;
		$self->{until} = 9**9**9;
		my $answer = $ask->(@_);
		my $now = Exclusive::clock();
		@$self{qw(renewal until)} = ($now + $self->{lease} / 3, $now + $self->{lease} * 29 / 30);
		return $answer;
	};
}

# frozen_at_grant: from the moment in which the question was sent
sub lease_from_the_answer {
	*Exclusive::_ask = sub {
		my ($self) = @_;
		my $answer = $ask->(@_);
		my $now = Exclusive::clock();
		@$self{qw(renewal until)} = ($now + $self->{lease} / 3, $now + $self->{lease} * 29 / 30);
		return $answer;
	};
}

# frozen_at_work: no open transaction
sub autocommit_off {
	*DBI::connect = sub {
		my ($class, $dsn, $user, $password, $attributes) = @_;
		return $connect->($class, $dsn, $user, $password, { %$attributes, AutoCommit => 0 });
	};
}

# task_fails: Release it on every way out
sub lock_kept_by_a_global {
	my @kept;
	my $try_lock = \&Exclusive::try_lock;
	*Exclusive::try_lock = sub { push @kept, scalar $try_lock->(@_); $kept[-1] };
}

main->can($ARGV[0])->();
@ARGV = ();
main::serve();
