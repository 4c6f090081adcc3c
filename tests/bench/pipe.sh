#!/bin/bash
# pipe.sh: what starting, passing on, uploading and waiting cost, beside what one would use
# instead, in one run. Each line: what, ours, the other's, and ours as a part of the other's.
set -eu
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
cd "$work"
export AV_LEDGER=none XDG_STATE_HOME=$work/state ARGIL_API_KEY=x

# Seconds of the quickest of three runs.
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

/usr/bin/python3 - 2000 <<'PY'
import struct, sys, zlib
def chunk(t, d):
    return struct.pack('>I', len(d)) + t + d + struct.pack('>I', zlib.crc32(t + d))
for i in range(int(sys.argv[1])):
    rows = b''.join(b'\0' + bytes([i % 256, i >> 8, y]) * 160 for y in range(90))
    open('p%04d.png' % i, 'wb').write(b'\x89PNG\r\n\x1a\n'
        + chunk(b'IHDR', struct.pack('>IIBBBBB', 160, 90, 8, 2, 0, 0, 0))
        + chunk(b'IDAT', zlib.compress(rows, 1)) + chunk(b'IEND', b''))
PY
av-validate -p avtr1 p*.png >photos.jsonl
cat >uploads.sh <<'SH'
set -eu
up() { av-upload -q --again -j 64 --ledger "$1" <photos.jsonl; }
for f in p*.png; do
	printf 'url = "%s/avatars"\nheader = "Authorization: Bearer %s"\nform = "image=@%s;type=image/png"\nform = "name=%s"\noutput = /dev/null\nnext\n' \
		"$AVTR1_API_URL" "$AVTR1_API_KEY" "$f" "$f"
done | sed '$d' >curl.cfg
with_curl() { curl -s --parallel --parallel-max 64 -K curl.cfg; }
up none >/dev/null
line "2,000 uploads, -j 64: av-upload, curl --parallel" "$(quickest up none)" "$(quickest with_curl)"
line "2,000 uploads: with a ledger, without" "$(quickest up ledger.db)" "$(quickest up none)"
SH
cat >slow.sh <<'SH'
up() { av-upload -q --again -j 64 --ledger "$1" <photos.jsonl; }
up none >/dev/null
with_curl() { curl -s --parallel --parallel-max 64 -K slow.cfg; }
sed "s|^url = .*|url = \"$AVTR1_API_URL/avatars\"|; s|Bearer [^\"]*|Bearer $AVTR1_API_KEY|" curl.cfg >slow.cfg
line "uploads answered after 20 ms: av-upload, curl" "$(quickest up none)" "$(quickest with_curl)"
line "uploads answered after 20 ms: with a ledger" "$(quickest up ledger.db)" "$(quickest up none)"
SH
export -f line quickest
av-sandbox -- bash uploads.sh
av-sandbox --delay 20 -- bash slow.sh
