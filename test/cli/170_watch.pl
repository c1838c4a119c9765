# watch on a terminal of 80 columns and 24 lines: tmux is the terminal.
use strict;
use warnings;
use FindBin;
use lib $FindBin::RealBin;
use IPC::Run qw(start);
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
like($lines[3], qr{^other/beta +exclusive +00:\d\d:\d\d +\d+ +\w+ +pg_exclusive\@\S+ *$}, 'first holder by name');
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
ok(wait_for(sub { (split /\n/, screen())[9] =~ /q quit/ }), 'a lower window is used');
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

# 200 locks, with names that are too long, and two columns wide a letter.
sub watch_again
{
	my ($options, $shell, $name) = @_;
	tmux(qw(respawn-pane -k -t watch), "stty sane; $options LC_ALL=C.UTF-8 " . ($shell // '')
		  . " $ENV{PG_EXCLUSIVE} watch -i 0.2 " . ($name // '') . "; echo status:\$?; exec cat");
	return;
}
tmux(qw(resize-window -t watch -x 80 -y 24));
my $psql = start([ qw(psql -Xqc), q(SET application_name = 'holder of many locks';
	SELECT count(try_lock('other', 'order/' || i))
	FROM generate_series(100, 299) i; SELECT try_lock('see', repeat('long-', 40));
	SELECT try_lock('see', repeat(U&'\591c', 30)); SELECT pg_sleep(600)) ], \undef, '>', \my $ignored);
watch_again('');
shows(qr/203 held, 2 waiting/, '200 locks: summary');
@lines = split /\n/, screen();
like($lines[23], qr{^ q quit .*space pause +1-20/205$}, '200 locks: keys, and what is shown');
like($lines[3], qr{^other/order/100 +exclusive }, '200 locks: the first');
keys_are('End');
shows(qr{ 186-205/205$}m, 'End: the last of them');
@lines = split /\n/, screen();
my @wide = grep { /^see\/(long|\x{591c})/ } @lines;
is(scalar(@wide), 2, 'long names: both are there');
like($_, qr/^see.*\x{2026} {2,3}exclusive  00:/, 'long names: cut, and in their columns') for @wide;
my @columns = map { my ($start) = /^(.*?)exclusive/; length($start) + (() = $start =~ /\x{591c}/g) } @lines[3 .. 22];
is(scalar(keys %{ { map { $_ => 1 } @columns } }), 1, 'long names: all columns are straight')
  or diag("@columns\n", map { "$_\n" } @lines);
tmux(qw(resize-window -t watch -x 132 -y 24));
shows(qr/^see\/(long-){10}/m, 'long names: a wider window shows more of them');
keys_are('/', "\x{591c}", 'Enter');
shows(qr{filter: \x{591c}\n.*\nsee/\x{591c}}, 'a filter in any language');

# A wide window shows all columns, and one long name takes its share only.
tmux(qw(resize-window -t watch -x 200 -y 24));
keys_are('Escape');
keys_are('/', 'long', 'Enter');
ok(wait_for(sub { screen() =~ /^see\/long.*\x{2026} +exclusive.*holder of many locks *$/m }),
	'200 columns: the long name is cut, the application is not') or diag(screen());
tmux(qw(resize-window -t watch -x 80 -y 24));

# Ctrl-C quits like q; TERM ends it, and gives the terminal back.
keys_are('C-c');
shows(qr/status:0/, 'Ctrl-C: quits');
watch_again('', 'sh -c \'echo $$ >' . "$dir/pid" . '; exec "$@"\' sh');
shows(qr/203 held/, 'TERM: it runs');
kill 'TERM', slurp("$dir/pid");
shows(qr/status:143/, 'TERM: exit code');
# The C locale has no ellipsis.
tmux(qw(respawn-pane -k -t watch), "stty sane; LC_ALL=C $ENV{PG_EXCLUSIVE} watch -i 0.2; echo status:\$?; exec cat");
shows(qr/203 held/, 'C locale: it runs');
keys_are('End');
shows(qr/^see\/(long-)+[long-]*~ +exclusive/m, 'C locale: a plain mark, no stray byte');
unlike(screen(), qr/\x{fffd}|\x{e2}|M-b/, 'C locale: no stray byte');
keys_are('q');
shows(qr/status:0/, 'C locale: quits');

# Colors, unless NO_COLOR says no. The escape codes are in the terminal's log.
for my $no ('', 1)
{
	watch_again("NO_COLOR=$no TERM=xterm-256color", '', 'see/alpha');
	shows(qr/1 held, 2 waiting/, "NO_COLOR=$no: it runs");
	open(my $pipe, '-|', @tmux, qw(capture-pane -e -p -t watch)) or die;
	my $text = do { local $/; <$pipe> };
	$no ? unlike($text, qr/\e\[[\d;]*3[36]m/, "NO_COLOR=$no: no color") : like($text, qr/\e\[[\d;]*3[36]m/, "NO_COLOR=$no: waiters and contended holders in color");
	keys_are('q');
	shows(qr/status:0/, "NO_COLOR=$no: quits");
}

# A terminal that cannot move its cursor gets plain text.
tmux(qw(respawn-pane -k -t watch), "stty sane; trap : INT; TERM=dumb $ENV{PG_EXCLUSIVE} watch -i 0.2 see/alpha; echo left; exec cat");
shows(qr/1 held, 2 waiting.*^see\/alpha.*1 held, 2 waiting/ms, 'TERM=dumb: plain text, again and again');
keys_are('C-c');
shows(qr/left/, 'TERM=dumb: Ctrl-C ends it');
watch_again('TERM=nonsense');
shows(qr/error: the terminal type "nonsense" is not known\n.*hint: .*\nstatus:78/, 'an unknown terminal');
$psql->kill_kill;
sql("SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE application_name = 'holder of many locks'");
ok(wait_for(sub { sql('SELECT count(*) FROM lock_holders WHERE key LIKE $$long%$$') == 0 }),
	'the locks are gone');

done_testing();
