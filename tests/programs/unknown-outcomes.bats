#!/usr/bin/env bats
# After a lost answer: a service whose lists are late, incomplete or not as described proves nothing.

load helper
load ../soak/common

# change PROVIDER EXPRESSION: of the installed description
change() {
	jq "$2" "config/avtools/providers/$1.json" >changed
	mv changed "config/avtools/providers/$1.json"
}

# service PROVIDER SCRIPT: starts a service that answers by the script, in the place of the one before;
# one photo for it, on an account that nothing else uses
service() {
	local url
	if [ -n "${SERVER:-}" ]; then
		end_server
		rm -rf state/*
	fi
	make_shots 1
	set_lags "${SETTLE:-0.2}"
	change "$1" 'del(.id_pattern)'
	grep "\"$1\"" all >first
	printf '%s\n' "$2" >script
	serve_script
	export "${1^^}_API_URL=$url" "${1^^}_API_KEY=key" "${1^^}_EXCLUSIVE=1"
}

# check_end CODE POSTS [OPTION...]: av-upload ends with that error code or avatar id, after so many POSTs
check_end() {
	av-upload -q --timeout 5s "${@:3}" <first >out || true
	is "$(jq -r '.error.code // .avatar.id' out)" "$1"
	is "$(grep -c POST asked)" "$2"
}

@test "a late effect is waited for from the lost answer on, not from the request" {
	SETTLE=1 service avtr1 '{
		"POST /avatars": [{"status":0,"delay":2}, {"status":202,"body":{"id":"av_2"}}],
		"GET /avatars": [{"seen_after":1.5,"until":{"data":[],"has_more":false},
			"body":{"data":[{"id":"av_1","name":"0000","created_at":"@=0@","status":"ready"}],"has_more":false}}]}'
	check_end av_1 1
}

@test "an effect later than the list's lag is waited for" {
	service avtr1 '{
		"POST /avatars": [{"status":0}, {"status":202,"body":{"id":"av_2"}}],
		"GET /avatars": [{"seen_after":1.5,"until":{"data":[],"has_more":false},
			"body":{"data":[{"id":"av_1","name":"0000","created_at":"@=0@","status":"ready"}],"has_more":false}}]}'
	change avtr1 '.operations.create.lookup.effect_s = 2'
	check_end av_1 1
	# Found by the second listing; absence would need a later one.
	is "$(grep -c GET asked)" 2
}

# check_listing PROVIDER PAGES CODE POSTS: an answer is lost, the service lists these pages, and would make
# a second avatar
check_listing() {
	service "$1" "{\"POST /avatars\":[{\"status\":0},{\"status\":201,\"body\":{\"id\":\"second\"}}],
		\"GET /avatars\":$2}"
	check_end "$3" "$4"
}

@test "an empty page is not the end if the service says that there is more" {
	service avtr1 '{"POST /avatars": [{"status":0}, {"status":202,"body":{"id":"second"}}],
		"GET /avatars?limit=100": [{"body":{"data":[],"has_more":true,"next_cursor":"c"}}],
		"GET /avatars?limit=100&starting_after=c": [{"body":{"data":[
			{"id":"first","name":"0000","created_at":"@+0@"}],"has_more":false}}]}'
	check_end first 1
}

@test "a page that does not say whether it is the last proves nothing" {
	check_listing avtr1 '[{"body":{"data":[{"id":"other","name":"Bob","created_at":"@+0@"}]}}]' outcome_unknown 1
}

@test "a gateway's 404 is not an empty list" {
	check_listing anam '[{"status":404,"headers":{"Content-Type":"text/html"},"body":"<h1>Not Found</h1>"}]' \
		outcome_unknown 1
}

@test "the service's own 404 is an empty list" {
	SETTLE=0.1 service anam '{"POST /avatars":[{"status":0},{"status":201,"body":{"id":"second"}}],
		"GET /avatars":[{"status":404,"body":{"error":"no avatars found"}}]}'
	check_end second 2
}

@test "a list that gets shorter during the reading is not complete" {
	local bob='{"id":"other","displayName":"Bob","createdAt":"@+0@"}'
	check_listing anam "[{\"body\":{\"data\":[$bob],\"meta\":{\"lastPage\":2}}},{\"status\":404,\"body\":{\"error\":\"none\"}}]" \
		outcome_unknown 1
	check_listing anam "[{\"body\":{\"data\":[$bob],\"meta\":{\"lastPage\":2}}},{\"body\":{\"data\":[],\"meta\":{\"lastPage\":2}}}]" \
		outcome_unknown 1
	# Only the second and third listing, which are whole, prove that nothing was made.
	check_listing anam "[{\"body\":{\"data\":[$bob],\"meta\":{\"lastPage\":3}}},{\"body\":{\"data\":[],\"meta\":{\"lastPage\":2}}},
		{\"body\":{\"data\":[$bob],\"meta\":{\"lastPage\":1}}}]" second 2
	is "$(grep -c GET asked)" 4
}

@test "a 2xx without an id, and an empty list: not sent again" {
	for body in '"nonsense"' '""' '{}' '{"id":null}' '{"id":""}' '{"id":{"id":"x"}}' '{"error":"x"}' '[]'; do
		service avtr1 '{"POST /avatars":[{"status":200,"body":'"$body"'}],
			"GET /avatars":[{"body":{"data":[],"has_more":false}}]}'
		check_end outcome_unknown 1
	done
}

@test "an undocumented 2xx with the id counts as success" {
	service anam '{"POST /avatars":[{"status":202,"body":{"id":7}}]}'
	check_end 7 1
	is "$(grep -c GET asked)" 0
}

@test "a request that is always lost is resent a limited number of times" {
	check_listing avtr1 '[{"body":{"data":[],"has_more":false}}]' second 2
	service avtr1 '{"POST /avatars":[{"status":0}], "GET /avatars":[{"body":{"data":[],"has_more":false}}]}'
	check_end network 3
	is "$(jq -c '[.error.created, .error.retryable]' out)" '["no",true]'
}

@test "an undocumented 4xx counts as refused if the list agrees" {
	for status in 405 413 415; do
		service anam '{"POST /avatars":[{"status":'$status',"body":{"error":"Not so."}}],
			"GET /avatars":[{"body":{"data":[],"meta":{"lastPage":1}}}]}'
		check_end refused 1
		is "$(jq -c '[.error.created, .error.retryable, .error.http_status]' out)" "[\"no\",false,$status]"
		[[ $(jq -r .error.message out) == *"($status): Not so." ]]
	done
}

@test "an unknown state is no proof that a video was not started" {
	for state in QUEUED IDLE; do
		service argil '{"POST /videos":[{"status":201,"body":{"id":"v1","status":"IDLE"}}],
			"POST /videos/v1/render":[{"status":0},{"status":200,"body":{"status":"DONE"}}],
			"GET /videos/v1":[{"body":{"status":"'$state'"}}]}'
		echo '{"avatar":{"id":"a1","status":"ready"},"provider":"argil"}' >ready
		limit 60 av-render -q --ask -r video -O text=Hello <ready >out || true
		is "$(jq -r '.error.code' out) $(grep -c render asked)" \
			"$([ $state = IDLE ] && echo null 2 || echo outcome_unknown 1)"
	done
}

@test "a clock a little off does not make a new list entry old" {
	check_listing avtr1 '[{"body":{"data":[{"id":"first","name":"0000","created_at":"@=-30@"}],"has_more":false}}]' \
		outcome_unknown 1
}

@test "without the service's clock an older list entry is a possible match" {
	check_listing avtr1 '[{"date":false,"body":{"data":[{"id":"first","name":"0000",
		"created_at":"@=-3600@"}],"has_more":false}}]' outcome_unknown 1
}

@test "a list entry without a time is a possible match" {
	check_listing avtr1 '[{"body":{"data":[{"id":"old","name":"0000"}],"has_more":false}}]' outcome_unknown 1
}

@test "a list entry without an id is a possible match" {
	check_listing avtr1 '[{"body":{"data":[{"id":null,"name":"0000","created_at":"@=0@"}],"has_more":false}}]' \
		outcome_unknown 1
}

@test "a tag decides, whatever the clocks say" {
	check_listing argil '[{"body":[{"id":"first","name":"x","extras":{"avtools":"@tag@"},
		"createdAt":"@=-7200@"}]}]' first 1
}

@test "a list entry without the tag is a possible match" {
	check_listing argil '[{"body":[{"id":"first","name":"0000","createdAt":"@=0@"}]}]' outcome_unknown 1
}

@test "an id that another entry holds is no candidate" {
	service avtr1 '{"POST /avatars":[{"status":202,"body":{"id":"first"}},{"status":0},
			{"status":202,"body":{"id":"second"}}],
		"GET /avatars":[{"body":{"data":[{"id":"first","name":"0000"}],"has_more":false}}]}'
	check_end first 1
	check_end second 3 --again
}

@test "a Retry-After of zero does not lead to endless requests" {
	for header in '0' 'Thu, 01 Jan 2015 00:00:00 GMT' '-5'; do
		service avtr1 '{"POST /avatars":[{"status":429,"headers":{"Retry-After":"'"$header"'"},
			"body":{"error":{"type":"rate_limit"}}}]}'
		run -75 av-upload -q --timeout 1500ms <first
		is "$(jq -r .error.code <<<"$output")" rate_limited
		[ "$(grep -c POST asked)" -le 5 ]
	done
}

@test "reads a list of tens of megabytes" {
	python3 - >large <<-'END'
		import json
		fill = [{"id": str(n), "name": "Bob", "extras": {"x": "y" * 200}} for n in range(60000)]
		mine = {"id": "first", "name": "0000", "extras": {"avtools": "@tag@"}}
		print(json.dumps({"POST /avatars": [{"status": 0}], "GET /avatars": [{"body": fill + [mine]}]}))
	END
	service argil "$(cat large)"
	check_end first 1
}

@test "an avatar that failed at once is marked in the ledger and never reused" {
	service avtr1 '{"POST /avatars":[{"status":202,"body":{"id":"first","status":"failed",
		"failure_reason":"No face."}}, {"status":202,"body":{"id":"second"}}]}'
	check_end avatar_failed 1
	is "$(jq -c '[.error.step, .error.created, .avatar.id]' out)" '["upload","yes","first"]'
	is "$(av-ledger list | jq -r .state)" failed
	check_end second 2
}

@test "an id that is not what the contract promises leaves the outcome unknown, and is looked up" {
	local uuid=3f1f1d3e-5a0c-4a53-9d0e-0a5d7b1c2e01
	for id in '"undefined"' '"null"' '"new"' '"../../x"' 12345 true '"3f1f1d3e"' '"\ud800"' '"a b"' '""'; do
		service anam '{"POST /avatars":[{"status":201,"body":{"id":'"$id"'}}],
			"GET /avatars":[{"body":{"data":[{"id":"'$uuid'","displayName":"0000","createdAt":"@=0@"}],
				"meta":{"lastPage":1}}}]}'
		change anam ".id_pattern = $(jq .id_pattern "$TESTS/../lib/providers/anam.json")"
		check_end $uuid 1
		check_end $uuid 1
	done
}

@test "a list entry whose id is not what the contract promises is not adopted" {
	service anam '{"POST /avatars":[{"status":0}],
		"GET /avatars":[{"body":{"data":[{"id":"new","displayName":"0000","createdAt":"@=0@"}],"meta":{"lastPage":1}}}]}'
	change anam ".id_pattern = $(jq .id_pattern "$TESTS/../lib/providers/anam.json")"
	check_end outcome_unknown 1
}

@test "Loom: a header that holds no number leaves the outcome unknown" {
	for id in undefined null new ../../x 0 12345678901234567890 '1 2'; do
		service loom '{"POST /avatars":[{"status":201,"headers":{"X-Loom-Status":"'"$id"'"}}],
			"GET /avatars":[{"body":{"entries":[]}}]}'
		change loom ".id_pattern = $(jq .id_pattern "$TESTS/../lib/providers/loom.json")"
		unset LOOM_EXCLUSIVE
		export LOOM_ACCESS_TOKEN=token
		check_end outcome_unknown 1
	done
}

@test "an id of an unknown service: what a path can hold" {
	for id in '"../../x"' '"a b"' '"a/b"' true '".."' '{}'; do
		service avtr1 '{"POST /avatars":[{"status":202,"body":{"id":'"$id"'}}],
			"GET /avatars":[{"body":{"data":[],"has_more":false}}]}'
		check_end outcome_unknown 1
	done
	service avtr1 '{"POST /avatars":[{"status":202,"body":{"id":"a.b-c_1~x"}}]}'
	check_end a.b-c_1~x 1
}

@test "an answer whose id is true, an object, or no text is no avatar" {
	for id in true '{}' '"\\ud800"' '"a\\udfff\\ud83d"'; do
		body=$(jq -Rc . <<<"{\"id\":${id//\\\\/\\}}")
		service anam "{\"POST /avatars\":[{\"status\":201,\"body\":$body}], \"GET /avatars\":[{\"status\":403}]}"
		check_end outcome_unknown 1
	done
}

# check_late PROVIDER SCRIPT: the lookup after a lost answer ends at --timeout, and the next run finds the avatar
check_late() {
	local begin=$SECONDS
	service "$1" "$2"
	run -75 limit 20 av-upload -q --timeout 1500ms <first
	is "$(jq -c '.error | [.code, .created, .retryable]' <<<"$output")" '["outcome_unknown","unknown",true]'
	[[ $(jq -r .error.message <<<"$output") == *--timeout* ]]
	[ $((SECONDS - begin)) -lt $((8 * AV_SLOW)) ]
	is "$(av-ledger list | jq -r .state)" unknown
	is "$(grep -c POST asked)" 1
}

@test "a lookup ends at --timeout: the list comes byte by byte, and the next run adopts" {
	check_late avtr1 '{"POST /avatars":[{"status":0}], "GET /avatars":[{"drip":0.1},
		{"body":{"data":[{"id":"first","name":"0000","created_at":"@=0@"}],"has_more":false}}]}'
	check_end first 1
}

@test "a lookup ends at --timeout: the list has no last page" {
	check_late avtr1 '{"POST /avatars":[{"status":0}], "GET /avatars":[{"body":
		{"data":[{"id":"@n@","name":"Bob"}],"has_more":true,"next_cursor":"@n@"}}]}'
}

@test "a lookup ends at --timeout: the list answers 500" {
	check_late anam '{"POST /avatars":[{"status":0}], "GET /avatars":[{"status":500}]}'
}

@test "tens of thousands of entries alike: it is not known which, and signals are heard" {
	local upload begin
	python3 - >large <<-'END'
		import json
		alike = [{"id": str(n), "name": "Bob", "created_at": "@=0@"} for n in range(60000)]
		print(json.dumps({"POST /avatars": [{"status": 0}], "GET /avatars": [{"body": {"data": alike, "has_more": False}}]}))
	END
	service avtr1 "$(cat large)"
	make_shots 100
	jq -c 'select(.provider == "avtr1") + {name: "Bob"}' all >bobs
	AVTR1_RATE=100000 av-upload -v -j 100 <bobs >out 2>err &
	upload=$!
	until_is 1 grep -c 'GET .* 200 in' err
	begin=$SECONDS
	kill "$upload"
	wait "$upload" || true
	[ $((SECONDS - begin)) -lt $((5 * AV_SLOW)) ]
	is "$(codes out)" '100 outcome_unknown'
	head -n 1 bobs >first
	check_end outcome_unknown "$(grep -c POST asked)"
	[[ $(jq -r .error.message out) == *"more than one request"* ]]
}

@test "entries without names: on an account of its own the time tells, one request at a time" {
	service avtr1 '{
		"POST /avatars": [{"status":0}, {"status":202,"body":{"id":"av_2"}}],
		"GET /avatars": [{"body":{"data":[{"id":"av_1","created_at":"@=0@","status":"ready"},
			{"id":"av_0","created_at":"@=-200@","status":"ready"}],"has_more":false}}]}'
	change avtr1 'del(.operations.create.lookup.match, .operations.create.lookup.tag)
		| .operations.create.lookup.exclusive = true'
	check_end av_1 1
	# Without exclusive, and on a shared account, nothing tells.
	change avtr1 'del(.operations.create.lookup.exclusive)'
	run -65 --separate-stderr av-provider check config/avtools/providers/avtr1.json
	[[ $stderr == *"exclusive, and a time"* ]]
	change avtr1 '.operations.create.lookup.exclusive = true'
	service avtr1 "$(cat script)"
	change avtr1 'del(.operations.create.lookup.match) | .operations.create.lookup.exclusive = true'
	unset AVTR1_EXCLUSIVE
	check_end outcome_unknown 1
	is "$(grep -c GET asked)" 0
}

@test "a list that gets shorter once is read again" {
	local bob='{"id":"other","displayName":"Bob","createdAt":"@+0@"}'
	check_listing anam "[{\"body\":{\"data\":[$bob],\"meta\":{\"lastPage\":2}}},{\"body\":{\"data\":[],\"meta\":{\"lastPage\":1}}},
		{\"body\":{\"data\":[$bob,{\"id\":\"mine\",\"displayName\":\"0000\",\"createdAt\":\"@=0@\"}],\"meta\":{\"lastPage\":1}}}]" mine 1
}
