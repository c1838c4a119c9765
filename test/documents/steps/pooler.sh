# What the steps with poolers share.  Sourced in the directory of the page.
set -euo pipefail

# in_background PROGRAM ARG… - starts it, not as root, and notes its process.
in_background() {
	local as_server=()
	[ "$(id -u)" != 0 ] ||
		as_server=(setpriv "--reuid=$SERVER_USER" "--regid=$SERVER_USER" --init-groups)
	"${as_server[@]}" "$@" >"$1.log" 2>&1 &
	echo $! >"$1.own"
}

# pooled NAME PORT DATABASE - makes the command NAME, which is psql through the
# pooler, and waits until the pooler answers.
pooled() {
	local i
	mkdir -p bin
	cat >"bin/$1" <<-END
		#!/bin/sh
		PGHOST=127.0.0.1 PGPORT=$2 PGDATABASE=$3 exec psql -XAt "\$@"
	END
	chmod 755 bin "bin/$1"
	for ((i = 0; i < 600; i++)); do
		! "bin/$1" -c 'SELECT 1' >/dev/null 2>&1 || return 0
		sleep 0.1
	done
	return 1
}
