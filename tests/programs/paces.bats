#!/usr/bin/env bats
# Classes of operations that keep a pace of their own.

load helper

# acme FILTER SCRIPT: installs the example, changed by the filter, and serves it by the script
acme() {
	mkdir -p "$XDG_CONFIG_HOME/avtools/providers"
	example | jq ".operations.avatars.pace = \"read\" | .operations.create.pace = \"make\" | $1" \
		>"$XDG_CONFIG_HOME/avtools/providers/acme.json"
	av-provider check "$XDG_CONFIG_HOME/avtools/providers/acme.json"
	printf '%s\n' "$2" >script
	serve_script
	export ACME_API_URL=$url ACME_API_KEY=key
}

# took COMMAND...: runs it, and sets MS to the milliseconds that it took
took() {
	local begun=${EPOCHREALTIME/./}
	"$@"
	MS=$(((${EPOCHREALTIME/./} - begun) / 1000))
}

# uploads PHOTO...: in a process for each, at the same time
uploads() {
	printf '%s\n' "$@" | xargs -P 8 -n 1 av-upload -q -p acme
}

SERVICE='{"POST /faces": [{"status":201,"body":{"id":"f@n@","state":"done"}}],
	"GET /faces": [{"body":{"faces":[],"pages":1}}], "GET /faces/f1": [{"body":{"state":"done"}}]}'

@test "a class has its own pace, which all processes share, and others do not wait for it" {
	photos 4
	acme '.pace = {classes: {make: {rate: 2}, read: {rate: 1000, burst: 50}}}' "$SERVICE"
	uploads photos/* >out 3>&- &
	pid=$!
	until [ -s asked ]; do sleep 0.02; done
	av-list -q -p acme
	# the list came before the last upload
	is "$(grep -c POST asked | awk '{ print ($1 < 4) }')" 1
	wait "$pid"
	is "$(codes out)" '4 ready'
	export AV_LEDGER=none
	took uploads photos/* >out
	[ "$MS" -ge 1400 ] # 1.5 s, if the first need not wait
	is "$(codes out)" '4 ready'
	end_server
}

@test "a wait that the service asks for holds for the class" {
	photos 1
	acme '.pace = {rate: 1000, classes: {make: {rate: 100}, read: {rate: 100}}}' \
		"$(jq -c '."POST /faces" = [{status: 429, headers: {"Retry-After": "2"}}] + ."POST /faces"' <<<"$SERVICE")"
	av-upload -q -p acme photos/001.jpg >out 3>&- &
	pid=$!
	until [ -s asked ]; do sleep 0.02; done
	sleep 0.2
	av-list -q -p acme
	is "$(grep -c POST asked)" 1
	took wait "$pid"
	[ "$MS" -ge 1000 ]
	is "$(codes out)" '1 ready'
	end_server
}

@test "a rate that is given: one for all, or of a class" {
	photos 3
	acme '.pace = {classes: {make: {rate: 0.01}, read: {rate: 0.01}}}' "$SERVICE"
	export AV_LEDGER=none
	av-upload -q -p acme --rate 100/s photos/* >out
	is "$(codes out)" '3 ready'
	ACME_RATE_MAKE=100/s ACME_RATE=1/m av-upload -q -p acme photos/* >out
	is "$(codes out)" '3 ready'
	run -0 --separate-stderr env ACME_RATE=100/s ACME_RATE_MAKE=fast av-upload -p acme photos/*
	is "$(grep -c "NAME_RATE_MAKE is 'fast'" <<<"$stderr")" 1
	end_server
}

@test "a dry run tells how long the pace makes it take, from a minute on" {
	photos 130
	mkdir -p "$XDG_CONFIG_HOME/avtools/providers"
	example | jq '.pace = {rate: 2, burst: 3} | .operations.create.before = ["asset"]
		| .operations.asset = {method: "POST", path: "/assets", bodies: {source: "file", raw: "{file}"}}' \
		>"$XDG_CONFIG_HOME/avtools/providers/acme.json"
	av-upload --dry-run -p acme photos/* 2>err >plan
	grep -q 'Acme Faces: 260 requests at its documented pace of 2 a second take 2 minutes at least' err
	av-upload --dry-run -p acme photos/01* 2>err >plan
	run -1 grep -q 'documented pace' err
	# Without a pace nothing is told.
	example | jq 'del(.pace)' >"$XDG_CONFIG_HOME/avtools/providers/acme.json"
	av-upload --dry-run -p acme photos/* 2>err >plan
	run -1 grep -q 'documented pace' err
}
