# Drives examples/perl/Exclusive.pm for the kit: a command a line, an answer a line.
use strict;
use warnings;
use utf8;
use Encode qw(decode);
use FindBin;
use IO::Handle;
use Time::HiRes qw(clock_gettime sleep CLOCK_MONOTONIC);
use lib "$FindBin::Bin/../../../examples/perl";
use Exclusive;

my $lease = $ENV{CONFORMANCE_LEASE} / 1000;
my $lock;
my $checked = sub { eval { $lock->check; 1 } };

my %commands = (
	acquire => sub {
		my ($namespace, $key) = @_;
		$lock = Exclusive->try_lock('', $namespace, $key, $lease);
		return $lock ? 'acquired ' . $lock->token : 'busy';
	},
	hold => sub {
		my ($milliseconds) = @_;
		my $end = clock_gettime(CLOCK_MONOTONIC) + $milliseconds / 1000;
		while ($checked->()) {
			return 'held' if clock_gettime(CLOCK_MONOTONIC) > $end;
			sleep 0.01;
		}
		return 'lost';
	},
	work => sub {
		my ($file, $milliseconds) = @_;
		my $end = clock_gettime(CLOCK_MONOTONIC) + $milliseconds / 1000;
		open my $witness, '>>', $file or die $!;
		$witness->autoflush;
		for (my $steps = 0;; $steps++) {
			my $now = clock_gettime(CLOCK_MONOTONIC);   # before the check, to accuse nobody wrongly
			return "lost $steps" unless $checked->();
			return "worked $steps" if $now > $end;
			printf $witness "%.0f %s\n", $now * 1e9, $lock->token;
			sleep 0.005;
		}
	},
	report => sub { !$lock ? 'idle' : $lock->held ? 'held ' . $lock->token : 'lost' },
	release => sub {
		my $released = eval { $lock->unlock; 1 };
		return $released ? 'released' : 'lost';
	},
	fail => sub {
		eval { my $mine = $lock; undef $lock; die "the task has failed\n" };
		return 'raised';
	},
	once => sub {
		my ($namespace, $key, $slot, $fail) = @_;
		my $dbh = DBI->connect('dbi:Pg:', undef, undef, { RaiseError => 1, PrintError => 0 });
		$dbh->begin_work;
		return 'skipped' unless Exclusive::once($dbh, $namespace, $key, $slot);
		$dbh->do('INSERT INTO work_done VALUES (?, ?)', undef, $key, $slot);
		return 'raised' if $fail;
		$dbh->commit;
		return 'ran';
	});

sub serve {
	STDOUT->autoflush;
	while (my $line = <STDIN>) {
		chomp $line;
		my ($command, @rest) = split /\t/, decode('UTF-8', $line), -1;
		my $answer = eval { $commands{$command}->(@rest) }
			// ($@ =~ /is lost/ ? 'lost' : 'failed ' . ($DBI::state =~ /^(?!00000)\w{5}$/ ? $DBI::state : '08006'));
		print "$answer\n";
	}
}

serve() unless caller;
1;
