#!/usr/bin/env bats
# The programs together, against the sandbox: the four services, a fifth described by a file, and
# pipes, make, xargs and parallel.

load helper

# pipe PROVIDER [OPTION...]: turns photos/ into pictures in out/ and records in done.PROVIDER
pipe() {
	set -o pipefail
	limit 60 av-validate -p "$1" photos/* | limit 60 av-upload -j 8 |
		limit 60 av-poll --interval 0.05s | limit 60 av-render --interval 0.05s -o out \
		"${@:2}" >"done.$1"
}

# check_run PROVIDER N PICTURES: N photos gave N ready records, N creates and PICTURES files
check_run() {
	is "$(codes "done.$1")" "$2 ready"
	is "$(of "done.$1" 'map(.file) | unique | length')" "$2"
	is "$(of "done.$1" 'map(.avatar.id) | unique | length')" "$2"
	is "$(stat ".$1.creates")" "$2"
	is "$(find out -type f 2>/dev/null | wc -l)" "$3"
	jq -r '.renderings[]? | "\(.sha256)  \(.file)"' "done.$1" >sums
	[ "$3" -eq 0 ] || sha256sum --quiet -c sums
	is "$(wc -l <sums)" "$3"
	check_schema "done.$1"
	check_sandbox
}

@test "loom: photos to stickers and animations" {
	photos 5
	box
	pipe loom -r pose=hi -r animation=hi -r animation=wave -O size=128 -O background_color=#fff
	check_run loom 5 15
	is "$(stat .loom.renderings)" 15
	file -b out/*.pose-hi.png | grep -c 'PNG image data, 128 x' | grep -qx 5
	file -b out/*.gif | grep -c '^GIF image data' | grep -qx 10
}

@test "anam: photos to stills and previews" {
	photos 5
	box
	pipe anam -r still -r preview
	check_run anam 5 10
	file -b out/*.mp4 | grep -c 'MP4' | grep -qx 5
}

@test "avtr1: photos to avatars; no pictures, no error" {
	photos 5
	box
	pipe avtr1
	check_run avtr1 5 0
}

@test "argil: photos to covers, thumbnails and videos" {
	photos 5 1280x720
	box
	pipe argil -r cover -r thumbnail -r video -O text=Hello
	check_run argil 5 15
	is "$(stat '.argil | [.videos, .video_renders]')" '[5,5]'
}

@test "one batch for all services: -p fans out, -k keeps the order" {
	photos 4 1280x720
	box
	limit 60 av-validate -k -p loom,anam,avtr1,argil photos/* | limit 60 av-upload -k |
		limit 60 av-poll -k --interval 0.05s | limit 60 av-render -k --interval 0.05s -o out >done
	is "$(codes done)" "16 ready"
	is "$(of done 'map(.provider)[0:5]')" '["loom","anam","avtr1","argil","loom"]'
	is "$(of done 'map(.file) == (map(.file) | sort)')" true
	is "$(stat '[.loom, .anam, .avtr1, .argil | .creates]')" '[4,4,4,4]'
	check_schema done
	check_sandbox
}

@test "a fifth service needs only a description" {
	mkdir -p "$XDG_CONFIG_HOME/avtools/providers"
	cp "$TESTS/servers/puppet.json" "$XDG_CONFIG_HOME/avtools/providers/"
	photos 4
	mkfifo ready
	"$TESTS/servers/puppet-server" >ready 3>&- &
	SERVER=$!
	read -r PUPPET_API_URL <ready
	export PUPPET_API_URL PUPPET_API_KEY=pk-secret
	pipe puppet -r wave=left -O mood=happy
	is "$(codes done.puppet)" "4 ready"
	is "$(find out -name '*.puppet.wave-left.svg' | wc -l)" 4
	is "$(curl -sf "${PUPPET_API_URL%/api}/_count" | jq -c .)" \
		'{"made":4,"rendered":4,"wrong":[]}'
	check_schema done.puppet
	run -1 grep -rq pk-secret done.puppet out
}

@test "pipefail: the pipe fails like its steps, each record names the step" {
	photos 2 1280x720
	printf 'no picture' >photos/003.jpg
	box --fail-match 002
	set -o pipefail
	run -65 bash -o pipefail -c 'av-validate -p argil photos/* | av-upload | av-poll --interval 0.05s | av-render -o out >done'
	is "$(of done 'sort_by(.file) | map([.avatar.status, .error.step, .error.code])')" \
		'[["ready",null,null],["failed","poll","avatar_failed"],[null,"validate","photo_refused"]]'
	is "$(stat .argil.creates)" 2
	check_schema done
	check_sandbox
}

@test "make: only a changed photo is uploaded again" {
	photos 3
	box
	cat >Makefile <<-'END'
		.RECIPEPREFIX = >
		made := $(patsubst photos/%.jpg,made/%.json,$(wildcard photos/*.jpg))
		all: $(made)
		made/%.json: photos/%.jpg
		> @mkdir -p made
		> @av-validate -p avtr1 $< | av-upload | av-poll --interval 0.05s >$@.new
		> @mv $@.new $@
	END
	limit 60 make -s -j3
	is "$(stat .avtr1.creates)" 3
	limit 60 make -s -j3
	is "$(stat .avtr1.creates)" 3
	faces photos/other=64x48
	mv photos/other photos/002.jpg
	limit 60 make -s
	is "$(stat .avtr1.creates)" 4
	is "$(of <(cat made/*.json) 'map(.avatar.id) | unique | length')" 3
	# Touched but not changed: the ledger has the photo.
	touch photos/001.jpg
	limit 60 make -s
	is "$(stat .avtr1.creates)" 4
	is "$(jq -c .avatar.reused made/001.json)" true
	check_sandbox
}

@test "xargs -P 8: one ledger, one credential, no avatar twice" {
	photos 40
	box
	export AV_PROVIDER=loom
	find photos -type f -print0 | limit 60 xargs -0 -n 5 -P 8 av-upload >made
	is "$(of made 'length')" 40
	limit 60 av-poll --interval 0.05s <made >done
	is "$(codes done)" "40 ready"
	# The same photos in other batches cost nothing.
	find photos -type f -print0 | limit 60 xargs -0 -n 3 -P 8 av-upload >again
	is "$(of again 'map(.avatar.reused) | unique')" '[true]'
	is "$(jq -s 'map(.avatar.id) | unique | length' made again)" 40
	is "$(stat '[.loom.creates, .loom.token_requests]')" '[40,1]'
	check_schema made again
	check_sandbox
}

@test "the same photo in 8 processes at once makes one avatar" {
	photos 1
	box
	seq 8 | limit 60 xargs -n 1 -P 8 sh -c 'av-upload -p avtr1 photos/001.jpg' - >made || true
	is "$(of made '[length, (map(.avatar.id) | unique | length)]')" '[8,1]'
	is "$(stat .avtr1.creates)" 1
}

@test "GNU parallel: batches of records" {
	photos 40
	box
	av-validate -p anam photos/* |
		limit 60 parallel --will-cite --pipe -N 7 -j 4 av-upload >made 3>&-
	is "$(codes made)" "40 ready"
	is "$(stat .anam.creates)" 40
	check_schema made
	check_sandbox
}

@test "Ctrl-C: every record comes out, a paid one with its id" {
	photos 60
	box --delay 50
	cat >pipe.sh <<-'END'
		trap : INT
		av-validate -p avtr1 photos/* | av-upload -j 2 | av-poll --interval 0.05s | av-render -o out >done
		echo "${PIPESTATUS[@]}" >statuses
	END
	setsid bash pipe.sh 3>&- &
	PIPE=$!
	some() { [ "$(stat .avtr1.creates)" -ge 5 ] && echo yes; }
	until_is yes some
	kill -INT -- "-$PIPE"
	wait "$PIPE"
	is "$(of done length)" 60
	MADE=$(stat .avtr1.creates)
	[ "$MADE" -lt 60 ]
	is "$(of done 'map(select(.avatar.id)) | length')" "$MADE"
	is "$(of done 'map(.error.code) - [null] | unique')" '["interrupted"]'
	is "$(of done 'map(select(.error) | .error.retryable) | unique')" '[true]'
	grep -q 130 statuses
	check_schema done
	# Another run continues, and pays once.
	limit 60 av-upload --retry-failed <done | limit 60 av-poll --retry-failed --interval 0.05s |
		limit 60 av-render --retry-failed -o out >again
	is "$(codes again)" "60 ready"
	is "$(stat .avtr1.creates)" 60
	check_sandbox
}

@test "resuming a finished run changes nothing and sends nothing" {
	photos 3
	box
	pipe anam
	REQUESTS=$(stat .anam.requests)
	limit 60 av-upload --retry-failed <done.anam | limit 60 av-poll --retry-failed |
		limit 60 av-render --retry-failed -o out >again
	cmp done.anam again
	is "$(stat .anam.requests)" "$REQUESTS"
}

@test "a closed output ends the pipe; paid requests are in the ledger" {
	photos 30
	box --delay 20
	run -0 bash -c 'av-upload -p anam -j 2 photos/* 2>err | head -n 1 >first; echo ${PIPESTATUS[0]} >status'
	is "$(cat status)" 141
	MADE=$(stat .anam.creates)
	[ "$MADE" -lt 30 ]
	limit 60 av-upload -p anam photos/* >all
	is "$(stat .anam.creates)" 30
	is "$(of all 'map(select(.avatar.reused)) | length')" "$MADE"
	check_sandbox
}

@test "100,000 records pass through in constant memory, byte for byte" {
	for i in $(seq 1000); do
		printf '{"n": %d, "provider" :"avtr1", "x":1.10, "big":12345678901234567890, "avatar":{"id":"a","status":"ready"},"renderings":[]}\n' "$i"
		printf '{"error" : {"step":"upload","code":"refused","message":"no","retryable":false}, "provider":"avtr1","i":%d}\n' "$i"
	done >some
	for i in $(seq 50); do cat some; done >many
	export AVTR1_API_KEY=none
	for program in av-validate av-upload av-poll av-render; do
		command time -f '%M' -o rss timeout 100 "$program" -p avtr1 --exit-zero <many >out.$program
		cmp many out.$program
		is "$(wc -l <out.$program)" 100000
		echo "$program: $(tail -n 1 rss) kB"
		[ -n "${AV_SANITIZED:-}" ] || [ "$(tail -n 1 rss)" -lt 40000 ]
	done
}
