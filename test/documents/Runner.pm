# Runs the code blocks of a page, in a directory and a database of the page.
package Runner;

use strict;
use warnings;
use File::Path qw(make_path);
use FindBin;
use IPC::Run ();
use POSIX ();
use Page ();
use Psql;
use Test::More;

my $limit = 600;    # seconds; the machine may be busy

# new(PAGE) - PAGE is its path.
sub new
{
	my ($class, $page) = @_;
	my ($name) = $page =~ m{([^/]+)\.md$};
	$name =~ tr/A-Z-/a-z_/;
	my $self = bless {
		page => $page,
		dir => "$ENV{DOCUMENTS_WORK}/$name",
		sessions => {},
		background => [] }, $class;
	make_path($self->{dir});
	chmod 0777, $self->{dir};
	$ENV{PGDATABASE} = 'postgres';
	system('createdb', "page_$name") == 0 or BAIL_OUT('createdb');
	$ENV{PGDATABASE} = "page_$name";
	return $self;
}

# done() - ends what was started, and leaves the database.
sub done
{
	my ($self) = @_;
	kill 'TERM', map { -$_ } @{ $self->{background} };
	waitpid $_, 0 for @{ $self->{background} };
	$self->{sessions} = {};
	$ENV{PGDATABASE} = 'postgres';
	return;
}

# run(BLOCK) - runs it, as one or more tests.
sub run
{
	my ($self, $block) = @_;
	my $where = "$self->{page}:$block->{line}";
	if (my $reason = $block->{'not run'})
	{
		return pass("$where: not run: $reason");
	}
	if (my $path = $block->{'taken from'})
	{
		return ok(index(Page::slurp($path), $block->{code}) >= 0, "$where: stands in $path");
	}
	if (my $file = $block->{file})
	{
		$self->put($file, $block->{code});
		return pass("$where: $file");
	}
	my %how = (step => \&run_step, sql => \&run_sql, sh => \&run_shell, cpp => \&run_cpp, python => \&run_python);
	my $how = $how{ $block->{language} }
	  or return fail("$where: nothing runs $block->{language}; say where it goes, or why not");
	return $how->($self, $block, $where);
}

sub put
{
	my ($self, $name, $text) = @_;
	my $path = "$self->{dir}/$name";
	make_path($path =~ s{/[^/]*$}{}r);
	open(my $out, '>', $path) or die "$path: $!\n";
	print $out $text;
	close $out;
	chmod 0755, $path if $text =~ /^#!/;
	return $path;
}

# shown(TEXT) - what has to agree between a document and a run: numbers differ,
# and with them the width of columns.
sub shown
{
	my ($text) = @_;
	$text =~ s/\d+/1/g;
	$text =~ s/-{2,}/-/g;
	$text =~ s/[ \t]+/ /g;
	$text =~ s/^ | $//mg;
	$text =~ s/\n+/\n/g;
	return $text =~ s/^\s+|\s+$//gr;
}

# same_output(TOLD, EXPECTED, TITLE) - "…" stands for anything.
sub same_output
{
	my ($told, $expected, $title) = @_;
	my $pattern = join '.*?', map { quotemeta } split /…/, shown($expected), -1;
	return ok(shown($told) =~ /\A$pattern\z/s, $title)
	  || diag("printed:\n$told\nexpected:\n$expected");
}

#
# SQL
#

sub run_sql
{
	my ($self, $block, $where) = @_;
	my $session = $self->{sessions}{ $block->{session} // 'first' } //= Psql->new;
	my @statements = Psql::statements($block->{code});
	@statements or return fail("$where: no statement");
	if (defined $block->{output})
	{
		$session->run('\pset format aligned \\\\ \pset tuples_only off');
		my ($told) = $session->run($block->{code});
		return same_output($told, $block->{output}, "$where: prints what it says");
	}
	$session->run('\pset format unaligned \\\\ \pset tuples_only on');
	check_statement($session, $where, @$_) for @statements;
	return;
}

# A comment behind a statement is what it returns, up to a comma; or ERROR and
# its SQLSTATE.
sub check_statement
{
	my ($session, $where, $sql, $comment) = @_;
	my ($told, $state) = $session->run($sql);
	my $title = "$where: " . substr($sql =~ s/^\s*--[^\n]*\n//mgr =~ s/\s+/ /gr, 0, 90);
	if (defined $comment && $comment =~ /^ERROR (\w{5})\b/)
	{
		return is($state, $1, $title) || diag($told);
	}
	is($state, '00000', $title) || return diag($told);
	defined $comment or return;
	$told = join "\n", grep { !/^(?:WARNING|NOTICE|DETAIL|HINT|CONTEXT):/ } split /\n/, $told;
	return same_output($told, $comment =~ s/,.*//sr, "$title -- $comment");
}

#
# Shell
#

sub run_shell
{
	my ($self, $block, $where) = @_;
	my $place = ($block->{in} // '') eq 'checkout' ? checkout() : $self->{dir};
	my $title = "$where: " . (grep { !/^#|^\s*$/ } split /\n/, $block->{code})[0];
	my @command = ('bash', '-c', "cd $place\nPATH=\$PWD/bin:\$PATH\nset -e\n$block->{code}");
	return $self->start_in_background($block, $title, @command) if $block->{background};
	my $told = '';
	my $ok = eval {
		IPC::Run::run(\@command, '<', \undef, '>&', \$told, IPC::Run::timeout($limit * 3));
		1;
	} or return fail("$title: $@");
	is(exit_code($?), $block->{status} // 0, $title) || diag($told);
	same_output($told, $block->{output}, "$title: prints what it says")
	  if defined $block->{output};
	return;
}

# A script of ours, for what the page does not show.
sub run_step
{
	my ($self, $block, $where) = @_;
	my $script = "$FindBin::RealBin/steps/$block->{code}";
	-x $script or return fail("$where: there is no step $block->{code}");
	return $self->run_shell({ %$block, code => "$script\n" }, $where);
}

sub exit_code { my ($status) = @_; return $status & 127 ? 128 + ($status & 127) : $status >> 8 }

sub start_in_background
{
	my ($self, $block, $title, @command) = @_;
	my $pid = fork // die "fork: $!\n";
	if ($pid == 0)
	{
		POSIX::setpgid(0, 0);
		open(STDOUT, '>', "$self->{dir}/background.log");
		open(STDERR, '>&', \*STDOUT);
		exec @command or POSIX::_exit(127);
	}
	push @{ $self->{background} }, $pid;
	my $end = time + $limit;
	while (system('bash', '-c', "{ cd $self->{dir}; PATH=\$PWD/bin:\$PATH; $block->{background}; } >/dev/null 2>&1") != 0)
	{
		return fail("$title: does not come up") if time > $end;
		select undef, undef, undef, 0.1;
	}
	return pass($title);
}

# checkout() - a copy of this checkout, made once.  What is installed from it
# goes to a directory beside it (DESTDIR), and sudo is there for everybody.
sub checkout
{
	my $copy = "$ENV{DOCUMENTS_WORK}/checkout";
	return $copy if -d $copy;
	system("mkdir $copy && git ls-files -z | xargs -0 cp --parents -t $copy") == 0
	  or BAIL_OUT('cannot copy the checkout');
	return $copy;
}

#
# C++ and Python
#

sub run_cpp
{
	my ($self, $block, $where) = @_;
	my $code = $block->{code};
	if ($code !~ /\bint main\(/)
	{
		my @headers = qw(chrono iostream mutex optional pg_exclusive/pg_exclusive.hpp
		  shared_mutex string thread vector);
		$code = join('', map { "#include <$_>\n" } @headers)
		  . "using namespace std::chrono_literals;\n"
		  . ($block->{given} // '')
		  . "\nint main() {\npg_exclusive::client locks{\"\"};\n{\n$code}\n}\n";
	}
	my $program = "$self->{dir}/block_$block->{line}";
	$self->put("block_$block->{line}.cpp", $code);
	my $told = `c++ -std=c++20 -Wall -Wextra $program.cpp -o $program \$(pkg-config --cflags --libs pg_exclusive) 2>&1`;
	if (my $text = $block->{refused})
	{
		ok($? != 0, "$where: C++ is refused");
		return like($told =~ s/\s+/ /gr, qr/\Q$text\E/, "$where: says why") || diag($told);
	}
	is($?, 0, "$where: C++ compiles") || return diag($told);
	is($told, '', "$where: C++ compiles without a warning");
	return $self->run_shell({ %$block, code => "timeout $limit $program\n" }, $where);
}

sub run_python
{
	my ($self, $block, $where) = @_;
	my $program = $self->put("block_$block->{line}.py", $block->{code});
	return $self->run_shell({ %$block, code => "timeout $limit /usr/bin/python3 $program\n" }, $where);
}

1;
