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

# speaks BODIES [STEPS]: acme, whose clips take a sound in this form, after these answers; sounds in one.wav and
# two.wav
speaks() {
	echo '{"POST /faces/a1/clips": ['"${2:-}"'{"body":{"clip":"/v/1.mp4"}}],
		"GET /v/1.mp4": [{"file":"clip.mp4","headers":{"Content-Type":"video/mp4"}}]}' >script
	acme '.operations.speak |= (.options = {properties: {voice: {type: "string", file: {"audio/wav": "wav", "audio/mpeg": "mp3"}, maxBytes: 4000}},
			required: ["voice"]} | .bodies = '"$1"')'
	av-provider check "$XDG_CONFIG_HOME/avtools/providers/acme.json"
	sound 1 >one.wav
	sound 2 >two.wav
}

# sound N: a sound of 2 kB
sound() {
	python3 - "$1" <<-'END'
		import struct, sys
		data = bytes([int(sys.argv[1])]) * 2000
		sys.stdout.buffer.write(b"RIFF" + struct.pack("<I", 36 + len(data)) + b"WAVEfmt " +
		    struct.pack("<IHHIIHH", 16, 1, 1, 8000, 8000, 1, 8) + b"data" + struct.pack("<I", len(data)) + data)
	END
}

@test "a sound: as a part, as the body, and in base64" {
	speaks '{multipart: {sound: "{options.voice}", format: "{options.voice.ext}"}}'
	av-render -q -r clip -O voice=one.wav -o out <ready >done || { cat done asked; false; }
	grep -aq 'name="sound"; filename="voice.wav"' bodies
	grep -aq 'Content-Type: audio/wav' bodies
	python3 -c 'assert open("one.wav", "rb").read() in open("bodies", "rb").read()'
	is "$(jq -c '.renderings[0].options' done)" '{"voice":"one.wav"}'
	check_schema done
	end_server
	speaks '{raw: "{options.voice}"}'
	av-render -q --again --force -r clip -O voice=one.wav -o out <ready >done
	cmp one.wav bodies
	end_server
	speaks '{json: {a: "{options.voice.base64}", b: "{options.voice.type}", c: ["{options.voice.data_uri}"]}}'
	av-render -q --again --force -r clip -O voice=one.wav -o out <ready >done
	is "$(jq -r '.a' bodies)" "$(base64 -w0 one.wav)"
	is "$(jq -r '.b' bodies)" audio/wav
	is "$(jq -r '.c[0]' bodies)" "data:audio/wav;base64,$(base64 -w0 one.wav)"
}

@test "a sound's media type has the name that services use, not that of libmagic" {
	speaks '{raw: "{options.voice}"}'
	jq '(.operations[].options.properties.voice.file | select(.)) = {"audio/mp4": "m4a", "audio/aac": "aac"}' \
		"$XDG_CONFIG_HOME/avtools/providers/acme.json" >acme.json
	cp acme.json "$XDG_CONFIG_HOME/avtools/providers/acme.json"
	printf '\0\0\0\034ftypM4A \0\0\0\0M4A mp42isom\0\0\0\0' >one.m4a
	printf '\377\361\120\200\001\177\374' >one.aac
	for name in m4a aac; do
		av-render -q --again --force -r clip -O voice=one.$name -o out <ready >done || { cat done; false; }
	done
	cat one.m4a one.aac | cmp - bodies
}

@test "a sound is known by its bytes: it is paid for once under any name, and again if it changes" {
	speaks '{raw: "{options.voice}"}'
	cp one.wav copy.wav
	for name in one.wav copy.wav two.wav; do
		av-render -q -r clip -O voice=$name -o out <ready >done || { cat done; false; }
	done
	is "$(grep -c POST asked)" 2
	cp two.wav one.wav
	av-render -q -r clip -O voice=one.wav -o out <ready >done
	is "$(grep -c POST asked)" 2
	sound 3 >one.wav
	av-render -q -r clip -O voice=one.wav -o out <ready >done
	is "$(grep -c POST asked)" 3
	av-render -q --dry-run -r clip -O voice=two.wav <ready >plan
	is "$(jq .plan[0].already_made plan)" true
}

@test "a sound that is missing, too large, or of another type is refused before anything is sent" {
	speaks '{raw: "{options.voice}"}'
	cat one.wav two.wav >large.wav
	echo no sound >text.wav
	mkfifo pipe.wav
	: >empty.wav
	for name in none.wav large.wav text.wav pipe.wav empty.wav /dev/null .; do
		run -65 --separate-stderr av-render -q -r clip -O voice=$name -o out <ready
		is "$name $(jq -r .error.code <<<"$output")" "$name option_invalid"
		[[ $(jq -r .error.message <<<"$output") == "option 'voice': "*"'$name'"* ]]
	done
	av-provider options acme --step render >options
	is "$(jq -c .schema.maxBytes options)" 4000
	run -65 av-validate -q -p acme -O style=plain -O voice=none.wav ready
	is "$(cat asked)" ""
}

@test "a sound with each photo, in av-upload and av-call" {
	local url
	cp "$TESTS/../tools/av-sandbox/services/clip.mp4" .
	photos 2 64x64
	sound 1 >one.wav
	mkdir -p "$XDG_CONFIG_HOME/avtools/providers"
	example | jq '.operations.create |= (.options.properties.voice = {type: "string", file: {"audio/wav": "wav"}, maxBytes: 4000}
				| .bodies = [{source: "file", json: {photo: "{file.data_uri}", label: "{name}", style: "{options.style}",
					voice: "{options.voice.base64}"}}])
		| .operations.voice_create = {method: "POST", path: "/voices", repeatable: false, outcomes: [{status: 200, is: "ok"}],
			options: {properties: {voice: {type: "string", file: {"audio/wav": "wav"}, maxBytes: 4000}}, required: ["voice"]},
			bodies: {multipart: {file: "{options.voice}"}}, answer: {take: {id: "/id"}}}' \
		>"$XDG_CONFIG_HOME/avtools/providers/acme.json"
	av-provider check "$XDG_CONFIG_HOME/avtools/providers/acme.json"
	echo '{"POST /faces": [{"status":201,"body":{"id":"f@n@"}}], "POST /voices": [{"body":{"id":"v1"}}]}' >script
	serve_script bodies
	export ACME_API_URL=$url ACME_API_KEY=sesame
	av-upload -q -p acme -O voice=one.wav photos/*.jpg >made || { cat made; false; }
	is "$(jq -sc --arg voice "$(base64 -w0 one.wav)" 'map(.voice == $voice)' bodies)" '[true,true]'
	is "$(jq -r .photo bodies | sed -n 1p)" "data:image/jpeg;base64,$(base64 -w0 "$(jq -r .file made | sed -n 1p)")"
	av-upload -q -p acme -O voice=one.wav photos/*.jpg >made
	av-call -q -p acme voice_create -O voice=one.wav >called
	av-call -q -p acme voice_create -O voice=./one.wav >called
	is "$(jq -c '[.item.id, .item.reused]' called)" '["v1",true]'
	is "$(grep -c POST asked)" 3
	check_schema made called
}

@test "a sound that changes while its request waits is not sent in full" {
	local pid
	speaks '{raw: "{options.voice}"}' '{"status":429,"headers":{"Retry-After":"2"}}, '
	av-render -q -r clip -O voice=one.wav -o out <ready >done 3>&- &
	pid=$!
	until_is 1 grep -c POST asked
	sound 3 >one.wav
	wait "$pid" || true
	is "$(jq -c '[.error.code, .error.created]' done)" '["changed_while_read","no"]'
	av-render -q -r clip -O voice=one.wav -o out <ready >done
	is "$(jq -r '.renderings[0].status' done)" ready
}
