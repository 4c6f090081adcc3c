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

# play NAME [OPTION...]: starts the contract server for the service, and sets its environment
play() {
	local line
	rm -f line
	mkfifo line
	"$TESTS/servers/contract-server" "$@" >line 3>&- &
	SERVER=$!
	read -r line <line
	eval "$(jq -r '.env | to_entries[] | "export \(.key)=\(.value | @sh)"' <<<"$line")"
	STATS=$(jq -r .stats <<<"$line")
}

# counts N: N creates for N photos, none twice, all requests as the contract wants them
counts() {
	is "$(stat '[.creates.look, .duplicates, .violations, .credentials_on_media]')" "[$1,0,[],0]"
}

# lists: how often lists were read
lists() {
	stat '.requests | [.looks, .videos, .groups] | add // 0'
}

# unknown: the ledger's entries that are not settled
unknown() {
	av-ledger list | jq -sc 'map(select(.state == "unknown" or .state == "intended")) | length'
}

@test "heygen: the whole pipe from photos to files, list and delete, under faults" {
	play heygen --seed 2 --work 20 --fault lost-after=0.2 --fault lost-before=0.1 --fault slow_down=0.1 \
		--fault broken=0.1 --fault broken-after=0.05 --fault cut=0.1 --fault broken=0.1@look
	photos 12
	av-validate -p heygen photos/*.jpg >valid
	av-upload -q <valid >made
	is "$(lists)" 0
	av-poll -q --interval 0.05s <made >ready
	av-render -q -o out -r still -r video -r thumbnail -O text=Hello -O engine=avatar_iv <ready >done
	is "$(codes done)" '12 ready'
	is "$(of done '[.[].renderings[].status] | group_by(.) | map([.[0], length])')" '[["ready",36]]'
	is "$(find out -type f | wc -l)" 36
	counts 12
	is "$(stat .creates.video)" 12
	is "$(unknown)" 0
	[ "$(stat '[.replays, .faults["lost-after"]] | min')" -gt 0 ]
	check_schema valid made ready done
	av-list -q -p heygen >list
	is "$(jq -r .avatar.id list | sort | sha256sum)" "$(jq -r .avatar.id done | sort | sha256sum)"
	check_schema list
	head -n 1 done >one
	av-call -q rename -O name=Bea <one >renamed
	av-delete -q --yes <done >deleted
	is "$(stat .left)" 12
	av-list -q -p heygen videos | av-delete -q --yes >deleted
	is "$(stat '[.left, .violations]')" '[0,[]]'
}

@test "heygen: killed and concurrent processes, lost answers: sent again with the same key, no list" {
	local round pids
	play heygen --seed 3 --work 60 --fault lost-after=0.2
	photos 40
	av-validate -p heygen photos/*.jpg >valid
	for round in 1 2 3 4 5; do
		pids=()
		for n in 1 2 3; do
			av-upload -q -j 3 --exit-zero <valid >"out.$n" 2>/dev/null 3>&- &
			pids+=("$!")
		done
		sleep "0.$((2 + round))"
		kill -9 "${pids[@]}" 2>/dev/null || true
		wait "${pids[@]}" 2>/dev/null || true
	done
	for n in 1 2 3; do
		av-upload -q <valid >"made.$n" 3>&- &
		pids[n - 1]=$!
	done
	wait "${pids[@]}"
	for n in 1 2 3; do
		is "$(jq -r .avatar.id "made.$n" | sort -u | wc -l)" 40
	done
	counts 40
	[ "$(stat '[.replays, .faults["lost-after"]] | min')" -gt 4 ]
	is "$(lists)" 0
	is "$(unknown)" 0
}

@test "heygen: killed between sending and the answer, the next run sends the same key" {
	play heygen --work 1500
	photos 1
	av-upload -q -p heygen photos/001.jpg >out &
	upload=$!
	until_is 1 stat .requests.create
	kill -9 "$upload"
	wait "$upload" || true
	av-upload -v -p heygen photos/001.jpg >out 2>err
	grep -q 'sending it again with the same idempotency key' err
	is "$(stat '[.creates.look, .replays, .duplicates, (.in_flight > 0), .requests.looks]')" '[1,1,0,true,null]'
	is "$(jq -c '[.avatar.status, .steps[-1].cost.charged]' out)" '["processing","yes"]'
	# --again has a key of its own.
	av-upload -q --again -p heygen photos/001.jpg >again
	is "$(stat '[.creates.look, .replays]')" '[2,1]'
}

@test "after the life of its key an unknown request is looked up" {
	mkdir -p "$XDG_CONFIG_HOME/avtools/providers"
	jq '.operations.create |= (.idempotency.life_s = 2 | .lookup += {settle_s: 0.3, effect_s: 0.3})' \
		"$TESTS/../lib/providers/heygen.json" >"$XDG_CONFIG_HOME/avtools/providers/heygen.json"
	play heygen --fault lost-after=1
	photos 2
	run -65 sh -c 'av-upload -q -p heygen photos/001.jpg >out'
	av-upload -q --unique-names -p heygen photos/002.jpg >named
	is "$(jq -c '[.error.code, .error.created, .error.retryable]' out)" '["outcome_unknown","unknown",false]'
	is "$(codes named)" '1 ready'
	[ "$(stat .requests.looks)" -gt 1 ]
	counts 2
}

# keyed STEPS: the service acme with a key in the body, which answers POST by these steps
keyed() {
	cp "$TESTS/photos/baseline.jpg" ann.jpg
	describe '.operations.create |= (del(.options) | .idempotency = {life_s: 60}
		| .bodies = {source: "file", json: {key: "{idempotency_key}"}}
		| .lookup += {settle_s: 0.1, effect_s: 0.1})'
	echo "{\"POST /faces\": $1, \"GET /faces\": [{\"body\": {\"faces\": [], \"pages\": 1}}]}" >script
	rm -f bodies asked
	serve_script bodies
	export ACME_API_URL=$url
}

# sent: for each request with a key the number of its key, in the order of their first use
sent() {
	jq -r .key bodies | awk '{ if (!n[$1]) n[$1] = ++m; printf "%s%s", sep, n[$1]; sep = " " }'
}

made='{"status": 201, "body": {"id": "f1", "state": "drawing"}}'

@test "a key is the same until an answer tells the outcome" {
	keyed "[{\"status\": 0}, {\"status\": 500}, {\"status\": 429}, {\"status\": 0}, $made]"
	av-upload -q -p acme ann.jpg >out
	is "$(codes out)" '1 processing'
	is "$(sent)" '1 1 1 1 1'
	is "$(jq -r .key bodies | grep -cxE '[0-9a-f]{8}-[0-9a-f]{4}-4[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}')" 5
	is "$(grep -c GET asked || true)" 0
	end_server
}

@test "after a refusal there is another key" {
	keyed "[{\"status\": 0}, {\"status\": 422, \"body\": {}}, $made]"
	run -65 sh -c 'av-upload -q -p acme ann.jpg >out'
	is "$(jq -c '[.error.code, .error.created]' out)" '["refused","no"]'
	av-upload -q -p acme ann.jpg >out
	is "$(sent)" '1 1 2'
	end_server
}

@test "what a gateway answers to a key is no refusal of what was sent before" {
	keyed "[{\"status\": 0}, {\"status\": 404, \"body\": \"<h1>not found</h1>\"}, $made]"
	av-upload -q -p acme ann.jpg >out
	is "$(codes out)" '1 processing'
	is "$(sent)" '1 1 1'
	end_server
}

@test "an account that is blocked later proves nothing, and the next run sends the same key" {
	keyed "[{\"status\": 0}, {\"status\": 402}, $made]"
	run -75 sh -c 'av-upload -q -p acme ann.jpg >out'
	is "$(jq -c '[.error.code, .error.created, .error.retryable]' out)" '["outcome_unknown","unknown",true]'
	jq -e '.error.message | test("with the same idempotency key")' out
	av-upload -q --retry-failed <out >next
	is "$(codes next)" '1 processing'
	is "$(sent)" '1 1 1'
	end_server
}

@test "a service that repeats an error with the key: the list is asked, then another key is sent" {
	keyed "[{\"status\": 500}, {\"status\": 500}, {\"status\": 500}, {\"status\": 500}, {\"status\": 500}, $made]"
	limit 60 av-upload -q -p acme ann.jpg >out
	is "$(codes out)" '1 processing'
	is "$(sent)" '1 1 1 1 1 2'
	[ "$(grep -c GET asked)" -ge 2 ]
	end_server
}

@test "credentials: the first way that is set; a user's name and password as Basic" {
	cp "$TESTS/photos/baseline.jpg" ann.jpg
	play heygen
	unset HEYGEN_API_KEY
	HEYGEN_ACCESS_TOKEN=sesame av-upload -q -p heygen ann.jpg >out
	HEYGEN_API_KEY=sesame HEYGEN_ACCESS_TOKEN=wrong av-poll -q <out >ready
	is "$(stat .unauthorized)" 0
	is "$(codes ready)" '1 ready'
	run -78 sh -c 'av-upload -q --again -p heygen ann.jpg >out'
	jq -e '.error.message | test("^HEYGEN_API_KEY is not set")' out
	HEYGEN_ACCESS_TOKEN=wrong run -77 sh -c 'av-upload -q --again -p heygen ann.jpg >out'
	jq -e '.error.message | test("does not accept HEYGEN_ACCESS_TOKEN from the environment")' out
	HEYGEN_ACCESS_TOKEN=sesame run -0 av-token -p heygen --header
	is "$output" 'Authorization: Bearer sesame'
	describe '.auth = {header: "Authorization", scheme: "Basic", credential: "password"}'
	unset ACME_API_KEY
	ACME_USERNAME=Aladdin ACME_PASSWORD='open sesame' run -0 av-token -p acme --header
	is "$output" 'Authorization: Basic QWxhZGRpbjpvcGVuIHNlc2FtZQ=='
	ACME_PASSWORD=x run -78 --separate-stderr av-token -p acme --header
	[[ $stderr == *"ACME_USERNAME is not set"* ]]
}

@test "an option that is the same for all of an account, on every operation" {
	cp "$TESTS/photos/baseline.jpg" ann.jpg
	describe '(.operations[] | .headers.Key) = "{options.player}"
		| (.operations[] | .options.properties.player) = {type: "string", minLength: 2, account: true}
		| .operations.create.bodies[0].multipart.style = "{options.style}"
		| del(.operations.create.options.properties.style.enum)
		| (.operations[] | .query.who) = "{options.player}"'
	echo '{"POST /faces": [{"status": 201, "body": {"id": "f1", "state": "drawing"}}],
		"GET /faces/f1": [{"body": {"state": "done"}}], "GET /faces": [{"body": {"faces": [], "pages": 1}}]}' >script
	serve_script
	export ACME_API_URL=$url
	echo 'acme.options.player = filed' >"$XDG_CONFIG_HOME/avtools/config"
	av-upload -q -p acme ann.jpg | av-poll -q >out
	is "$(codes out)" '1 ready'
	ACME_PLAYER=p2 av-list -q -p acme >list
	is "$(cut -d' ' -f2 asked | sed 's/&.*who/?who/; s/?count.*who/?who/; s/?page.*who/?who/' | tr '\n' ' ')" \
		'/faces?who=filed /faces/f1?who=filed /faces?who=p2 '
	# The ledger tells the two apart; an option of the record comes first, for the state as well.
	av-upload -q -p acme ann.jpg >same
	ACME_PLAYER=p2 av-upload -q -p acme ann.jpg >other
	is "$(jq -c '.avatar.reused' same other | tr '\n' ' ')" 'true null '
	av-upload -q -p acme -O player=own ann.jpg | av-poll -q >out
	is "$(tail -n 2 asked | tr '\n' ' ')" 'POST /faces?who=own GET /faces/f1?who=own '
	ACME_PLAYER=x run -78 av-upload -q -p acme ann.jpg
	[[ $output == *"option 'player' of acme"* ]]
	end_server
}
