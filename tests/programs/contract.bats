#!/usr/bin/env bats
# What descriptions can say, and services that tests/servers/contract-server plays by them.

load helper

# describe EXPR: installs the description in av-provider(5), changed by jq, as the provider acme
describe() {
	mkdir -p "$XDG_CONFIG_HOME/avtools/providers"
	example | jq "$1" >"$XDG_CONFIG_HOME/avtools/providers/acme.json"
	av-provider check "$XDG_CONFIG_HOME/avtools/providers/acme.json" >/dev/null
	export ACME_API_KEY=sesame
}

@test "a photo in base64 with its type, and as the whole body" {
	cp "$TESTS/photos/baseline.jpg" ann.jpg
	echo '{"POST /faces": [{"status": 201, "body": {"id": "f1", "state": "done"}}]}' >script
	describe '.operations.create |= (del(.options) | .bodies = {source: "file",
		json: {head: "{image.type}", data: "{file.base64}", tail: "{name}"}})'
	serve_script bodies
	ACME_API_URL=$url av-upload -q -p acme ann.jpg >out
	end_server
	is "$(codes out)" '1 ready'
	is "$(jq -c '[.head, .tail]' bodies)" '["image/jpeg","ann"]'
	jq -r .data bodies | base64 -d | cmp - ann.jpg
	describe '.operations.create |= (del(.options) | .query = {label: "{name}"} |
		.bodies = {source: "file", raw: "{file}"})'
	rm bodies
	serve_script bodies
	ACME_API_URL=$url av-upload -q -p acme --ledger none ann.jpg >out
	end_server
	is "$(codes out)" '1 ready'
	is "$(tail -n 1 asked)" 'POST /faces?label=ann'
	cmp bodies ann.jpg
}
