#!/usr/bin/env bats
# Steps before and after what is ordered: sent once, used again, waited for, and left out.

load helper

# The example, with an asset that is uploaded to a URL of its own before the face is made, and a
# name that is given after.
STEPS='.poll = {first_s: 0.1, max_s: 0.2}
	| .operations.asset = {method: "POST", path: "/assets", bodies: {source: "file", json: {type: "{image.type}"}},
		answer: {take: {id: "/id", put_url: "/put", expires_at: "/until"}, required: ["id", "put_url"]}}
	| .operations.put = {method: "PUT", path: "{steps.asset.put_url}", bodies: {source: "file", raw: "{file}"}}
	| .operations.rename = {method: "PATCH", path: "/faces/{avatar.id}", bodies: {json: {label: "{name}"}}}
	| .operations.create |= (.before = ["asset", "put"] | .after = ["rename"] | del(.lookup)
		| .bodies = [{source: "file", json: {asset: "{steps.asset.id}", style: "{options.style}"}}])'
SCRIPT='{"POST /assets": [{"body": {"id": "a1", "put": "@base@/put/1?sign=s"}}, {"body": {"id": "a2", "put": "@base@/put/2"}}],
	"PUT /put/1": [{"without": "X-Acme-Key"}], "PUT /put/2": [{"without": "X-Acme-Key"}],
	"POST /faces": [{"status": 201, "body": {"id": "f1", "state": "done"}}, {"status": 201, "body": {"id": "f2", "state": "done"}}],
	"PATCH /faces/f1": [{"body": {}}], "PATCH /faces/f2": [{"body": {}}]}'

# acme FILTER SCRIPT: installs the example, changed by the filter, and serves it by the script
acme() {
	mkdir -p "$XDG_CONFIG_HOME/avtools/providers"
	example | jq "$1" >"$XDG_CONFIG_HOME/avtools/providers/acme.json"
	av-provider check "$XDG_CONFIG_HOME/avtools/providers/acme.json"
	printf '%s\n' "$2" >script
	[ -z "${SERVER:-}" ] || end_server
	serve_script bodies
	export ACME_API_URL=$url ACME_API_KEY=key
}

# asked_for: what the service was asked, on a line
asked_for() {
	xargs <asked
}

@test "steps come before and after, each sends what it needs, and none is repeated" {
	photos 1
	acme "$STEPS" "$SCRIPT"
	av-upload -q -p acme -O style=plain photos/* >made
	is "$(asked_for)" "POST /assets PUT /put/1?sign=s POST /faces PATCH /faces/f1"
	is "$(jq -r .avatar.id made)" f1
	{ printf '{"type":"image/jpeg"}'; cat photos/*; printf '{"asset":"a1","style":"plain"}{"label":"%s"}' "$(jq -r .name made)"; } | cmp - bodies
	run -1 grep -e '"a1"' -e sign= made
	check_schema made
	: >asked
	av-upload -q -p acme -O style=plain photos/* >again
	is "$(asked_for)" ""
	is "$(jq -c '[.avatar.id, .avatar.reused]' again)" '["f1",true]'
	# Another face of the same photo uses the asset again.
	av-upload -q -p acme -O style=comic photos/* >other
	is "$(asked_for)" "POST /faces PATCH /faces/f2"
	is "$(av-ledger list | jq -r '.operation + " " + .state' | sort | uniq -c | xargs)" \
		"1 asset made 2 create made 1 put made 2 rename made"
}

@test "an asset that is up is not sent again after a failure, but when it has expired" {
	photos 1
	local script
	script=$(jq -c '."POST /faces" = [{status: 422, body: {}}, {status: 201, body: {id: "f1"}}]
		| ."POST /assets"[0].body.until = "@+3600@"' <<<"$SCRIPT")
	acme "$STEPS" "$script"
	run -65 av-upload -q -p acme photos/*
	av-upload -q -p acme photos/* >made
	is "$(asked_for)" "POST /assets PUT /put/1?sign=s POST /faces POST /faces PATCH /faces/f1"
	rm -rf state
	acme "$STEPS" "${script/@+3600@/@+30@}"
	run -65 av-upload -q -p acme photos/*
	av-upload -q -p acme photos/* >made
	is "$(asked_for)" "POST /assets PUT /put/1?sign=s POST /faces POST /assets PUT /put/2 POST /faces PATCH /faces/f1"
}

@test "a step whose answer is lost is sent again; one that is refused orders nothing" {
	photos 1
	acme "$STEPS" "$(jq -c '."POST /assets" |= [{status: 0}] + . | ."PUT /put/1" |= [{status: 0}, {status: 503}] + .' <<<"$SCRIPT")"
	av-upload -q -p acme photos/* >made
	is "$(asked_for)" "POST /assets POST /assets PUT /put/1?sign=s PUT /put/1?sign=s PUT /put/1?sign=s POST /faces PATCH /faces/f1"
	rm -rf state
	acme "$STEPS" "$(jq -c '."PUT /put/1" = [{status: 403}, {}]' <<<"$SCRIPT")"
	run -65 --separate-stderr av-upload -q -p acme photos/*
	is "$(jq -c '.error | [.code, .created, .http_status]' <<<"$output")" '["refused","no",403]'
	is "$(asked_for)" "POST /assets PUT /put/1?sign=s"
	av-upload -q -p acme photos/* >made
	is "$(jq -r .avatar.id made)" f1
}

@test "a step after it that fails is done by the next run, and nothing is made twice" {
	photos 1
	acme "$STEPS" "$(jq -c '."PATCH /faces/f1" = [{status: 503, headers: {"Retry-After": "60"}}, {}]' <<<"$SCRIPT")"
	run -75 --separate-stderr av-upload -q --timeout 2s -p acme photos/*
	is "$(jq -c '.error | [.code, .created]' <<<"$output")" '["unavailable","yes"]'
	av-upload -q --retry-failed <<<"$output" >made
	is "$(jq -c '[.avatar.id, .avatar.reused]' made)" '["f1",true]'
	is "$(asked_for)" "POST /assets PUT /put/1?sign=s POST /faces PATCH /faces/f1 PATCH /faces/f1"
	# What no run can mend is a warning.
	rm -rf state
	acme "$STEPS" "$(jq -c '."PATCH /faces/f1" = [{status: 422, body: {error: {text: "no such name"}}}]' <<<"$SCRIPT")"
	av-upload -p acme photos/* >made 2>err
	is "$(jq -r .avatar.id made)" f1
	grep -q "without its step 'rename': .*no such name" err
}

@test "a killed process: the steps that are done are not done again" {
	photos 1
	acme "$STEPS" "$(jq -c '."POST /faces" |= [{delay: 30}] + .' <<<"$SCRIPT")"
	av-upload -q -p acme photos/* >made &
	until_is 1 grep -c faces asked
	kill -9 $!
	wait $! || true
	run av-upload -q -p acme photos/*
	is "$(jq -r .error.code <<<"$output")" outcome_unknown
	is "$(asked_for)" "POST /assets PUT /put/1?sign=s POST /faces"
}

# The example, with a speech that is ordered and waited for before the face is made.
SPEECH='.poll = {first_s: 0.1, max_s: 0.2} | .states.job = {busy: "processing", done: "ready", bad: "failed"}
	| .operations.speech = {method: "POST", path: "/speech", repeatable: false, cost: {credits: 2}, wait: "job",
		options: {properties: {text: {type: "string"}}, required: ["text"]}, bodies: {json: {text: "{options.text}"}},
		outcomes: [{status: 200, is: "ok"}], answer: {take: {id: "/job"}, required: ["id"]}}
	| .operations.job = {method: "GET", path: "/jobs/{steps.speech.id}",
		answer: {take: {provider_status: "/state", sound: "/sound", reason: "/why"}, states: "job", required: ["provider_status"]}}
	| .operations.create |= (.before = ["speech"] | .cost = {credits: 5} | .bodies[0].multipart.sound = "{steps.speech.sound}")'

@test "a step that takes its time is waited for; its cost stands in the record" {
	photos 2
	acme "$SPEECH" '{"POST /speech": [{"body":{"job":"j1"}}], "GET /jobs/j1": [{"body":{"state":"busy"}}, {"body":{"state":"done","sound":"s1"}}],
		"POST /faces": [{"status":201,"body":{"id":"f1"}},{"status":201,"body":{"id":"f2"}}]}'
	av-upload -q -j 1 -p acme -O text=hello photos/*1.* >made
	is "$(asked_for)" "POST /speech GET /jobs/j1 GET /jobs/j1 POST /faces"
	grep -aq 's1' bodies
	is "$(jq -c '[.steps[].cost.amount]' made)" "[5,2]"
	# Another photo with the same text: the speech is used again.
	: >asked
	av-upload -q -p acme -O text=hello photos/*2.* >made
	is "$(asked_for)" "GET /jobs/j1 POST /faces"
	is "$(jq -c '[.steps[].cost.charged]' made)" '["yes","no"]'
	check_schema made
	# Without the text that it requires there is no speech.
	: >asked
	acme "$SPEECH" '{"POST /faces": [{"status":201,"body":{"id":"f3"}}]}'
	av-upload -q -p acme photos/*1.* >made
	is "$(asked_for)" "POST /faces"
}

@test "a step that the service could not do orders nothing, and is ordered anew" {
	photos 1
	acme "$SPEECH" '{"POST /speech": [{"body":{"job":"j1"}},{"body":{"job":"j2"}}], "GET /jobs/j1": [{"body":{"state":"bad","why":"too long"}}],
		"GET /jobs/j2": [{"body":{"state":"done","sound":"s2"}}], "POST /faces": [{"status":201,"body":{"id":"f1"}}]}'
	run -65 --separate-stderr av-upload -q -p acme -O text=hello photos/*
	is "$(jq -c '.error | [.code, .created]' <<<"$output")" '["rendering_failed","no"]'
	[[ $(jq -r .error.message <<<"$output") == *"'speech': too long"* ]]
	av-upload -q -p acme -O text=hello photos/* >made
	is "$(asked_for)" "POST /speech GET /jobs/j1 POST /speech GET /jobs/j2 POST /faces"
}

@test "a signal while a step is sent or waited for: the record says so, and another run goes on" {
	photos 1
	acme "$STEPS" "$(jq -c '."POST /assets" |= [{delay: 2, body: {id: "a1", put: "@base@/put/1"}}]' <<<"$SCRIPT")"
	av-upload -q -p acme photos/* >died &
	until_is 1 grep -c assets asked
	kill -TERM $!
	wait $! || true
	is "$(jq -c '.error | [.code, .created, .retryable]' died)" '["interrupted","no",true]'
	av-upload -q --retry-failed <died >made
	is "$(jq -r .avatar.id made)" f1
	rm -rf state
	acme "$SPEECH" '{"POST /speech": [{"body":{"job":"j1"}}], "GET /jobs/j1": [{"body":{"state":"busy"}}]}'
	av-upload -q -p acme -O text=hello photos/* >died &
	until_is yes sh -c 'grep -q jobs asked && echo yes'
	kill -TERM $!
	wait $! || true
	is "$(jq -c '.error | [.code, .created, .retryable]' died)" '["interrupted","no",true]'
	is "$(grep -c POST asked)" 1
}

@test "check names what is wrong with steps" {
	local n mistakes=(
		'.operations.create.before += ["nothing"]' "no operation is called 'nothing'"
		'.operations.create.before += ["avatars"]' "'avatars' is a list"
		'.operations.status.before = ["rename"]' "not repeatable"
		'.operations.rename.before = ["asset"]' "has steps itself"
		'.operations.create.bodies[0].json.x = "{steps.asset.colour}"' "does not take it"
		'.operations.create.bodies[0].json.x = "{steps.status.id}"' "no step is called 'status'"
		'.operations.status.wait = "rename"' "wait is for a step"
		'.operations.asset.wait = "rename"' "asks for a state"
		'.operations.put.query = {a: "b"}' "own query"
		'.operations.put.path = "{options.x}"' "must match"
	)
	for ((n = 0; n < ${#mistakes[@]}; n += 2)); do
		run -65 av-provider check <(example | jq "$STEPS | ${mistakes[n]}")
		[[ $output == *"${mistakes[n + 1]}"* ]] || { echo "${mistakes[n]}: $output"; return 1; }
	done
}
