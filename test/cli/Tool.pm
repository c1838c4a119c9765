# Runs the tool beside the server that the environment names.
package Tool;

use strict;
use warnings;
use File::Temp qw(tempdir);
use IPC::Run qw(run start);
use ProcessTree qw(wait_for slurp);
use Exporter 'import';
our @EXPORT = qw(tool sql tool_tree waits_for_lock);

# tool(ARGUMENT...) - (exit code as a shell shows it, stdout, stderr).
sub tool
{
	my @arguments = @_;
	my ($out, $err) = ('', '');
	run([ $ENV{PG_EXCLUSIVE}, @arguments ], \undef, \$out, \$err);
	my $code = $? & 127 ? 128 + ($? & 127) : $? >> 8;
	return ($code, $out, $err);
}

# sql(STATEMENT) - what psql prints, unaligned; dies when it fails.
sub sql
{
	my ($statement) = @_;
	my ($out, $err) = ('', '');
	run([ qw(psql -XAtq -v ON_ERROR_STOP=1 -c), $statement ], \undef, \$out, \$err)
	  or die "$statement: $err";
	chomp $out;
	return $out;
}

# tool_tree([OPTION...], COMMAND) - "run" in the background, as a ProcessTree.
# NAME is tool/KEY with a key of its own, unless it is given.
sub tool_tree
{
	my ($options, $command, $name) = @_;
	our $count;
	$name //= "tool/$$-" . ++$count;
	my $tree = ProcessTree->new(
		command => $command,
		isolate => (scalar grep { $_ eq '--isolate' } @$options),
		program => [ $ENV{PG_EXCLUSIVE}, 'run', @$options, $name, '--' ]);
	$tree->{name} = $name;
	return $tree;
}

# Waits until the server has so many waiters for the lock.
sub waits_for_lock
{
	my ($name, $number) = @_;
	my ($namespace, $key) = split m{/}, $name, 2;
	return wait_for(
		sub {
			sql("SELECT count(*) FROM lock_waiters WHERE namespace = '$namespace'"
				  . " AND key = '$key'") == $number;
		}, 120);
}

1;
