#!/usr/bin/env bats
# What a list does not tell is not concluded from it: an answer was lost, and the service is not
# quite what its description says.

load helper
load ../soak/common

# odd PROVIDER SCRIPT: a service that answers as it is told, and one photo for it
odd() {
	local url
	shots 1
	soon "${SETTLE:-0.2}"
	grep "\"$1\"" all >first
	printf '%s\n' "$2" >script
	mkfifo url
	"$TESTS/servers/scripted-service.py" script asked >url 3>&- &
	SERVER=$!
	read -r url <url
	export "${1^^}_API_URL=$url" "${1^^}_API_KEY=key"
}

# ends CODE POSTS [OPTION...]: av-upload's error, or what became of it, after so many POSTs
ends() {
	av-upload -q --timeout 5s "${@:3}" <first >out || true
	is "$(jq -r '.error.code // .avatar.id' out)" "$1"
	is "$(grep -c POST asked)" "$2"
}

@test "what takes effect late is waited for from when the answer was lost, not from when it was sent" {
	SETTLE=1 odd avtr1 '{
		"POST /avatars": [{"status":0,"delay":2}, {"status":202,"body":{"id":"av_2"}}],
		"GET /avatars": [{"seen_after":1.5,"until":{"data":[],"has_more":false},
			"body":{"data":[{"id":"av_1","name":"0000","created_at":"@=0@","status":"ready"}],"has_more":false}}]}'
	ends av_1 1
}

@test "what takes effect later than a list lags is waited for" {
	odd avtr1 '{
		"POST /avatars": [{"status":0}, {"status":202,"body":{"id":"av_2"}}],
		"GET /avatars": [{"seen_after":1.5,"until":{"data":[],"has_more":false},
			"body":{"data":[{"id":"av_1","name":"0000","created_at":"@=0@","status":"ready"}],"has_more":false}}]}'
	mine=config/avtools/providers/avtr1.json
	jq '.operations.create.lookup.effect_s = 2' "$mine" >mine
	mv mine "$mine"
	ends av_1 1
	# Found as soon as it is there, absent no sooner than that.
	is "$(grep -c GET asked)" 2
}

# lists PROVIDER PAGES CODE POSTS: what comes of a lost answer where the service lists such pages,
# to be found or not, before it makes another one
lists() {
	odd "$1" "{\"POST /avatars\":[{\"status\":0},{\"status\":201,\"body\":{\"id\":\"second\"}}],
		\"GET /avatars\":$2}"
	ends "$3" "$4"
}

@test "an empty page is no end where the service says that there is more" {
	odd avtr1 '{"POST /avatars": [{"status":0}, {"status":202,"body":{"id":"second"}}],
		"GET /avatars?limit=100": [{"body":{"data":[],"has_more":true,"next_cursor":"c"}}],
		"GET /avatars?limit=100&starting_after=c": [{"body":{"data":[
			{"id":"first","name":"0000","created_at":"@+0@"}],"has_more":false}}]}'
	ends first 1
}

@test "a page that does not say whether there is more is no end" {
	lists avtr1 '[{"body":{"data":[{"id":"other","name":"Bob","created_at":"@+0@"}]}}]' outcome_unknown 1
}

@test "a gateway's 404 is no empty list" {
	lists anam '[{"status":404,"headers":{"Content-Type":"text/html"},"body":"<h1>Not Found</h1>"}]' \
		outcome_unknown 1
}

@test "the service's own 404 is an empty list" {
	SETTLE=0.1 odd anam '{"POST /avatars":[{"status":0},{"status":201,"body":{"id":"second"}}],
		"GET /avatars":[{"status":404,"body":{"error":"no avatars found"}}]}'
	ends second 2
}

@test "a list that gets shorter while it is read is not complete" {
	local bob='{"id":"other","displayName":"Bob","createdAt":"@+0@"}'
	lists anam "[{\"body\":{\"data\":[$bob],\"meta\":{\"lastPage\":2}}},{\"status\":404,\"body\":{\"error\":\"none\"}}]" \
		outcome_unknown 1
	kill "$SERVER" && rm -r state url asked && mkdir state
	lists anam "[{\"body\":{\"data\":[$bob],\"meta\":{\"lastPage\":2}}},{\"body\":{\"data\":[],\"meta\":{\"lastPage\":2}}}]" \
		outcome_unknown 1
	kill "$SERVER" && rm -r state url asked && mkdir state
	lists anam "[{\"body\":{\"data\":[$bob],\"meta\":{\"lastPage\":3}}},{\"body\":{\"data\":[$bob],\"meta\":{\"lastPage\":2}}}]" \
		outcome_unknown 1
}

@test "an answer that says done, and an empty list: not sent again" {
	for body in '"nonsense"' '""' '{}' '{"id":null}' '{"id":""}' '{"id":{"id":"x"}}' '{"error":"x"}' '[]'; do
		odd avtr1 '{"POST /avatars":[{"status":200,"body":'"$body"'}],
			"GET /avatars":[{"body":{"data":[],"has_more":false}}]}'
		ends outcome_unknown 1
		kill "$SERVER"
		rm -r state url asked
		mkdir state
	done
}

@test "a good status beside the documented ones that tells the id is as good" {
	odd anam '{"POST /avatars":[{"status":202,"body":{"id":7}}]}'
	ends 7 1
	is "$(grep -c GET asked)" 0
}

@test "what is lost each time is not sent again and again" {
	lists avtr1 '[{"body":{"data":[],"has_more":false}}]' second 2
	kill "$SERVER"
	rm -r state url asked
	mkdir state
	odd avtr1 '{"POST /avatars":[{"status":0}], "GET /avatars":[{"body":{"data":[],"has_more":false}}]}'
	ends network 3
	is "$(jq -c '[.error.created, .error.retryable]' out)" '["no",true]'
}

@test "a refusal that is not documented is one when the list agrees" {
	for status in 405 413 415; do
		odd anam '{"POST /avatars":[{"status":'$status',"body":{"error":"Not so."}}],
			"GET /avatars":[{"body":{"data":[],"meta":{"lastPage":1}}}]}'
		ends refused 1
		is "$(jq -c '[.error.created, .error.retryable, .error.http_status]' out)" "[\"no\",false,$status]"
		[[ $(jq -r .error.message out) == *"($status): Not so." ]]
		kill "$SERVER"
		rm -r state url asked
		mkdir state
	done
}

@test "a state that nobody knows does not tell that a video was not begun" {
	for state in QUEUED IDLE; do
		odd argil '{"POST /videos":[{"status":201,"body":{"id":"v1","status":"IDLE"}}],
			"POST /videos/v1/render":[{"status":0},{"status":200,"body":{"status":"DONE"}}],
			"GET /videos/v1":[{"body":{"status":"'$state'"}}]}'
		echo '{"avatar":{"id":"a1","status":"ready"},"provider":"argil"}' >ready
		limit 60 av-render -q --ask -r video -O text=Hello <ready >out || true
		is "$(jq -r '.error.code' out) $(grep -c render asked)" \
			"$([ $state = IDLE ] && echo null 2 || echo outcome_unknown 1)"
		kill "$SERVER"
		rm -r state url asked
		mkdir state
	done
}

@test "a clock that is a little off does not make a new entry an old one" {
	lists avtr1 '[{"body":{"data":[{"id":"first","name":"0000","created_at":"@=-30@"}],"has_more":false}}]' \
		outcome_unknown 1
}

@test "without the service's clock, an entry that seems older may be it" {
	lists avtr1 '[{"date":false,"body":{"data":[{"id":"first","name":"0000",
		"created_at":"@=-3600@"}],"has_more":false}}]' outcome_unknown 1
}

@test "an entry without a time is neither taken for ours nor for another's" {
	lists avtr1 '[{"body":{"data":[{"id":"old","name":"0000"}],"has_more":false}}]' outcome_unknown 1
}

@test "an entry without an id is not overlooked" {
	lists avtr1 '[{"body":{"data":[{"id":null,"name":"0000","created_at":"@=0@"}],"has_more":false}}]' \
		outcome_unknown 1
}

@test "a tag tells whatever the clocks say" {
	lists argil '[{"body":[{"id":"first","name":"x","extras":{"avtools":"@tag@"},
		"createdAt":"@=-7200@"}]}]' first 1
}

@test "a service that does not show the tag may have made it all the same" {
	lists argil '[{"body":[{"id":"first","name":"0000","createdAt":"@=0@"}]}]' outcome_unknown 1
}

@test "what others hold is nobody's in doubt" {
	odd avtr1 '{"POST /avatars":[{"status":202,"body":{"id":"first"}},{"status":0},
			{"status":202,"body":{"id":"second"}}],
		"GET /avatars":[{"body":{"data":[{"id":"first","name":"0000"}],"has_more":false}}]}'
	ends first 1
	ends second 3 --again
}

@test "a service that asks to wait no time is not asked without end" {
	for header in '0' 'Thu, 01 Jan 2015 00:00:00 GMT' '-5'; do
		odd avtr1 '{"POST /avatars":[{"status":429,"headers":{"Retry-After":"'"$header"'"},
			"body":{"error":{"type":"rate_limit"}}}]}'
		run -75 av-upload -q --timeout 1500ms <first
		is "$(jq -r .error.code <<<"$output")" rate_limited
		[ "$(grep -c POST asked)" -le 5 ]
		kill "$SERVER"
		rm -r state url asked
		mkdir state
	done
}

@test "a list of tens of megabytes is read" {
	odd argil '{"POST /avatars":[{"status":0}]}'
	python3 - "$ARGIL_API_URL" <<-'END'
		import json
		fill = [{"id": str(n), "name": "Bob", "extras": {"x": "y" * 200}} for n in range(60000)]
		mine = {"id": "first", "name": "0000", "extras": {"avtools": "@tag@"}}
		json.dump({"POST /avatars": [{"status": 0}], "GET /avatars": [{"body": fill + [mine]}]},
			open("script", "w"))
	END
	kill "$SERVER"
	rm url
	mkfifo url
	"$TESTS/servers/scripted-service.py" script asked >url 3>&- &
	SERVER=$!
	read -r ARGIL_API_URL <url
	ends first 1
}

@test "an avatar that has failed already is told to the ledger, and never reused" {
	odd avtr1 '{"POST /avatars":[{"status":202,"body":{"id":"first","status":"failed",
		"failure_reason":"No face."}}, {"status":202,"body":{"id":"second"}}]}'
	ends avatar_failed 1
	is "$(jq -c '[.error.step, .error.created, .avatar.id]' out)" '["upload","yes","first"]'
	is "$(av-ledger list | jq -r .state)" failed
	ends second 2
}
