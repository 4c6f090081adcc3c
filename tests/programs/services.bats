#!/usr/bin/env bats
# What the descriptions of the four services say, where a fact is missing or was learned from use.

load helper

ID=7b0f1c52-1f0e-4d5c-8a44-0f3f0c2d9a10

# scripted STEPS COMMAND...: runs the command with each service's API at a server that answers by the
# steps (scripted-server). The records are in `done`, the requests in `asked`.
scripted() {
	local url
	printf %s "$1" >script
	serve_script
	[ -e ann.jpg ] || faces ann.jpg=1280x720
	rm -rf "$XDG_STATE_HOME"/*
	env LOOM_ACCESS_TOKEN=key LOOM_RATE=1000 {LOOM,ANAM,AVTR1,ARGIL}_API_URL="$url" \
		{ANAM,AVTR1,ARGIL}_API_KEY=key timeout $((60 * AV_SLOW)) "${@:2}" >done 2>err
	end_server
	check_schema done
}

@test "402, 413, 422 and 429 mean the same on each service, documented or not" {
	for service in "${SERVICES[@]}"; do
		for row in '402 account_blocked true' '413 refused false' '422 refused false' '429 rate_limited true'; do
			echo "$service $row"
			scripted '{"POST /avatars": [{"status": '"${row%% *}"'}]}' \
				av-upload -q -p "$service" --timeout 1s --exit-zero ann.jpg
			is "$(jq -r '.error | "\(.http_status) \(.code) \(.retryable) \(.created)"' done)" "$row no"
			run -1 grep -v 'POST /avatars' asked
		done
	done
}

@test "Protoface: type, param and request id of the envelope are in the record" {
	envelope='{"error": {"code": "image.unsupported", "message": "No.", "param": "image",
		"request_id": "req_body", "type": "unprocessable"}}'
	said='.error | [.provider_code, .provider_type, .provider_param, .request_id]'
	scripted '{"POST /avatars": [{"status": 422, "body": '"$envelope"'}]}' \
		av-upload -q -p avtr1 --exit-zero ann.jpg
	is "$(jq -c "$said" done)" '["image.unsupported","unprocessable","image","req_body"]'
	scripted '{"POST /avatars": [{"status": 422, "body": '"$envelope"', "headers": {"X-Request-Id": "req_head"}}]}' \
		av-upload -q -p avtr1 --exit-zero ann.jpg
	is "$(jq -r .error.request_id done)" req_head
	scripted '{"GET /avatars/av_00000000000000000000000001": [{"status": 404,
		"body": {"error": {"code": "avatar.not_found", "message": "No.", "param": null, "type": "not_found"}}}]}' \
		av-poll -q -p avtr1 --timeout 1s --interval 10ms --exit-zero av_00000000000000000000000001
	is "$(jq -c '.error | has("provider_param")' done)" false
}

@test "Protoface: an empty name leaves the name to the service; others refuse it" {
	box
	photos 1
	echo '{"file":"photos/001.jpg","name":""}' >in
	av-upload -q -p avtr1 <in >out
	is "$(jq -c '[.name, .avatar.id != null]' out)" '["",true]'
	is "$(curl -sf -H "Authorization: Bearer $AVTR1_API_KEY" "$AVTR1_API_URL/avatars?limit=1" |
		jq -r '.data[0].name')" 'Custom Avatar'
	# The name of the stem is another request; the same empty name is the same.
	av-upload -q -p avtr1 --unique-names <in >out
	is "$(jq -c .avatar.reused out)" true
	av-upload -q -p avtr1 photos/001.jpg >out
	is "$(jq -c '[.name, .avatar.reused]' out)" '["001",null]'
	av-validate -p anam --exit-zero <in >out
	is "$(jq -r '.error.problems[0].code' out)" name_too_short
	check_sandbox
}

@test "Anam: a preview that does not come ends as not available, after the stated time" {
	mkdir -p "$XDG_CONFIG_HOME/avtools/providers"
	jq '.kinds.preview.result.wait_s = 1 | .poll = {first_s: 0.1, max_s: 0.1}' \
		"$TESTS/../lib/providers/anam.json" >"$XDG_CONFIG_HOME/avtools/providers/anam.json"
	page='"GET /avatars/'$ID'": [{"body": {"id": "'$ID'", "videoUrl": null}}'
	none='["no_result",false]'
	# Counted from the first request if the record does not say when the avatar was made.
	scripted "{$page]}" av-render -q -p anam -r preview -o out --exit-zero "$ID"
	is "$(jq -c '.error | [.code, .retryable]' done)" "$none"
	[ "$(wc -l <asked)" -gt 2 ]
	[[ $(jq -r .error.message done) == *"no preview of this avatar, 1 s after"* ]]
	# An older avatar is asked for once.
	record='{"file":"ann.jpg","provider":"anam","avatar":{"id":"'$ID'","status":"ready","created_at":"%s"}}\n'
	printf "$record" 2026-01-01T00:00:00Z >in
	scripted "{$page]}" av-render -q -r preview -o out --exit-zero <in
	is "$(jq -c '.error | [.code, .retryable]' done)" "$none"
	is "$(wc -l <asked)" 1
	# --timeout that ends before is a timeout, which another run goes on from.
	scripted "{$page]}" av-render -q -p anam -r preview -o out --timeout 300ms --exit-zero "$ID"
	is "$(jq -c '.error | [.code, .retryable]' done)" '["timeout",true]'
	# What comes late, but comes, is fetched.
	clip=$TESTS/../tools/av-sandbox/services/clip.mp4
	scripted "{$page, {\"body\": {\"id\": \"$ID\", \"videoUrl\": \"\"}}, {\"body\": {\"id\": \"$ID\", \"videoUrl\": \"/v\"}}],
		\"GET /v\": [{\"file\": \"$clip\"}]}" av-render -q -p anam -r preview -o out --exit-zero "$ID"
	is "$(jq -r '.renderings[0].status' done)" ready
}

@test "Loom: scopes of LOOM_SCOPE are asked for besides the description's" {
	box
	scope() { av-token -p loom "$@" | jq -r .scope; }
	ours='read:avatars write:avatars read:renderings write:renderings offline_access'
	is "$(LOOM_SCOPE=read:gltf scope)" "$ours read:gltf"
	# A token with other scopes is another token; the first one is kept.
	is "$(LOOM_SCOPE='read:gltf read:features' scope --grant client_credentials)" "$ours read:gltf read:features"
	is "$(LOOM_SCOPE=read:gltf scope --no-ask)" "$ours read:gltf"
	is "$(find "$XDG_STATE_HOME/avtools/tokens" -type f ! -name '*lock*' | wc -l)" 2
	mkdir -p "$XDG_CONFIG_HOME/avtools"
	printf 'LOOM_SCOPE=read:gltf\n' >"$XDG_CONFIG_HOME/avtools/credentials"
	chmod 600 "$XDG_CONFIG_HOME/avtools/credentials"
	is "$(scope --no-ask)" "$ours read:gltf"
	LOOM_SCOPE=no:such run -77 av-token -p loom
	[[ $output == *scope* ]]
}
