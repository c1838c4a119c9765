# Terminal and job control under --isolate: all of 040_terminal.pl once more.
use strict;
use warnings;
use FindBin;
use Test::More;

plan skip_all => 'PID namespaces are not allowed here'
  if system('unshare --pid --fork --mount-proc true 2>/dev/null') != 0;
$ENV{ISOLATE} = 1;
exec $^X, "$FindBin::RealBin/040_terminal.pl" or die;
