#!/usr/bin/env bats
# av-render: what the request that orders a rendering answers, and sounds that it takes.

load helper

# acme [JQ]: serves a script whose orders answer with the file's address, and sets the description
acme() {
	local url
	cp "$TESTS/../tools/av-sandbox/services/clip.mp4" .
	mkdir -p "$XDG_CONFIG_HOME/avtools/providers"
	example | jq '.operations.speak = {method: "POST", path: "/faces/{avatar.id}/clips", of: "rendering", repeatable: false,
			options: {properties: {text: {type: "string"}}, required: ["text"]},
			bodies: {json: {text: "{options.text}"}},
			outcomes: [{status: 200, is: "ok"}],
			answer: {take: {clip_url: "/clip"}, required: ["clip_url"]}}
		| .kinds.clip = {start: ["speak"], result: {operation: "speak", take: "clip_url"}, types: {"video/mp4": "mp4"}}
		| .default_kinds = []
		| '"${1:-.}" >"$XDG_CONFIG_HOME/avtools/providers/acme.json"
	rm -f bodies
	serve_script bodies
	export ACME_API_URL=$url ACME_API_KEY=sesame
	echo '{"provider":"acme","name":"Ann","avatar":{"id":"a1","status":"ready"}}' >ready
}

ANSWER='{"POST /faces/a1/clips": [{"body":{"clip":"/v/1.mp4"}},{"body":{"clip":"/v/2.mp4"}}],
	"GET /v/2.mp4": [{"file":"clip.mp4","headers":{"Content-Type":"video/mp4"}}]'

@test "the answer to the order has the file: it is fetched at once, and paid for once" {
	echo "$ANSWER"', "GET /v/1.mp4": [{"file":"clip.mp4","headers":{"Content-Type":"video/mp4"}}]}' >script
	acme
	av-render -q -r clip -O text=Hello -o out <ready >done || { cat done asked; false; }
	is "$(jq -c '.renderings[0] | [.kind, .status, .file, .url, .id]' done)" \
		'["clip","ready","out/a1.acme.clip.mp4",null,null]'
	is "$(jq -c '[.steps[] | [.step, .cost.unit, .cost.charged]]' done)" '[["render","rendering","yes"]]'
	av-render -q -r clip -O text=Hello -o again <ready >twice
	is "$(jq -c '[.renderings[0].reused, .renderings[0].file]' twice)" '[true,"again/a1.acme.clip.mp4"]'
	is "$(cat asked)" "$(printf 'POST /faces/a1/clips\nGET /v/1.mp4\nGET /v/1.mp4')"
	check_schema done twice
}

@test "an order that is not fetched yet goes on later, by its record and by the ledger alone" {
	echo "$ANSWER"', "GET /v/1.mp4": [{"file":"clip.mp4","headers":{"Content-Type":"video/mp4"}}]}' >script
	acme
	av-render -q --ask -r clip -O text=Hello <ready >asked.jsonl
	is "$(jq -c '.renderings[0] | [.status, (.url | endswith("/v/1.mp4"))]' asked.jsonl)" '["ready",true]'
	check_schema asked.jsonl
	av-render -q -o out <asked.jsonl >done || { cat done; false; }
	is "$(jq -c '.renderings | map(.file)' done)" '["out/a1.acme.clip.mp4"]'
	av-render -q -r clip -O text=Hello -o other <ready >done
	is "$(grep -c POST asked)" 1
	run -64 av-render --again ready
}

@test "an address that has expired: nothing is paid for without --again" {
	echo "$ANSWER"', "GET /v/1.mp4": [{"status":404}]}' >script
	acme
	run -65 --separate-stderr av-render -q -r clip -O text=Hello -o out <ready
	is "$(jq -r .error.code <<<"$output")" no_result
	[[ $(jq -r .error.message <<<"$output") == *'404'*'av-render --again -r clip'* ]]
	run -65 av-render -q -r clip -O text=Hello -o out <ready
	is "$(grep -c POST asked)" 1
	jq -c 'del(.error)' <<<"$output" | av-render -q --again -r clip -O text=Hello -o out >done || { cat done; false; }
	is "$(jq -c '.renderings | map(.file)' done)" '["out/a1.acme.clip.mp4"]'
	is "$(grep -c POST asked)" 2
	av-render -q -r clip -O text=Hello -o out <ready >done
	is "$(grep -c POST asked)" 2
}

@test "an answer that says when its file ends is not reused after that" {
	echo "${ANSWER//\"clip\":/\"end\":\"@=0.3@\",\"clip\":}"', "GET /v/1.mp4": [{"status":404}]}' >script
	acme '.operations.speak.answer.take.expires_at = "/end"'
	run -65 av-render -q -r clip -O text=Hello -o out <ready
	sleep 1
	av-render -q -r clip -O text=Hello -o out <ready >done || { cat done; false; }
	is "$(grep -c POST asked)" 2
}

@test "a lost answer to such an order stays unknown" {
	echo '{"POST /faces/a1/clips": [{"status":0}]}' >script
	acme
	for _ in 1 2; do
		run -65 av-render -q -r clip -O text=Hello -o out <ready
		is "$(jq -r .error.code <<<"$output")" outcome_unknown
	done
	is "$(cat asked)" "POST /faces/a1/clips"
}
