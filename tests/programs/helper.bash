# Shared by the tests of programs: a sandbox for each test, photos, and queries of records.

bats_require_minimum_version 1.5.0

TESTS=$(cd "$(dirname "${BASH_SOURCE[0]}")/.." && pwd)
# AV_SLOW multiplies timeouts; AV_SANITIZED is set if memory cannot be measured.
: "${AV_SLOW:=1}"
SERVICES=(loom anam avtr1 argil)

setup() {
	cd "$BATS_TEST_TMPDIR" || return
	export XDG_STATE_HOME=$PWD/state XDG_CONFIG_HOME=$PWD/config XDG_CACHE_HOME=$PWD/cache
	# tests beside each other are one process group: in one directory they would have one receipt
	export XDG_RUNTIME_DIR=$PWD/runtime
	unset AV_PROVIDER AV_LEDGER "${!AWS_@}"
	mkdir -p "$XDG_STATE_HOME" "$XDG_CONFIG_HOME" "$XDG_RUNTIME_DIR"
}

teardown() {
	local pid
	for pid in "${BOX:-}" "${SERVER:-}" "${STORE:-}"; do
		if [ -n "$pid" ]; then
			kill "$pid" 2>/dev/null || true
			wait "$pid" 2>/dev/null || true
		fi
	done
}

# box [OPTION...]: starts a fast sandbox without Loom's limit of a request a second, and sets the
# environment from its line
box() {
	local line
	rm -f ready
	mkfifo ready
	av-sandbox --ready-after 50 --render-after 50 --rate loom=0 "$@" >ready 2>box.err 3>&- &
	BOX=$!
	read -r line <ready
	eval "$(jq -r '.env | to_entries[] | "export \(.key)=\(.value | @sh)"' <<<"$line")"
	STATS=$(jq -r .stats <<<"$line")
	export LOOM_RATE=1000
}

# end_box: ends the sandbox
end_box() {
	kill "$BOX"
	wait "$BOX" || true
	BOX=
}

# serve_script [BODIES]: starts a service that answers by the file script (servers/scripted-server) at
# $url; its requests go to the file asked
serve_script() {
	rm -f url asked
	mkfifo url
	"$TESTS/servers/scripted-server" script asked "$@" >url 3>&- &
	SERVER=$!
	read -r url <url
}

# end_server: ends that service
end_server() {
	kill "$SERVER"
	wait "$SERVER" || true
	SERVER=
}

# store BUCKETS [OPTION...]: starts a stand-in for S3 (servers/s3-server) whose buckets are the folders in
# BUCKETS, and sets the environment for it; its requests go to the file stored
store() {
	export AWS_ACCESS_KEY_ID=AKIDEXAMPLE AWS_SECRET_ACCESS_KEY=wJalrXUtnFEMI/K7MDENG+bPxRfiCY AWS_REGION=test-1
	rm -f endpoint stored
	mkfifo endpoint
	"$TESTS/servers/s3-server" "$1" stored "${@:2}" >endpoint 3>&- &
	STORE=$!
	read -r AWS_ENDPOINT_URL_S3 <endpoint
	export AWS_ENDPOINT_URL_S3
}

# end_store: ends it
end_store() {
	kill "$STORE"
	wait "$STORE" || true
	STORE=
}

# stat EXPRESSION: of the sandbox's counts
stat() {
	curl -sf "$STATS" | jq -c "$1"
}

# photos N [WIDTHxHEIGHT]: makes photos/001.jpg and so on, all different, and removes earlier ones
photos() {
	rm -rf photos
	mkdir -p photos
	seq -f "photos/%03g.jpg=${2:-64x48}" "$1" | xargs faces
}

# set_lags [SECONDS]: installs descriptions with this lag of lists, this delay of effects, and this time
# until an avatar that is not found is gone
set_lags() {
	mkdir -p "$XDG_CONFIG_HOME/avtools/providers"
	for service in "${SERVICES[@]}"; do
		jq --argjson s "${1:-1}" \
			'(.operations[] | select(.lookup) | .lookup) |= . + {settle_s: $s, effect_s: $s}
				| .poll.gone_s = $s' \
			"$TESTS/../lib/providers/$service.json" \
			>"$XDG_CONFIG_HOME/avtools/providers/$service.json"
	done
}

# is GOT WANTED
is() {
	[ "$1" = "$2" ] || { printf 'got    %s\nwanted %s\n' "$1" "$2" | cut -c1-600; return 1; }
}

# of FILE EXPRESSION: of an array of the file's records
of() {
	jq -sc "$2" "$1"
}

# codes FILE: "N code" for each error code, sorted; without an error the avatar's status counts
codes() {
	jq -r '.error.code // .avatar.status // "none"' "$1" | sort | uniq -c |
		awk '{ printf "%s%s %s", sep, $1, $2; sep = ", " }'
}

# check_schema FILE...: the records match their schema
check_schema() {
	cat "$@" | "$TESTS/lint/schema-check" "$TESTS/../lib/schema/record.json"
}

# check_sandbox: the sandbox saw no violation, no credential at a media host, and no duplicate
check_sandbox() {
	is "$(stat 'del(.other) | [.[] | [.violations_count, .credentials_on_media, .duplicates_count]] | unique')" \
		'[[0,0,0]]'
	is "$(stat '.other.requests')" 0
}

# example: prints the description in av-provider(5)
example() {
	sed -n '/^\.\\" acme\.json$/,/^\.Ed$/p' "$TESTS/../tools/av-provider.5" | sed '1,2d;$d'
}

# own_mounts: sets OWN to a command that gives another one mounts of its own; skips where that is not
# possible, as in a chroot
own_mounts() {
	OWN=(unshare -m)
	[ "$(id -u)" -eq 0 ] || OWN=(unshare -rm)
	mkdir mounted
	"${OWN[@]}" mount -t tmpfs none mounted 2>err || skip "no file system can be mounted: $(cat err)"
}

# needs_terminal: sets ON to the program that runs a command on a terminal (on-terminal); skips if this
# machine has no pseudo-terminals
needs_terminal() {
	python3 -c 'import os; os.openpty()' 2>/dev/null || skip "no pseudo-terminal: /dev/pts is not mounted"
	ON=$TESTS/programs/on-terminal
}

# limit SECONDS COMMAND...: runs the command with a timeout
limit() {
	timeout -k 5 "$(($1 * AV_SLOW))" "${@:2}"
}

# until_is WANTED COMMAND...: waits until the command prints it
until_is() {
	local n
	for n in $(seq $((500 * AV_SLOW))); do
		[ "$("${@:2}")" = "$1" ] && return
		sleep 0.02
	done
	echo "never '$1': $("${@:2}")"
	return 1
}

# check_usage PROGRAM OPTION MISTAKE...: help and version are on stdout, the help has the option, and
# each usage error ends with 64 and a message on stderr
check_usage() {
	local mistake
	run -0 --separate-stderr "$1" -h
	[[ $output == "usage: $1"* && $output == *"$2"* && -z $stderr ]]
	run -0 "$1" -V
	[[ $output == "$1 "* ]]
	for mistake in "${@:3}"; do
		echo "$mistake"
		run -64 --separate-stderr "$1" $mistake
		[[ -z $output && $stderr == *usage:* ]]
	done
}
