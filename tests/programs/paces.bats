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

# plan ARG...: a dry run, whose JSON goes to the file json
plan() {
	av-upload --dry-run -p acme "$@" >plan 2>err
	av-upload --dry-run --progress json -p acme "$@" 2>lines >plan
	jq -c 'select(.plan).plan' lines >json
	[ -s json ]
}

# described FILTER: installs the example, changed by the filter, with a step before create
described() {
	mkdir -p "$XDG_CONFIG_HOME/avtools/providers"
	example | jq '.pace = {rate: 2, burst: 3} | .operations.create.before = ["asset"]
		| .operations.asset = {method: "POST", path: "/assets", bodies: {source: "file", raw: "{file}"},
			answer: {required: ["id"], take: {id: "/id"}}}'" | $1" >"$XDG_CONFIG_HOME/avtools/providers/acme.json"
	av-provider check "$XDG_CONFIG_HOME/avtools/providers/acme.json"
}

@test "a dry run tells how many requests, how long at the pace, and how many workers are of use" {
	photos 130
	described .
	plan photos/*
	grep -q 'Acme Faces: 260 requests at its documented pace of 2 a second take 2 min 9 s at least$' err
	grep -q 'does not tell yet how long an answer takes: up to 2 s, 1 worker with 4 in flight reaches the pace; at 10 s, 5 are of use$' err
	is "$(jq -c '[.create, .photos_checked, (.loads[] | [.account, .requests, .pace, .documented, .in_flight,
		.seconds, .bottleneck, .workers, .answers])]' json)" '[130,130,["default",260,2,true,4,128.5,"pace",null,null]]'
	is "$(jq -c '[.plan[0].pace, (.plan[0].steps[] | .operation, .already_made, .pace)]' plan | sort -u)" \
		'[{"rate":2,"burst":3},"asset",false,{"rate":2,"burst":3}]'
	is "$(av-report --json <plan | jq -c '.plan | [.requests, .paces[].seconds]')" '[260,128.5]'
	check_schema plan
	# A small batch that one worker sends at once.
	plan photos/001.jpg
	grep -q 'Acme Faces: 2 requests; its documented pace is 2 a second$' err
	run -1 grep -q 'in flight' err
	is "$(jq .loads[0].workers json)" 1
	# The user's rate counts; then this machine is slower.
	plan --rate 1000000/s photos/*
	grep -q '260 requests; the given pace is 1000000 a second$' err
	grep -Eq '; the bottleneck is this machine, which checks [0-9.]+ photos a second$' err
	is "$(jq -c '.loads[0] | [.documented, .bottleneck]' json)" '[false,"machine"]'
	described 'del(.pace)'
	plan photos/*
	grep -q 'Acme Faces: 260 requests; no pace is documented$' err
	grep -q ': at 2 s, a worker with 4 in flight sends 2 a second, and takes 2 min 10 s; more workers help until the service asks to wait$' err
	is "$(jq -c '.loads[0] | [.pace, .bottleneck, .workers]' json)" '[null,null,null]'
	# An account that makes one at a time.
	LOOM_EXCLUSIVE=1 av-upload --dry-run -p loom photos/* 2>err >plan
	grep -q 'a worker with 1 in flight sends 0.5 a second, .*; 1 worker is of use, more do not help$' err
}

@test "a dry run takes the service's answer time from the ledger" {
	photos 130
	acme '.pace = {rate: 10, classes: {make: {rate: 10}, read: {rate: 10}}} | .operations.create.before = ["asset"] | .operations.asset = {method: "POST",
		path: "/assets", pace: "make", bodies: {source: "file", raw: "{file}"}, answer: {required: ["id"], take: {id: "/id"}}}' \
		"$(jq -c '."POST /assets" = [{body: {id: "a@n@"}}]' <<<"$SERVICE")"
	av-upload -q -p acme --rate 1000/s photos/00* >made
	end_server
	is "$(codes made)" '9 ready'
	# The same entries, as of a service that takes 3 s, and 1 s for an asset.
	av-ledger export | jq -c '.settled_at = "2026-11-27T12:00:04Z" | .first_at = "2026-11-27T12:00:00Z"
		| .at = if .operation == "create" then "2026-11-27T12:00:01Z" else "2026-11-27T12:00:03Z" end' >entries
	export AV_LEDGER=$PWD/slow.db
	av-ledger import entries
	plan photos/*
	grep -q '; the bottleneck is that answer time; 5 workers are of use, more do not help$' err
	grep -q 'an answer takes 2 s (the median of 18 in the ledger), so a worker with 4 in flight sends 2 a second;' err
	is "$(jq -c '[.create, .already_made, (.loads[] | [.requests, .answers, .answer_seconds, .bottleneck, .workers])]' json)" \
		'[121,9,[242,18,2,"answer",5]]'
	plan -j 40 photos/*
	grep -q '; the bottleneck is the pace; 1 worker is of use, more do not help$' err
	# Another option asks for another avatar, whose asset is there.
	plan -O style=comic photos/00*
	is "$(jq -c '.loads[0].requests' json)" 9
	is "$(jq -c '.plan[0].steps[] | .already_made, (.id | length > 0)' plan | sort | uniq -c | xargs)" '18 true'
}

@test "a dry run adds up what steps cost, and those that the record lacks are left out" {
	photos 3
	described 'del(.pace) | .operations.asset += {repeatable: false, cost: {credits: 3}, outcomes: .operations.create.outcomes}
		| .operations.create.cost = {credits: 10} | .operations.create.after = ["dress"]
		| .operations.dress = {method: "POST", path: "/faces/{avatar.id}/dress", repeatable: false,
			outcomes: .operations.create.outcomes, cost: {credits: 0.5}, bodies: {json: {suit: "{options.suit}"}},
			options: {properties: {suit: {type: "string"}}, required: ["suit"]}}'
	plan photos/*
	grep -q '3 to create, 0 already made, 0 unknown, 0 refused; Acme Faces: 39 credits$' err
	plan -O suit=blue photos/*
	grep -q '; Acme Faces: 40.5 credits$' err
	is "$(jq -c '[.costs, .loads[0].requests]' json)" '[[{"provider":"acme","amount":40.5,"unit":"credits","requests":9}],9]'
	is "$(jq -c '.plan[0].steps | map([.operation, .cost.credits])' plan | sort -u)" '[["asset",3],["dress",0.5]]'
	check_schema plan
}

@test "av-report adds up the plans of several dry runs" {
	photos 6
	described '.pace = {rate: 4, classes: {make: {rate: 0.5}}} | .operations.create += {pace: "make", cost: {credits: 10}}'
	for part in 1 3 5; do
		av-upload -q --dry-run -p acme photos/00[$part$((part + 1))].jpg photos/00[$part$((part + 1))].jpg >"plan.$part"
	done
	run -0 av-report plan.*
	is "${lines[2]}" '  6 to create, 0 already made, 0 unknown · 12 requests · 60 credits (acme) · 1.3 s at least for 6 at 4 a second (acme) · 10 s at least for 6 at 0.5 a second (acme)'
	av-report --json plan.* >report
	"$TESTS/lint/schema-check" "$TESTS/../lib/schema/report.json" <report
	is "$(jq -c '.plan | [.create, .requests, .costs, (.paces[] | .class, .seconds)]' report)" \
		'[6,12,[{"provider":"acme","unit":"credits","amount":60}],null,1.25,"make",10]'
	av-report --markdown plan.* | grep -q '^plan: 6 to create, '
	# Without a dry run there is no plan.
	av-validate -q -p acme photos/* | av-report --json | jq -e '.plan == null'
}
