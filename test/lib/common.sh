# What the scripts here share.  Sourced, never run.

set -euo pipefail

# Tests set what they need of what a process inherits.  For signals see supervise.
umask 022
export LANG=C.UTF-8 LC_ALL=C.UTF-8    # PostgreSQL's Perl modules unset the second
unset BASH_ENV CDPATH COLUMNS DESTDIR ENV GREP_OPTIONS LANGUAGE LINES MAKEFLAGS \
	MAKELEVEL MFLAGS NO_COLOR PERL5OPT POSIXLY_CORRECT TIMEFORMAT TZ
ulimit -Sc 0
for limit in f n u v; do ulimit -S"$limit" "$(ulimit -H"$limit")"; done
if [ "$(ulimit -n)" != unlimited ] && [ "$(ulimit -n)" -lt 1024 ]; then
	printf '%s: 1024 open files are needed, the limit is %s\n' "${0##*/}" "$(ulimit -n)" >&2
	exit 1
fi

top=$(cd "$(dirname "${BASH_SOURCE[0]}")/../.." && pwd -P)

# Where servers live for a while; short, because sockets are there.
tmp=${PG_EXCLUSIVE_TMP:-/tmp}

say() { printf '%s\n' "$*" >&2; }
die() { say "${0##*/}: $*"; exit 1; }

# The server refuses to run as root; it then runs as the user "postgres", which
# the server's package made.  as_server is the prefix of commands run as it.
find_server_user() {
	SERVER_USER=$(id -un)
	as_server=(env)
	[ "$(id -u)" = 0 ] || return 0
	SERVER_USER=postgres
	as_server=(setpriv "--reuid=$(id -u postgres)" "--regid=$(id -g postgres)"
		--init-groups env HOME=/tmp)
}

# descendants PID - the processes below PID, parents first.
descendants() {
	local look=("$1") children file
	while [ ${#look[@]} -gt 0 ]; do
		for file in "/proc/${look[0]}/task/"*/children; do
			children=()
			{ read -ra children -d '' <"$file" || true; } 2>/dev/null
			[ ${#children[@]} = 0 ] || printf '%s\n' "${children[@]}"
			look+=("${children[@]}")
		done
		look=("${look[@]:1}")
	done
}

# Cleanups run last first, once, however we end.
cleanups=()
at_exit() { cleanups+=("$*"); }
run_cleanups() {
	local i status=$?
	trap '' INT TERM HUP
	set +e
	for ((i = ${#cleanups[@]} - 1; i >= 0; i--)); do
		eval "${cleanups[i]}"
	done
	cleanups=()
	exit "$status"
}
trap run_cleanups EXIT

# signals NAME - those that /proc/self/status shows for this shell, as a number.  The C
# library keeps two for itself and lets nobody change them.
signals() {
	echo $((0x$(awk -v name="$1:" '$1 == name {print $2}' /proc/$$/status) & ~0x180000000))
}

# ordinary_signals - sets `ordinary`, which starts a command with all signals at their
# defaults and none blocked.  Where we are to outlive a hangup (nohup), the command
# is put where no terminal hangs up on it.
ordinary_signals() {
	ordinary=(env --default-signal)
	(($(signals SigIgn) & 1)) && ordinary+=(setsid --wait)
	(($(signals SigBlk))) && ordinary+=(perl -MPOSIX -e
		'sigprocmask(SIG_SETMASK, POSIX::SigSet->new); exec @ARGV; die "$ARGV[0]: $!\n"')
	return 0
}

# supervise COMMAND… - runs COMMAND in the foreground of the terminal and
# returns its exit status, but hears signals at once, which a shell that waits
# for a foreground command does not: the whole tree below COMMAND gets them.
supervise() {
	local status ordinary
	ordinary_signals
	"${ordinary[@]}" "$@" <&0 &
	supervised=$! interrupted=
	trap 'end_supervised INT 130' INT
	trap 'end_supervised TERM 143' TERM
	trap 'end_supervised HUP 129' HUP
	while true; do
		status=0
		wait "$supervised" || status=$?
		kill -0 "$supervised" 2>/dev/null || break
	done
	trap - INT TERM HUP
	[ -z "$interrupted" ] || [ "$status" != 130 ] || exit 130
	return "$status"
}

# patience: how many seconds the tree has to end by itself.
patience=15

# running PID… - is one of them still going about its business?  Asleep counts,
# for it may wake up; in a wait that no signal ends (D) nobody starts anything.
running() {
	local pid stat
	for pid in "$@"; do
		{ read -r stat <"/proc/$pid/stat"; } 2>/dev/null || continue
		[[ ${stat##*) } != [RS]* ]] || return 0
	done
	return 1
}

# freeze PID… - stops these and all below them, and leaves them in $tree.  Who starts
# another process and dies at once would leave one behind that we never heard of.
freeze() {
	local pid i new=("$@")
	local -A known=()
	while [ ${#new[@]} -gt 0 ]; do
		for pid in "${new[@]}"; do known[$pid]=; done
		for ((i = 0; i < 100; i++)); do    # sudo is not ours to stop
			kill -STOP "${new[@]}" 2>/dev/null || true
			running "${new[@]}" || break
			sleep 0.005
		done
		new=()
		for pid in $(for pid in "$@"; do descendants "$pid"; done); do
			[[ -v "known[$pid]" ]] || new+=("$pid")
		done
	done
	tree=${!known[*]}
}

# end_supervised SIGNAL STATUS - ends the tree below COMMAND, then us.  But a
# terminal has told COMMAND about Ctrl-C itself, and it may live on: psql does.
end_supervised() {
	local tree i
	interrupted=$1
	[ "$1" != INT ] || [ ! -t 0 ] || return 0
	trap '' INT TERM HUP
	freeze "$supervised"
	kill "-$1" $tree 2>/dev/null || true
	kill -CONT $tree 2>/dev/null || true
	for ((i = 0; i < patience * 10; i++)); do
		kill -0 $tree 2>/dev/null || exit "$2"
		sleep 0.1
	done
	freeze $tree    # a shell that was just forked may not have heard the signal
	kill -KILL $tree 2>/dev/null || true
	for ((i = 0; i < 100; i++)); do
		running $tree || break
		sleep 0.01
	done
	exit "$2"
}
