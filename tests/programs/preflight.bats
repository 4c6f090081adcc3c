#!/usr/bin/env bats
# The service's own check of a photo, alone and before it is paid for; photos at a URL.

load helper

# acme FILTER SCRIPT [BODIES]: installs the example with a check, changed by the filter, and serves it
acme() {
	mkdir -p "$XDG_CONFIG_HOME/avtools/providers"
	example | jq '.operations.look = {method: "POST", path: "/check", of: "item",
			bodies: {source: "file", json: {type: "{image.type}", data: "{file.base64}"}},
			answer: {take: {score: "/score"}, findings: {passed: "/passed", list: "/checks",
				each: {passed: "/ok", id: "/id", text: "/label"}}}}
		| '"$1" >"$XDG_CONFIG_HOME/avtools/providers/acme.json"
	av-provider check "$XDG_CONFIG_HOME/avtools/providers/acme.json"
	printf '%s\n' "$2" >script
	[ -z "${SERVER:-}" ] || end_server
	serve_script "${@:3}"
	export ACME_API_URL=$url ACME_API_KEY=key
}

BAD='{"body":{"passed":false,"score":3,"checks":[{"id":"one","label":"One person","ok":true},
	{"id":"eyes","label":"Eyes\u001b[31m visible","ok":false},{"id":"hat","ok":false}]}}'
FAIR='{"body":{"passed":true,"score":8,"checks":[{"id":"light","label":"Even light","ok":false}]}}'
GOOD='{"body":{"passed":true,"score":9,"checks":[]}}'
MADE='"POST /faces": [{"status":201,"body":{"id":"f1","state":"done"}}]'

@test "av-call: what did not pass fails, with the service's own words" {
	photos 3
	acme . '{"POST /check": ['"$BAD, $FAIR, $GOOD"']}' bodies
	run -65 av-call -q -j 1 -k -p acme look photos/*
	printf '%s\n' "$output" >done
	is "$(head -n 1 done | jq -r .error.message)" 'Acme Faces would refuse the photo: Eyes\x1b[31m visible (and 1 more)'
	is "$(head -n 1 done | jq -c '[.error.code, .error.step, .error.retryable, (.error.problems[] | [.code, .severity, .provider_code, .message])]')" \
		'["photo_refused","call",false,["check_failed","refused","eyes","Eyes\\x1b[31m visible"],["check_failed","refused","hat","hat"]]'
	is "$(sed -n 2p done | jq -c '[.error, .item.score, .item.findings, (.image.warnings[] | [.code, .severity, .provider_code])]')" \
		'[null,"8",null,["check_failed","risky","light"]]'
	is "$(sed -n 3p done | jq -c '[.error, .item.score, .image.warnings]')" '[null,"9",null]'
	is "$(jq -rs '.[0].data' bodies | base64 -d | sha256sum | head -c 64)" "$(sha256sum <photos/001.jpg | head -c 64)"
	is "$(jq -rs '.[0].type' bodies)" image/jpeg
	check_schema done
	# A photo that is none is not sent.
	echo no >no.jpg
	run -65 av-call -q -p acme look no.jpg
	is "$(jq -r .error.code <<<"$output")" photo_refused
	is "$(grep -c . asked)" 3
}

@test "an answer that does not say whether it passed is asked for again" {
	photos 1
	acme . '{"POST /check": [{"body":{"checks":[]}}, '"$GOOD"']}'
	av-call -q -p acme look photos/* >done
	is "$(jq -c '[.error, .item.score]' done)" '[null,"9"]'
	is "$(grep -c . asked)" 2
}

@test "before create: a photo that does not pass is not paid for" {
	photos 3
	acme '.operations.create.before = ["look"]' '{"POST /check": ['"$BAD, $FAIR, $GOOD"'], '"$MADE"'}'
	for photo in photos/*; do
		av-upload -q --exit-zero -p acme "$photo"
	done >done
	is "$(head -n 1 done | jq -c '[.error.code, .error.created, (.error.problems | length), .avatar]')" '["photo_refused","no",2,null]'
	is "$(sed -n 2p done | jq -c '[.avatar.id, (.image.warnings[] | .provider_code)]')" '["f1","light"]'
	is "$(sed -n 3p done | jq -c '[.avatar.id, .image.warnings]')" '["f1",null]'
	is "$(grep -c 'POST /faces' asked)" 2
	check_schema done
	# What was refused is asked about again; what passed is not.
	av-upload -q -p acme photos/* >again
	is "$(grep -c 'POST /check' asked)" 4
}

@test "a service that takes URLs alone: a file is refused by av-validate, unless it has a URL beside it" {
	photos 1
	acme '.image.url = "^https://" | .operations.create |= (.before = ["look"] | del(.options)
		| .bodies = {source: "url", json: {photo: "{url}", label: "{name}"}})' '{"POST /check": ['"$GOOD"'], '"$MADE"'}' bodies
	run -65 av-validate -q -p acme photos/001.jpg
	is "$(jq -c '[.error.code, .error.problems[0].code]' <<<"$output")" '["photo_refused","file_refused"]'
	[[ $(jq -r .error.message <<<"$output") == *"accepts a photo at a URL, not a file" ]]
	run -65 av-upload -q -p acme photos/001.jpg
	is "$(jq -c '[.error.code, .error.problems[0].code]' <<<"$output")" '["photo_refused","file_refused"]'
	is "$(cat asked 2>/dev/null | wc -l)" 0
	echo '{"file":"photos/001.jpg","url":"https://example.org/ann.jpg"}' | av-validate -q -p acme | av-upload -q >done
	is "$(jq -r '.error.message // .avatar.id' done)" f1
	is "$(tr '\n' ' ' <asked)" 'POST /check POST /faces '
	tail -c 65 bodies | grep -F '"photo":"https://example.org/ann.jpg"'
	run -65 sh -c 'echo "{\"file\":\"photos/001.jpg\",\"url\":\"ftp://example.org/ann.jpg\"}" | av-validate -q -p acme'
	is "$(jq -c '[.error.problems[0].code]' <<<"$output")" '["url_refused"]'
	# The URL alone has no bytes to check.
	echo '{"url":"https://example.org/ben.jpg"}' | av-upload -q -p acme >done
	is "$(jq -r '.error.message // .avatar.id' done)" f1
	is "$(grep -c check asked)" 1
}
