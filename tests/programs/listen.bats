#!/usr/bin/env bats
# av-listen: events become records; strangers, repeats, floods and hostile bodies do no harm;
# registrations do not stay.

load helper

ID=7b0f1c52-1f0e-4d5c-8a44-0f3f0c2d9a10

# listen [OPTION...]: starts av-listen for argil, and waits until it listens: at $url
listen() {
	rm -f told
	mkfifo told
	exec 9<>told
	av-listen -p argil "$@" >got 2>&9 9>&- 3>&- &
	LISTENER=$!
	hear
}

# hear: reads the line that says where it listens
hear() {
	local line
	while read -r -t "$((20 * AV_SLOW))" -u 9 line; do
		echo "$line" >>said
		[[ $line != 'listening on '* ]] || break
	done
	url=${line#listening on }
	[[ $url == http* ]]
}

# ends STATUS: av-listen ends so
ends() {
	local code=0
	wait "$LISTENER" || code=$?
	LISTENER=
	is "$code" "$1"
}

teardown() {
	for pid in "${LISTENER:-}" "${BOX:-}" "${SERVER:-}"; do
		[ -z "$pid" ] || kill "$pid" 2>/dev/null || true
		[ -z "$pid" ] || wait "$pid" 2>/dev/null || true
	done
}

# send BODY [CURL-OPTION...]: sends it and prints the status
send() {
	curl -s -o /dev/null -w '%{http_code}' --data-binary "$1" "${@:2}" "$url"
}

# event NAME MEMBER ID: a body as Argil's
event() {
	printf '{"event":"%s","data":{"%s":"%s","extras":{"job":"j1"}}}' "$@"
}

# webhooks: the registrations that the sandbox has
webhooks() {
	curl -sf -H "x-api-key: $ARGIL_API_KEY" "$ARGIL_API_URL/webhooks" | jq -c 'map(.callbackUrl)'
}

@test "help and version on stdout; usage errors on stderr, exit status 64" {
	check_usage av-listen --register --nonsense "" "-p anam,argil" "-p argil x" "-p argil --port x" \
		"-p argil --port 65536" "-p argil --cert a" "-p argil --path x" "-p argil --path /a?b" \
		"-p argil --count 0" "-p argil --for x" "-p argil --register ftp://a.example" \
		"-p argil --register http://a.example"
	run -78 --separate-stderr av-listen -p argil --address nonsense
	[[ $stderr == *"'nonsense' is no IP address"* ]]
	run -65 --separate-stderr av-listen -p anam
	[[ $output == *'"step":"listen","code":"not_offered"'* && $stderr == *"Anam knows no events"* ]]
}

@test "each event becomes a record without a state; a repeat does not" {
	listen --count 3
	is "$(send "$(event AVATAR_TRAINING_SUCCESS avatarId $ID)")" 200
	is "$(send "$(event AVATAR_TRAINING_SUCCESS avatarId $ID)")" 200
	is "$(send "$(event VIDEO_GENERATION_SUCCESS videoId $ID)")" 200
	is "$(send "$(event AVATAR_TRAINING_FAILED avatarId $ID)")" 200
	ends 0
	is "$(jq -c '[.provider, .event.name, .avatar, .renderings, .provider_data.data.extras]' got)" \
		'["argil","AVATAR_TRAINING_SUCCESS",{"id":"'$ID'"},null,{"job":"j1"}]
["argil","VIDEO_GENERATION_SUCCESS",null,[{"kind":"video","id":"'$ID'"}],{"job":"j1"}]
["argil","AVATAR_TRAINING_FAILED",{"id":"'$ID'"},null,{"job":"j1"}]'
	check_schema got
}

@test "-v says why an event was refused, also one that is no object" {
	local body line
	listen -v
	for body in '{}' '[]' '"x"' true; do
		is "$(send "$body")" 400
		read -r -t "$((10 * AV_SLOW))" -u 9 line
		[[ $line == *'refused: the event has no name' ]]
	done
	is "$(send '[')" 400
	read -r -t "$((10 * AV_SLOW))" -u 9 line
	[[ $line == *'refused: not JSON' ]]
}

@test "strangers learn nothing, and hostile bodies do nothing" {
	local body
	listen
	base=${url%/av-listen-*}
	[[ ${url##*/av-listen-} =~ ^[0-9a-f]{32}$ ]]
	for path in / /av-listen- /av-listen-00000000000000000000000000000000 "/${url##*/}x"; do
		curl -s -i -d '{}' "$base$path" | grep -v ^Date >answer
		[ -f other ] || cp answer other
		cmp answer other
	done
	is "$(curl -s -o /dev/null -w '%{http_code}' "$url")" 404
	is "$(curl -s -o /dev/null -w '%{http_code}' -X PUT -d '{}' "$url")" 404
	for body in '' '{' 'null' '[]' '"x"' '{}' '{"event":1}' '{"event":"NONE","data":{}}' \
		"$(event AVATAR_TRAINING_SUCCESS avatarId ../videos)" "$(event AVATAR_TRAINING_SUCCESS avatarId '')" \
		"$(event AVATAR_TRAINING_SUCCESS videoId $ID)" "$(event AVATAR_TRAINING_SUCCESS avatarId $ID) x" \
		"$(printf '[%.0s' $(seq 5000))" '{"event":"AVATAR_TRAINING_SUCCESS\ud800"}' $'{"event":"\xff"}'; do
		is "$(send "$body")" 400
	done
	head -c 70000 /dev/zero >large
	is "$(send @large)" 413
	is "$(send @large -H 'Transfer-Encoding: chunked')" 413
	body='{"event":"AVATAR_TRAINING_SUCCESS","access_token":"hush","data":{"avatarId":"'$ID'",
		"webhook":{"client_secret":"hush","webhook_secret":"hush"},"picture":"data:image/png;base64,hush","list":[{"api_key":"hush"}]}}'
	is "$(send "$body")" 200
	kill "$LISTENER"
	ends 143
	is "$(of got 'map(.avatar.id)')" "[\"$ID\"]"
	run -1 grep hush got
	check_schema got
}

@test "--register: registered while it runs, and ended by a signal, by --for, and without a reader" {
	box
	listen --register https://hooks.example.org/
	is "$(webhooks)" "[\"https://hooks.example.org/${url##*/}\"]"
	run -1 grep -v '^listening' <<<"$(grep "${url##*/}" said)"
	kill "$LISTENER"
	ends 143
	is "$(webhooks)" '[]'
	listen --register https://hooks.example.org --for 0.3s
	ends 0
	is "$(webhooks)" '[]'
	av-listen -p argil --register https://hooks.example.org 2>err | true
	is "$(webhooks)" '[]'
	is "$(stat '.argil.violations_count')" 0
}

@test "what a killed run left is ended by the next one, and nothing else is" {
	local other=https://hooks.example.org/av-listen-other
	box
	for n in 1 2; do
		listen --register https://hooks.example.org
		kill -9 "$LISTENER"
		ends 137
	done
	# the second one has ended the first one's
	is "$(webhooks | jq length)" 1
	curl -sf -H "x-api-key: $ARGIL_API_KEY" -H 'Content-Type: application/json' -d '{"callbackUrl":"'$other'","events":["AVATAR_TRAINING_FAILED"]}' \
		"$ARGIL_API_URL/webhooks" >made
	listen --register https://hooks.example.org --path /hooks/0123456789abcdef
	is "$(webhooks)" "[\"$other\",\"https://hooks.example.org/hooks/0123456789abcdef\"]"
	kill -9 "$LISTENER"
	ends 137
	listen --register https://hooks.example.org --path /hooks/0123456789abcdef
	is "$(webhooks | jq length)" 2
	kill "$LISTENER"
	ends 143
	is "$(webhooks)" "[\"$other\"]"
}

@test "a lost response to the registration is looked up in the list" {
	jq -n '{"GET /webhooks": [{body: []}, {body: [{id: $id, callbackUrl: "https://h.example/secret-of-16-bytes"}]}],
		"POST /webhooks": [{status: 0}], ("DELETE /webhooks/" + $id): [{status: 204}]}' --arg id $ID >script
	serve_script
	ARGIL_API_URL=$url ARGIL_API_KEY=k listen --register https://h.example --path /secret-of-16-bytes --for 0.1s
	ends 0
	is "$(cat asked)" "GET /webhooks
POST /webhooks
GET /webhooks
DELETE /webhooks/$ID"
	end_server
	jq -n '{"GET /webhooks": [{body: []}], "POST /webhooks": [{status: 400, body: {message: "no such event"}}]}' >script
	serve_script
	ARGIL_API_URL=$url ARGIL_API_KEY=k run -65 --separate-stderr av-listen -p argil --register https://h.example
	[[ $output == *'"code":"refused"'* && $stderr == *'cannot register with Argil'*'no such event'* ]]
}

@test "no response and no entry in the list: it fails, and does not listen for nothing" {
	jq -n '{"GET /webhooks": [{body: []}], "POST /webhooks": [{status: 0}]}' >script
	serve_script
	ARGIL_API_URL=$url ARGIL_API_KEY=k run -75 --separate-stderr av-listen -p argil --register https://h.example
	is "$(jq -c '[.error.code, .error.retryable]' <<<"$output")" '["network",true]'
	[[ $stderr == *"cannot register with Argil: no response came to 3 requests"* && $stderr != *"listening on"* ]]
}

@test "ended while it ends an earlier registration: its own is ended too" {
	local old=11111111-1f0e-4d5c-8a44-0f3f0c2d9a10
	jq -n '{"GET /webhooks": [{body: [{id: $old, callbackUrl: "https://h.example/secret-of-16-bytes"}]}],
		"POST /webhooks": [{body: {id: $id}}], ("DELETE /webhooks/" + $old): [{status: 204, delay: 1}],
		("DELETE /webhooks/" + $id): [{status: 204}]}' --arg id $ID --arg old $old >script
	serve_script
	ARGIL_API_URL=$url ARGIL_API_KEY=k av-listen -p argil --register https://h.example --path /secret-of-16-bytes 3>&- &
	LISTENER=$!
	until grep -q "DELETE /webhooks/$old" asked; do sleep 0.02; done
	kill "$LISTENER"
	ends 143
	is "$(tail -n 2 asked)" "DELETE /webhooks/$old
DELETE /webhooks/$ID"
}

# signed TIME BODY: the header that proves them
signed() {
	printf 'X-Signature: sha256=%s' "$(printf '%s.%s' "$1" "$2" | openssl dgst -sha256 -hmac s3cret | sed 's/.* //')"
}

@test "a signature is checked where a service signs" {
	local body now=$(date +%s)
	mkdir -p "$XDG_CONFIG_HOME/avtools/providers"
	jq '.events.signature = {header: "X-Signature", algorithm: "hmac-sha256", encoding: "hex", prefix: "sha256=",
		signed: "{timestamp}.{body}", timestamp: {header: "X-Time"}}' "$TESTS/../lib/providers/argil.json" \
		>"$XDG_CONFIG_HOME/avtools/providers/argil.json"
	run -78 --separate-stderr av-listen -p argil
	[[ $stderr == *'ARGIL_WEBHOOK_SECRET is not set'* && $output == *'"code":"no_credentials"'* ]]
	ARGIL_WEBHOOK_SECRET=s3cret listen
	body=$(event AVATAR_TRAINING_SUCCESS avatarId $ID)
	is "$(send "$body")" 403
	is "$(send "$body" -H "X-Time: $now" -H 'X-Signature: sha256=00')" 403
	is "$(send "$body " -H "X-Time: $now" -H "$(signed "$now" "$body")")" 403
	is "$(send "$body" -H "X-Time: $((now + 1))" -H "$(signed "$now" "$body")")" 403
	is "$(send "$body" -H "X-Time: $((now - 400))" -H "$(signed $((now - 400)) "$body")")" 403
	is "$(send "$body" -H "X-Time: $now" -H "$(signed "$now" "$body" | tr -d '\n')0")" 403
	is "$(send "$body" -H "X-Time: $now" -H "$(signed "$now" "$body")")" 200
	kill "$LISTENER"
	ends 143
	is "$(grep -c . got)" 1
	run -1 grep -r s3cret got said
}

@test "an Ed25519 signature is checked with the public key, over more than the body" {
	local body public now=$(date +%s)
	mkdir -p "$XDG_CONFIG_HOME/avtools/providers"
	jq '.events.signature = {header: "X-Signature", algorithm: "ed25519", encoding: "hex",
		signed: "{timestamp}\n{header.X-Id}\n{body.sha256}", timestamp: {header: "X-Time"}}' \
		"$TESTS/../lib/providers/argil.json" >"$XDG_CONFIG_HOME/avtools/providers/argil.json"
	openssl genpkey -algorithm ed25519 -out private
	public=$(openssl pkey -in private -pubout | sed -n 2p)
	ARGIL_WEBHOOK_SECRET=${public%?????} run -78 --separate-stderr av-listen -p argil
	[[ $stderr == *'the public key of Argil is not an Ed25519 key'* ]]
	ARGIL_WEBHOOK_SECRET=$public listen
	body=$(event AVATAR_TRAINING_SUCCESS avatarId $ID)
	printf '%s\n%s\n%s' "$now" id1 "$(printf %s "$body" | sha256sum | cut -d' ' -f1)" >what
	openssl pkeyutl -sign -rawin -inkey private -in what | od -An -v -tx1 | tr -d ' \n' >proof
	is "$(send "$body" -H "X-Time: $now" -H "X-Signature: $(cat proof)")" 403
	is "$(send "$body" -H "X-Time: $now" -H 'X-Id: id2' -H "X-Signature: $(cat proof)")" 403
	is "$(send "$body " -H "X-Time: $now" -H 'X-Id: id1' -H "X-Signature: $(cat proof)")" 403
	is "$(send "$body" -H "X-Time: $now" -H 'X-Id: id1' -H "X-Signature: $(cat proof)00")" 403
	is "$(send "$body" -H "X-Time: $now" -H 'X-Id: id1' -H "X-Signature: zz$(cut -c3- proof)")" 403
	is "$(send "$body" -H "X-Time: $now" -H 'X-Id: id1' -H "X-Signature: $(cat proof)")" 200
	kill "$LISTENER"
	ends 143
	is "$(grep -c . got)" 1
}

@test "the secret that a registration tells: used for the run; without it another one is made" {
	local body now=$(date +%s) made='{"status": 200, "body": {"id": "'$ID'", "secret": "s3cret"}}'
	mkdir -p "$XDG_CONFIG_HOME/avtools/providers"
	jq '.events += {secret: "/secret", signature: {header: "X-Signature", algorithm: "hmac-sha256", encoding: "hex",
		prefix: "sha256=", signed: "{timestamp}.{body}", timestamp: {header: "X-Time"}}}' \
		"$TESTS/../lib/providers/argil.json" >"$XDG_CONFIG_HOME/avtools/providers/argil.json"
	run -78 --separate-stderr av-listen -p argil
	[[ $stderr == *'ARGIL_WEBHOOK_SECRET is not set; --register gets one'* ]]
	# The first response is lost: its registration is ended when the second one is made.
	jq -n --argjson made "$made" '{"GET /webhooks": [{body: []}, {body: [{id: $old, callbackUrl: "https://h.example/secret-of-16-bytes"}]}],
		"POST /webhooks": [{status: 0}, $made], ("DELETE /webhooks/" + $id): [{status: 204}], ("DELETE /webhooks/" + $old): [{status: 204}]}' \
		--arg id $ID --arg old "${ID%0}1" >script
	serve_script
	ARGIL_API_URL=$url ARGIL_API_KEY=k listen --register https://h.example --path /secret-of-16-bytes
	body=$(event AVATAR_TRAINING_SUCCESS avatarId $ID)
	is "$(send "$body" -H "X-Time: $now" -H 'X-Signature: sha256=00')" 403
	is "$(send "$body" -H "X-Time: $now" -H "$(signed "$now" "$body")")" 200
	kill "$LISTENER"
	ends 143
	is "$(grep -v '^GET' asked)" "POST /webhooks
POST /webhooks
DELETE /webhooks/${ID%0}1
DELETE /webhooks/$ID"
	is "$(grep -c . got)" 1
	run -1 grep -r s3cret got said
	end_server
	# A response without it is an error, and what was registered is ended.
	jq -n '{"GET /webhooks": [{body: []}], "POST /webhooks": [{body: {id: $id}}], ("DELETE /webhooks/" + $id): [{status: 204}]}' \
		--arg id $ID >script
	serve_script
	ARGIL_API_URL=$url ARGIL_API_KEY=k run -75 --separate-stderr av-listen -p argil --register https://h.example
	[[ $stderr == *'cannot register with Argil: the response has no secret of the signatures'* ]]
	is "$(tail -n 1 asked)" "DELETE /webhooks/$ID"
}

@test "TLS with a certificate and its key, which others must not read" {
	openssl req -x509 -newkey rsa:2048 -nodes -keyout key -out cert -days 1 -subj /CN=localhost \
		-addext subjectAltName=IP:127.0.0.1 2>/dev/null
	chmod 644 key
	run -78 --separate-stderr av-listen -p argil --cert cert --key key
	[[ $stderr == *key*chmod* ]]
	chmod 600 key
	listen --cert cert --key key --count 1
	[[ $url == https://* ]]
	is "$(send "$(event AVATAR_TRAINING_SUCCESS avatarId $ID)" --cacert cert)" 200
	ends 0
	is "$(grep -c . got)" 1
}

@test "10,000 events in a burst: each is written once" {
	listen
	is "$(limit 60 "$TESTS/servers/event-sender" "$url" 10000 16)" '{"200":10000}'
	is "$(limit 60 "$TESTS/servers/event-sender" "$url" 10000 16)" '{"200":10000}'
	kill "$LISTENER"
	ends 143
	is "$(grep -c . got)" 10000
	is "$(jq -r .avatar.id got | sort -u | wc -l)" 10000
}

@test "a slow reader: 503, and what got 200 is written" {
	local counts
	mkfifo slow
	rm -f told
	mkfifo told
	exec 9<>told 8<>slow
	av-listen -p argil >slow 2>&9 9>&- 8>&- 3>&- &
	LISTENER=$!
	hear
	counts=$(limit 60 "$TESTS/servers/event-sender" "$url" 5000)
	is "$(jq -c 'keys' <<<"$counts")" '["200","503"]'
	is "$(jq 'add' <<<"$counts")" 5000
	cat <slow >got 8>&- 9>&- 3>&- &
	cat=$!
	exec 8>&-
	# what was refused is taken when it is sent again
	counts=$(limit 60 "$TESTS/servers/event-sender" "$url" 5000)
	until [ "$counts" = '{"200":5000}' ]; do
		counts=$(limit 60 "$TESTS/servers/event-sender" "$url" 5000)
	done
	kill "$LISTENER"
	ends 143
	wait "$cat"
	is "$(grep -c . got)" 5000
	is "$(jq -r .avatar.id got | sort -u | wc -l)" 5000
}
