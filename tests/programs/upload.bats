#!/usr/bin/env bats
# av-upload: options, errors, input, and at most one create for each row of the table of paid
# requests.

load helper
load ../soak/common

upload() {
	limit 60 av-upload "$@"
}

# posts NAME: the number of create requests that reached the service
posts() {
	jq -s --arg p "$1" 'map(select(.service == $p and .method == "POST"
		and (.path | endswith("/avatars")))) | length' trace
}

# err FILE: code, retryable and created of the only failed record
err() {
	jq -c '.error | select(.) | [.code, .retryable, .created]' "$1"
}

# fails STATUS CODE RETRYABLE CREATED ARG...: uploading photos/001.jpg fails in this way
fails() {
	run "-$1" upload "${@:5}" photos/001.jpg
	printf '%s\n' "$output" | grep '^{' >out
	is "$(err out)" "[\"$2\",$3,$4]"
	check_schema out
}

@test "help and version on stdout; usage errors on stderr, exit status 64" {
	check_usage av-upload --max-creates --nonsense "-j 0" "-j x" "--timeout x" "--rate -1" "--rate x" \
		"--max-creates x" "-u http://127.0.0.1:1/v1" "-p anam,argil -u http://127.0.0.1:1/v1"
}

@test "configuration errors of each record: unknown provider, no key, plain http, no scheme" {
	photos 1
	unset ANAM_API_KEY
	run -78 --separate-stderr av-upload -p nobody photos/001.jpg
	[[ $output == *'"code":"unknown_provider"'* && $stderr == *nobody* ]]
	run -78 --separate-stderr av-upload -p anam photos/001.jpg
	[[ $output == *'"code":"no_credentials"'* && $stderr == *ANAM_API_KEY* ]]
	ANAM_API_KEY=k ANAM_API_URL=http://example.org/v1 run -78 --separate-stderr \
		av-upload -p anam photos/001.jpg
	[[ $output == *'"code":"bad_provider"'* && $stderr == *example.org* ]]
	ANAM_API_KEY=k run -78 --separate-stderr av-upload -p anam -u localhost:8080/v1 photos/001.jpg
	[[ $stderr == *"no scheme; write http://localhost:8080/v1"* ]]
}

# loads_libcurl ARG...: runs av-upload with them; says whether the loader read libcurl
loads_libcurl() {
	LD_DEBUG=files upload "$@" >out 2>loader || true
	grep -q 'libsqlite3\.so' loader
	if grep -q 'libcurl\.so' loader; then echo yes; else echo no; fi
}

@test "libcurl is loaded for the first request, and not without one" {
	photos 1 1280x720
	head -c 500 photos/001.jpg >photos/002.jpg
	box
	is "$(loads_libcurl --help)" no
	is "$(loads_libcurl -p nobody photos/001.jpg)" no
	is "$(loads_libcurl -p argil photos/002.jpg nothere.jpg)" no
	is "$(loads_libcurl -p argil photos/001.jpg)" yes
	is "$(loads_libcurl -p argil photos/001.jpg)" no
	is "$(of out 'map(.steps[0].cost.charged)')" '["no"]'
	mkdir broken
	touch broken/libcurl.so.4
	LD_LIBRARY_PATH=$PWD/broken run -71 --separate-stderr upload -p argil --again photos/001.jpg
	[[ $stderr == *"cannot load"*libcurl.so.4*"apt-get install libcurl4"* ]]
	is "$(stat .argil.creates)" 1
	is "$(av-ledger list | jq -r .state | sort)" $'made\nnot_made'
}

@test "operands, lines, NUL-ended lines, records, URLs, names, options" {
	photos 5 1280x720
	mv photos/005.jpg $'photos/five\nlines.jpg'
	box --trace trace
	upload -p argil photos/001.jpg '{"file":"photos/002.jpg","name":"Two"}' >a
	printf 'photos/003.jpg\n\n  \r\n{"file":"photos/004.jpg","provider":"argil"}' |
		upload -p anam >>a
	printf 'photos/five\nlines.jpg\0' | upload -0 -p argil >>a
	printf '{"url":"https://example.org/a.png","provider":"argil","name":"U"}\n' |
		upload -O extras.job=7 >>a
	is "$(of a 'map([.file // .url, .provider, .name]) | sort')" \
		"$(jq -nc '[["https://example.org/a.png","argil","U"],["photos/001.jpg","argil","001"],
		["photos/002.jpg","argil","Two"],["photos/003.jpg","anam","003"],
		["photos/004.jpg","argil","004"],["photos/five\nlines.jpg","argil","five lines"]] | sort')"
	is "$(stat '[.argil.creates, .anam.creates]')" '[5,1]'
	curl -sf -H "x-api-key: $ARGIL_API_KEY" "$ARGIL_API_URL/avatars" |
		jq -e 'map(select(.extras.job == "7" and .name == "U")) | length == 1'
	check_schema a
	check_sandbox
}

# anam ID: a service that makes avatars of this id, in which @n@ is their number; it writes the files
# asked and bodies
anam() {
	printf '{"POST /avatars": [{"body": {"id": "%s"}}]}\n' "$1" >script
	serve_script bodies
	ANAM_API_URL=$url
	export ANAM_API_URL ANAM_API_KEY=key
}

# bucket NAME N: a record of a photo in a bucket, by a URL that was signed for the Nth time
bucket() {
	printf '{"url":"https://bucket.example/%s?versionId=3&X-Amz-Date=2026112%s&X-Amz-Signature=secret%s","provider":"anam"}\n' \
		"$1" "$2" "$2"
}

@test "two signed URLs of one object are one photo; the signature is sent, and not kept" {
	anam 3c90c3cc-0d44-4b50-8888-00000000000@n@
	{ bucket ann.jpg 1; bucket ann.jpg 2; bucket bo.jpg 3; } | upload -k -j 1 >out
	is "$(of out 'map([.avatar.id[-1:], .avatar.reused])')" '[["1",null],["1",true],["2",null]]'
	bucket ann.jpg 4 | upload >out
	is "$(of out 'map([.avatar.id[-1:], .avatar.reused])')" '[["1",true]]'
	is "$(av-ledger list | jq -r .subject)" "https://bucket.example/ann.jpg?versionId=3
https://bucket.example/bo.jpg?versionId=3"
	is "$(grep -ac 'X-Amz-Signature=secret1' bodies)" 1
	# One more of the same, by --again; and each for itself, by --exact-urls.
	bucket ann.jpg 5 | upload --again >out
	bucket ann.jpg 6 | upload --exact-urls >>out
	bucket ann.jpg 7 | upload --exact-urls >>out
	bucket ann.jpg 7 | upload --exact-urls >>out
	is "$(of out 'map(.avatar.reused)')" '[null,null,null,true]'
	is "$(wc -l <asked)" 5
	run -1 grep -ra secret "$XDG_STATE_HOME"
}

@test "a photo is sent under a name with the extension of its type" {
	anam 3c90c3cc-0d44-4b50-8888-00000000000@n@
	photos 3
	mv photos/001.jpg photos/ann.png
	mv photos/002.jpg $'photos/bo"\e\\.JPG'
	mv photos/003.jpg photos/cy
	upload -p anam -j 1 -k photos/* >out
	is "$(codes out)" "3 ready"
	is "$(grep -ao 'filename=.*' bodies | tr -d '\r' | sort)" 'filename="ann.jpg"
filename="bo%22%1B%5C.JPG"
filename="cy.jpg"'
}

@test "a malformed line becomes a record with an error; others go on" {
	photos 1
	box
	{
		printf '{"file":\n'
		printf '{"file":"x","access_token":"marked-secret"}\n'
		printf 'photos/\377.jpg\n'
		printf '{"file":"%s"}\n' "$(head -c 17000000 /dev/zero | tr '\0' x)"
		printf '{"file":"none.jpg"}\n{}\n'
		printf 'photos/001.jpg\n'
	} >in
	run -65 upload -k -p avtr1 <in
	printf '%s\n' "$output" | grep '^{' >out
	is "$(of out 'map(.error.code)')" \
		'["invalid_record","secret_in_record","path_not_utf8","record_too_long","file_missing","no_photo",null]'
	is "$(of out 'map(select(.input) | .input | length <= 1024) | unique')" '[true]'
	[[ $output != *marked-secret* ]]
	is "$(stat .avtr1.creates)" 1
	check_schema out
}

@test "reads a line of 16 MiB" {
	photos 1
	box
	{
		printf '{"file":"photos/001.jpg","x":"'
		head -c $((16 * 1024 * 1024 - 32)) /dev/zero | tr '\0' x
		printf '"}\n'
	} >in
	is "$(wc -c <in)" $((16 * 1024 * 1024 + 1))
	upload -p avtr1 <in >out
	is "$(jq -c '[.avatar.status, (.x | length)]' out)" '["processing",16777184]'
}

@test "a photo that breaks the service's limits is not sent" {
	photos 1
	head -c 500 photos/001.jpg >photos/002.jpg
	box
	run -65 upload -p argil photos/*
	run -65 upload -p loom photos/002.jpg nothere.jpg
	is "$(stat '[.argil, .loom | .creates, .requests] | add')" 0
}

@test "-k keeps the order, -j limits the requests in flight" {
	photos 30
	box --delay 10
	upload -p avtr1 -k -j 7 photos/* >out
	is "$(of out 'map(.file) == (map(.file) | sort)')" true
	is "$(stat '.avtr1 | .max_in_flight <= 7 and .max_in_flight > 1')" true
	is "$(stat .avtr1.creates)" 30
}

@test "--rate is shared by all processes of an account" {
	photos 12
	box
	printf '%s\n' photos/* | limit 60 xargs -n 3 -P 4 av-upload -p anam --rate 20 -j 4 >out
	is "$(of out length)" 12
	is "$(stat '.anam | [.creates, .max_rate_per_second <= 21]')" '[12,true]'
	AVTR1_RATE=0 run --separate-stderr -0 upload -p avtr1 photos/001.jpg
	is "$stderr" "av-upload: avtr1: NAME_RATE is '0', which is no rate such as 5/s; ignored"
}

@test "-v reports requests without secrets, -q is silent" {
	photos 2
	box
	upload -v -p loom photos/001.jpg 2>talk >out
	grep -q avatars talk
	for secret in "$LOOM_CLIENT_SECRET" "$LOOM_PASSWORD" Bearer; do
		run -1 grep -F "$secret" talk out
	done
	run -0 --separate-stderr upload -q -p loom photos/002.jpg
	[ -z "$stderr" ]
}

@test "exit status: the most severe counts; --exit-zero ignores failed records" {
	photos 3
	box --fault 401@avtr1=1 --quota anam=1 --refuse-match 002
	printf x >bad.jpg
	run -0 upload -p anam photos/001.jpg
	run -65 upload -p anam bad.jpg
	# 75 before 65: one of the failed records is retryable.
	run -75 upload -p anam bad.jpg photos/003.jpg
	run -77 upload bad.jpg '{"file":"photos/001.jpg","provider":"avtr1"}' \
		'{"file":"photos/003.jpg","provider":"anam"}' -p anam
	run -0 upload --exit-zero -p anam bad.jpg photos/003.jpg
	run -74 bash -c 'av-upload -p anam bad.jpg >/dev/full'
	run -74 bash -c 'av-upload --exit-zero -p anam bad.jpg >/dev/full'
}

@test "the ledger: nothing is made twice, but for --again or another name" {
	photos 1
	box
	upload -p avtr1 photos/001.jpg >a
	upload -p avtr1 photos/001.jpg >b
	is "$(jq -s -c '[.[0].avatar.id == .[1].avatar.id, .[1].avatar.reused]' a b)" '[true,true]'
	cp photos/001.jpg photos/copy.jpg
	upload -p avtr1 photos/copy.jpg >c
	is "$(jq .avatar.reused c)" true
	upload -p avtr1 '{"file":"photos/001.jpg","name":"Other"}' >d
	upload -p avtr1 -O runtime_type=mock photos/001.jpg >e
	AVTR1_ACCOUNT=second upload -p avtr1 photos/001.jpg >f
	is "$(stat .avtr1.creates)" 4
	upload --again -p avtr1 photos/001.jpg >g
	is "$(stat .avtr1.creates)" 5
	upload --ledger none -p avtr1 photos/001.jpg >h
	upload --ledger other.db -p avtr1 photos/001.jpg >i
	upload --ledger other.db -p avtr1 photos/001.jpg >j
	is "$(stat .avtr1.creates)" 7
	is "$(of <(cat a b c d e f g h i j) 'map(.avatar.reused // false)')" \
		'[false,true,true,false,false,false,false,false,false,true]'
	check_schema a b c d e f g h i j
}

@test "an unusable ledger: each record comes out, nothing is sent" {
	photos 1
	box
	printf 'no database, surely not, not at all' >broken.db
	for ledger in broken.db /proc/none/x.db; do
		run -78 --separate-stderr upload -k --ledger "$ledger" -p avtr1 photos/001.jpg \
			'{"file":"x","provider":"loom","avatar":{"id":"7"}}' '{"file":"y","error":{"code":"refused"}}'
		is "$(jq -sc 'map([.error.code, .error.created, .error.retryable])' <<<"$output")" \
			'[["state_unusable","no",true],[null,null,null],["refused",null,null]]'
		[[ $stderr == "av-upload: no paid request is sent: "*"$ledger"* ]]
	done
	run -78 upload --dry-run --ledger broken.db -p avtr1 photos/001.jpg
	is "$(stat .avtr1.requests)" 0
	upload --retry-failed <<<"$(grep '^{' <<<"$output")" >out
	is "$(of out 'map(.error)')" '[null]'
}

@test "--max-creates: the limit of creates; the rest is retryable" {
	photos 9
	box
	run -75 upload -p anam --max-creates 4 -j 3 photos/*
	printf '%s\n' "$output" | grep '^{' >out
	is "$(codes out)" "5 max_creates, 4 ready"
	is "$(stat .anam.creates)" 4
	upload --retry-failed <out >again
	is "$(codes again)" "9 ready"
	is "$(stat .anam.creates)" 9
	check_schema out again
}

@test "not sent: no connection, retried until there is one or the timeout" {
	photos 1
	box
	PORT=${STATS#http://127.0.0.1:} PORT=${PORT%/*}
	end_box
	fails 75 network true '"no"' -p avtr1 --timeout 1
	av-upload -v -p avtr1 photos/001.jpg >late 2>talk 3>&- &
	UPLOAD=$!
	tried() { grep -q . talk && echo yes; }
	until_is yes tried
	kill "$UPLOAD"
	wait "$UPLOAD" || true
	is "$(err late)" '["interrupted",true,"no"]'
}

@test "auth: an expired token is renewed once, a refused key is 77" {
	photos 3
	box --trace trace --fault 401@loom#2 --fault 401@anam=1
	upload -j 1 -p loom photos/* >out
	is "$(codes out)" "3 processing"
	is "$(stat '[.loom.creates, .loom.token_requests]')" '[3,2]'
	fails 77 unauthorized true '"no"' -p anam
	is "$(stat .anam.creates)" 0
	check_sandbox
}

@test "tokens that expire during a batch cost no record" {
	photos 25
	box --token-life 1 --delay 100
	upload -j 1 -p loom photos/* >out
	is "$(codes out)" "25 processing"
	is "$(stat '.loom | [.creates, .token_requests > 1]')" '[25,true]'
	check_sandbox
}

@test "wait: as long as the service says, then made once" {
	photos 1
	for fault in 423@loom 429@loom 429@avtr1 503@avtr1 429@anam 429@argil; do
		echo "$fault"
		[ "${fault#*@}" = argil ] && photos 1 1280x720
		box --fault "$fault#1" --retry-after 1 --trace "trace.$fault"
		upload -p "${fault#*@}" photos/001.jpg >out
		is "$(jq -s 'map(select(.method == "POST" and (.path | endswith("/avatars"))) |
				(.time | sub("\\.[0-9]+"; "") | fromdate) +
				(.time | sub(".*T[0-9:]+"; "0") | rtrimstr("Z") | tonumber))
			| [length, .[1] - .[0] >= 0.999] | tostring' "trace.$fault")" '"[2,true]"'
		is "$(stat ".${fault#*@} | [.creates, .faults[\"$fault#1\"]]")" '[1,1]'
		end_box
	done
}

@test "endless waiting: rate_limited at the timeout, retryable" {
	photos 1
	box --fault 429@avtr1=1 --retry-after none
	fails 75 rate_limited true '"no"' -p avtr1 --timeout 1
	is "$(stat .avtr1.creates)" 0
}

@test "account: after a 402 nothing more is sent in this run" {
	photos 20
	for spec in anam=3 avtr1=3/429 loom=3; do
		box --quota "$spec" --trace trace
		run -75 upload -p "${spec%=*}" -j 1 photos/*
		printf '%s\n' "$output" | grep '^{' >out
		is "$(of out 'map(select(.avatar.id)) | length')" 3
		is "$(of out 'map(.error | select(.) | [.code, .retryable, .created]) | unique')" \
			'[["account_blocked",true,"no"]]'
		is "$(posts "${spec%=*}")" 4
		is "$(stat ".${spec%=*}.creates")" 3
		end_box
		rm -rf trace state/*
		check_schema out
	done
}

@test "refused: final, nothing made, nothing sent again" {
	photos 1 1280x720
	for spec in 422@anam 413@loom 409@avtr1 422@argil; do
		box --fault "$spec=1" --trace trace
		fails 65 refused false '"no"' -p "${spec#*@}"
		is "$(jq -c .error.http_status out)" "${spec%@*}"
		is "$(posts "${spec#*@}")" 1
		upload --retry-failed <out >again || true
		cmp out again
		is "$(posts "${spec#*@}")" 1
		end_box
		rm trace
	done
}

@test "a redirect is never followed" {
	photos 1
	set_lags 0.2
	for provider in loom anam avtr1; do
		box --fault redirect=1 --trace trace
		if [ "$provider" = loom ]; then
			fails 65 redirected false '"unknown"' -p loom
		else
			fails 75 redirected true '"no"' -p "$provider"
		fi
		is "$(posts "$provider")" 1
		is "$(stat ".$provider | [.creates, .media_requests, .credentials_on_media]")" '[0,0,0]'
		end_box
		rm trace
	done
}

@test "sent without an understood answer: unknown, not sent again without proof" {
	local n=0 faults=()
	# Loom's list has no proof, so the outcome stays unknown.
	for fault in lost-before lost-after late reset truncated stall-body garbage 500 502-after 500-after; do
		faults+=(--fault "$fault@loom#$((++n))")
	done
	photos "$n"
	box "${faults[@]}" --late 100 --stall-ms 300 --trace trace
	for again in '' again; do
		upload --exit-zero -p loom -j 1 --timeout 20 photos/* >out
		is "$(of out 'map(.error | [.code, .retryable, .created]) | unique')" \
			'[["outcome_unknown",false,"unknown"]]'
		is "$(of out length)" "$n"
		# Again with the record and with the photo: nothing is sent.
		run -65 upload -k --retry-failed <out
		is "$output" "$(cat out)"
		is "$(posts loom)" "$n"
	done
	is "$(stat '.loom.faults | length')" "$n"
	is "$(stat .loom.duplicates_count)" 0
	check_schema out
}

@test "a reused connection that closes after the request: one create" {
	photos 4
	set_lags 0.5
	for provider in loom anam avtr1; do
		box --fault "close-idle@$provider#2" --trace trace
		upload --exit-zero -j 1 -p "$provider" photos/* >out
		is "$(stat ".$provider.faults[\"close-idle@$provider#2\"]")" 1
		is "$(of out length)" 4
		is "$(stat ".$provider.duplicates_count")" 0
		is "$(of out 'map(select(.avatar.id)) | length')" "$(stat ".$provider.creates")"
		[ "$(stat ".$provider.creates")" -ge 3 ]
		end_box
		rm -rf trace state/*
	done
}

@test "SIGTERM: finishes requests in flight, passes the rest on, dies of the signal" {
	photos 40
	box --delay 100
	av-upload -p avtr1 -j 2 photos/* >out 2>talk 3>&- &
	UPLOAD=$!
	some() { [ "$(stat .avtr1.creates)" -ge 4 ] && echo yes; }
	until_is yes some
	kill "$UPLOAD"
	CODE=0
	wait "$UPLOAD" || CODE=$?
	is "$CODE" 143
	is "$(of out length)" 40
	is "$(of out 'map(select(.avatar.id)) | length')" "$(stat .avtr1.creates)"
	is "$(of out 'map(.error.code) - [null] | unique')" '["interrupted"]'
	check_schema out
}

@test "a second signal ends the program at once" {
	photos 3
	box --fault stall=1 --stall-ms 600000
	av-upload -v -p avtr1 photos/* >out 2>talk 3>&- &
	UPLOAD=$!
	some() { [ "$(stat .avtr1.creates)" -ge 1 ] && echo yes; }
	until_is yes some
	kill "$UPLOAD"
	said() { grep -q stopping talk && echo yes; }
	until_is yes said
	kill "$UPLOAD"
	CODE=0
	wait "$UPLOAD" || CODE=$?
	is "$CODE" 143
}

@test "memory does not grow with size or number of photos" {
	faces photo.png=1920x1080
	mkdir photos
	for i in 1 2 3 4 5 6 7 8; do
		# A different text chunk of 8 MB before IEND in each.
		python3 - "$i" <<-'END'
			import struct, sys, zlib
			data = open("photo.png", "rb").read()
			text = b"tEXtx\0" + sys.argv[1].encode() * 8000000
			chunk = struct.pack(">I", len(text) - 4) + text + struct.pack(">I", zlib.crc32(text))
			open(f"photos/{sys.argv[1]}.png", "wb").write(data[:-12] + chunk + data[-12:])
		END
	done
	box --ready-after 60000
	command time -f %M -o rss timeout 60 av-upload -p argil -j 8 photos/* >out
	is "$(codes out)" "8 processing"
	cat rss
	[ -n "${AV_SANITIZED:-}" ] || [ "$(cat rss)" -lt 40000 ]
	check_sandbox
}
