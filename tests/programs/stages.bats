#!/usr/bin/env bats
# From created to ready: progress, a state that waits for a person, a second stage, and the end of it.

load helper

# acme FILTER SCRIPT [BODIES]: installs the example, changed by the filter, and serves it by the script
acme() {
	mkdir -p "$XDG_CONFIG_HOME/avtools/providers"
	example | jq "(.poll = {first_s: 0.1, max_s: 0.2}) | $1" >"$XDG_CONFIG_HOME/avtools/providers/acme.json"
	av-provider check "$XDG_CONFIG_HOME/avtools/providers/acme.json"
	printf '%s\n' "$2" >script
	[ -z "${SERVER:-}" ] || end_server
	serve_script "${@:3}"
	export ACME_API_URL=$url ACME_API_KEY=key
}

@test "the progress in per cent is shown, and stands in the message at the time-out" {
	local take='.operations.status.answer |= (.take.progress = "/done" | .progress_max = 1)'
	acme "$take" '{"GET /faces/f1": [{"body":{"state":"drawing","done":0.255}}]}'
	run -75 --separate-stderr av-poll -q --timeout 1s -p acme f1
	[[ $(jq -r .error.message <<<"$output") == *"at 25 %"* ]]
	acme "$take" '{"GET /faces/f1": [{"body":{"state":"drawing","done":0.5}}], "GET /faces/f2": [{"body":{"state":"drawing","done":1}}]}'
	run -75 --separate-stderr av-poll --progress json --timeout 3s -p acme f1 f2
	grep -q '"percent":75' <<<"$stderr"
	# Other forms, and a ready avatar has none.
	acme "$take | del(.operations.status.answer.progress_max)" '{"GET /faces/f1": [{"body":{"state":"drawing","done":"3/4"}}],
		"GET /faces/f2": [{"body":{"state":"drawing","done":"40%"}}], "GET /faces/f3": [{"body":{"state":"drawing","done":"soon"}}]}'
	run -75 --separate-stderr av-poll -qk --timeout 1s -p acme f1 f2 f3
	is "$(jq -r .error.message <<<"$output" | sed -n 's/.*at \(.*%\).*/\1/p' | xargs)" "75 % 40 %"
}

@test "a state that waits for a person is told once, with what to do, and waited for" {
	acme '.states.face.consent = {is: "needs_action", do: "confirm the e-mail of the person shown"}' \
		'{"GET /faces/f1": [{"body":{"state":"consent"}},{"body":{"state":"consent"}},{"body":{"state":"done"}}],
		"GET /faces/f2": [{"body":{"state":"consent"}},{"body":{"state":"consent"}},{"body":{"state":"done"}}],
		"GET /faces/f3": [{"body":{"state":"consent"}}], "POST /faces": [{"status":201,"body":{"id":"f4","state":"consent"}}]}'
	av-poll -p acme f1 f2 >done 2>err
	is "$(codes done)" "2 ready"
	is "$(grep -c 'confirm the e-mail' err)" 1
	run -75 --separate-stderr av-poll -q --timeout 1s -p acme f3
	[[ $(jq -r .error.message <<<"$output") == *"waits for a person: confirm the e-mail"* ]]
	photos 1
	av-upload -q -p acme photos/* >made
	is "$(jq -r .avatar.status made)" needs_action
	check_schema made done
	run -65 av-provider check <(example | jq '.states.face.consent = {is: "needs_action"}')
}

@test "a second stage after ready: the record tells it, and --final waits for it" {
	acme '.states.tuned = {training: "processing", completed: "ready"}
		| .operations.status.answer |= (.take.final = "/tune" | .final_states = "tuned")' \
		'{"GET /faces/f1": [{"body":{"state":"done","tune":"training"}},{"body":{"state":"done","tune":"training"}},
			{"body":{"state":"done","tune":"completed"}}]}'
	av-poll -q -p acme f1 >done
	is "$(jq -c '[.avatar.status, .avatar.final_status, .avatar.final]' done)" '["ready","processing",null]'
	av-poll -q <done | cmp - done
	av-poll -q --final <done >final
	is "$(jq -c '[.avatar.status, .avatar.final_status]' final)" '["ready","ready"]'
	is "$(wc -l <asked)" 3
	av-poll -q --final <final | cmp - final
	check_schema done final
}

@test "what expires is made again from the photo, and nothing is ordered of it" {
	local made='{"POST /faces": [{"status":201,"body":{"id":"f1","state":"done"}},{"status":201,"body":{"id":"f2","state":"done"}}]}'
	photos 1
	acme '.operations.create.answer.expires_s = 3600' "$made"
	av-upload -q -p acme photos/* >made
	[[ $(jq -r .avatar.expires_at made) == 20*Z ]]
	rm -f again
	av-upload -q -p acme photos/* >again
	is "$(jq -c '[.avatar.id, .avatar.reused]' again)" '["f1",true]'
	acme '.operations.create.answer.expires_s = 1' "$made"
	rm -rf state
	av-upload -q -p acme photos/* >made
	sleep 1.2
	av-upload -q -p acme photos/* >again
	is "$(jq -c '[.avatar.id, .avatar.reused]' again)" '["f2",null]'
	is "$(grep -c POST asked)" 2
	check_schema made again
	# Times of the service's own, in any form.
	acme '.operations.create.answer.take.expires_at = "/end"' \
		'{"POST /faces": [{"status":201,"body":{"id":"f1","state":"done","end":1767225600}},{"status":201,"body":{"id":"f2","state":"done","end":4102444800000}}]}'
	rm -rf state
	av-upload -q -p acme photos/* >made
	is "$(jq -r .avatar.expires_at made)" 2026-01-01T00:00:00.000Z
	av-upload -q -p acme photos/* >made
	is "$(jq -r .avatar.expires_at made)" 2100-01-01T00:00:00.000Z
	av-upload -q -p acme photos/* >made
	is "$(jq -c '[.avatar.id, .avatar.reused]' made)" '["f2",true]'
}
