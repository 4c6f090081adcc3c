#!/bin/bash
# demo.sh DIR: turns photos into avatars and pictures on the four services, played by the sandbox on
# this machine. Leaves photos, records, pictures and a page with them in DIR. `make demo` runs it
# with the programs in PATH.
set -euo pipefail

services=(loom anam avtr1 argil)

# extras PROVIDER: options of av-render for more than the default pictures
extras() {
	case $1 in
	loom) printf '%s\n' -r pose=hi -r animation=hi -O size=512 -O background_color=#dde6f0 ;;
	anam) printf '%s\n' -r still -r preview ;;
	argil) printf '%s\n' -r cover -r video -O "text=Hello, I am an avatar." ;;
	esac
}

pipe() {
	local provider=$1 extra
	mapfile -t extra < <(extras "$provider")
	av-validate -p "$provider" photos/* | av-upload | av-poll --interval 0.2s |
		av-render --interval 0.2s -o pictures "${extra[@]}" >"records/$provider.jsonl"
}

# summary: a line for each service, with the sandbox's counts
summary() {
	local provider
	printf '%-8s %6s %6s %7s %9s %8s %10s\n' \
		service photos ready failed pictures creates violations
	for provider in "${services[@]}"; do
		jq -sr --arg p "$provider" --slurpfile stats stats.json '
			[$p, length,
			 (map(select(.avatar.status == "ready" and .error == null)) | length),
			 (map(select(.error)) | length),
			 (map(.renderings[]? | select(.file)) | length),
			 $stats[0][$p].creates, $stats[0][$p].violations_count] | @tsv' \
			"records/$provider.jsonl" |
			xargs -r printf '%-8s %6s %6s %7s %9s %8s %10s\n'
	done
}

# page: an HTML table with a row for each photo and a column for each service
page() {
	jq -sr '
		def show: if .type | startswith("video/")
			then "<video controls muted loop width=240 src=\"\(.file | @uri | gsub("%2F"; "/"))\"></video>"
			else "<img height=180 src=\"\(.file | @uri | gsub("%2F"; "/"))\">" end
			+ "<small>\([.kind, .value // empty] | join(" ") | @html)</small>";
		(map(.provider) | unique) as $services |
		"<!doctype html><meta charset=utf-8><title>avtools demo</title>",
		"<style>body{font:14px sans-serif;margin:2em}td,th{border:1px solid #ccc;padding:8px;"
			+ "vertical-align:top}table{border-collapse:collapse}small{display:block}</style>",
		"<h1>Photos, avatars, pictures</h1><table><tr><th>photo",
		($services[] | "<th>\(@html)"),
		(group_by(.file)[] | INDEX(.provider) as $of |
			"<tr><td><img height=180 src=\"\(.[0].file | @html)\"><small>\(.[0].file | @html)</small>",
			($services[] | $of[.] |
				"<td>" + ([.renderings[]? | select(.file) | show] | join(""))
				+ "<small>avatar \(.avatar.id | @html): \(.avatar.status | @html)</small>")),
		"</table>"' records/*.jsonl >index.html
}

inside() {
	local provider jobs=() failed=0
	# Loom allows one request a second; the demo should not take minutes.
	export LOOM_RATE=50
	for provider in "${services[@]}"; do
		pipe "$provider" &
		jobs+=($!)
	done
	for provider in "${!jobs[@]}"; do
		wait "${jobs[provider]}" || failed=$?
	done
	curl -sf "$AV_SANDBOX_STATS" >stats.json || failed=$?
	return "$failed"
}

if [ "${1-}" = --inside ]; then
	inside
	exit
fi

script=$(realpath "$0")
rm -rf "$1"
mkdir -p "$1"/{photos,records,pictures}
cd "$1"
faces photos/ann.jpg=1280x720 photos/ben.png=1920x1080 photos/cleo.jpg=720x1280 \
	photos/dina.png=1080x1920 photos/elif.jpg=1920x1080 photos/finn.jpg=1440x810
status=0
av-sandbox --strict-exit --rate loom=0 -- bash "$script" --inside || status=$?
page
summary
echo
echo "photos    $PWD/photos"
echo "records   $PWD/records"
echo "pictures  $PWD/pictures"
echo "page      $PWD/index.html"
exit "$status"
