# A private copy of the installed server, with the extension in it.  Sourced.
#
# The server finds its share and library directories relative to its own
# executable.  So a tree with copies of the executables, and links for all the
# rest, is a server of its own: what we install there is seen by nobody else,
# nothing is written to the system, and checkouts do not meet.

# cache_dir - where trees are kept: PG_EXCLUSIVE_CACHE, or one per checkout.
cache_dir() {
	local home=/var/tmp/pg_exclusive-$(id -u)
	if [ -n "${PG_EXCLUSIVE_CACHE:-}" ]; then
		mkdir -p "$PG_EXCLUSIVE_CACHE"
		echo "$PG_EXCLUSIVE_CACHE"
		return
	fi
	mkdir -p "$home"
	[ -O "$home" ] && [ ! -L "$home" ] || die "$home belongs to somebody else"
	home=$home/$(sha256sum <<<"$top" | cut -c 1-12)
	mkdir -p "$home"
	echo "$home"
}

# copy_server TREE - the bare server, as PG_CONFIG names it.
copy_server() {
	local config=${PG_CONFIG:-pg_config} dir
	for dir in sharedir pkglibdir; do
		dir=$("$config" --$dir)
		mkdir -p "$1$dir"
		cp -as "$dir/." "$1$dir"
		find "$1$dir" -name 'pg_exclusive*' -prune -exec rm -r {} +
	done
	for dir in includedir libdir; do
		dir=$("$config" --$dir)
		mkdir -p "$1${dir%/*}"
		[ -e "$1$dir" ] || ln -s "$dir" "$1$dir"
	done
	dir=$("$config" --bindir)
	mkdir -p "$1$dir"
	cp -a "$dir/." "$1$dir"
	ln -s "$1$dir" "$1/bin"
}

# copy_sources BUILD - what the extension and its tests are made of, keeping
# times, so that make builds what has changed.
copy_sources() {
	local file
	mkdir -p "$1"
	(cd "$top" && cp -a --parents [A-Z]* $(ls -d docs debian extension sql expected cpp \
		test/sql test/specs test/t 2>/dev/null) "$1")
	(cd "$1" && find . -type f ! -name '*.o' ! -name '*.so' ! -name '*.bc') |
		while read -r file; do
			[ -e "$top/$file" ] || rm -f "$1/$file"
		done
}

# Flags of the builds we know.  In "foreign" the lock manager's internals are not where
# the extension looks for them, as on a server that somebody has changed.
build_flags() {
	case $1 in
	plain) ;;
	strict) echo "-Werror" ;;
	clang) echo "-Werror -Wno-unknown-warning-option -Wno-ignored-attributes" \
		"-Wno-ignored-optimization-argument" ;;
	foreign) echo "-Werror -DPGX_LOCK_HASH='\"no such table\"'" ;;
	ubsan) echo "-fsanitize=undefined -fno-sanitize-recover=all" ;;
	*) die "no build is called \"$1\"" ;;
	esac
}

# server_id - tells the server that PG_CONFIG names from others, and from what an
# update makes of it.
server_id() {
	stat -c '%n %Y %s' "$("${PG_CONFIG:-pg_config}" --bindir)/postgres" |
		sha256sum | cut -c 1-12
}

# stage BUILD - builds the extension and prints the tree that has it.  Trees
# are never changed once they are made: another one is made when the sources
# have changed, so a running server keeps what it was started with.
stage() {
	local cache server base build id tree config=${PG_CONFIG:-pg_config}
	cache=$(cache_dir)
	server=$(server_id)
	exec 8>"$cache/lock"
	flock 8
	base=$cache/base-$server
	if [ ! -e "$base/bin" ]; then
		rm -rf "$base"
		copy_server "$base"
	fi
	build=$cache/build-$1-$server
	copy_sources "$build"
	id=$(cd "$build" && find Makefile extension sql \
		-name '*.[ch]' -o -name '*.map' -o -name '*.sql' -o -name '*.control' -o -name Makefile |
		sort | xargs sha256sum | sha256sum | cut -c 1-12)
	tree=$cache/tree-$1-$server-$id
	if [ ! -e "$tree/ready" ]; then
		drop_old_trees "$cache"
		rm -rf "$tree"
		cp -al "$base" "$tree"
		ln -sfn "$tree$("$config" --bindir)" "$tree/bin"
		say "building the extension ($1)"
		make -C "$build" -j2 install PG_CONFIG="$tree/bin/pg_config" \
			with_llvm=no PG_CFLAGS="$(build_flags "$1")" \
			PG_LDFLAGS="$([ "$1" = ubsan ] && echo -fsanitize=undefined)" \
			$([ "$1" = clang ] && echo CC=clang) 2>&1 |
			tee "$build/make.log" |
			sed -un 's|.* -c -o .* \(extension/[^ ]*\.c\)$|  \1|p' >&2 || {
			grep -vE '^[^ ]*(gcc|cc|clang) |^make' "$build/make.log" >&2
			die "could not build the extension; see $build/make.log"
		}
		touch "$tree/ready"
	fi
	touch "$tree"
	ln -sfn "$build" "$tree/build"
	exec 8>&-
	echo "$tree"
}

# last_good_tree BUILD - the newest tree of that build for this server, though
# sources changed.
last_good_tree() {
	local ready
	ready=$(ls -t "$(cache_dir)"/tree-"$1"-"$(server_id)"-*/ready 2>/dev/null | head -n 1)
	[ -n "$ready" ] && echo "${ready%/ready}"
}

# Trees that no server has used for a day.
drop_old_trees() {
	local tree
	for tree in "$1"/tree-*; do
		[ -d "$tree" ] && [ -n "$(find "$tree" -maxdepth 0 -mmin +1440)" ] &&
			rm -rf "$tree"
	done
	return 0
}

# data_template TREE - a fresh cluster's files, made once and copied.
data_template() {
	local cache template
	cache=$(cache_dir)
	template=$cache/data-$(sha256sum "$1/bin/postgres" | cut -c 1-12)
	exec 8>"$cache/lock"
	flock 8
	if [ ! -e "$template/ready" ]; then
		rm -rf "$template"
		mkdir "$template"
		chown "$SERVER_USER" "$template"
		"${as_server[@]}" "$1/bin/initdb" -D "$template/data" -U postgres -A trust \
			-E UTF8 --locale=C.UTF-8 --no-sync >"$template/log" 2>&1 ||
			{ cat "$template/log" >&2; return 1; }
		touch "$template/ready"
	fi
	exec 8>&-
	echo "$template/data"
}
