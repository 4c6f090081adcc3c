#!/bin/bash
# demo.sh DIR: turns photos into avatars and pictures on the four services, played by the sandbox on
# this machine. Some photos are bad: the demo shows what is said about them, and mends them as it is
# said. Leaves photos, records, pictures and two pages in DIR. `make demo` runs it with the programs
# in PATH.
set -euo pipefail

say() {
	printf '\n\033[1m%s\033[0m\n' "$*"
}

# pipe PROVIDER PHOTO...: the whole way, with more than the default pictures
pipe() {
	local provider=$1 extra=()
	case $provider in
	loom) extra=(-r pose=hi -r animation=hi -O size=512 -O background_color=#dde6f0) ;;
	anam) extra=(-r still -r preview) ;;
	argil) extra=(-r cover -r video -O "text=Hello, I am an avatar.") ;;
	esac
	av-validate -p "$provider" "${@:2}" | av-upload | av-poll --interval 0.2s |
		av-render --interval 0.2s --exit-zero -o out "${extra[@]}"
}

# pipes PHOTO...: all services side by side; prints their records
pipes() {
	local provider jobs=()
	for provider in loom anam avtr1 argil; do
		pipe "$provider" "$@" >"$provider.jsonl" &
		jobs+=($!)
	done
	wait "${jobs[@]}"
	cat {loom,anam,avtr1,argil}.jsonl
	rm {loom,anam,avtr1,argil}.jsonl
}

# command_for CODE: the command that av-report and av-sheet name for this kind of failure
command_for() {
	av-report --json done.jsonl | jq -r --arg code "$1" '.failures[] | select(.code == $code) | .command'
}

inside() {
	local command files
	# The sandbox limits Loom to one request a second as the service does, unless it is told not to.
	export LOOM_RATE=50
	set +o pipefail # failed records are expected: the report tells of them
	pipes photos/* >done.jsonl
	av-sheet -o before.html --title "Demo: the first run" done.jsonl
	av-report done.jsonl

	command=$(command_for aspect_refused)
	say "The command for the wrong shape"
	echo "$ $command >again.jsonl"
	eval "$command" >again.jsonl || [ $? -eq 65 ] # the other bad photos are still there

	command=$(command_for truncated)
	say "The command that lists the photos that are cut"
	echo "$ $command"
	files=$(eval "$command" | sort -u)
	echo "$files"
	command=$(command_for not_a_picture)
	say "and those that are no pictures"
	echo "$ $command"
	files+=$'\n'$(eval "$command" | sort -u)
	echo "${files##*$'\n'}"
	say "Copy them again, and run the first line for them"
	for file in $files; do
		cp -v "camera/${file##*/}" "$file"
	done
	pipes $files >>again.jsonl

	av-sheet -o index.html --title "Demo: after mending" done.jsonl again.jsonl
	say "All runs together"
	av-report done.jsonl again.jsonl
	curl -sf "$AV_SANDBOX_STATS" >stats.json
	jq -r 'del(.other) | [.[]] | "\nThe services counted \(map(.creates) | add) avatars, "
		+ "\(map(.duplicates_count) | add) made twice, and \(map(.violations_count) | add) wrong requests."' stats.json
}

if [ "${1-}" = --inside ]; then
	inside
	exit
fi

script=$(realpath "$0")
rm -rf "$1"
mkdir -p "$1"/{camera,photos}
cd "$1"
faces camera/ann.jpg=1280x720 camera/ben.png=1920x1080 camera/cleo.jpg=720x1280 \
	camera/dina.png=1080x1920 camera/elif.jpg=1440x900 camera/finn.jpg=1440x810 \
	camera/gus.jpg=1280x720 camera/hana.jpg=1920x1080
cp camera/* photos
head -c 20000 camera/gus.jpg >photos/gus.jpg
echo '<html><h1>404 Not Found</h1></html>' >photos/hana.jpg
say "Eight photos, four services. One has a shape that argil refuses, one is cut, one is a web page."
av-sandbox --strict-exit --rate loom=0 -- bash "$script" --inside
echo
echo "records   $PWD/done.jsonl, $PWD/again.jsonl"
echo "pictures  $PWD/out"
echo "pages     $PWD/before.html, $PWD/index.html"
