#!/usr/bin/env bats
# What nobody should send, answer or do, and what the programs make of it.

load helper

@test "poll: a record without a provider, and renderings of no kind, are records like others" {
	box
	cat >in <<-'END'
		{"avatar":{"id":"a"}}
		{"provider":7,"avatar":{"id":"a"}}
		{"provider":"../x","avatar":{"id":"a"}}
		{"provider":"loom","avatar":{"id":"a","status":"ready"},"renderings":[{"status":"processing"},{"kind":5,"status":"processing"},{"kind":"no","status":"processing"},7]}
		{"provider":"loom","avatar":"a","renderings":{}}
	END
	run -65 limit 20 av-poll -k <in
	is "$(jq -c '.error.code' <<<"$output")" $'"no_provider"\n"no_provider"\n"unknown_provider"\nnull\n"no_avatar"'
}

@test "upload: options that are no object are refused, not passed over" {
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

@test "upload: an image member that says nothing is made anew, and the ledger still knows the photo" {
	photos 1
	box
	for image in '"x"' '{}' '[]' 5 '{"type":"image/jpeg"}' '{"sha256":"'"$(printf 'A%.0s' {1..64})"'","type":"image/jpeg","bytes":5}' \
		'{"sha256":"'"$(sha256sum photos/001.jpg | cut -c1-64)"'","type":"image/jpeg","bytes":-1}'; do
		run -0 limit 20 av-upload <<<'{"file":"photos/001.jpg","provider":"avtr1","image":'"$image"'}'
		is "$(jq -r .image.bytes <<<"$output")" "$(wc -c <photos/001.jpg)"
	done
	is "$(stat .avtr1.creates)" 1
}

@test "-u is for the provider that -p names; a record's own provider is asked where it lives" {
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
	clean
}

@test "a signal while the token is on its way ends the program, and its records are passed on" {
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
		kill $BOX; wait $BOX || true
		rm -rf "$XDG_CACHE_HOME"
	done
}

@test "a credential is renewed once, however often the request is tried again" {
	photos 1
	box --fault 401@loom#1 --fault 429@loom#2 --fault 429@loom#3 --fault 429@loom#4 --retry-after none
	av-token -p loom >/dev/null
	is "$(stat .loom.token_requests)" 1
	run -0 limit 20 av-upload -p loom photos/001.jpg
	stat .loom >&2
	is "$(stat .loom.token_requests)" 2
	is "$(stat .loom.creates)" 1
}
