#!/usr/bin/env bats
# Malformed records, signals, closed streams and full disks.

load helper

@test "poll: a missing or bad provider and malformed renderings are errors of the record" {
	box
	cat >in <<-'END'
		{"avatar":{"id":"a"}}
		{"provider":7,"avatar":{"id":"a"}}
		{"provider":"../x","avatar":{"id":"a"}}
		{"provider":"loom","avatar":{"id":"a","status":"ready"},"renderings":[{"status":"processing"},{"kind":5,"status":"processing"},{"kind":"no","status":"processing"},7]}
		{"provider":"loom","avatar":"a","renderings":{}}
	END
	run -78 limit 20 av-poll -k <in
	is "$(jq -c '.error.code' <<<"$output")" $'"no_provider"\n"unknown_provider"\n"unknown_provider"\nnull\n"no_avatar"'
}

@test "upload: refuses options that are not an object" {
	photos 1
	box
	for options in '[]' '[1]' '"x"' 5 true; do
		run -65 limit 20 av-upload <<<'{"file":"photos/001.jpg","provider":"loom","options":'"$options"'}'
		is "$(jq -c '[.error.code, .error.problems[0].code]' <<<"$output")" '["photo_refused","option_invalid"]'
	done
	run -65 limit 20 av-render <<<'{"avatar":{"id":"x"},"provider":"loom","options":[]}'
	is "$(jq -r .error.code <<<"$output")" option_invalid
	is "$(stat .loom.creates)" 0
}

@test "upload: replaces a malformed image member, and finds the photo in the ledger" {
	photos 1
	box
	for image in '"x"' '{}' '[]' 5 '{"type":"image/jpeg"}' '{"sha256":"'"$(printf 'A%.0s' {1..64})"'","type":"image/jpeg","bytes":5}' \
		'{"sha256":"'"$(sha256sum photos/001.jpg | cut -c1-64)"'","type":"image/jpeg","bytes":-1}'; do
		run -0 limit 20 av-upload <<<'{"file":"photos/001.jpg","provider":"avtr1","image":'"$image"'}'
		is "$(jq -r .image.bytes <<<"$output")" "$(wc -c <photos/001.jpg)"
	done
	is "$(stat .avtr1.creates)" 1
}

@test "-u applies to the provider of -p, not to a record's own provider" {
	photos 1 1280x720
	box
	other=$ANAM_API_URL
	run -0 limit 20 av-upload -k -p avtr1 -u "$AVTR1_API_URL" <<-'END'
		{"file":"photos/001.jpg"}
		{"file":"photos/001.jpg","provider":"anam"}
	END
	is "$(stat '[.avtr1.creates, .anam.creates]')" '[1,1]'
	ANAM_API_URL=http://127.0.0.1:1/v1 run -75 limit 20 av-upload --again --timeout 1s -p avtr1 -u "$other" \
		<<<'{"file":"photos/001.jpg","provider":"anam"}'
	is "$(stat '[.avtr1.creates, .anam.creates]')" '[1,1]'
	check_sandbox
}

@test "a signal during a token request ends the program and passes its records on" {
	photos 3
	for program in "av-upload" "av-token --ensure"; do
		box --fault token-stall=1
		rm -f in; mkfifo in
		timeout --foreground $((30 * AV_SLOW)) $program -p loom <in >out 2>err 3>&- &
		pid=$!
		exec 5>in
		printf 'photos/%s.jpg\n' 001 002 003 >&5
		until_is 1 stat .loom.token_requests
		kill $pid
		printf 'photos/001.jpg\n' >&5
		exec 5>&-
		SECONDS=0
		status=0; wait $pid || status=$?
		is $status 143
		[ $SECONDS -lt 10 ]
		is "$(codes out)" "4 interrupted"
		end_box
		rm -rf "$XDG_CACHE_HOME"
	done
}

@test "a credential is renewed once for all attempts of a request" {
	photos 1
	box --fault 401@loom#1 --fault 429@loom#2 --fault 429@loom#3 --fault 429@loom#4 --retry-after none
	av-token -p loom >/dev/null
	is "$(stat .loom.token_requests)" 1
	run -0 limit 20 av-upload -p loom photos/001.jpg
	stat .loom >&2
	is "$(stat .loom.token_requests)" 2
	is "$(stat .loom.creates)" 1
}

# records N: N records of avatars that are processing
records() {
	seq -f '{"provider":"avtr1","avatar":{"id":"av_01J%023.0f","status":"processing"}}' "$1"
}

@test "a closed output ends av-poll, also while a request is in flight" {
	photos 8
	box --ready-after 600000 --fail-match none
	run -0 limit 20 av-upload -j 8 -p avtr1 photos/*.jpg
	printf '%s\n' "$output" '{"error":{}}' | sed '1h;$G' >in
	for round in 1 2 3; do
		mkfifo out
		head -c 1 <out >/dev/null &
		status=0
		limit 20 av-poll --interval 0.01s -j 64 --rate 1000 <in >out || status=$?
		is $status 141
		rm out
	done
}

@test "after a signal all input is written, even with a full window" {
	photos 1
	box --fault stall=1 --stall-ms 1000
	for keep in -q -k; do
		export AV_LEDGER=$PWD/ledger$keep
		rm -f in; mkfifo in
		timeout --foreground $((60 * AV_SLOW)) av-upload $keep -j 2 -p avtr1 <in >out 2>err 3>&- &
		pid=$!
		exec 5>in
		for i in $(seq 40); do
			printf '{"file":"photos/001.jpg","name":"Photo %s %s"}\n' "$keep" "$i"
		done >&5
		until_is 2 stat .avtr1.requests
		exec 5>&-
		kill $pid
		status=0; wait $pid || status=$?
		is $status 143
		is "$(codes out | sed 's/[0-9]* outcome_unknown//')" "38 interrupted, "
		is "$(of out 'map(.error.retryable) | unique')" '[true]'
		curl -sf -X POST "${STATS%_stats}_reset"
	done
}

@test "a full disk: nothing more is started, exit status 74" {
	photos 12
	box
	run -74 limit 20 bash -c 'av-upload -j 1 -p avtr1 photos/*.jpg >/dev/full'
	[ "$(stat .avtr1.creates)" -le 2 ]
	run -0 limit 20 av-upload -j 1 -p avtr1 photos/*.jpg
	is "$(stat .avtr1.creates)" 12
}

@test "a second signal ends the program while nobody reads its output" {
	box
	mkfifo out
	exec 6<>out
	records 3000 | sed 's/processing/ready/' >in
	av-poll -v <in >out 2>err 3>&- 6>&- &
	pid=$!
	held() {
		python3 -c 'import array, fcntl, termios
n = array.array("i", [0])
fcntl.ioctl(6, termios.FIONREAD, n)
print(n[0] > 60000)'
	}
	until_is True held
	kill $pid
	until_is 1 grep -c stopping err
	kill $pid
	status=0; wait $pid || status=$?
	is $status 143
	exec 6>&-
}

@test "closed standard streams are not mistaken for other files" {
	photos 2
	box
	run -0 limit 20 av-upload -p avtr1 photos/001.jpg <&-
	for closed in '>&-' '<&- >&-' '<&- >&- 2>&-'; do
		run -74 limit 20 bash -c "av-upload -p avtr1 --again photos/002.jpg $closed"
	done
	run -74 limit 20 bash -c 'av-upload -p avtr1 <&-'
	run -0 av-ledger check
	run -0 limit 20 av-upload -p avtr1 photos/001.jpg
	is "$(stat .avtr1.duplicates_count)" 2
}

@test "a photo renamed after a lost answer is looked up under its old name" {
	set_lags 0.5
	export ANAM_EXCLUSIVE=1 AVTR1_EXCLUSIVE=1
	for p in anam avtr1; do
		photos 1
		box --fault "lost-after@$p#1" --fault "stall@$p#2"
		av-upload -p "$p" photos/001.jpg 3>&- &
		pid=$!
		until_is 1 stat ".$p.creates"
		kill -9 $pid
		wait $pid || true
		mv photos/001.jpg photos/another.jpg
		run -0 limit 60 av-upload -p "$p" photos/another.jpg
		is "$(stat "[.$p.creates, .$p.duplicates_count]")" '[1,0]'
		end_box
	done
}

@test "a rendering that is gone is marked in the ledger and made again" {
	photos 1
	set_lags 0.2
	box
	limit 20 av-upload -p loom photos/001.jpg | limit 20 av-poll --interval 0.05s >made
	run -0 limit 20 av-render -r pose=hi -r pose=hi --interval 0.05s -o out <made
	is "$(jq -c '.renderings | length' <<<"$output")" 1
	is "$(stat .loom.renderings)" 1
	id=$(jq -r '.renderings[0].id' <<<"$output")
	rm -r out
	run -0 limit 20 av-render -r pose=hi --interval 0.05s -o out <made
	is "$(jq -c '.renderings[0] | [.id, .reused]' <<<"$output")" "[\"$id\",true]"
	rm -r out
	# As if the service had removed the rendering.
	av-ledger export | jq -c --arg id "$id" 'if .operation == "render" then .id = "nosuch" else . end' >book
	export AV_LEDGER=$PWD/other
	av-ledger import <book
	run -65 limit 20 av-render -r pose=hi --interval 0.01s -o out <made
	is "$(jq -r .error.code <<<"$output")" avatar_gone
	run -0 limit 20 av-render -r pose=hi --interval 0.05s -o out <made
	is "$(stat .loom.renderings)" 2
}

@test "without random numbers a program says so and ends; nothing was sent" {
	[ -z "${AV_SANITIZED:-}" ] || skip "AddressSanitizer has to be loaded first"
	photos 1 1280x720
	box
	for n in 2 4; do # the first and the third call are those of OpenSSL, which has another source
		rm -f counts
		export AV_INJECT=random:$n:38 AV_INJECT_COUNTS=$PWD/counts
		run -71 --separate-stderr bash -c \
			'LD_PRELOAD=$(type -P inject.so) av-upload -p argil photos/001.jpg'
		is "$stderr" "av-upload: the system gives no random numbers: Function not implemented"
		is "$(stat .argil.creates)" 0
	done
}
