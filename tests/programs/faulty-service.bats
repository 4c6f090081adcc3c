#!/usr/bin/env bats
# A service that is not as it should be, and what the programs make of it: the example of
# av-provider(5), with flaws.

load helper

# acme [EXPRESSION]: the service's description, changed by jq, and a photo
acme() {
	mkdir -p "$XDG_CONFIG_HOME/avtools/providers"
	example | jq ".operations.create.lookup.settle_s = 0.3 | .pace.rate = 1000 | ${1:-.}" \
		>"$XDG_CONFIG_HOME/avtools/providers/acme.json"
	av-provider check "$XDG_CONFIG_HOME/avtools/providers/acme.json"
	photos 1
	mv photos/001.jpg ann.jpg
	export ACME_API_KEY=sesame-0123456789
}

# served [FLAW=VALUE]... COMMAND: by a shell, with its stdout in the file out; what the service was
# asked for is in the file asked
served() {
	limit 60 "$TESTS/servers/acme-server" "${@:1:$#-1}" sh -c "{ ${*: -1}; } >out" >asked
}

# asked: how often for each
asked() {
	cut -d' ' -f1,2 asked | sort | uniq -c | awk '{ printf "%s%s %s %s", sep, $1, $2, $3; sep = ", " }'
}

@test "a clock that is a day off: what was made is found, what is older is not taken for it" {
	acme
	for clock in 0 -86400 86400; do
		rm -rf "$XDG_STATE_HOME"/*
		served "clock=$clock" old=ann lost=1 'av-upload -q -p acme ann.jpg'
		is "$(jq -r .avatar.id out)" face-1
		is "$(asked)" '2 GET /v2/faces, 1 POST /v2/faces'
	done
}

@test "a list that is the same page again and again tells nothing, and ends" {
	acme 'del(.operations.list.paging.last)'
	run -75 served same=1 lost=1 'av-upload -q -p acme ann.jpg'
	is "$(jq -c '.error | [.code, .created, .retryable]' out)" '["outcome_unknown","unknown",true]'
	is "$(asked)" '2 GET /v2/faces, 1 POST /v2/faces'
}

@test "what cannot be looked up by all that must match is not looked up by the rest" {
	acme '.operations.create.lookup.match["/from"] = "{url}"'
	run -65 served lost=1 'av-upload -q -p acme ann.jpg'
	is "$(jq -c '.error | [.code, .created]' out)" '["outcome_unknown","unknown"]'
	is "$(asked)" '1 POST /v2/faces'
}

@test "a key that is repeated comes out masked, a tale as one line" {
	acme
	run -65 served echo=400 'av-upload -v -p acme ann.jpg 2>err'
	run ! grep -r sesame out err "$XDG_STATE_HOME"
	is "$(jq -r .error.provider_code out)" '*****************'
	is "$(jq -c '.error.message | test("[[:cntrl:]]")' out)" false
	is "$(jq -c '.error.message | test("x{300}[*]{51} +\\[2J")' out)" true
}

@test "an answer about a state that holds none, or headers without end, only delays" {
	acme
	served silent=2 'av-upload -q -p acme ann.jpg | av-poll -q --interval 20ms'
	is "$(jq -r .avatar.status out)" ready
	is "$(asked)" '3 GET /v2/faces/face-1, 1 POST /v2/faces'
	rm -rf "$XDG_STATE_HOME"/*
	served heads=1 'av-upload -q -p acme ann.jpg | av-poll -v --interval 20ms 2>err'
	is "$(jq -r .avatar.status out)" ready
	grep -q "headers have no end" err
}

@test "an account that cannot pay: thousands that wait for their turn end one after another" {
	acme '.operations.create.lookup.exclusive = true'
	seq -f '{"file":"ann.jpg","provider":"acme","name":"n%.0f"}' 20000 >in
	# Each within the one before would take more of the stack than that.
	ACME_EXCLUSIVE=1 run -75 served echo=402 'ulimit -s 256; av-upload -q -j 20000 <in'
	is "$(codes out)" '20000 account_blocked'
	is "$(asked)" '1 POST /v2/faces'
}
