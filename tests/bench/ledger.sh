#!/bin/sh
# ledger.sh [PHOTOS] [ROUNDS]: uploads a second at -j 64 with the ledger and without it, the best
# of the rounds of each, taken in turn, and their ratio. To be run with bin/ in PATH.
set -eu
here=$(cd "$(dirname "$0")" && pwd)
dir=$(mktemp -d)
trap 'rm -rf "$dir"' EXIT
mkdir "$dir/photos"
python3 "$here/../soak/shots.py" "$dir/photos" "${1:-2000}"
ls "$dir"/photos/*.png >"$dir/list"
export DIR="$dir" ROUNDS="${2:-5}"
av-sandbox --delay 20 -- sh -eu <<'E2'
once() { # LEDGER: uploads a second; the sandbox makes another one of each every time
	begin=$(date +%s%N)
	AVTR1_ACCOUNT=$round av-upload -q -p avtr1 -j 64 --ledger "$1" <"$DIR/list" >/dev/null
	echo "$(wc -l <"$DIR/list") $(($(date +%s%N) - begin))" | awk '{ printf "%.0f\n", $1 / $2 * 1e9 }'
}
for round in $(seq "$ROUNDS"); do
	once none >>"$DIR/without"
	once "$DIR/ledger.db" >>"$DIR/with"
done
with=$(sort -n "$DIR/with" | tail -n 1) without=$(sort -n "$DIR/without" | tail -n 1)
echo "with the ledger $with uploads a second, without $without; ratio" \
	"$(echo "$with $without" | awk '{ printf "%.2f\n", $1 / $2 }')"
E2
