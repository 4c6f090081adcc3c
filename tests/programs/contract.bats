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

# The matrix: the same tests for each service, by "matrix" of its contract. MATRIX_PHOTOS, MATRIX_KILLS and
# MATRIX_SEED make it longer, and another one.
CONTRACTS=(avatarsdk bithuman did hedra heygen liveavatar realtimeavatar runway simli tavus telnyx)

# about MEMBER [DEFAULT]: of the contract's "matrix"
about() {
	jq -r --arg default "${2:-}" ".matrix.$1 // \$default" "$TESTS/servers/contracts/$NAME.json"
}

# begin NAME [OPTION...]: plays the service, with short lags in its description, and makes the photos; the
# account is exclusive where only this tells what became of a lost request
begin() {
	NAME=$1
	N=${MATRIX_PHOTOS:-5}
	mkdir -p "$XDG_CONFIG_HOME/avtools/providers"
	jq '.poll += {first_s: 0.05, max_s: 0.2} | del(.pace, .operations[].pace)
		| (.operations[] | .lookup | select(.)) += {settle_s: 0.1, effect_s: 0.3}' \
		"$TESTS/../lib/providers/$NAME.json" >"$XDG_CONFIG_HOME/avtools/providers/$NAME.json"
	play "$NAME" --seed "${MATRIX_SEED:-1}" --work 10 "${@:2}"
	export "${NAME^^}_EXCLUSIVE=1"
	photos "$N" "$(about photo 256x256)"
	mv photos/001.jpg 'photos/Zoë K (1).jpg'
	eval "VALIDATE=($(about validate))"
	eval "RENDER=($(about render))"
	PHOTOS=(photos/*)
	[ -z "$(about urls)" ] || readarray -t PHOTOS < <(for photo in photos/*; do
		jq -nc --arg file "$photo" '{$file, url: "https://img.example.test/\($file | @uri)"}'
	done)
}

# sound: makes a sound, and prints its name
sound() {
	printf 'RIFF\044\0\0\0WAVEfmt \020\0\0\0\001\0\001\0\100\037\0\0\100\037\0\0\001\0\010\0data\0\0\0\0' >sound.wav
	echo sound.wav
}

# again FILE COMMAND...: the command with the file's records, again until none is worth another run
again() {
	local runs
	for runs in $(seq 10); do
		limit 60 "${@:2}" --exit-zero --retry-failed <"$1" >"$1.next"
		mv "$1.next" "$1"
		jq -se 'any(.error.retryable)' "$1" >/dev/null || return 0
	done
	codes "$1"
	return 1
}

# made OBJECT FILE EXPRESSION: one of it for each photo, or an unknown outcome where nothing tells
made() {
	local ids unknown
	ids=$(of "$2" "map($3 | select(.)) | unique | length")
	unknown=$(of "$2" 'map(select(.error.code == "outcome_unknown")) | length')
	is "$(of "$2" length)" "$N"
	is "$((ids + unknown))" "$N"
	[[ $(about unknown) =~ ^(true|$1)$ ]] || is "$unknown" 0
	[ "$(stat ".creates.$1 // 0")" -ge "$ids" ]
	[ "$(stat ".creates.$1 // 0")" -le "$N" ]
	is "$(stat '[.duplicates, .violations, .credentials_on_media]')" '[0,[],0]'
}

# rendered FILE: av-render until all is done, where the service renders
rendered() {
	local file=$1
	jq -c 'select(.error == null or .error.step == "render")' "$file" >"$file.ready"
	N=$(wc -l <"$file.ready")
	[ -z "$(about renders)" ] || made "$(about renders)" "$file.ready" '[.renderings[] | .id // .file | select(.)][0]'
	is "$(of "$file.ready" 'map(select(.error.code != "outcome_unknown") | .renderings[].status) - ["ready"]')" '[]'
}

# names FILE: the names of avatars that a record of the file done has
names() {
	jq -r --slurpfile done done 'select(.avatar.id | IN($done[].avatar.id)).name' "$1" | sort
}

# pipe NAME: the whole pipe from photos to files, list and delete, under faults
pipe() {
	local list
	begin "$1" --fault lost-after=0.15 --fault lost-before=0.1 --fault slow_down=0.05 --fault broken=0.05 \
		--fault broken-after=0.05 --fault cut=0.05 --fault garbled=0.05 --fault reset=0.05 \
		--fault broken=0.1@get --fault cut=0.1@get --fault broken=0.1@list --fault garbled=0.1@list --fault broken=0.1@media
	av-validate -p "$NAME" "${VALIDATE[@]}" "${PHOTOS[@]}" | av-fit -q -o fitted >valid
	is "$(of valid 'map(select(.error)) | length')" 0
	cp valid done
	again done av-upload -q
	made "$(about makes)" done .avatar.id
	again done av-poll -q --interval 0.05s
	again done av-render -q -o out --interval 0.05s "${RENDER[@]}"
	rendered done
	check_schema valid done
	for list in $(about 'lists | keys_unsorted[]'); do
		av-list -q -p "$NAME" "$list" >list
		[ ! -s list ] || check_schema list
		[ "$list,$(about named)" != avatars,true ] || is "$(names list)" "$(names done)"
		av-delete -q --yes <list >deleted
		is "$(of deleted 'map(select(.error)) | length')" 0
		is "$(stat ".left.$(about "lists.$list")")" null
	done
	is "$(stat '.violations')" '[]'
}

# storm FILE COMMAND...: the command with the file's records, killed at random moments, then until it is done
storm() {
	local round pid
	for round in $(seq "${MATRIX_KILLS:-2}"); do
		"${@:2}" --exit-zero <"$1" >"$1.out" 2>/dev/null 3>&- &
		pid=$!
		sleep "0.$(printf '%03d' $((RANDOM % 300)))"
		kill -9 "$pid" 2>/dev/null || true
		wait "$pid" 2>/dev/null || true
	done
	again "$1" "${@:2}"
}

# kills NAME: nothing is made twice, nothing is lost, under faults and kill -9
kills() {
	RANDOM=${MATRIX_SEED:-1}
	begin "$1" --work 60 --fault lost-after=0.2 --fault broken-after=0.1 --fault slow_down=0.05
	av-validate -p "$NAME" "${VALIDATE[@]}" "${PHOTOS[@]}" >done
	storm done av-upload -q -j 2
	made "$(about makes)" done .avatar.id
	again done av-poll -q --interval 0.05s
	storm done av-render -q -j 2 -o out --interval 0.05s "${RENDER[@]}"
	rendered done
}

@test "the matrix has every contract with a description" {
	local name
	for name in "$TESTS"/servers/contracts/*.json; do
		name=$(basename "$name" .json)
		[ ! -e "$TESTS/../lib/providers/$name.json" ] || echo "$name"
	done >names
	is "$(xargs <names)" "${CONTRACTS[*]}"
	for name in "${CONTRACTS[@]}"; do
		grep -qxF "@test \"$name: kills and faults\" { kills $name; }" "$BATS_TEST_FILENAME"
	done
}

@test "avatarsdk: the whole pipe under faults" { pipe avatarsdk; }
@test "avatarsdk: kills and faults" { kills avatarsdk; }
@test "bithuman: the whole pipe under faults" { pipe bithuman; }
@test "bithuman: kills and faults" { kills bithuman; }
@test "did: the whole pipe under faults" { pipe did; }
@test "did: kills and faults" { kills did; }
@test "hedra: the whole pipe under faults" { pipe hedra; }
@test "hedra: kills and faults" { kills hedra; }
@test "heygen: the whole pipe under faults" { pipe heygen; }
@test "heygen: kills and faults" { kills heygen; }
@test "liveavatar: the whole pipe under faults" { pipe liveavatar; }
@test "liveavatar: kills and faults" { kills liveavatar; }
@test "realtimeavatar: the whole pipe under faults" { pipe realtimeavatar; }
@test "realtimeavatar: kills and faults" { kills realtimeavatar; }
@test "runway: the whole pipe under faults" { pipe runway; }
@test "runway: kills and faults" { kills runway; }
@test "simli: the whole pipe under faults" { pipe simli; }
@test "simli: kills and faults" { kills simli; }
@test "tavus: the whole pipe under faults" { pipe tavus; }
@test "tavus: kills and faults" { kills tavus; }
@test "telnyx: the whole pipe under faults" { pipe telnyx; }
@test "telnyx: kills and faults" { kills telnyx; }

# ask METHOD URL [CURL-OPTION...]: sends a request, and prints the status; the response is in the file said
ask() {
	curl -s -o said -w '%{http_code}' -X "$1" "${@:3}" "$2"
}

@test "the server of contracts is strict: keys, fields, order, another origin, expiry, checks" {
	local json=(-H 'Content-Type: application/json') key=(-H 'x-api-key: sesame') put size
	photos 1 300x300
	size=$(wc -c <photos/001.jpg)
	play heygen
	is "$(ask GET "$HEYGEN_API_URL/avatars/looks")" 401
	is "$(ask GET "$HEYGEN_API_URL/avatars/looks?size=3" "${key[@]}")" 400
	is "$(ask GET "$HEYGEN_API_URL/nothing" "${key[@]}")" 404
	is "$(ask POST "$HEYGEN_API_URL/assets/direct-uploads" "${key[@]}" "${json[@]}" \
		-d '{"filename":"a.jpg","content_type":"image/jpeg","size_bytes":'"$size"'}')" 200
	put=$(jq -r .data.upload_url said) id=$(jq -r .data.asset_id said)
	is "$(ask POST "$HEYGEN_API_URL/assets/$id/complete" "${key[@]}")" 409
	is "$(ask PUT "$put" -H 'Content-Type: image/jpeg' --data-binary @photos/001.jpg "${key[@]}")" 400
	is "$(ask PUT "$put" -H 'Content-Type: image/png' --data-binary @photos/001.jpg)" 400
	is "$(ask PUT "$put" -H 'Content-Type: image/jpeg' --data-binary @photos/001.jpg)" 200
	is "$(ask POST "$HEYGEN_API_URL/assets/$id/complete" "${key[@]}")" 200
	for body in '{"type":"photo","name":"Ann"}' '{"type":"photo","name":"Ann","file":{"type":"asset_id","asset_id":"asset_1"}}' \
		'{"type":"photo","name":"Ann","name":"Bea","file":{"type":"asset_id","asset_id":"'"$id"'"}}' \
		'{"type":"photo","name":"Ann","file":{"type":"asset_id","asset_id":"'"$id"'"},"colour":1}'; do
		[[ $(ask POST "$HEYGEN_API_URL/avatars" "${key[@]}" "${json[@]}" -d "$body") == 40[04] ]]
	done
	body='{"type":"photo","name":"Ann","file":{"type":"asset_id","asset_id":"'"$id"'"}}'
	is "$(ask POST "$HEYGEN_API_URL/avatars" "${key[@]}" "${json[@]}" -d "$body")" 200
	is "$(ask POST "$HEYGEN_API_URL/avatars" "${key[@]}" "${json[@]}" -d "$body")" 200
	is "$(curl -s "$STATS" | jq -c '[.creates.look, .per_photo.look, .duplicates, .unauthorized, (.violations | length)]')" \
		'[2,2,1,1,8]'
	end_server
	play hedra --expire 0
	is "$(ask POST "$HEDRA_API_URL/files" -H 'Authorization: Bearer sesame' -F file=@photos/001.jpg)" 201
	is "$(ask POST "$HEDRA_API_URL/models/hedra-avatar" -H 'Authorization: Bearer sesame' "${json[@]}" -d "$(jq -c '{input: {
		prompt: "x", aspect_ratio: "1:1", resolution: "720p", start_image: {source: "url", url}, audio: {source: "url", url}}}' said)")" 400
	is "$(jq -r '.error.details[0].reason' said)" expired
	end_server
	play tavus
	photo() { jq -nc --arg data "$(base64 -w 0 photos/001.jpg)" '{imageBase64: $data, mimeType: "image/jpeg"}'; }
	is "$(ask POST "$TAVUS_API_URL/faces/image-validation" "${key[@]}" "${json[@]}" -d "$(photo)")" 200
	is "$(jq -c '[.passed, .checks[1].passed]' said)" '[false,false]'
	photos 1 600x600
	is "$(ask POST "$TAVUS_API_URL/faces/image-validation" "${key[@]}" "${json[@]}" -d "$(photo)")" 200
	is "$(jq -c .passed said)" true
}

# listening [OPTION...]: starts av-listen for a service, in the background, and waits until it listens
listening() {
	rm -f told
	mkfifo told
	av-listen -p "$NAME" "$@" >got 2>told 3>&- &
	LISTENER=$!
	exec 9<told
	read -r -t "$((20 * AV_SLOW))" -u 9 line
	url=${line#listening on }
}

@test "heygen: signed events, with the secret that the registration tells" {
	begin heygen
	listening --register 'http://127.0.0.1:{port}' --count 2
	is "$(stat '[.requests.endpoint_create, .left.endpoint]')" '[1,1]'
	is "$(curl -s -o /dev/null -w '%{http_code}' -H "Heygen-Timestamp: $(date +%s)" -H 'Heygen-Signature: 00' \
		-d '{"event_type":"avatar_video.success","event_data":{"video_id":"v"}}' "$url")" 403
	photos 2
	av-upload -q -p heygen photos/* | av-poll -q | av-render -q -o out -r video -O text=Hello >done
	wait "$LISTENER"
	is "$(jq -r '.renderings[0].id // empty' got | sort)" "$(jq -r '.renderings[0].id' done | sort)"
	is "$(stat '[.events, .left.endpoint, .violations]')" '[{"sent":2,"refused":0},null,[]]'
	run -1 grep -r whsec_ got done state
}

@test "bithuman: signed events; an upload is used again; the price of the model" {
	begin bithuman
	listening --register 'http://127.0.0.1:{port}' --count 2
	photos 2
	av-upload -q -p bithuman --dry-run -O model=expression-2 photos/* >plan
	is "$(of plan 'map(.plan[0].cost.credits)')" '[2000,2000]'
	av-upload -q -p bithuman -O model=expression-2 photos/* >made
	wait "$LISTENER"
	is "$(jq -r .avatar.id got | sort)" "$(jq -r .avatar.id made | sort)"
	is "$(of made 'map(.steps[].cost.amount)')" '[2000,2000]'
	is "$(stat '[.events, .creates.upload, .left.webhook, .violations]')" '[{"sent":2,"refused":0},2,null,[]]'
	run -1 grep -r whsec_ got made state
	# Another agent of a photo that is up; and a photo at a URL, which needs no upload.
	av-upload -q -p bithuman -O model=essence-2 photos/001.jpg >made
	echo '{"url":"https://img.example.test/ann.jpg"}' | av-upload -q -p bithuman >>made
	is "$(of made 'map(.steps[].cost.amount)')" '[500,250]'
	is "$(stat '[.creates.upload, .creates.agent, .violations]')" '[2,4,[]]'
}

@test "tavus: its own check before a face is made; a second stage" {
	begin tavus --ready-after 3000
	jq 'del(.image.min)' config/avtools/providers/tavus.json >relaxed
	mv relaxed config/avtools/providers/tavus.json
	photos 1 300x300
	echo '{"file":"photos/001.jpg","url":"https://img.example.test/1.jpg"}' >one
	run -65 --separate-stderr av-upload -q -p tavus -O voice_name=anna <one
	is "$(jq -c '[.error.code, .error.created, .error.message, .error.problems[0].provider_code]' <<<"$output")" \
		'["photo_refused","no","Tavus would refuse the photo: At least 512x512","resolution"]'
	run -65 --separate-stderr av-call -q -p tavus image_check photos/001.jpg
	is "$(jq -r .error.problems[0].provider_code <<<"$output")" resolution
	is "$(stat '[.creates.face, .requests.check, .violations]')" '[null,2,[]]'
	photos 1 600x600
	av-call -q -p tavus image_check photos/001.jpg >done
	is "$(jq -c '[.error, .image.warnings]' done)" '[null,null]'
	av-upload -q -p tavus -O voice_name=anna <one | av-poll -q --interval 0.05s >made
	is "$(jq -c '[.avatar.status, .avatar.final_status]' made)" '["ready","processing"]'
	av-poll -q --final --interval 0.05s <made >final
	is "$(jq -c '[.avatar.status, .avatar.final_status]' final)" '["ready","ready"]'
	av-call -q -p tavus rename -O face_name=Ann "$(jq -r .avatar.id made)" >named
	is "$(av-list -q -p tavus | jq -r .name)" Ann
	run -65 av-validate -q -p tavus -O voice_name=anna photos/001.jpg
	is "$(jq -r '.error.problems[0].code' <<<"$output")" file_refused
	is "$(stat '.violations')" '[]'
	check_schema made final named
}

@test "telnyx: another shape is a note, and the 21st avatar is told before" {
	begin telnyx
	photos 21 256x256
	av-validate -q -p telnyx photos/001.jpg >valid
	is "$(jq -c '[.error, (.image.warnings[] | [.code, .severity])]' valid)" '[null,["not_advised","note"],["not_advised","note"]]'
	av-upload -p telnyx --dry-run photos/* >plan 2>err
	grep -q 'Telnyx: an account holds at most 20 avatars, and this would make 21' err
	grep -q 'the description of Telnyx is experimental' err
	av-upload -q -p telnyx photos/001.jpg | av-poll -q | av-render -q -o out >done
	is "$(jq -r '.renderings[0].status' done)" ready
	av-call -q -p telnyx rename -O name=Ann <done >named
	is "$(av-list -q -p telnyx | jq -r .name | sort | xargs)" 'Ann Stock'
	is "$(stat '.violations')" '[]'
}

@test "hedra: events with an Ed25519 signature, at the webhook of a video" {
	begin hedra
	listening --count 1
	jq 'del(.operations.video_create.options.properties.webhook.pattern)' config/avtools/providers/hedra.json >relaxed
	mv relaxed config/avtools/providers/hedra.json
	photos 1
	av-upload -q -p hedra photos/* | av-render -q -o out "${RENDER[@]}" -O webhook="$url" >done
	wait "$LISTENER"
	is "$(jq -c '[.event.name, .renderings[0].id]' got)" "$(jq -c '["COMPLETED", .renderings[0].id]' done)"
	is "$(stat '[.events, .violations]')" '[{"sent":1,"refused":0},[]]'
}

# did [OPTION...]: plays it, and makes a photo
did() {
	begin did "$@"
	photos 1 320x320
}

@test "did: a lost answer to an upload stays unknown, and is not sent again" {
	did --fault lost-after=1@create
	run -65 av-upload -q -p did photos/*
	is "$(jq -r .error.code <<<"$output")" outcome_unknown
	run -65 av-upload -q -p did photos/*
	is "$(stat '[.requests.create, .creates.image]')" '[1,1]'
}

@test "did: the upload is the avatar; of one that has ended nothing is ordered" {
	did --ready-after 600000
	av-upload -q -p did photos/* >made
	[[ $(jq -r '[.avatar.id, .avatar.expires_at] | join(" ")' made) == s3://*.jpg\ 20*Z ]]
	jq -c '.avatar.expires_at = "2026-01-01T00:00:00Z"' made >ended
	run -65 av-render -q -r video -O text=Hello -o out <ended
	is "$(jq -r .error.code <<<"$output")" avatar_gone
	is "$(stat .requests.talk_create)" null
	# A video in work is not deleted: the answer says wait.
	av-render -q --ask -r video -O text=Hello <made >asked
	run -75 --separate-stderr av-delete -q --yes --timeout 1s <<<"$(av-list -q -p did talks)"
	is "$(jq -r .error.provider_code <<<"$output")" NotReadyError
	is "$(stat .left.talk)" 1
}

@test "did: the errors of its contract" {
	did --fault moderation=1@create
	run -65 av-upload -q -p did photos/*
	is "$(jq -c '[.error.code, .error.provider_code]' <<<"$output")" '["refused","ImageModerationError"]'
	end_server
	did --fault credits=1@create
	run -75 av-upload -q -p did photos/*
	is "$(jq -c '[.error.code, .error.provider_code]' <<<"$output")" '["account_blocked","InsufficientCreditsError"]'
	faces small.jpg=150x150
	run -65 av-validate -q -p did small.jpg
	is "$(stat .violations)" '[]'
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

@test "avatarsdk: an application with Client access names its player in each request" {
	is "$(jq -c '[.operations | to_entries[] | select(.value.headers["X-PlayerUID"] | not) | .key]' \
		"$TESTS/../lib/providers/avatarsdk.json")" '["player_create"]'
	begin avatarsdk
	av-call -q -p avatarsdk player_create -O comment=me >player
	AVATARSDK_PLAYER_UID=$(jq -r .item.id player)
	export AVATARSDK_PLAYER_UID
	av-validate -p avatarsdk "${VALIDATE[@]}" photos/* | av-upload -q | av-poll -q >made
	is "$(codes made)" "$N ready"
	av-list -q -p avatarsdk >list
	is "$(wc -l <list)" "$N"
	export AVATARSDK_PLAYER_UID=$'two\nlines'
	run --separate-stderr av-list -q -p avatarsdk
	[[ $output == *X-PlayerUID* ]]
	jq -c '.avatar.status = "processing"' made >asked
	run --separate-stderr av-poll -q --interval 0.05s <asked
	[[ $output == *X-PlayerUID* ]]
}

@test "realtimeavatar: a photo at a URL becomes an asset too, and a sound is uploaded once" {
	begin realtimeavatar
	echo '{"url":"https://host.example/ann.jpg","name":"Ann"}' | av-upload -q -p realtimeavatar | av-poll -q >made
	is "$(codes made)" "1 ready"
	is "$(stat '[.requests.asset_remote, .requests.asset_create]')" '[1,null]'
	av-render -q -r video -O audio="$(sound)" -o out <made >done
	av-render -q -r video -O audio=sound.wav -O backgroundId=b1 -o beside <made >done
	av-render -q -r video -O audioUrl=https://host.example/a.mp3 -o other <made >done
	is "$(stat '[.creates.asset, .creates.render, .violations]')" '[2,3,[]]'
	run -65 --separate-stderr av-render -q -r video -o out <made
	is "$(jq -r .error.code <<<"$output")" option_missing
}

# dubs SERVICE KIND OPTION...: a rendering whose sound is a file, which becomes an asset once
dubs() {
	begin "$1"
	av-upload -q -p "$NAME" photos/* | av-poll -q >made
	av-render -q -o out -r "$2" -O audio="$(sound)" "${@:3}" <made >done
	is "$(of done 'map(.renderings[].status) | unique')" '["ready"]'
	is "$(of done 'map(.renderings[].id) | unique | length')" "$N"
	check_schema done
	is "$(stat '[.duplicates, .violations]')" '[0,[]]'
}

@test "heygen: a sound in a file is uploaded once, for all videos" {
	dubs heygen video -O engine=avatar_iv
	is "$(stat '[.creates.asset, .creates.video]')" "[1,$N]"
	av-render -q -o out -r video -O audio=sound.wav -O engine=avatar_iv <made >again
	is "$(stat '[.creates.asset, .creates.video]')" "[1,$N]"
}

@test "hedra: a sound in a file is uploaded once, for all videos" {
	dubs hedra dubbed -O prompt=talks -O aspect_ratio=16:9 -O resolution=720p
	is "$(stat '[.creates.file, .creates.video]')" "[$((N + 1)),$N]"
}
