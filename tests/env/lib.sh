# shellcheck shell=sh
# Shared by the scripts of this directory: progress, errors, and the cache.

XLNET_CACHE=${XLNET_CACHE:-/var/cache/xlnet}
export XLNET_CACHE
# One clock for all nested scripts, so that every line shows the time since the outermost one began.
XLNET_STARTED=${XLNET_STARTED:-$(date +%s)}
export XLNET_STARTED

# Standard output carries results (paths); people read standard error.
step() {
	printf '[%4d s] %s\n' "$(($(date +%s) - XLNET_STARTED))" "$*" >&2
}

die() {
	printf '%s: %s\n' "${0##*/}" "$*" >&2
	exit 1
}

# content_key FILE-OR-STRING…: a short hash of the contents of the files and of the strings.
content_key() {
	for item; do
		if [ -f "$item" ]; then cat "$item"; else printf '%s\n' "$item"; fi
	done | sha256sum | cut -c1-12
}

# build_packages RELEASE: the list of what is in the build root of a Debian release
build_packages() {
	# shellcheck disable=SC2154 # That of the script that reads this in.
	if [ "$1" = trixie ]; then echo "$here/build-packages.txt"; else echo "$here/build-packages-$1.txt"; fi
}

# logged LOG COMMAND…: runs it with all output in LOG; on failure shows the end and says where it is.
logged() {
	log=$1
	shift
	mkdir -p "${log%/*}"
	if "$@" >"$log" 2>&1 </dev/null; then return 0; fi
	tail -n 20 "$log" >&2
	die "failed: $* (whole log: $log)"
}

# cached NAME KEY COMMAND…: prints the path of the artefact. If it is not there yet, COMMAND is run
# with a temporary path as last argument and the result is renamed when complete, so that an
# interrupted run never leaves half an artefact under the final name.
cached() {
	name=$1
	path=$XLNET_CACHE/$1-$2
	shift 2
	if [ ! -e "$path" ]; then
		mkdir -p "$XLNET_CACHE"
		exec 9>"$XLNET_CACHE/.$name.lock"
		flock 9
		if [ ! -e "$path" ]; then
			# Also what interrupted runs for other keys left; the lock covers the name.
			rm -rf --one-file-system "$XLNET_CACHE/$name"-*.tmp
			"$@" "$path.tmp"
			mv "$path.tmp" "$path"
		fi
		exec 9>&-
	fi
	printf '%s\n' "$path"
}
