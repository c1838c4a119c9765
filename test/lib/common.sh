# What the scripts here share.  Sourced, never run.

set -euo pipefail
umask 022
export LC_ALL=C.UTF-8

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
	local status=0
	env --default-signal=INT,QUIT "$@" <&0 &
	supervised=$!
	trap 'interrupted INT 130' INT
	trap 'interrupted TERM 143' TERM
	trap 'interrupted HUP 129' HUP
	wait "$supervised" || status=$?
	trap - INT TERM HUP
	supervised=
	return "$status"
}

# patience: how many seconds the tree has to end by itself.
patience=15
interrupted() {
	local pid tree i
	trap '' INT TERM HUP
	tree="$supervised $(descendants "$supervised")"
	for pid in $tree; do kill "-$1" "$pid" 2>/dev/null || true; done
	for ((i = 0; i < patience * 10; i++)); do
		kill -0 $tree 2>/dev/null || break
		sleep 0.1
	done
	for pid in $tree; do kill -KILL "$pid" 2>/dev/null || true; done
	exit "$2"
}
