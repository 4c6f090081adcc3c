#!/usr/bin/env bats
# A service with faults: the example of av-provider(5).

load helper

# acme [EXPRESSION]: installs the service's description, changed by jq, and makes a photo
acme() {
	mkdir -p "$XDG_CONFIG_HOME/avtools/providers"
	example | jq ".operations.create.lookup.settle_s = 0.3 | .pace.rate = 1000 | ${1:-.}" \
		>"$XDG_CONFIG_HOME/avtools/providers/acme.json"
	av-provider check "$XDG_CONFIG_HOME/avtools/providers/acme.json"
	photos 1
	mv photos/001.jpg ann.jpg
	export ACME_API_KEY=sesame-0123456789 ACME_EXCLUSIVE=1
}

# serve [FAULT=VALUE]... COMMAND: runs the shell command beside the service. Its output is in the
# file out, the requests are in the file requests.
serve() {
	limit 60 "$TESTS/servers/acme-server" "${@:1:$#-1}" sh -c "{ ${*: -1}; } >out" >requests
}

# requests: counts them by method and path
requests() {
	cut -d' ' -f1,2 requests | sort | uniq -c | awk '{ printf "%s%s %s %s", sep, $1, $2, $3; sep = ", " }'
}

@test "with a clock a day off: finds the new avatar, not the older one" {
	acme
	for clock in 0 -86400 86400; do
		rm -rf "$XDG_STATE_HOME"/*
		serve "clock=$clock" old=ann lost=1 'av-upload -q -p acme ann.jpg'
		is "$(jq -r .avatar.id out)" face-1
		is "$(requests)" '2 GET /v2/faces, 1 POST /v2/faces'
	done
}

@test "a list that repeats its first page proves nothing, and the reading ends" {
	acme 'del(.operations.avatars.paging.last) | .operations.avatars.paging.end = "empty"'
	run -75 serve same=1 lost=1 'av-upload -q -p acme ann.jpg'
	is "$(jq -c '.error | [.code, .created, .retryable]' out)" '["outcome_unknown","unknown",true]'
	is "$(requests)" '2 GET /v2/faces, 1 POST /v2/faces'
}

@test "no lookup without a value for every member that must match" {
	acme '.operations.create.lookup.match["/from"] = "{url}"'
	run -65 serve lost=1 'av-upload -q -p acme ann.jpg'
	is "$(jq -c '.error | [.code, .created]' out)" '["outcome_unknown","unknown"]'
	is "$(requests)" '1 POST /v2/faces'
}

@test "a repeated key is masked, a long message becomes one line" {
	acme
	run -65 serve echo=400 'av-upload -v -p acme ann.jpg 2>err'
	run -1 grep -r sesame out err "$XDG_STATE_HOME"
	is "$(jq -r .error.provider_code out)" '*****************'
	is "$(jq -c '.error.message | test("[[:cntrl:]]")' out)" false
	is "$(jq -c '.error.message | test("x{300}[*]{51}\\\\n\\\\x1b\\[2J")' out)" true
}

@test "an answer without a state, or with endless headers, only delays" {
	acme
	serve silent=2 'av-upload -q -p acme ann.jpg | av-poll -q --interval 20ms'
	is "$(jq -r .avatar.status out)" ready
	is "$(requests)" '3 GET /v2/faces/face-1, 1 POST /v2/faces'
	rm -rf "$XDG_STATE_HOME"/*
	serve heads=1 'av-upload -q -p acme ann.jpg | av-poll -v --interval 20ms 2>err'
	is "$(jq -r .avatar.status out)" ready
	grep -q "headers are over 256 KiB" err
}

@test "a blocked account: thousands of waiting records end without deep recursion" {
	acme '.operations.create.lookup.exclusive = true'
	seq -f '{"file":"ann.jpg","provider":"acme","name":"n%.0f"}' 20000 >in
	# Recursion would need a larger stack.
	ACME_EXCLUSIVE=1 run -75 serve echo=402 'ulimit -s 256; av-upload -q -j 20000 <in'
	is "$(codes out)" '20000 account_blocked'
	is "$(requests)" '1 POST /v2/faces'
}
