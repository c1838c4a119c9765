# watch on a terminal of 80 columns and 24 lines: tmux is the terminal.
use strict;
use warnings;
use FindBin;
use lib $FindBin::RealBin;
use ProcessTree qw(wait_for slurp %kinds);
use Test::More;
use Tool;

my $dir = File::Temp::tempdir('pg_exclusive-cli.XXXXXX', TMPDIR => 1, CLEANUP => 1);
my @tmux = ('tmux', '-S', "$dir/socket", '-f', '/dev/null');

sub tmux { system(@tmux, @_) == 0 or diag("tmux @_ failed"); return }
sub keys_are { tmux('send-keys', '-t', 'watch', @_); return }
END { my $status = $?; system(@tmux, 'kill-server') if @tmux; $? = $status }

sub screen
{
	open(my $pipe, '-|:utf8', @tmux, qw(-u capture-pane -p -t watch)) or die;
	local $/;
	my $text = <$pipe>;
	return $text // '';
}

sub shows
{
	my ($what, $test) = @_;
	ok(wait_for(sub { screen() =~ $what }), $test) or diag(screen());
	return;
}

sql("SELECT lock_namespace('see'), lock_namespace('other')");
my @all = map { tool_tree([], $kinds{plain}, $_) } 'see/alpha', 'other/beta';
$_->ready or BAIL_OUT('it does not start: ' . $_->stderr) for @all;
push @all, map { tool_tree([], $kinds{plain}, 'see/alpha') } 1 .. 2;
waits_for_lock('see/alpha', 2) or BAIL_OUT('they do not wait');

tmux(qw(new-session -d -s watch -x 80 -y 24),
	"LC_ALL=C.UTF-8 $ENV{PG_EXCLUSIVE} watch -i 0.2; echo status:\$?; exec cat");
shows(qr/2 held, 2 waiting/, 'summary');
my @lines = split /\n/, screen();
is(scalar(grep { length > 80 } @lines), 0, '80 columns');
like($lines[0], qr{^ pg_exclusive  \w+\@local/test +\d{4}-\d\d-\d\d \d\d:\d\d:\d\d$}, 'title');
like($lines[2], qr{^LOCK +MODE +TIME +PID +ROLE +APPLICATION *$}, 'header');
like($lines[3], qr{^other/beta +exclusive +00:\d\d:\d\d +\d+ +\w+ +pg_exclu}, 'first holder by name');
like($lines[4], qr{^see/alpha +exclusive}, 'second holder');
like($lines[5], qr{^  waits, place 1 +exclusive}, 'first in the queue below it');
like($lines[6], qr{^  waits, place 2 +exclusive}, 'second in the queue below it');
like($lines[23], qr{q quit .* space pause}, 'keys in the last line');

keys_are('w');
shows(qr/sorted by waiters.*\n.*\nsee\/alpha/, 'w: most waiters first');
keys_are('r');
shows(qr/sorted by waiters, reversed.*\n.*\nother\/beta/, 'r: the other way round');
keys_are('r', 't');
shows(qr/sorted by time[^,]*\n/, 't: by time');
keys_are('n', '/', 'b', 'e', 't');
shows(qr/Filter: bet_/, '/: a filter is typed');
shows(qr/\n\nother\/beta|APPLICATION *\nother\/beta(?!.*see\/alpha)/s, '/: it filters at once');
keys_are('Enter');
shows(qr/filter: bet\n/, 'Enter: it is kept');
keys_are('Escape');
shows(qr/see\/alpha/, 'Esc: it is gone');
keys_are('Space');
shows(qr/PAUSED/, 'space: pause');
my ($time) = screen() =~ /(\d\d:\d\d:\d\d)$/m;
undef $all[1];
wait_for(sub { sql("SELECT count(*) FROM lock_holders WHERE namespace = 'other'") == 0 });
like(screen(), qr/other\/beta/, 'pause: it stays as it was');
keys_are('Space');
shows(qr/1 held, 2 waiting/, 'space: it goes on');

tmux(qw(resize-window -t watch -x 120 -y 10));
shows(qr/^LOCK.{60,}APPLICATION/m, 'a wider window is used');
ok(wait_for(sub { (split /\n/, screen())[9] =~ /q quit/ }), 'a lower window too');
tmux(qw(resize-window -t watch -x 80 -y 6));
shows(qr/1-2\/3/, 'a window that is too low says what it shows');
keys_are('Down');
shows(qr/waits, place 1.*waits, place 2.*2-3\/3/s, 'arrows scroll what does not fit');

# The server goes away: it says so, and goes on when it is back.
sql(q(SELECT pg_terminate_backend(pid) FROM pg_stat_activity
	WHERE query LIKE '%lock_waiters%' AND pid <> pg_backend_pid()));
shows(qr/1 held, 2 waiting/, 'a session that is ended is opened again');

keys_are('q');
shows(qr/status:0/, 'q: quits');

done_testing();
