#!/usr/bin/env bats
# The examples of README and manual: each one runs against the sandbox, in a folder that has the
# files it names. And none of them ends in silence when something is missing.

load helper

# Examples that need what a test has not: another machine, a registry, a person, an hour, an avatar
NOT_RUN='^(docker|export|build/|parallel --ssh|split|cat done/|sbatch|make image|kubectl|snakemake|hadoop)|ssh other|pass show|(api|hooks|store)\.example\.org|tests/field|bats tests|av_01J|3f1f1d3e|--against https|db\.example|xdg-open'

setup_file() {
	export SHELF=$BATS_FILE_TMPDIR/shelf
	mkdir -p "$SHELF/photos"
	cd "$SHELF"
	faces photos/ann.jpg=1280x720 photos/ben.jpg=720x1280 ann.jpg=1280x720
	convert ann.jpg -define heic:speed=9 cleo.heic
	printf 'photos/%s.jpg\n' ann ben >list.txt
	mkdir bucket
	cp ann.jpg bucket
	echo s3://bucket/ann.jpg >urls.txt
	echo '{"file":"old/ann.jpg","url":"s3://bucket/ann.jpg"}' >people.jsonl
	printf 'ann.jpg\tAnn\n' >people.tsv
	printf 'file,name\nann.jpg,Ann\n' >people.csv
	printf 'sh run.sh\n' >batch
	chmod +x batch
	echo 'av-validate -p anam photos/*.jpg | av-upload | av-poll >done.jsonl' >run.sh
	printf 'batch test:\n\tsh run.sh\n' >Makefile
}

# shelf: a new folder with the files of the examples, and records made by the sandbox at hand
shelf() {
	rm -rf work
	cp -r "$SHELF" work
	cd work
	export HOME=$PWD GITHUB_STEP_SUMMARY=$PWD/summary.md
	mkdir -p .config/avtools/providers
	av-provider show avtr1 >.config/avtools/providers/mine.json
	export AV_LEDGER=$PWD/ledger.db
	av-upload -p loom,argil photos/ann.jpg >made.jsonl
	av-poll --interval 0.1s <made.jsonl >ready.jsonl
	cp ready.jsonl done.jsonl
	cp ready.jsonl todo.jsonl
	cp ready.jsonl again.jsonl
	: >events.jsonl
	cp ready.jsonl records.jsonl
	av-validate -p argil photos/*.jpg >checked.jsonl
	av-upload --dry-run <checked.jsonl >plan.jsonl
	av-render --ask -r video -O text=Hello <ready.jsonl >asked.jsonl || [ $? -eq 65 ]
}

# run_examples FILE...: each one ends well, or with a failed record, and no program was used wrongly
run_examples() {
	local example status ran=0
	box
	store "$SHELF"
	while IFS= read -r -d '' example; do
		[[ ! $example =~ $NOT_RUN ]] || continue
		ran=$((ran + 1))
		echo "--- $example"
		(
			shelf
			status=0
			# shellcheck disable=SC2094
			timeout -k 5 $((60 * AV_SLOW)) bash -c "$example" <&- >../stdout 2>../stderr 3>&- &
			wait $! || status=$?
			kill -- -$! 2>/dev/null || true # what the example left running, in timeout's process group
			cat ../stderr
			[[ $status =~ ^(0|65)$ ]] || { echo "status $status"; jq -c ".error?" ../stdout done.jsonl; exit 1; }
			run -1 grep -qE 'usage:|command not found|unknown (option|provider)|syntax error' ../stderr
		)
	done < <("$TESTS/lint/examples" "$@")
	[ "$ran" -ge 5 ]
	end_store
	end_box
}

pages() { (cd "$TESTS/../tools" && ls "$@" | sed "s|^|$TESTS/../tools/|"); }

@test "the examples of README run" {
	run_examples "$TESTS/../README.md"
}

@test "the examples of av-upload, av-poll and av-render run" {
	run_examples $(pages av-upload.1 av-poll.1 av-render.1)
}

@test "the examples of av-validate, av-fit, av-provider and av-token run" {
	run_examples $(pages av-validate.1 av-fit.1 av-provider.1 av-token.1)
}

# av-tutorial(7) has a test of its own, which also compares what is printed.
@test "the examples of the other pages run" {
	run_examples $(ls "$TESTS"/../tools/av*.[17] |
		grep -vE '/av-(upload|poll|render|validate|fit|provider|token)\.1$|/av-tutorial')
}

# fails_aloud SETTING EXAMPLE: under sh, without pipefail, in a folder of its own: the status says that
# something is wrong, and the records say what, unless they could not be written
fails_aloud() {
	local status=0
	rm -rf aloud
	cp -r "$SHELF" aloud
	cd aloud
	case $1 in
	key) set -- "$1" "$2" HOME="$PWD" ;;
	home) set -- "$1" "$2" ANAM_API_KEY=k ARGIL_API_KEY=k AVTR1_API_KEY=k LOOM_ACCESS_TOKEN=k ;;
	ledger) set -- "$1" "$2" HOME="$PWD" AV_LEDGER=/dev/null/ledger.db ANAM_API_KEY=k \
		ARGIL_API_KEY=k AVTR1_API_KEY=k LOOM_ACCESS_TOKEN=k ;;
	disk) set -- "$1" "$(sed -E 's|>[a-z]+\.jsonl|>/dev/full|' <<<"$2")" HOME="$PWD" ;;
	esac
	limit 60 env -i PATH="$PATH" "${@:3}" sh -c "$2" <&- >stdout 2>stderr || status=$?
	cat stderr
	[ "$status" -ne 0 ] || { echo "$1: exit 0"; return 1; }
	[ "$1" = disk ] || [ "$(cat stdout ./*.jsonl 2>/dev/null | jq -c 'select(.error)' | wc -l)" -ge 1 ] ||
		{ echo "$1: no record says why"; return 1; }
}

# recipes: the examples that pay, and whose status is that of a program of ours
recipes() {
	"$TESTS/lint/examples" "$TESTS/../README.md" "$TESTS"/../tools/av*.[17] |
		grep -zE '^(find|av-(validate|upload))' | grep -zF av-upload | grep -zvF parallel |
		grep -zvE 'jq|--dry-run|av-sandbox|<[a-z]+\.jsonl|[$<]\('
}

@test "no recipe ends in silence: no key, no HOME, no ledger, no room on the disk" {
	local example setting n=0
	cp "$SHELF/ann.jpg" .
	while IFS= read -r -d '' example; do
		for setting in key home ledger disk; do
			echo "--- $setting: $example"
			(fails_aloud "$setting" "$example")
			n=$((n + 1))
		done
	done < <(recipes)
	[ "$n" -ge 20 ]
}

@test "make tries again what failed for want of a key" {
	cp "$SHELF/ann.jpg" .
	sed -n '/^    SHELL = bash/,/^    .DELETE_ON_ERROR/p' "$TESTS/../README.md" |
		sed -E 's/^    //; s/^ {8}/\t/' >Makefile
	grep -q av-upload Makefile
	for _ in 1 2; do
		run ! env -u AVTR1_API_KEY HOME="$PWD" make ann.jsonl
		[ ! -e ann.jsonl ]
	done
	box
	make ann.jsonl
	is "$(codes ann.jsonl)" "1 ready"
	end_box
}

# block FILE FIRST: the literal block of a page that begins with the line FIRST
block() {
	awk -v first="$2" '/^\.Bd/ { getline; inside = ($0 == first) } /^\.Ed/ { inside = 0 } inside' \
		"$TESTS/../tools/$1" | sed 's/\\&//; s/\\e/\\/g'
}

@test "av-batch(7): make tries again after a kill; CI reports failures, and fails" {
	cp -r "$SHELF/photos" "$SHELF/ann.jpg" .
	block av-batch.7 "SHELL = bash" >Makefile
	grep -q av-upload Makefile
	mkdir killed
	printf '#!/bin/sh\nkill -KILL $$\n' >killed/av-upload
	chmod +x killed/av-upload
	run ! env PATH="$PWD/killed:$PATH" make ann.jsonl
	[ ! -e ann.jsonl ]
	block av-batch.7 "set -o pipefail" >ci.sh
	echo '<html>' >photos/bad.jpg
	run -65 limit 60 env GITHUB_STEP_SUMMARY=summary av-sandbox -- bash -e ci.sh
	grep -qF '2 of 3 ready' summary
}

@test "README's script pays twice, and the line beside it does not" {
	cp -r "$SHELF/photos" .
	sed -n '/^    for photo in/,/^    done/s/^    //p' "$TESTS/../README.md" | sed 's/sleep 5/:/' >script
	grep -q curl script
	av-sandbox --fault lost-after@anam#1 -- bash -c \
		'bash script; curl -s "$AV_SANDBOX_STATS" | jq .anam.creates >creates'
	is "$(cat creates)" 3
	av-sandbox --fault lost-after@anam#1 -- bash -c 'av-validate -p anam photos/*.jpg |
		av-upload | av-poll >done.jsonl; curl -s "$AV_SANDBOX_STATS" | jq .anam.creates >creates'
	is "$(cat creates)" 2
	is "$(codes done.jsonl)" "2 ready"
}
