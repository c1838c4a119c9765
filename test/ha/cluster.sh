# A three-node Patroni cluster with one etcd, all on 127.0.0.1.  Sourced, inside
# test/lib/with-server, which names the server's programs and user.
#
#   cluster_start DIR true|false    synchronous mode or not; returns when all
#                                   three are there
#   leader, replicas                names: n1 n2 n3
#   kill_node NAME, start_node NAME as a machine dies and comes back
#   cluster_complain                shows the logs, and fails
#   cluster_stop

nodes=(n1 n2 n3)
ttl=10 loop=1 retry=3           # seconds; ttl >= loop + 2 retry
declare -A node_pid

node_port() { echo $((base_port + 10 + ${1#n})); }
node_rest() { echo $((base_port + 20 + ${1#n})); }

# Everything we start dies with us.
background() {
	local log=$1
	shift
	"${as_server[@]}" setpriv --pdeathsig KILL "$@" >>"$log" 2>&1 </dev/null &
	background_pid=$!
	disown                              # no word from the shell when it is killed
}

# wait_for SECONDS COMMAND…
wait_for() {
	local end=$((SECONDS + $1))
	shift
	until "$@" >/dev/null 2>&1; do
		[ "$SECONDS" -lt "$end" ] || { say "not in time: $*"; return 1; }
		sleep 0.05
	done
}

answer() { psql -XAtq -h 127.0.0.1 -p "$(node_port "$1")" -U postgres -d postgres -c "$2"; }
is_leader() { [ "$(PGCONNECT_TIMEOUT=2 answer "$1" 'SELECT pg_is_in_recovery()' 2>/dev/null)" = f ]; }

leader() {
	local name
	for name in "${nodes[@]}"; do
		is_leader "$name" && echo "$name" && return
	done
	return 1
}

replicas() {
	local name first=$(leader)
	for name in "${nodes[@]}"; do
		[ "$name" = "$first" ] || echo "$name"
	done
}

# Two standbys stream and, in synchronous mode, Patroni has one of them on record
# as synchronous: before that it would promote nobody.
complete() {
	local name
	name=$(leader) || return
	[ "$(answer "$name" "SELECT count(*) FROM pg_stat_replication
		WHERE state = 'streaming'")" = 2 ] || return
	[ "$synchronous" = false ] || sync_standby >/dev/null
}

sync_standby() {
	"${as_server[@]}" patronictl -c "$cluster/n1.yml" list harness -f tsv |
		awk -F'\t' '$4 == "Sync Standby" { print $2; found = 1 } END { exit !found }'
}

start_node() {
	sed -e "s|@NAME@|$1|; s|@REST@|$(node_rest "$1")|; s|@PORT@|$(node_port "$1")|" \
		-e "s|@ETCD@|$((base_port + 1))|; s|@DIR@|$cluster|; s|@TTL@|$ttl|" \
		-e "s|@LOOP@|$loop|; s|@RETRY@|$retry|; s|@SYNCHRONOUS@|$synchronous|" \
		-e "s|@BIN@|$(dirname "$(command -v postgres)")|" \
		"$(dirname "${BASH_SOURCE[0]}")/patroni.yml.in" >"$cluster/$1.yml"
	background "$cluster/$1.log" patroni "$cluster/$1.yml"
	node_pid[$1]=$background_pid
}

# kill_node NAME - Patroni and the server at once, as when the machine dies.
kill_node() {
	local postmaster pid all
	postmaster=$(head -n 1 "$cluster/$1/postmaster.pid")
	kill -STOP "${node_pid[$1]}" "$postmaster" 2>/dev/null || true
	all="${node_pid[$1]} $postmaster $(descendants "$postmaster") $(descendants "${node_pid[$1]}")"
	for pid in $all; do kill -KILL "$pid" 2>/dev/null || true; done
	for pid in $all; do
		while [ -e "/proc/$pid/stat" ] &&
			! grep -q ') Z' "/proc/$pid/stat" 2>/dev/null; do sleep 0.01; done
	done
}

# etcd tells whether the ports are free; Patroni's are the next ones.
start_etcd() {
	local try
	for ((try = 0; try < 10; try++)); do
		base_port=$((20000 + RANDOM % 12000))
		background "$cluster/etcd.log" etcd --data-dir "$cluster/etcd" \
			--listen-client-urls "http://127.0.0.1:$((base_port + 1))" \
			--advertise-client-urls "http://127.0.0.1:$((base_port + 1))" \
			--listen-peer-urls "http://127.0.0.1:$((base_port + 2))" \
			--unsafe-no-fsync
		etcd_pid=$background_pid
		while kill -0 "$etcd_pid" 2>/dev/null; do
			grep -q 'ready to serve client requests' "$cluster/etcd.log" && return
			sleep 0.1
		done
	done
	tail -n 20 "$cluster/etcd.log" >&2
	return 1
}

cluster_start() {
	cluster=$1 synchronous=$2
	mkdir "$cluster"
	chown "$SERVER_USER" "$cluster"
	start_etcd
	start_node n1
	wait_for 60 is_leader n1 || { tail -n 20 "$cluster"/*.log >&2; return 1; }
	start_node n2
	start_node n3
	wait_for 180 complete
}

cluster_complain() {
	tail -n 20 "$cluster"/*.log >&2
	return 1
}

cluster_stop() {
	local name
	for name in "${nodes[@]}"; do
		[ -z "${node_pid[$name]:-}" ] || kill_node "$name" 2>/dev/null || true
	done
	[ -z "${etcd_pid:-}" ] || kill -KILL "$etcd_pid" 2>/dev/null || true
}
