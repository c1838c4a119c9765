# Never a free lock with a live child: whatever signal hits whichever of the
# tool's processes, and whatever its child does to live on.
use strict;
use warnings;
use FindBin;
use lib $FindBin::RealBin;
use ProcessTree qw(wait_for state_of children_of %kinds);
use Test::More;

my %asks_to_end = map { $_ => 1 } qw(TERM HUP QUIT INT);

# Does this signal to this process end the tool, the command being as it is?
sub should_end
{
	my ($signal, $target, $kind) = @_;
	return 1 if $signal eq 'KILL';
	return $target ne 'command' && $target eq 'guard' if $signal eq 'STOP';
	return 1 if $signal eq 'SEGV' && $target ne 'command';
	# Passed on to the command, which may ignore it or leave others behind.
	return if $kind eq 'ignores TERM' && $signal eq 'TERM';
	return $asks_to_end{$signal} if $kind eq 'detached' || $kind eq 'daemon';
	return 1;
}

sub try_one
{
	my ($signal, $target, $kind) = @_;
	my $what = "$signal to the $target, command: $kind";
	my $tree = ProcessTree->new(
		command => $kinds{$kind}, lease => 1500, grace => 200,
		leftovers => $target eq 'command' ? 'end' : 'wait');
	$tree->ready or return fail("$what: did not start\n" . $tree->stderr);
	my $pid = $target eq 'command' ? $tree->{command_pid} : $tree->{$target};
	ok(!$tree->try_lock('lock'), "$what: the lock is held before");
	kill $signal, $pid;

	my $ends = should_end($signal, $target, $kind)
	  || ($target eq 'command' && $signal ne 'STOP'
		&& !($kind eq 'ignores TERM' && $signal eq 'TERM'));
	if (!$ends)
	{
		# It must live on as a whole; then its front is killed.
		is($tree->wait_free(0.3), undef, "$what: the lock is kept");
		kill 'KILL', $tree->{front};
		kill 'CONT', $pid;
	}
	ok($tree->wait_free(30), "$what: the lock is free in the end");
	ok(!$tree->{alive}, "$what: no child lived when it was");
	ok(defined $tree->exit_code, "$what: the tool has ended");
	ok($tree->all_gone, "$what: no process is left")
	  or diag(join ' ', $tree->survivors);
	return;
}

for my $kind (sort keys %kinds)
{
	for my $target (qw(front guard command))
	{
		try_one($_, $target, $kind)
		  for qw(KILL TERM HUP QUIT INT STOP PIPE SEGV);
	}
}

# Orphans do not stay as zombies while the command runs.
{
	my $tree = ProcessTree->new(command => 'sh -c "true & exec true"; touch ready; exec sleep 1000');
	$tree->ready or BAIL_OUT('it does not start');
	ok(wait_for(sub { children_of($tree->{guard}) == 1 }), 'orphans are reaped');
}

done_testing();
