#!/usr/bin/env bats
# What a list does not tell is not concluded from it: an answer was lost, and the service is not
# quite what its description says.

load helper
load soak/common

# odd PROVIDER SCRIPT: a service that answers as it is told, and one photo for it
odd() {
	local url
	shots 1
	soon "${SETTLE:-0.3}"
	grep "\"$1\"" all >first
	printf '%s\n' "$2" >script
	mkfifo url
	"$TESTS/odd-service.py" script asked >url 3>&- &
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
