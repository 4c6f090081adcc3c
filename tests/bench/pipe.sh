#!/bin/bash
# pipe.sh: times of starting and of passing records on, compared with other programs. Each line: the
# task, our time, the other program's time, and their ratio.
set -eu
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
cd "$work"
export AV_LEDGER=none XDG_STATE_HOME=$work/state ARGIL_API_KEY=x

# quickest COMMAND...: the shortest time of three runs, in seconds
quickest() {
	local best= t i
	for i in 1 2 3; do
		t=$(TIMEFORMAT=%R; { time "$@" >/dev/null 2>&1; } 2>&1)
		best=$(awk -v a="$t" -v b="${best:-$t}" 'BEGIN { print (a < b ? a : b) }')
	done
	echo "$best"
}

line() { # WHAT OURS OTHER
	awk -v w="$1" -v a="$2" -v b="$3" \
		'BEGIN { printf "%-50s %9.3f %9.3f  %5.2f\n", w, a, b, (b > 0 ? a / b : 0) }'
}

starts() { for _ in $(seq 100); do "$@"; done; }

printf '%-50s %9s %9s  %5s\n' "seconds" ours other ratio
curl_v=$(quickest starts curl -V)
line "100 starts: av-validate, curl -V" "$(quickest starts av-validate -V)" "$curl_v"
line "100 starts: av-upload, curl -V" "$(quickest starts av-upload -V)" "$curl_v"

awk 'BEGIN { for (i = 0; i < 100000; i++) printf "{\"file\":\"p/%d.jpg\",\"provider\":\"argil\"," \
	"\"image\":{\"type\":\"image/jpeg\",\"bytes\":%d,\"width\":1920,\"height\":1080},\"avatar\":" \
	"{\"id\":\"7b0f-%d\",\"status\":\"ready\",\"provider_status\":\"IDLE\"}}\n", i, i, i }' >done.jsonl
pass() { "$@" <done.jsonl; }
jq_c=$(quickest pass jq -c .)
line "100,000 records passed on: av-poll, jq -c ." "$(quickest pass av-poll)" "$jq_c"
line "100,000 records passed on: av-upload, jq -c ." "$(quickest pass av-upload)" "$jq_c"
