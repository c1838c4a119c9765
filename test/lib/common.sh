# What the scripts here share.  Sourced, never run.

set -euo pipefail
umask 022
export LANG=C.UTF-8 LC_ALL=C.UTF-8    # PostgreSQL's Perl modules unset the second

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
	local child
	for child in $(cat "/proc/$1/task/"*/children 2>/dev/null || true); do
		echo "$child"
		descendants "$child"
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

# supervise COMMAND… - runs COMMAND in the foreground of the terminal and
# returns its exit status, but hears signals at once, which a shell that waits
# for a foreground command does not: the whole tree below COMMAND gets them.
supervise() {
	local status
	env --default-signal=INT,QUIT "$@" <&0 &
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

# end_supervised SIGNAL STATUS - ends the tree below COMMAND, then us.  But a
# terminal has told COMMAND about Ctrl-C itself, and it may live on: psql does.
end_supervised() {
	local pid tree i
	interrupted=$1
	[ "$1" != INT ] || [ ! -t 0 ] || return 0
	trap '' INT TERM HUP
	tree="$supervised $(descendants "$supervised" | xargs)"
	for pid in $tree; do kill "-$1" "$pid" 2>/dev/null || true; done
	for ((i = 0; i < patience * 10; i++)); do
		kill -0 $tree 2>/dev/null || break
		sleep 0.1
		# Those that were being started while we looked.
		for pid in $(for pid in $tree; do descendants "$pid"; done); do
			[[ " $tree " != *" $pid "* ]] || continue
			tree+=" $pid"
			kill "-$1" "$pid" 2>/dev/null || true
		done
	done
	for pid in $tree; do kill -KILL "$pid" 2>/dev/null || true; done
	exit "$2"
}
