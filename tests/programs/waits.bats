#!/usr/bin/env bats
# Waits that a service asked for: they are told, and they end.

load helper

# pause PROVIDER [SECONDS]: a first run is told to wait so long
pause() {
	photos 2 1280x720
	box --fault "429@$1#1" --retry-after "${2:-1000000}"
	run -75 limit 20 av-upload --timeout 3s -p "$1" photos/001.jpg
	is "$(grep '^{' <<<"$output" | jq -r .error.code)" rate_limited
	is "$(grep -c 'nothing is sent before' <<<"$output")" 1
}

# check_told: the output tells the wait once, with its end and the file; the records failed by it
check_told() {
	local begin
	is "$(grep -c 'nothing is sent before 20..-' <<<"$output")" 1
	[ -f "$(sed -n "s/.*as kept in '\(.*\)'.*/\1/p" <<<"$output")" ]
	is "$(grep '^{' <<<"$output" | jq -c '.error | [.code, .retryable]' | sort -u)" '["rate_limited",true]'
}

@test "a pause of an earlier run is told, and av-upload ends at --timeout" {
	pause anam
	run -75 limit 20 av-upload --timeout 3s -j 1 -p anam photos/*
	check_told
	is "$(grep '^{' <<<"$output" | jq -r .error.created | sort -u)" no
	is "$(stat .anam.requests)" 1
	is "$(av-ledger list | jq -r .state | sort -u)" not_made
}

@test "a pause of an earlier run is told, and av-poll and av-render end at --timeout" {
	pause argil 3600
	seq -f '{"provider":"argil","avatar":{"id":"%.0f","status":"processing"}}' 50 >made
	run -75 limit 20 av-poll --timeout 3s <made
	check_told
	is "$(grep -c '^{' <<<"$output")" 50
	seq -f '{"provider":"argil","avatar":{"id":"%.0f","status":"ready"}}' 50 >avatars
	run -75 limit 20 av-render --timeout 3s --ask -r video -O text=Hello <avatars
	check_told
	is "$(stat .argil.requests)" 1
}

@test "a pause that ends before --timeout is waited for, and told" {
	pause avtr1 6
	limit 30 av-upload --timeout 20s -p avtr1 photos/* >out 2>err
	is "$(codes out)" '2 processing'
	is "$(grep -c 'nothing is sent before' err)" 1
}

@test "what other processes reserved is told, and the record ends at --timeout" {
	photos 2
	box
	LOOM_RATE=1/m av-upload -q -p loom photos/001.jpg >out
	LOOM_RATE=1000 run -75 limit 20 av-upload --timeout 2s -p loom photos/002.jpg
	check_told
	is "$(stat .loom.creates)" 1
}
