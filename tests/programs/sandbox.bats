#!/usr/bin/env bats
# av-sandbox: the documented requests of the four services, violations, and faults.

bats_require_minimum_version 1.5.0

REALM=http://auth0.com/oauth/grant-type/password-realm
: "${AV_SLOW:=1}"

setup_file() {
	cd "$BATS_FILE_TMPDIR" || return
	# png NAME WIDTH HEIGHT BITS: a picture; other BITS make other pixels
	python3 - <<-'EOF'
		import struct, zlib
		def png(name, w, h, bits=0):
		    def chunk(kind, data):
		        return (struct.pack(">I", len(data)) + kind + data
		                + struct.pack(">I", zlib.crc32(kind + data)))
		    rows = b"".join(b"\0" + bytes((x * 200 // w if c == 0 else y * 200 // h if c == 1
		                    else bits) for x in range(w) for c in range(3)) for y in range(h))
		    open(name, "wb").write(b"\x89PNG\r\n\x1a\n"
		        + chunk(b"IHDR", struct.pack(">IIBBBBB", w, h, 8, 2, 0, 0, 0))
		        + chunk(b"IDAT", zlib.compress(rows, 1)) + chunk(b"IEND", b""))
		png("wide.png", 1280, 720)
		png("tall.png", 720, 1280)
		png("odd.png", 1366, 768)
		png("small.png", 1264, 711)
		for i in range(3): png("face%d.png" % i, 64, 48, i)
		whole = open("face0.png", "rb").read()
		open("cut.png", "wb").write(whole[:len(whole) // 2])
		open("text.png", "w").write("<html>not found</html>")
		open("big.bin", "wb").write(whole + b"\0" * 4500001)
	EOF
	printf %s UklGRiIAAABXRUJQVlA4IBYAAAAwAQCdASoBAAEADsD+JaQAA3AAAAAA | base64 -d >dot.webp
	# A JPEG drawn by the sandbox.
	av-sandbox --ready-after 0 -- bash -c '
		curl -sf -H "x-api-key: $ARGIL_API_KEY" -H "content-type: application/json" \
			-d "{\"type\":\"IMAGE\",\"name\":\"x\",\"datasetImage\":{\"url\":\"https://a.test/x\"}}" \
			"$ARGIL_API_URL/avatars" | jq -r .coverImageUrl | xargs curl -sf -o face.jpg'
	head -c 3000 face.jpg >cut.jpg
}

setup() {
	cd "$BATS_TEST_TMPDIR" || return
	P=$BATS_FILE_TMPDIR
}

teardown() {
	if [ -n "${BOX:-}" ]; then
		kill "$BOX" 2>/dev/null || true
		wait "$BOX" || true
	fi
}

# box [OPTION...]: starts a sandbox and sets the environment from its line
box() {
	rm -f ready
	mkfifo ready
	av-sandbox "$@" >ready 2>box.err 3>&- &
	BOX=$!
	read -r LINE <ready
	eval "$(jq -r '.env | to_entries[] | "export \(.key)=\(.value | @sh)"' <<<"$LINE")"
	STATS=$(jq -r .stats <<<"$LINE")
	MEDIA=$(jq -r .media <<<"$LINE")
}

# stat EXPRESSION: of the sandbox's counts
stat() {
	curl -sf "$STATS" | jq -c "$1"
}

# call OPTIONS...: sets STATUS, BODY and the file head
call() {
	BODY=$(curl -s -D head -w '\n%{http_code}' "$@" | tr -d '\0') || true
	STATUS=${BODY##*$'\n'}
	BODY=${BODY%$'\n'*}
}

header() {
	tr -d '\r' <head | sed -n "s/^$1: //Ip"
}

anam() { call -H "Authorization: Bearer $ANAM_API_KEY" "$@"; }
avtr1() { call -H "Authorization: Bearer $AVTR1_API_KEY" "$@"; }
argil() { call -H "x-api-key: $ARGIL_API_KEY" -H 'Content-Type: application/json' "$@"; }
loom() { call -H "Authorization: Bearer $TOKEN" "$@"; }

token() {
	call "$LOOM_TOKEN_URL" --data-urlencode grant_type=$REALM \
		-d realm=Username-Password-Authentication \
		--data-urlencode audience=https://api.loomai.com/ \
		-d client_id="$LOOM_CLIENT_ID" -d client_secret="$LOOM_CLIENT_SECRET" \
		--data-urlencode username="$LOOM_USERNAME" \
		--data-urlencode password="$LOOM_PASSWORD" "$@"
	TOKEN=$(jq -r .access_token <<<"$BODY")
}

# photo_json FILE|URL [JQ]: Argil's body for a file or URL
photo_json() {
	case $1 in
	https:*) printf '{"url":"%s"}' "$1" >source.json ;;
	*) printf '{"base64":"data:image/%s;base64,%s"}' "${1##*.}" "$(base64 -w0 "$1")" >source.json ;;
	esac
	jq -c "{type:\"IMAGE\",name:\"Ann\",datasetImage:.} ${2:+| $2}" source.json
}

argil_create() {
	photo_json "$@" >body.json
	argil --data-binary @body.json "$ARGIL_API_URL/avatars"
}

is() {
	[ "$1" = "$2" ] || { echo "got '$1', wanted '$2'; $STATUS ${BODY:0:300}" | cat -v; return 1; }
}

# until_is WANTED COMMAND...: waits until the command prints it
until_is() {
	local wanted=$1 n
	shift
	for n in $(seq $((200 * AV_SLOW))); do
		[ "$("$@")" = "$wanted" ] && return
		sleep 0.02
	done
	echo "never '$wanted': $("$@")"
	return 1
}

loom_state() {
	curl -s -I -H "Authorization: Bearer $TOKEN" "$LOOM_API_URL/$1" | tr -d '\r' |
		sed -n 's/^X-Loom-Status: //p'
}

# broken STATUS KIND NAME: the request was a violation of that kind, without a charge
broken() {
	is "$STATUS" "$1"
	is "$(stat ".$3 | [.charges, .violations[-1].violation]")" "[$CHARGES,\"$2\"]"
}

@test "help and version on stdout; usage errors are 64" {
	run -0 --separate-stderr av-sandbox -h
	[[ $output == *"--fault FAULT"* ]]
	run -0 av-sandbox -V
	[[ $output == av-sandbox\ * ]]
	for mistake in --nonsense --port=x --fault=boom=1 --fault=429=2 --fault=429@nobody=1 \
		--rate=loom --rate=nobody=1 --expiry-name=life --fail-rate=2 --quota=anam; do
		run -64 --separate-stderr av-sandbox "$mistake"
		[ -z "$output" ]
		[[ $stderr == *usage:* ]]
	done
}

@test "the ready line has all addresses" {
	box
	is "$(jq -c '[.api | keys[]]' <<<"$LINE")" '["anam","argil","avtr1","loom"]'
	for name in loom anam avtr1 argil; do
		[[ $(jq -r .api.$name <<<"$LINE") == http://127.0.0.1:*/$name/v* ]]
	done
	is "$(stat '[.[] | .requests] | add')" 0
}

@test "loom: token, create, states, rendering, picture by redirect" {
	box --ready-after 2000 --render-after 100 --rate loom=0
	token
	is "$STATUS" 200
	is "$(jq -c '[.token_type, .expiry]' <<<"$BODY")" '["Bearer",3600]'
	loom -F "image=@$P/face0.png;type=image/png" "$LOOM_API_URL/avatars?solve=false&render=false"
	is "$STATUS" 201
	ID=$(header X-Loom-Status)
	[[ $ID =~ ^[0-9]+$ ]]
	is "$(loom_state avatars/$ID)" new
	until_is done loom_state "avatars/$ID"
	loom -X POST "$LOOM_API_URL/avatars/$ID/renderings?pose=hi&size=200&background_color=%23f00"
	is "$STATUS" 202
	RID=$(header X-Loom-Status)
	until_is done loom_state "avatars/$ID/renderings/$RID"
	loom "$LOOM_API_URL/avatars/$ID/renderings/$RID"
	is "$(jq -c '[.type, .pose, .animation, .attachment.width]' <<<"$BODY")" '["pose","hi","",200]'
	URL=${LOOM_API_URL%/loom/*}$(jq -r .attachment.url <<<"$BODY")
	loom "$URL"
	is "$STATUS" 307
	[[ $(header Location) == "$MEDIA"/* ]]
	curl -sf "$(header Location)" -o hi.png
	[[ $(file -b hi.png) == "PNG image data, 200 x 200"* ]]
	is "$(stat '.loom | [.creates, .renderings, .charges, .violations_count, .credentials_on_media]')" '[1,1,2,0,0]'
}

@test "loom: an animation is a GIF of several frames, the default solve gives a GLTF" {
	box --ready-after 0 --render-after 0 --rate loom=0
	token
	loom -F "image=@$P/face.jpg;type=image/jpeg" "$LOOM_API_URL/avatars"
	ID=$(header X-Loom-Status)
	loom -X POST "$LOOM_API_URL/avatars/$ID/renderings?animation=dance"
	RID=$(header X-Loom-Status)
	loom "$LOOM_API_URL/avatars/$ID/renderings"
	is "$(jq -c '[.entries[].type]' <<<"$BODY")" '["preview","animation"]'
	loom "$LOOM_API_URL/avatars/$ID/attachments"
	is "$(jq -c '[.entries[].type]' <<<"$BODY")" '["gltf","renderings_preview","renderings_animation"]'
	curl -sf "$(jq -r '.entries[0].url' <<<"$BODY")" | jq -e '.asset.version == "2.0"'
	curl -sf "$(jq -r '.entries[2].url' <<<"$BODY")" -o a.gif
	[ "$(LC_ALL=C grep -aob $'\x21\xf9\x04' a.gif | wc -l)" -ge 8 ]
	loom "$LOOM_API_URL/avatars?page=0&pagesize=2&fields=image,labels"
	is "$(jq -c '[.entries[] | .id == '"$ID"', .image.width, .labels.entries[0].name]' <<<"$BODY")" '[true,1280,"label_a"]'
	loom "$LOOM_API_URL/avatars?page=1&pagesize=2"
	is "$BODY" '{"entries":[]}'
	loom -X DELETE "$LOOM_API_URL/avatars/$ID"
	is "$STATUS" 204
	loom -I "$LOOM_API_URL/avatars/$ID"
	is "$STATUS" 404
}

@test "loom: violations" {
	box --rate loom=0 --ready-after 0
	CHARGES=0
	token
	loom -F "image=@$P/face0.png;type=application/octet-stream" "$LOOM_API_URL/avatars"
	broken 400 bad_part_type loom
	loom -F "image=@$P/face0.png;type=image/jpeg" "$LOOM_API_URL/avatars"
	broken 400 bad_part_type loom
	loom -F "image=@$P/cut.png;type=image/png" "$LOOM_API_URL/avatars"
	broken 400 bad_image loom
	loom -F "photo=@$P/face0.png;type=image/png" "$LOOM_API_URL/avatars"
	broken 400 unknown_field loom
	loom -F "image=@$P/face0.png;type=image/png" "$LOOM_API_URL/avatars?hair=1"
	broken 400 unknown_query loom
	loom -F "image=@$P/face0.png;type=image/png" "$LOOM_API_URL/avatars?random=31"
	broken 400 bad_value loom
	loom -F "image=@$P/face0.png;type=image/png" "$LOOM_API_URL/avatars?solve=0"
	broken 400 bad_value loom
	loom -d x=y "$LOOM_API_URL/avatars"
	broken 400 wrong_content_type loom
	head -c 16000000 /dev/zero >huge
	loom -F "image=@huge;type=image/png" "$LOOM_API_URL/avatars"
	broken 413 too_large loom
	loom "$LOOM_API_URL/avatars/5"
	broken 404 unknown_call loom
	loom -X PATCH "$LOOM_API_URL/avatars"
	broken 404 unknown_call loom
	loom "${LOOM_API_URL%v0.5}v1/avatars"
	broken 404 unknown_call loom
	loom "$LOOM_API_URL/avatars?pagesize=101"
	broken 400 bad_value loom
	loom -F "image=@$P/face0.png;type=image/png" "$LOOM_API_URL/avatars"
	ID=$(header X-Loom-Status) CHARGES=1
	for query in '' '?pose=hi&animation=x' '?pose='; do
		loom -X POST "$LOOM_API_URL/avatars/$ID/renderings$query"
		is "$STATUS" 400
	done
	loom -X POST "$LOOM_API_URL/avatars/$ID/renderings?pose=hi&background_color=fff"
	broken 400 bad_value loom
	loom -d x "$LOOM_API_URL/avatars/$ID/renderings?pose=hi"
	broken 400 unexpected_body loom
	is "$(stat .loom.violations_count)" 18
}

@test "loom: token endpoint, rotation, expiry, reuse revokes all" {
	box --token-life "$AV_SLOW" --expiry-name expires_in --rate loom=0
	token
	is "$(jq .expires_in <<<"$BODY")" "$AV_SLOW"
	REFRESH=$(jq -r .refresh_token <<<"$BODY")
	loom "$LOOM_API_URL/avatars"
	is "$STATUS" 200
	refused() {
		[ "$(curl -s -o /dev/null -w '%{http_code}' -H "Authorization: Bearer $TOKEN" "$LOOM_API_URL/avatars")" = 401 ] && echo yes
	}
	until_is yes refused
	refresh() {
		call "$LOOM_TOKEN_URL" -d grant_type=refresh_token -d client_id="$LOOM_CLIENT_ID" -d refresh_token="$1"
	}
	refresh "$REFRESH"
	is "$STATUS" 200
	SECOND=$(jq -r .refresh_token <<<"$BODY")
	TOKEN=$(jq -r .access_token <<<"$BODY")
	[ "$SECOND" != "$REFRESH" ]
	refresh "$REFRESH"
	is "$STATUS $(jq -r .error <<<"$BODY")" "400 invalid_grant"
	refresh "$SECOND"
	is "$STATUS $(jq -r .error <<<"$BODY")" "400 invalid_grant"
	loom "$LOOM_API_URL/avatars"
	is "$STATUS" 401
	call "$LOOM_TOKEN_URL" -d grant_type=client_credentials -d client_id="$LOOM_CLIENT_ID" \
		-d client_secret="$LOOM_CLIENT_SECRET" --data-urlencode audience=https://api.loomai.com/
	is "$STATUS $(jq 'has("refresh_token")' <<<"$BODY")" "200 false"
	call "$LOOM_TOKEN_URL" -d grant_type=client_credentials -d client_id="$LOOM_CLIENT_ID" \
		-d client_secret=wrong --data-urlencode audience=https://api.loomai.com/
	is "$STATUS $(jq -r .error <<<"$BODY")" "401 invalid_client"
	is "$(stat .loom.violations_count)" 0
	call "$LOOM_TOKEN_URL" -d grant_type=client_credentials -d client_id="$LOOM_CLIENT_ID" \
		-d client_secret="$LOOM_CLIENT_SECRET" --data-urlencode audience=https://api.loomai.com
	is "$STATUS $(jq -r .error <<<"$BODY")" "400 invalid_request"
	call "$LOOM_TOKEN_URL" -d grant_type=password
	is "$STATUS $(jq -r .error <<<"$BODY")" "400 unsupported_grant_type"
	is "$(stat '.loom | [.token_requests, .violations_count]')" '[8,1]'
}

@test "loom: a rate with a burst, 423 above the limit of jobs" {
	box --ready-after 100000 --concurrent 2 --rate loom=0.1/4
	token
	for want in 201 201 423; do
		loom -F "image=@$P/face0.png;type=image/png" "$LOOM_API_URL/avatars?render=false"
		is "$STATUS" $want
	done
	loom "$LOOM_API_URL/avatars"
	loom "$LOOM_API_URL/avatars"
	is "$STATUS" 429
	is "$(stat .loom.creates)" 2
}

@test "anam: create from file and URL, get, list, rename, delete" {
	box --ready-after 100
	anam -F displayName='Ann Example' -F "imageFile=@$P/dot.webp" "$ANAM_API_URL/avatars"
	is "$STATUS" 201
	is "$(jq -c '[.displayName, .videoUrl]' <<<"$BODY")" '["Ann Example",null]'
	ID=$(jq -r .id <<<"$BODY")
	curl -sf "$(jq -r .imageUrl <<<"$BODY")" -o still.png
	[[ $(file -b still.png) == "PNG image data"* ]]
	video() { curl -s -H "Authorization: Bearer $ANAM_API_KEY" "$ANAM_API_URL/avatars/$ID" | jq '.videoUrl != null'; }
	until_is true video
	anam "$ANAM_API_URL/avatars/$ID"
	curl -sf "$(jq -r .videoUrl <<<"$BODY")" -o v.mp4
	[[ $(file -b v.mp4) == "ISO Media, MP4"* ]]
	anam -H 'Content-Type: application/json' -d '{"displayName":"Bob","imageUrl":"https://a.test/b.webp","avatarModel":"cara-3"}' "$ANAM_API_URL/avatars"
	is "$STATUS" 201
	anam "$ANAM_API_URL/avatars?page=1&perPage=1"
	is "$(jq -c '[(.data | length), .data[0].displayName, .meta.total, .meta.next]' <<<"$BODY")" '[1,"Bob",2,2]'
	anam -X PUT -H 'Content-Type: application/json' -d '{"displayName":"Bobby"}' "$ANAM_API_URL/avatars/$ID"
	is "$(jq -r .displayName <<<"$BODY")" Bobby
	anam -X DELETE "$ANAM_API_URL/avatars/$ID?hard=true"
	is "$STATUS $BODY" '200 {"message":"Avatar deleted successfully"}'
	anam "$ANAM_API_URL/avatars/$ID"
	is "$STATUS" 404
	is "$(stat '.anam | [.creates, .violations_count]')" '[2,0]'
}

@test "anam: violations" {
	box
	CHARGES=0
	anam -F displayName=An -F "imageFile=@$P/face0.png" "$ANAM_API_URL/avatars"
	broken 400 bad_value anam
	is "$(jq -r '.details[0].path' <<<"$BODY")" displayName
	anam -F displayName="$(printf 'x%.0s' $(seq 51))" -F "imageFile=@$P/face0.png" "$ANAM_API_URL/avatars"
	broken 400 bad_value anam
	anam -F "imageFile=@$P/face0.png" "$ANAM_API_URL/avatars"
	broken 400 missing_field anam
	anam -F displayName=Ann "$ANAM_API_URL/avatars"
	broken 400 bad_source anam
	anam -F displayName=Ann -F "imageFile=@$P/face0.png" -F imageUrl=https://a.test/ "$ANAM_API_URL/avatars"
	broken 400 bad_source anam
	anam -F displayName=Ann -F "imageFile=@$P/text.png" "$ANAM_API_URL/avatars"
	broken 422 bad_image anam
	anam -F displayName=Ann -F "imageFile=@$P/cut.jpg" "$ANAM_API_URL/avatars"
	broken 422 bad_image anam
	anam -F displayName=Ann -F "imageFile=@$P/big.bin" "$ANAM_API_URL/avatars"
	broken 400 too_large anam
	anam -F displayName=Ann -F "imageFile=@$P/face0.png" -F avatarModel=cara-9 "$ANAM_API_URL/avatars"
	broken 400 bad_value anam
	anam -H 'Content-Type: application/json' -d '{"displayName":"Ann","imageUrl":"https://a.test/","colour":1}' "$ANAM_API_URL/avatars"
	broken 400 unknown_field anam
	anam -H 'Content-Type: application/json' -d '{"displayName":"Ann",}' "$ANAM_API_URL/avatars"
	broken 400 malformed_body anam
	anam "$ANAM_API_URL/avatars?perPage=101"
	broken 400 bad_value anam
	call -F displayName=Ann -F "imageFile=@$P/face0.png" "$ANAM_API_URL/avatars"
	is "$STATUS" 401
	is "$(stat '.anam | [.unauthorized, .violations_count, .creates]')" '[1,12,0]'
}

@test "avtr1: create, states, list by cursor, delete, envelope" {
	box --ready-after 100 --fail-match sad
	for name in one two sad; do
		avtr1 -F image=@$P/face0.png -F name=$name "$AVTR1_API_URL/avatars"
		is "$STATUS $(jq -r .status <<<"$BODY")" "202 processing"
	done
	ID=$(jq -r .id <<<"$BODY")
	[[ $ID =~ ^av_[0-9A-HJKMNP-TV-Z]{26}$ ]]
	state() { curl -s -H "Authorization: Bearer $AVTR1_API_KEY" "$AVTR1_API_URL/avatars/$ID" | jq -r '.status + (.failure_reason // "")'; }
	until_is 'failedNo face detected in source image.' state
	avtr1 "$AVTR1_API_URL/avatars?limit=2"
	is "$(jq -c '[[.data[].name], .has_more]' <<<"$BODY")" '[["sad","two"],true]'
	avtr1 "$AVTR1_API_URL/avatars?limit=2&starting_after=$(jq -r .next_cursor <<<"$BODY")"
	is "$(jq -c '[[.data[].name], .has_more]' <<<"$BODY")" '[["one"],false]'
	avtr1 -X DELETE "$AVTR1_API_URL/avatars/$ID"
	is "$STATUS" 204
	avtr1 "$AVTR1_API_URL/avatars/$ID"
	is "$STATUS" 404
	is "$(jq -c '.error | [.code, .type, .param]' <<<"$BODY")" '["avatar.not_found","not_found",null]'
	is "$(jq -r .error.request_id <<<"$BODY")" "$(header X-Request-Id)"
	is "$(stat '.avtr1 | [.creates, .violations_count]')" '[3,0]'
}

@test "avtr1: violations" {
	box
	CHARGES=0
	avtr1 -F name=x "$AVTR1_API_URL/avatars"
	broken 400 missing_field avtr1
	avtr1 -F image=@$P/dot.webp "$AVTR1_API_URL/avatars"
	broken 422 bad_image avtr1
	is "$(jq -r .error.type <<<"$BODY")" unprocessable
	avtr1 -F image=@$P/face0.png -F runtime_type=warp "$AVTR1_API_URL/avatars"
	broken 422 bad_value avtr1
	avtr1 -F image=@$P/face0.png -F colour=red "$AVTR1_API_URL/avatars"
	broken 400 unknown_field avtr1
	avtr1 -H 'Content-Type: application/json' -d '{}' "$AVTR1_API_URL/avatars"
	broken 400 wrong_content_type avtr1
	avtr1 "$AVTR1_API_URL/avatars?limit=0"
	broken 422 bad_value avtr1
	AVTR1_API_KEY=wrong avtr1 "$AVTR1_API_URL/avatars"
	is "$STATUS $(jq -r .error.code <<<"$BODY")" "401 invalid_api_key"
}

@test "argil: create from base64 and URL, states, list, pictures" {
	box --ready-after 100 --refuse-match bad
	argil_create "$P/wide.png" '. + {extras:{job:"j1"},voiceId:"5d3c7a1e-6b7f-4f5e-8a10-2b9d0c4e1f22"}'
	is "$STATUS" 201
	is "$(jq -c '[.status, .width, .orientation, .extras]' <<<"$BODY")" '["TRAINING",1280,"ASPECT_RATIO_16_9",{"job":"j1"}]'
	ID=$(jq -r .id <<<"$BODY")
	curl -sf "$(jq -r .thumbnailUrl <<<"$BODY")" -o t.jpg
	[[ $(file -b t.jpg) == "JPEG image data"*"320x180"* ]]
	argil_create "$P/tall.png"
	is "$STATUS $(jq -r .orientation <<<"$BODY")" "201 ASPECT_RATIO_9_16"
	argil_create https://a.test/bad.png '.name = "bad"'
	is "$STATUS" 201
	state() { curl -s -H "x-api-key: $ARGIL_API_KEY" "$ARGIL_API_URL/avatars/$1" | jq -r .status; }
	until_is REFUSED state "$(jq -r .id <<<"$BODY")"
	until_is IDLE state "$ID"
	argil "$ARGIL_API_URL/avatars?orientation=ASPECT_RATIO_9_16"
	is "$(jq -c '[type, length]' <<<"$BODY")" '["array",1]'
	argil "$ARGIL_API_URL/voices?gender=FEMALE"
	is "$(jq length <<<"$BODY")" 1
	is "$(stat '.argil | [.creates, .violations_count]')" '[3,0]'
}

@test "argil: violations" {
	box
	CHARGES=0
	argil_create "$P/odd.png"
	broken 400 bad_image argil
	is "$(jq .code <<<"$BODY")" 400
	argil_create "$P/small.png"
	broken 400 bad_image argil
	argil_create "$P/text.png"
	broken 400 bad_image argil
	argil_create "$P/wide.png" '.colour = 1'
	broken 400 unknown_field argil
	argil_create "$P/wide.png" '.datasetImage.name = "x"'
	broken 400 unknown_field argil
	argil_create "$P/wide.png" '.datasetImage.url = "https://a.test/x"'
	broken 400 bad_source argil
	argil_create "$P/wide.png" '.datasetImage = {url:"http://a.test/x"}'
	broken 400 bad_value argil
	argil_create "$P/wide.png" '.datasetImage.base64 |= sub("png";"gif")'
	broken 400 bad_value argil
	argil_create "$P/wide.png" 'del(.type)'
	broken 400 missing_field argil
	argil_create "$P/wide.png" '.name = ""'
	broken 400 bad_value argil
	argil_create "$P/wide.png" '.name = ("x" * 257)'
	broken 400 bad_value argil
	argil_create "$P/wide.png" '.voiceId = "none"'
	broken 400 bad_value argil
	argil_create "$P/wide.png" '.extras = {a:1}'
	broken 400 bad_value argil
	argil_create "$P/wide.png" '.extras = ([range(11) | {key:"k\(.)",value:"v"}] | from_entries)'
	broken 400 bad_value argil
	argil_create "$P/wide.png" '.callbackUrl = "https://a.test/"'
	broken 400 unknown_field argil
	ARGIL_API_KEY=wrong argil "$ARGIL_API_URL/avatars"
	is "$STATUS" 401
}

@test "argil: video, render, webhooks" {
	box --ready-after 0 --render-after 100
	argil_create "$P/wide.png"
	AVATAR=$(jq -r .id <<<"$BODY")
	argil -d '{"name":"Hello","moments":[{"transcript":"Hi.","avatarId":"'"$AVATAR"'"}],"aspectRatio":"16:9","extras":{"k":"v"}}' "$ARGIL_API_URL/videos"
	is "$STATUS $(jq -r .status <<<"$BODY")" "201 IDLE"
	ID=$(jq -r .id <<<"$BODY")
	call -X POST -H "x-api-key: $ARGIL_API_KEY" "$ARGIL_API_URL/videos/$ID/render"
	is "$STATUS $(jq -r .status <<<"$BODY")" "200 GENERATING_AUDIO"
	state() { curl -s -H "x-api-key: $ARGIL_API_KEY" "$ARGIL_API_URL/videos/$ID" | jq -r .status; }
	until_is DONE state
	argil "$ARGIL_API_URL/videos/$ID"
	curl -sf "$(jq -r .videoUrl <<<"$BODY")" -o v.mp4
	[[ $(file -b v.mp4) == "ISO Media, MP4"* ]]
	argil -G --data-urlencode 'extrasFilter={"k":"v"}' "$ARGIL_API_URL/videos"
	is "$(jq -c '[.totalItems, .totalPages, .currentPage, .itemsPerPage, (.videos | length)]' <<<"$BODY")" '[1,1,1,10,1]'
	argil -d '{"callbackUrl":"https://a.test/hook","events":["AVATAR_TRAINING_SUCCESS"]}' "$ARGIL_API_URL/webhooks"
	is "$STATUS" 201
	HOOK=$(jq -r .id <<<"$BODY")
	argil -X PUT -d '{"events":["VIDEO_GENERATION_FAILED"]}' "$ARGIL_API_URL/webhooks/$HOOK"
	is "$STATUS $(jq -c .events <<<"$BODY")" '200 ["VIDEO_GENERATION_FAILED"]'
	call -X DELETE -H "x-api-key: $ARGIL_API_KEY" "$ARGIL_API_URL/webhooks/$HOOK"
	is "$STATUS" 204
	argil "$ARGIL_API_URL/webhooks"
	is "$BODY" '[]'
	is "$(stat '.argil | [.videos, .video_renders, .charges, .violations_count]')" '[1,1,3,0]'
	argil -d '{"name":"x","moments":[{"transcript":"Hi.","avatarId":"'"$AVATAR"'","zoom":{"level":3}}]}' "$ARGIL_API_URL/videos"
	is "$STATUS" 400
	argil -d '{"name":"x","moments":[]}' "$ARGIL_API_URL/videos"
	is "$STATUS" 400
}

@test "duplicates are counted despite other extras, but not with another name" {
	box
	for i in 1 2 3; do
		anam -F displayName=Ann -F "imageFile=@$P/face$((i % 2)).png" "$ANAM_API_URL/avatars"
		argil_create "$P/wide.png" ".extras = {try:\"$i\"} | .name = \"n$((i % 2))\""
	done
	is "$(stat '[.anam, .argil] | map(.duplicates_count, (.duplicates | length), (.duplicates[0].ids | length))')" '[1,1,2,1,1,2]'
}

@test "media: signed URLs expire, ranges resume, credentials are noticed" {
	box --url-life $((2 * AV_SLOW))
	anam -F displayName=Ann -F "imageFile=@$P/face0.png" "$ANAM_API_URL/avatars"
	URL=$(jq -r .imageUrl <<<"$BODY")
	call -o whole "$URL"
	is "$STATUS" 200
	ETAG=$(header ETag)
	call -r 10- -H "If-Range: $ETAG" -o rest "$URL"
	is "$STATUS $(header Content-Range)" "206 bytes 10-$(($(wc -c <whole) - 1))/$(wc -c <whole)"
	cmp rest <(tail -c +11 whole)
	call -r 10- -H 'If-Range: "other"' -o again "$URL"
	cmp again whole
	call -r 99999999- "$URL"
	is "$STATUS" 416
	call "${URL%?}"
	is "$STATUS" 403
	call -H 'x-api-key: secret' "$URL"
	is "$(stat .anam.credentials_on_media)" 1
	gone() { curl -s -o /dev/null -w '%{http_code}' "$URL"; }
	until_is 403 gone
}

# faulty: one create of avtr1 with a fault; sets STATUS (000: no complete answer)
faulty() {
	avtr1 -m $((5 * AV_SLOW)) -F image=@$P/face0.png -F name="$1" "$AVTR1_API_URL/avatars"
}

@test "faults before the effect make nothing" {
	for fault in lost-before reset 429 503 500 500-before 423 401 redirect stall-before; do
		box --fault $fault#1 --stall-ms 50 --retry-after 0.25
		faulty a
		case $fault in
		[45]*) is "$STATUS" ${fault%%-*} ;;
		redirect) is "$STATUS" 302 ;;
		*) is "$STATUS" 000 ;;
		esac
		case $fault in 429 | 503) is "$(header Retry-After)" 0.25 ;; esac
		is "$(stat .avtr1.creates)" 0
		faulty b
		is "$STATUS $(stat '.avtr1 | [.creates, .faults]')" "202 [1,{\"$fault#1\":1}]"
		teardown
	done
}

@test "faults after the effect make the avatar" {
	for fault in lost-after 500-after truncated garbage stall stall-body; do
		box --fault $fault@avtr1#1 --stall-ms 50
		faulty a
		case $fault in
		500-after) is "$STATUS" 500 ;;
		garbage)
			is "$STATUS" 202
			run ! jq . <<<"$BODY"
			;;
		truncated | stall-body) run ! jq . <<<"$BODY" ;;
		*) is "$STATUS" 000 ;;
		esac
		is "$(stat .avtr1.creates)" 1
		teardown
	done
}

@test "truncated cuts the head of an answer without a body" {
	box --fault truncated@loom#1
	token
	loom -F "image=@$P/face0.png;type=image/png" "$LOOM_API_URL/avatars"
	[ -z "$(header X-Loom-Status)" ]
	is "$(stat .loom.creates)" 1
}

# delayed COUNT MS OPTION...: makes an avatar in a sandbox that delays something by MS. COUNT is 0 at
# first and 1 later. If this machine takes MS to look, the delay is doubled.
delayed() {
	local ms=$2 begin seen
	while box "${@:3}" "$ms"; do
		begin=$(date +%s%3N)
		faulty a
		seen=$("$1")
		[ "$seen" != 0 ] && [ $(($(date +%s%3N) - begin)) -ge "$ms" ] || break
		teardown
		ms=$((ms * 2))
	done
	is "$seen" 0
	until_is 1 "$1"
}

@test "late: the effect comes after the connection has closed" {
	creates() { stat .avtr1.creates; }
	delayed creates 150 --fault late#1 --late
	is "$STATUS" 000
}

@test "close-idle only affects reused connections" {
	box --fault close-idle=1
	faulty a
	is "$STATUS" 202
	curl -s -m 5 -H "Authorization: Bearer $AVTR1_API_KEY" -F image=@$P/face1.png "$AVTR1_API_URL/avatars" \
		--next -s -m 5 -H "Authorization: Bearer $AVTR1_API_KEY" -F image=@$P/face2.png "$AVTR1_API_URL/avatars" || true
	[ "$(stat '.avtr1.faults["close-idle=1"]')" -ge 1 ]
}

@test "faults on polls, lists, tokens and media" {
	box --fault poll-500#1 --fault poll-404#2 --fault list-503#1 --fault token-500#1 \
		--fault media-truncated#1 --fault media-403#2 --rate loom=0
	token
	is "$STATUS" 500
	token
	is "$STATUS" 200
	faulty a
	ID=$(jq -r .id <<<"$BODY")
	for want in 500 404 200; do
		avtr1 "$AVTR1_API_URL/avatars/$ID"
		is "$STATUS" $want
	done
	avtr1 "$AVTR1_API_URL/avatars"
	is "$STATUS" 503
	anam -F displayName=Ann -F "imageFile=@$P/face0.png" "$ANAM_API_URL/avatars"
	URL=$(jq -r .imageUrl <<<"$BODY")
	run -18 curl -s -o cut "$URL"
	call "$URL"
	is "$STATUS" 403
	call -o whole "$URL"
	is "$STATUS" 200
	cmp -n "$(wc -c <cut)" cut whole
}

@test "the fault 401 revokes loom's token until a renewal" {
	box --fault 401@loom#1 --rate loom=0
	token
	for want in 401 401; do
		loom -F "image=@$P/face0.png;type=image/png" "$LOOM_API_URL/avatars"
		is "$STATUS" $want
	done
	token
	loom -F "image=@$P/face0.png;type=image/png" "$LOOM_API_URL/avatars"
	is "$STATUS" 201
}

@test "the seed determines the faults" {
	one() {
		av-sandbox --seed "$1" --fault lost-before=0.5 -- bash -c '
			for i in 1 2 3 4 5 6 7 8 9 10 11 12; do
				curl -s -o /dev/null -w "%{http_code} " -H "Authorization: Bearer $AVTR1_API_KEY" \
					-F image=@'"$P"'/face0.png "$AVTR1_API_URL/avatars" || true
			done'
	}
	A=$(one 7) B=$(one 7) C=$(one 8)
	[ "$A" = "$B" ]
	[ "$A" != "$C" ]
	[[ $A == *202* && $A == *000* ]]
}

@test "quota: 402 or 403 above it, or the status asked for" {
	box --quota avtr1=1 --quota anam=0 --quota argil=0/429
	faulty a
	faulty b
	is "$STATUS $(jq -r .error.type <<<"$BODY")" "402 quota_exceeded"
	anam -F displayName=Ann -F "imageFile=@$P/face0.png" "$ANAM_API_URL/avatars"
	is "$STATUS" 403
	argil_create "$P/wide.png"
	is "$STATUS" 429
	is "$(stat '[.[] | .violations_count] | add')" 0
}

@test "rate: avtr1 answers 429 with Retry-After" {
	box --rate avtr1=0.1/2
	for want in 200 200 429; do
		avtr1 "$AVTR1_API_URL/avatars"
		is "$STATUS" $want
	done
	is "$(jq -r .error.type <<<"$BODY") $(header Retry-After)" "rate_limit 10"
}

@test "list-lag: an avatar is listed late" {
	listed() { curl -s -H "Authorization: Bearer $AVTR1_API_KEY" "$AVTR1_API_URL/avatars" | jq '.data | length'; }
	delayed listed 200 --list-lag
	is "$STATUS" 202
}

@test "delay: no request waits for the next one" {
	run -0 av-sandbox --delay 1 -- bash -c '
		for i in {1..4000}; do
			printf "url = %s/v1/avatars\noutput = /dev/null\n" "$ANAM_API_URL"
		done | curl -sS --max-time 5 -K -'
	is "$output" ""
}

@test "delay: requests run at the same time, each delayed" {
	box --delay $((100 * AV_SLOW))
	for i in 1 2 3 4; do
		curl -sf -o /dev/null -H "Authorization: Bearer $AVTR1_API_KEY" \
			-F image=@$P/face0.png "$AVTR1_API_URL/avatars" 3>&- &
		PIDS+=($!)
	done
	wait "${PIDS[@]}"
	is "$(stat '.avtr1 | [.creates, .max_in_flight > 1]')" '[4,true]'
}

@test "ends at once while a client is waiting" {
	box --fault stall#1 --stall-ms 600000
	curl -s -m 60 -H "Authorization: Bearer $AVTR1_API_KEY" -F image=@$P/face0.png \
		"$AVTR1_API_URL/avatars" 3>&- &
	CLIENT=$!
	creates() { stat .avtr1.creates; }
	until_is 1 creates
	kill "$BOX"
	wait "$BOX"
	BOX=
	CODE=0
	wait "$CLIENT" || CODE=$?
	is "$CODE" 52
}

@test "state survives kill -9, with tokens, keys and pictures" {
	box --state s.jsonl --ready-after 0 --rate loom=0
	token
	loom -F "image=@$P/face0.png;type=image/png" "$LOOM_API_URL/avatars"
	ID=$(header X-Loom-Status)
	argil_create "$P/wide.png"
	AVATAR=$(jq -r .id <<<"$BODY")
	KEY=$ARGIL_API_KEY
	curl -sf "$(jq -r .coverImageUrl <<<"$BODY")" -o before.jpg
	BEFORE=$STATS
	kill -9 "$BOX"
	wait "$BOX" || true
	printf '{"make":{"serv' >>s.jsonl
	box --state s.jsonl --ready-after 0 --rate loom=0
	is "$STATS" "$BEFORE"
	is "$ARGIL_API_KEY" "$KEY"
	is "$(loom_state avatars/$ID)" done
	argil "$ARGIL_API_URL/avatars/$AVATAR"
	curl -sf "$(jq -r .coverImageUrl <<<"$BODY")" -o after.jpg
	cmp before.jpg after.jpg
	is "$(stat '[.loom.creates, .argil.creates]')" '[1,1]'
	loom -F "image=@$P/face0.png;type=image/png" "$LOOM_API_URL/avatars"
	[ "$(header X-Loom-Status)" != "$ID" ]
	is "$(stat .loom.duplicates_count)" 1
	argil_create "$P/wide.png"
	kill "$BOX"
	wait "$BOX" || true
	box --state s.jsonl
	is "$(stat '[.loom.creates, .argil.creates]')" '[2,2]'
}

@test "--state and --dir: the same command again pays for nothing" {
	# batch OPTION...: how many avatars were created until then, and how many now came from the ledger
	batch() {
		av-sandbox "$@" -- sh -c 'av-upload -p avtr1 photos/*.jpg >made.jsonl
			curl -sf "$AV_SANDBOX_STATS" | jq .avtr1.charges'
		jq -s 'map(select(.avatar.reused)) | length' made.jsonl
	}
	mkdir photos
	seq -f photos/%g.jpg=160x90 5 | xargs faces
	is "$(batch --state s.jsonl | xargs)" "5 0"
	is "$(batch --state s.jsonl | xargs)" "5 5"
	[ -e s.jsonl.d/ledger.db ]
	is "$(batch --dir kept | xargs)" "5 0"
	is "$(batch --dir kept | xargs)" "5 5"
	is "$(batch --state s.jsonl --dir kept | xargs)" "10 0"
}

@test "a port that --state keeps and another program uses is named" {
	box --state s.jsonl
	run -69 av-sandbox --state s.jsonl
	PORT=${STATS##*:} PORT=${PORT%/*}
	[[ $output == *"port $PORT is in use; 's.jsonl' keeps it"* ]]
}

@test "a damaged journal is refused" {
	printf 'x\n' >s.jsonl
	run -73 av-sandbox --state s.jsonl
	[[ $output == *s.jsonl:1* ]]
}

@test "trace: a line for each request, header names without values" {
	box --trace t.jsonl
	faulty a
	is "$(jq -c '[.service, .method, .path, .status, (.headers | index("Authorization") != null)]' t.jsonl)" \
		'["avtr1","POST","/avtr1/v1/avatars",202,true]'
	run -1 grep -F "$AVTR1_API_KEY" t.jsonl
}

@test "_reset clears the counts" {
	box
	faulty a
	call -X POST "${STATS%/_stats}/_reset"
	is "$STATUS" 204
	is "$(stat '.avtr1 | [.requests, .creates]')" '[0,0]'
}

@test "requests to no service are counted" {
	box
	call "${STATS%/_stats}/nowhere"
	is "$STATUS $(stat .other.violations_count)" "404 1"
}

@test "-- COMMAND: private directories, the command's status, nothing left" {
	run -0 av-sandbox -- sh -c 'test -d "$XDG_STATE_HOME" && test -n "$LOOM_CLIENT_SECRET" && dirname "$AV_LEDGER"'
	[ -n "$output" ]
	[ ! -e "$output" ]
	run -7 av-sandbox -- sh -c 'exit 7'
	run -127 av-sandbox -- ./no-such-program
	run -143 av-sandbox -- sh -c 'kill -TERM $$'
	LOOM_ACCESS_TOKEN=x http_proxy=x LOOM_RATE=9 run -1 av-sandbox -- \
		sh -c 'env | grep -E "^(LOOM_ACCESS_TOKEN|http_proxy|LOOM_RATE)="'
	run -0 av-sandbox --dir here -- sh -c 'echo x >"$XDG_STATE_HOME/x"'
	[ -e here/state/x ]
	A=$(av-sandbox --seed 3 -- sh -c 'echo $ANAM_API_KEY')
	is "$(av-sandbox --seed 3 -- sh -c 'echo $ANAM_API_KEY')" "$A"
}

@test "--strict-exit: violations and leaks fail the run" {
	ok='curl -s -H "Authorization: Bearer $ANAM_API_KEY" "$ANAM_API_URL/avatars"'
	bad='curl -s -H "Authorization: Bearer $ANAM_API_KEY" "$ANAM_API_URL/avatars?colour=1"'
	run -0 av-sandbox --strict-exit -- sh -c "$ok"
	run -0 av-sandbox -- sh -c "$bad"
	run -1 --separate-stderr av-sandbox --strict-exit -- sh -c "$bad"
	[[ $stderr == *unknown_query* ]]
	run -9 av-sandbox --strict-exit -- sh -c "$bad; exit 9"
}

@test "ends with its parent and on SIGTERM" {
	sh -c 'av-sandbox >line & echo $! >pid; until [ -s line ]; do :; done' 3>&-
	ended() { kill -0 "$(cat pid)" 2>/dev/null || echo yes; }
	until_is yes ended
	box
	kill "$BOX"
	wait "$BOX"
	BOX=
}

@test "a web page of another site can neither read nor change anything" {
	box
	local api=${STATS%/_stats} media
	port=${api##*:}
	media=$(curl -sf -H "x-api-key: $ARGIL_API_KEY" -H "content-type: application/json" \
		-d '{"type":"IMAGE","name":"x","datasetImage":{"url":"https://a.test/x"}}' \
		"$ARGIL_API_URL/avatars" | jq -r .coverImageUrl)
	# got OPTION...: the status of a request
	got() { curl -s -o body -w '%{http_code}' "$@"; }
	for host in "evil.test:$port" "127.0.0.1.evil.test:$port" "localhost:1$port" localhost \
		"127.0.0.1" "127.1:$port" "x@127.0.0.1:$port"; do
		is "$(got -H "Host: $host" "$STATS")" 403
		run -1 grep -q creates body
		is "$(got -H "Host: $host" -X POST "$api/_reset")" 403
		is "$(got -H "Host: $host" -H "x-api-key: $ARGIL_API_KEY" "$ARGIL_API_URL/avatars")" 403
		is "$(got -H "Host: $host" "$media")" 403
	done
	for page in https://evil.test null "http://127.0.0.1:1$port" "https://localhost:$port" \
		"http://localhost:$port.evil.test"; do
		is "$(got -H "Origin: $page" -X POST "$api/_reset")" 403
		is "$(got -H "Origin: $page" "$STATS")" 403
	done
	is "$(stat '[.argil.creates, .argil.requests, .other.requests]')" '[1,1,0]'
	is "$(got "$media")" 200
	is "$(got -H "Host: LOCALHOST:$port" -H "Origin: $api" -X POST "$api/_reset")" 204
	is "$(stat .argil.creates)" 0
}
