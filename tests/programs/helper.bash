# What the tests of programs share: a sandbox of each test's own, photos, and questions about
# records.

bats_require_minimum_version 1.5.0

TESTS=$(cd "$(dirname "${BASH_SOURCE[0]}")/.." && pwd)
# AV_SLOW stretches what is waited for, AV_SANITIZED says that memory is no measure.
: "${AV_SLOW:=1}"
SERVICES=(loom anam avtr1 argil)

setup() {
	cd "$BATS_TEST_TMPDIR" || return
	export XDG_STATE_HOME=$PWD/state XDG_CONFIG_HOME=$PWD/config XDG_CACHE_HOME=$PWD/cache
	unset AV_PROVIDER AV_LEDGER
	mkdir -p "$XDG_STATE_HOME" "$XDG_CONFIG_HOME"
}

teardown() {
	local pid
	for pid in "${BOX:-}" "${SERVER:-}"; do
		if [ -n "$pid" ]; then
			kill "$pid" 2>/dev/null || true
			wait "$pid" 2>/dev/null || true
		fi
	done
}

# box [OPTION...]: starts a sandbox, fast and without Loom's limit of a request a second, and takes
# over what its line says.
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

# stat EXPRESSION: of what the sandbox counted
stat() {
	curl -sf "$STATS" | jq -c "$1"
}

# photos N [WIDTHxHEIGHT]: photos/001.jpg and so on, each another one, and nothing else
photos() {
	rm -rf photos
	mkdir -p photos
	seq -f "photos/%03g.jpg=${2:-64x48}" "$1" | xargs faces
}

# soon [SECONDS]: lists are complete so soon after an answer, and requests take effect, by the
# user's own description
soon() {
	mkdir -p "$XDG_CONFIG_HOME/avtools/providers"
	for service in "${SERVICES[@]}"; do
		jq --argjson s "${1:-1}" \
			'(.operations[] | select(.lookup) | .lookup) |= . + {settle_s: $s, effect_s: $s}' \
			"$TESTS/../lib/providers/$service.json" \
			>"$XDG_CONFIG_HOME/avtools/providers/$service.json"
	done
}

is() {
	[ "$1" = "$2" ] || { printf 'got    %s\nwanted %s\n' "$1" "$2" | cut -c1-600; return 1; }
}

# of FILE EXPRESSION: of all the file's records, as one array
of() {
	jq -sc "$2" "$1"
}

# codes FILE: "N code" for each error code, sorted; "ready" and the like where there is none
codes() {
	jq -r '.error.code // .avatar.status // "none"' "$1" | sort | uniq -c |
		awk '{ printf "%s%s %s", sep, $1, $2; sep = ", " }'
}

# sound FILE...: the records keep to their schema
sound() {
	cat "$@" | "$TESTS/lint/schema-check" "$TESTS/../lib/schema/record.json"
}

# Nobody broke a contract, showed a credential where it must not, or paid twice.
clean() {
	is "$(stat 'del(.other) | [.[] | [.violations_count, .credentials_on_media, .duplicates_count]] | unique')" \
		'[[0,0,0]]'
	is "$(stat '.other.requests')" 0
}

# example: the service that av-provider(5) describes
example() {
	sed -n '/^\.\\" acme\.json$/,/^\.Ed$/p' "$TESTS/../tools/av-provider.5" | sed '1,2d;$d'
}

# limit SECONDS COMMAND...: all that a test runs ends
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
