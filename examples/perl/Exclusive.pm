# Run this on one node, with DBD::Pg.  Copy this file.  docs/contract.md says why.
#
#   if (my $lock = Exclusive->try_lock('service=app', 'jobs', 'nightly-close')) {
#       for my $book (@books) {
#           $lock->check;                  # dies when it is lost; call it thrice in a lease
#           close_book($book, $lock->token);
#       }
#       $lock->unlock;                     # dies when it was lost before the work had ended
#   }                                      # else another node has the lock
#   $dbh->begin_work;                      # once per slot, in your own transaction
#   $dbh->do("INSERT INTO ledger VALUES ('2026-11-28')")
#       if Exclusive::once($dbh, 'jobs', 'nightly-close', '2026-11-28');
#   $dbh->commit;
package Exclusive;
use v5.36;                                     # strict, warnings
use DBI;
use Time::HiRes;

sub clock { Time::HiRes::clock_gettime(7) }    # CLOCK_BOOTTIME of Linux

sub try_lock {
	my ($class, $service, $namespace, $key, $lease) = (@_, 15);
	my $dbh = DBI->connect("dbi:Pg:$service;options=-cidle_session_timeout=" . int($lease * 1000),
		undef, undef, { AutoCommit => 1, RaiseError => 1, PrintError => 0 });
	my $self = bless { dbh => $dbh, name => [$namespace, $key], lease => $lease, until => 9**9**9 }, $class;
	$self->{token} = $self->_ask('SELECT CASE WHEN try_lock(n, k) THEN fencing_token(n, k) END'
		. ' FROM (SELECT ?::text AS n, ?::text AS k) name');
	return $self->{token} && $self;
}

sub token { $_[0]{token} }
sub held { clock() < $_[0]{until} }            # asks only the clock, so it is right after a freeze

sub check {
	my ($self) = @_;
	return if $self->held && clock() < $self->{renewal};
	my $token = $self->held && eval { $self->_ask('SELECT fencing_token(?, ?)') };
	$self->_lose unless $token && $token == $self->{token};
}

sub unlock {
	my ($self) = @_;
	$self->held && eval { $self->_ask('SELECT unlock(?, ?)') } or $self->_lose;
	$self->{until} = 0;
}

sub DESTROY { eval { $_[0]->unlock } if $_[0]{token} && $_[0]->held }    # the session ends too
sub _lose { $_[0]{until} = 0; die "lock @{$_[0]{name}} is lost\n" }

sub _ask {                                     # the lease counts from the question
	my ($self, $statement) = @_;
	my $sent = clock();
	my ($answer) = $self->{dbh}->selectrow_array($statement, undef, @{ $self->{name} });
	$self->held or $self->_lose;               # a late answer brings nothing back
	@$self{qw(renewal until)} = ($sent + $self->{lease} / 3, $sent + $self->{lease} * 29 / 30);
	return $answer;
}

sub once { (shift->selectrow_array("SELECT try_run_once(?, ?, ?, 'SELECT')", undef, @_))[0] }
1;
