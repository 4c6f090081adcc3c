#!/usr/bin/env bats
# D-ID, by its description alone: upload, video, list, delete; an upload that ends after a day.

load helper

# did SCRIPT: serves it
did() {
	local url
	mkdir -p "$XDG_CONFIG_HOME/avtools/providers"
	jq '.poll = {first_s: 0.1, max_s: 0.2} | (.operations[] | select(.lookup) | .lookup) |= . + {settle_s: 0.2, effect_s: 0.3}' \
		"$TESTS/../lib/providers/did.json" >"$XDG_CONFIG_HOME/avtools/providers/did.json"
	printf '%s\n' "$1" >script
	serve_script sent
	export DID_API_URL=$url DID_API_KEY=user:secret
}

VIDEO='"GET /talks/tlk_1": [{"body":{"id":"tlk_1","status":"started","created_at":"@=0@","user_id":"u","source_url":"s3://b/1.jpg","modified_at":"@+0@"}},
	{"body":{"id":"tlk_1","status":"done","created_at":"@=0@","result_url":"/v/1.mp4"}}],
	"GET /v/1.mp4": [{"file":"clip.mp4","headers":{"Content-Type":"video/mp4"}}]'

@test "the whole pipe: validate, upload, render, list, delete" {
	cp "$TESTS/../tools/av-sandbox/services/clip.mp4" .
	photos 1 320x320
	mv photos/001.jpg 'photos/Zoë K (2).jpg'
	did '{"POST /images": [{"status":201,"body":{"id":"img_1","url":"s3://bucket/u/img_1/Zoe_K_2.jpg"}}],
		"POST /talks": [{"status":201,"body":{"id":"tlk_1","object":"talk","created_by":"u_1","created_at":"@+0@","status":"created"}}],
		'"$VIDEO"', "GET /talks": [{"body":{"talks":[{"id":"tlk_1","status":"done","created_at":"@=0@","result_url":"/v/1.mp4"}]}}],
		"DELETE /talks/tlk_1": [{"status":409,"body":{"kind":"NotReadyError","description":"at work"}},{"status":200,"body":{"id":"tlk_1"}}]}'
	av-validate -q -p did photos/* | av-upload -q | av-poll -q >made || { cat made; false; }
	is "$(jq -r .avatar.id made)" s3://bucket/u/img_1/Zoe_K_2.jpg
	grep -q 'name="image"; filename="Zoe_K_2.jpg"' sent
	[[ $(jq -r .avatar.expires_at made) == 20*Z ]]
	av-render -q -r video -O text='Hello there.' -o out <made >done || { cat done asked; false; }
	is "$(jq -r '.error.message // .renderings[0].status' done)" ready
	grep -q '"source_url":"s3://bucket/u/img_1/Zoe_K_2.jpg"' sent
	grep -q '"script":{"type":"text","input":"Hello there."}' sent
	av-list -q -p did talks >listed
	is "$(of listed 'map(.renderings[0].id)')" '["tlk_1"]'
	av-delete -q --yes <listed >deleted
	is "$(grep -c 'DELETE /talks/tlk_1' asked)" 2
	check_schema made done listed
}

@test "a lost answer: a video is found by its time, on an account of its own; an upload stays unknown" {
	cp "$TESTS/../tools/av-sandbox/services/clip.mp4" .
	photos 1 320x320
	did '{"POST /images": [{"status":201,"body":{"url":"s3://b/1.jpg"}}], "POST /talks": [{"status":0},{"status":201,"body":{"id":"tlk_2","status":"created"}}],
		"GET /talks": [{"body":{"talks":[{"id":"tlk_0","status":"done","created_at":"@=-90000@"},{"id":"tlk_1","status":"started","created_at":"@=0@"}]}}],
		'"$VIDEO"'}'
	av-upload -q -p did photos/* >made || { cat made; false; }
	DID_EXCLUSIVE=1 av-render -q -r video -O text=Hello -o out <made >done || { cat done asked; false; }
	is "$(jq -r '.error.message // .renderings[0].id' done)" tlk_1
	is "$(grep -c 'POST /talks' asked)" 1
	end_server
	did '{"POST /images": [{"status":0}]}'
	run -65 av-upload -q -p did --again photos/*
	is "$(jq -r .error.code <<<"$output")" outcome_unknown
	is "$(grep -c POST asked)" 1
}

@test "of an upload that has ended nothing is ordered" {
	photos 1 320x320
	did '{"POST /images": [{"status":201,"body":{"url":"s3://b/1.jpg"}}]}'
	av-upload -q -p did photos/* | jq -c '.avatar.expires_at = "2026-01-01T00:00:00Z"' >made
	run -65 av-render -q -r video -O text=Hello -o out <made
	is "$(jq -r .error.code <<<"$output")" avatar_gone
	is "$(grep -c talks asked)" 0
}

@test "the errors of its contract" {
	photos 1 320x320
	did '{"POST /images": [{"status":451,"body":{"kind":"ImageModerationError","description":"not allowed"}},
		{"status":402,"body":{"kind":"InsufficientCreditsError","description":"no credits"}}]}'
	run -65 av-upload -q -p did photos/*
	is "$(jq -c '[.error.code, .error.provider_code]' <<<"$output")" '["refused","ImageModerationError"]'
	run -75 av-upload -q -p did photos/*
	is "$(jq -c '[.error.code, .error.provider_code]' <<<"$output")" '["account_blocked","InsufficientCreditsError"]'
	faces small.jpg=150x150
	run -65 av-validate -q -p did small.jpg
}
