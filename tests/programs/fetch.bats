#!/usr/bin/env bats
# av-fetch: photos from https and object stores come into files, whole and once; nothing comes from
# private addresses unasked; no secret stays.

load helper

# Three photos are made once; a test changes its copies.
setup_file() {
	export SHELF=$BATS_FILE_TMPDIR
	mkdir "$SHELF/photos"
	faces "$SHELF"/photos/00{1,2,3}.jpg=64x48
}

# script JSON: starts a server that answers so, with the files of this directory, such as photos/001.jpg
script() {
	cp -rn "$SHELF/photos" .
	echo "$1" >script
	serve_script
}

# fetch [ARGUMENT...]: fetches from this machine into the directory out; records go to `done`
fetch() {
	limit 60 av-fetch -q --allow-private -o out "$@" >done
}

# requests [PATH]: how many came to the server
requests() {
	grep -c -- "${1:-.}" asked || true
}

# parts_left: part files in out
parts_left() {
	find out -name '.*' 2>/dev/null | wc -l
}

# check_failed CODE STATUS [ARGUMENT...]: the fetch ends so and leaves no file
check_failed() {
	run "-$2" fetch "${@:3}"
	is "$(jq -r .error.code done | sort -u)" "$1"
	is "$(find out -type f 2>/dev/null | wc -l)" 0
	check_schema done
}

@test "help, version and mistakes of the command line" {
	check_usage av-fetch --endpoint --nonsense "-o {nothing}" "--max-bytes 0" "--endpoint store" \
		"--endpoint http://store.example.org" "-j x"
}

@test "many at a time: each record has the type of its own file" {
	mkdir photos
	faces photos/a.jpg=640x480 photos/b.png=640x480
	script "$(for n in $(seq 30); do
		echo "{\"GET /$n.jpg\": [{\"file\": \"photos/a.jpg\"}], \"GET /$n.png\": [{\"file\": \"photos/b.png\"}]}"
	done | jq -s add)"
	printf "$url/%s.jpg\n$url/%s.png\n" $(seq 30 | sed p) >urls
	fetch -j 60 <urls
	is "$(of done 'length')" 60
	is "$(of done 'map(select(.fetch.type != {jpg: "image/jpeg", png: "image/png"}[.file[-3:]] or
		(.fetch.from[-3:] != .file[-3:])) | .fetch)')" '[]'
}

# thirty: a script of the server for 30 photos, whose URLs come to urls
thirty() {
	script "$(jq -nc '[range(30) | {"GET /\(.).jpg": [{file: "photos/001.jpg"}]}] | add')"
	printf "$url/%s.jpg\n" {0..29} >urls
}

# disk STRACE... -- ARGUMENT...: fetches urls while strace looks at what is synced
disk() {
	local how=()
	while [ "$1" != -- ]; do how+=("$1"); shift; done
	limit 60 strace -f -qq -y -e trace=fsync,renameat2 -o calls "${how[@]}" \
		av-fetch -q --allow-private -o out -j 60 "${@:2}" <urls >done
}

@test "many at a time: they wait for the disk together" {
	[ -z "${AV_SANITIZED:-}" ] || skip "strace keeps LeakSanitizer from its work"
	thirty
	disk -e inject=fsync:delay_enter=100000 --
	is "$(codes done)" '30 none'
	is "$(parts_left)" 0
	is "$(grep -c 'fsync(.*\.part>' calls)" 30
	# A batch for what comes first, one for what comes next, and a few for all the others.
	[ "$(grep -c 'fsync(.*/out>' calls)" -le 10 ]
}

@test "a record says that its file is there only once the directory is on the disk" {
	[ -z "${AV_SANITIZED:-}" ] || skip "strace keeps LeakSanitizer from its work"
	thirty
	run -75 disk -P "$PWD/out" -e inject=fsync:error=EIO --
	is "$(codes done)" '30 machine_failed'
	[[ $(jq -r .error.message done) == *"cannot sync the directory of 'out/"* ]]
	# The files are there: the same line asks for none again.
	fetch <urls
	is "$(codes done)" '30 none'
	is "$(requests)" 30
}

@test "URLs become files and records; the same line again fetches nothing" {
	script '{"GET /a/001.jpg": [{"file": "photos/001.jpg"}], "GET /b": [{"file": "photos/002.jpg"}]}'
	printf '%s\n' "$url/a/001.jpg" "$url/b?id=2#x" >urls
	fetch -k <urls
	check_schema done
	is "$(requests)" 2
	file=$(jq -r .file done | head -1)
	[[ $file =~ ^out/001\.[0-9a-f]{16}\.jpg$ ]]
	cmp photos/001.jpg "$file"
	is "$(of done '.[0].fetch')" "$(jq -nc --arg url "$url/a/001.jpg" --arg sum "$(sha256sum <photos/001.jpg)" \
		--argjson n "$(command stat -c %s photos/001.jpg)" \
		'{from: $url, type: "image/jpeg", bytes: $n, sha256: $sum[:64]}')"
	is "$(jq -r .url done)" "$(cat urls)"
	jq -c 'del(.steps)' done >first
	fetch -k <urls
	is "$(jq -c 'del(.steps)' done)" "$(cat first)"
	is "$(requests)" 2
	# A record that has its file passes unchanged.
	cp done before
	fetch -k <before
	cmp before done
	# --force asks again.
	fetch --force <urls
	is "$(requests)" 4
}

@test "a photo that comes again later is not fetched again, also in a new folder" {
	script '{"GET /a.jpg": [{"file": "photos/001.jpg"}]}'
	{
		echo "$url/a.jpg"
		until_is 1 grep -c sha256 done
		echo "$url/a.jpg"
	} | fetch
	is "$(codes done)" '2 none'
	is "$(requests)" 1
}

@test "a new folder is not searched for photos of an earlier run" {
	[ -z "${AV_SANITIZED:-}" ] || skip "strace keeps LeakSanitizer from its work"
	thirty
	mkdir out
	disk -e trace=openat --
	is "$(codes done)" '30 none'
	is "$(grep -c '"out/.*ENOENT' calls)" 0
	rm out/5.*
	disk -e trace=openat --
	is "$(codes done)" '30 none'
	is "$(requests)" 31
}

@test "a file that is damaged on disk is not taken for the photo" {
	script '{"GET /a.jpg": [{"file": "photos/001.jpg"}]}'
	fetch "$url/a.jpg"
	file=$(jq -r .file done)
	truncate -s -20 "$file"
	run -65 fetch "$url/a.jpg"
	is "$(jq -r .error.code done)" target_taken
	fetch --force "$url/a.jpg"
	cmp photos/001.jpg "$file"
}

@test "several records of one photo: one request" {
	script '{"GET /a.jpg": [{"file": "photos/001.jpg", "delay": 0.3}]}'
	fetch -p anam,argil "$url/a.jpg" "$url/a.jpg"
	is "$(requests)" 1
	is "$(jq -r .file done | sort | uniq -c | awk '{print $1}')" 4
	fetch -o 'other/{stem}.{ext}' "$url/a.jpg" "$url/a.jpg"
	is "$(requests)" 2
	script '{"GET /a.jpg": [{"status": 404, "delay": 0.3}]}'
	run -65 fetch "$url/a.jpg" "$url/a.jpg"
	is "$(requests)" 1
	is "$(codes done)" '2 refused'
}

@test "private and special addresses are refused, and asked only with --allow-private" {
	script '{"GET /a.jpg": [{"file": "photos/001.jpg"}]}'
	port=${url##*:}
	for host in 127.0.0.1 localhost 2130706433 0x7f.1 '[::1]'; do
		run -65 av-fetch -q -o out "http://$host:$port/a.jpg"
		is "$(jq -r .error.code <<<"$output")" private_address
		[[ $output == *--allow-private* ]]
	done
	for host in 10.0.0.1 169.254.169.254 192.168.1.1 '[fd00::1]' '[::ffff:127.0.0.1]' 127.1 localhost; do
		run -65 av-fetch -q -o out "https://$host:$port/a.jpg"
		is "$(jq -r .error.code <<<"$output")" private_address
	done
	is "$(requests)" 0
	fetch "$url/a.jpg"
	is "$(requests)" 1
	# Plain http goes to this machine only, and only http and https are URLs of photos.
	for wrong in http://192.0.2.1/a.jpg ftp://127.0.0.1/a.jpg "http://user:word@127.0.0.1:$port/a.jpg"; do
		run -65 fetch "$(jq -nc --arg url "$wrong" '{url: $url}')"
		is "$(jq -r .error.code done)" url_refused
	done
}

@test "redirects: a few are followed, and the type is told by the bytes" {
	convert_to_png
	script '{"GET /a.jpg": [{"status": 302, "headers": {"Location": "/b"}}],
		"GET /b": [{"status": 307, "headers": {"Location": "/c"}}],
		"GET /c": [{"file": "a.png", "headers": {"Content-Type": "text/html"}}],
		"GET /round": [{"status": 302, "headers": {"Location": "/round"}}],
		"GET /ftp": [{"status": 302, "headers": {"Location": "ftp://127.0.0.1/a.jpg"}}],
		"GET /file": [{"status": 302, "headers": {"Location": "file:///etc/passwd"}}]}'
	fetch "$url/a.jpg"
	is "$(jq -r .fetch.type done)" image/png
	[[ $(jq -r .file done) == out/a.*.png ]]
	rm -rf out
	check_failed url_refused 65 "$url/ftp"
	check_failed url_refused 65 "$url/file"
	check_failed download_failed 75 "$url/round"
	[ "$(requests /round)" -le 30 ]
}

# convert_to_png: makes a.png
convert_to_png() {
	cp "$TESTS/photos/rgb.png" a.png
}

@test "what is no photo, is empty or is not there fails for good" {
	echo '<html><p>sorry' >page
	: >empty
	script '{"GET /page": [{"file": "page"}], "GET /gone": [{"status": 410}], "GET /secret": [{"status": 403}]}'
	check_failed not_a_picture 65 "$url/page"
	check_failed refused 65 "$url/gone"
	is "$(jq .error.http_status done)" 410
	check_failed refused 65 "$url/secret"
	is "$(requests)" 3
}

@test "a length that lies: shorter is never kept, longer is fetched on" {
	size=$(command stat -c %s "$SHELF/photos/001.jpg")
	script '{"GET /short": [{"file": "photos/001.jpg", "length": 900}]}'
	check_failed download_failed 75 "$url/short"
	is "$(requests)" 4
	end_server
	head -c 700 "$SHELF/photos/001.jpg" >head
	tail -c +701 "$SHELF/photos/001.jpg" >tail
	script "$(jq -nc --argjson n "$size" '{"GET /a.jpg": [
		{file: "head", length: $n, headers: {ETag: "\"x\""}},
		{file: "tail", status: 206, headers: {ETag: "\"x\"", "Content-Range": "bytes 700-\($n - 1)/\($n)"}}]}')"
	fetch "$url/a.jpg"
	cmp photos/001.jpg "$(jq -r .file done)"
	is "$(requests)" 2
	is "$(parts_left)" 0
}

@test "an endless body, and one that is announced as too large, end at the limit" {
	mkdir photos
	head -c 60000 /dev/zero | cat "$SHELF/photos/001.jpg" - >photos/001.jpg
	script '{"GET /endless": [{"file": "photos/001.jpg", "endless": true}],
		"GET /large": [{"file": "photos/001.jpg", "length": 536870913}]}'
	check_failed too_many_bytes 65 --max-bytes 100k "$url/endless"
	[[ $(jq -r .error.message done) == *--max-bytes* ]]
	check_failed too_many_bytes 65 "$url/large"
	is "$(requests)" 2
}

@test "Retry-After holds for the host, also for other processes" {
	script '{"GET /a.jpg": [{"status": 429, "headers": {"Retry-After": "1"}}, {"file": "photos/001.jpg"}],
		"GET /b.jpg": [{"file": "photos/002.jpg"}],
		"GET /c.jpg": [{"status": 503, "headers": {"Retry-After": "100"}}]}'
	start=$EPOCHSECONDS
	fetch "$url/a.jpg"
	is "$(requests)" 2
	[ "$((EPOCHSECONDS - start))" -ge 1 ]
	run -75 fetch --timeout 1s "$url/c.jpg"
	is "$(jq -r .error.code done)" download_failed
	run -75 fetch --timeout 1s "$url/b.jpg"
	is "$(jq -r .error.code done)" rate_limited
	is "$(requests /b.jpg)" 0
}

@test "--rate: so many requests a second for the host" {
	script '{"GET /1.jpg": [{"file": "photos/001.jpg"}], "GET /2.jpg": [{"file": "photos/002.jpg"}],
		"GET /3.jpg": [{"file": "photos/003.jpg"}]}'
	start=$(date +%s%3N)
	fetch --rate 2/s "$url"/{1,2,3}.jpg
	[ "$(($(date +%s%3N) - start))" -ge 1000 ]
}

@test "kill -9, and the same line again: each photo is fetched once" {
	script '{"GET /1.jpg": [{"file": "photos/001.jpg"}],
		"GET /2.jpg": [{"file": "photos/002.jpg", "delay": 30}, {"file": "photos/002.jpg"}],
		"GET /3.jpg": [{"file": "photos/003.jpg"}]}'
	av-fetch -q --allow-private -o out "$url"/{1,3,2}.jpg >done 3>&- &
	pid=$!
	until_is 2 eval 'grep -c fetch done || true'
	until_is 1 requests /2.jpg
	kill -9 "$pid"
	wait "$pid" || true
	fetch "$url"/{1,2,3}.jpg
	is "$(codes done)" '3 none'
	is "$(requests /1.jpg),$(requests /2.jpg),$(requests /3.jpg)" 1,2,1
	is "$(parts_left)" 0
	is "$(find out -type f | wc -l)" 3
}

@test "Ctrl-C: what is not there comes out with an error, and the line can be run again" {
	script '{"GET /1.jpg": [{"file": "photos/001.jpg"}], "GET /2.jpg": [{"file": "photos/002.jpg", "delay": 30}]}'
	av-fetch -q --allow-private -o out "$url"/{1,2,2}.jpg >done 3>&- &
	pid=$!
	until_is 1 requests /2.jpg
	until_is 1 eval 'grep -c sha256 done || true'
	kill -INT "$pid"
	status=0
	wait "$pid" || status=$?
	is "$status" 130
	is "$(jq -r '.error.code // "done"' done | sort | uniq -c | xargs)" '1 done 2 interrupted'
	is "$(parts_left)" 0
}

@test "a record says where its photo belongs, and which bytes it has" {
	script '{"GET /x": [{"file": "photos/001.jpg"}]}'
	cp photos/002.jpg here.jpg
	sum=$(sha256sum <photos/001.jpg)
	printf '%s\n' "{\"file\":\"here.jpg\",\"url\":\"$url/x\"}" \
		"{\"file\":\"../people/ann.jpg\",\"url\":\"$url/x\",\"image\":{\"sha256\":\"${sum%% *}\"},\"n\":1.10}" >in
	fetch -k -o 'out/{dir}/{stem}.{ext}' <in
	is "$(head -1 done)" "$(head -1 in)"
	is "$(of done '.[1] | [.file, .source_file, .fetch.from, .image.sha256 == .fetch.sha256]')" \
		'["out/_./people/ann.jpg","../people/ann.jpg","../people/ann.jpg",true]'
	grep '"n":1.10' done
	is "$(requests)" 1
	rm -rf out
	check_failed download_failed 75 "$(jq -nc --arg url "$url/x" '{url: $url, image: {sha256: ("0" * 64)}}')"
	[[ $(jq -r .error.message done) == *SHA-256* ]]
}

@test "file names: never outside the directory, and never of two photos" {
	script '{"GET /a/../../x.jpg": [{"file": "photos/001.jpg"}], "GET /x.jpg": [{"file": "photos/001.jpg"}],
		"GET /..%2f..%2fy.jpg": [{"file": "photos/001.jpg"}], "GET /a": [{"file": "photos/002.jpg"}]}'
	fetch "$url/..%2f..%2fy.jpg" "$url/a/../../x.jpg"
	is "$(find . -name '[xy]*.jpg' | grep -cv ^./out/ || true)" 0
	is "$(codes done)" '2 none'
	run -65 fetch -k -o 'two/{stem}.{ext}' "$url/x.jpg?v=1" "$url/x.jpg?v=2" "$url/x.jpg?v=2"
	is "$(jq -r '.error.code // "done"' done | xargs)" 'done target_taken target_taken'
}

@test "input: lines, records without a photo, records with one, and failed records" {
	script '{"GET /x.jpg": [{"file": "photos/001.jpg"}]}'
	printf '%s\n' '{"n":1}' photos/001.jpg '{"url":"https://h/a b"}' \
		'{"file":"photos/002.jpg"}' '{"url":"x","error":{"step":"list","code":"refused","message":"no","retryable":false}}' \
		"{\"url\":\"$url/x.jpg\"}" >in
	run -65 fetch -k <in
	is "$(jq -r '.error.code // "done"' done | xargs)" 'no_photo done url_refused done refused done'
	is "$(sed -n 2p done)" '{"file":"photos/001.jpg"}'
	is "$(sed -n '4,5p' done)" "$(sed -n '4,5p' in)"
}

@test "av-fetch | av-validate | av-upload: the avatar's name is that of the URL" {
	box
	script '{"GET /people/ann.jpg": [{"file": "photos/001.jpg"}]}'
	fetch -p anam "$url/people/ann.jpg?v=2"
	av-validate <done | av-upload >made
	is "$(jq -r '.name + " " + .avatar.status' made)" 'ann ready'
	is "$(jq -r .name_from made)" "$url/people/ann.jpg"
	check_schema made
	is "$(stat '.anam.creates')" 1
}

@test "a record that was refused for its URL alone is fetched, and others pass" {
	script '{"GET /a.jpg": [{"file": "photos/001.jpg"}]}'
	av-validate --exit-zero -q -k -p loom "{\"url\":\"$url/a.jpg\"}" \
		"{\"url\":\"$url/a.jpg\",\"options\":{\"none\":1}}" >refused
	is "$(codes refused)" '2 photo_refused'
	run -65 fetch -k <refused
	is "$(sed -n 2p done)" "$(sed -n 2p refused)"
	head -1 done | av-validate >good
	is "$(codes good)" '1 none'
	is "$(requests)" 1
	# Of the receipt's hint, the first command is this one.
	run -65 --separate-stderr av-validate -p loom "{\"url\":\"$url/a.jpg\"}"
	[[ $stderr == *'av-fetch -o photos <done.jsonl | av-validate'* ]]
}

@test "https: the certificate is verified" {
	command -v node >/dev/null || skip "node is not installed"
	script '{"GET /a.jpg": [{"file": "photos/001.jpg"}]}'
	mkfifo line hold
	node "$TESTS/servers/tls/front.mjs" "$url" . <hold >line 2>front.err 3>&- &
	BOX=$!
	exec 9>hold
	read -r line <line
	https=$(jq -r .https <<<"$line")
	CURL_CA_BUNDLE=$PWD/ca.pem fetch "$https/a.jpg"
	cmp photos/001.jpg "$(jq -r .file done)"
	rm -rf out
	check_failed untrusted 78 "$https/a.jpg"
	exec 9>&-
}

# bucket [OPTION...]: starts a stand-in for S3 with the bucket `photos`
bucket() {
	cp -rn "$SHELF/photos" .
	store . "$@"
}

@test "the stand-in for S3 signs as AWS's documentation does" {
	AWS_ACCESS_KEY_ID=AKIAIOSFODNN7EXAMPLE AWS_SECRET_ACCESS_KEY=wJalrXUtnFEMI/K7MDENG/bPxRfiCYEXAMPLEKEY \
		run -0 "$TESTS/servers/s3-server" --presign https://examplebucket.s3.amazonaws.com/test.txt \
		20130524T000000Z us-east-1
	[[ $output == *X-Amz-Signature=aeeed9bbccd4d02ee5c0109b86d86835f995330da4c265957d157751f604d404 ]]
}

@test "s3://: signed requests, for any key; nothing secret stays" {
	mkdir -p photos/a=b
	cp "$SHELF/photos/001.jpg" "photos/a=b/ann smith+(1) ü@2*'~.jpg"
	bucket
	limit 60 av-fetch -vv -k -o out "s3://photos/a=b/ann smith+(1) ü@2*'~.jpg" s3://photos/002.jpg >done 2>err
	check_schema done
	is "$(jq -r .url done | head -1)" "s3://photos/a=b/ann smith+(1) ü@2*'~.jpg"
	cmp photos/001.jpg "$(jq -r .file done | head -1)"
	cmp photos/002.jpg "$(jq -r .file done | tail -1)"
	is "$(grep -c ' 200 -' stored)" 2
	run -1 grep -rE 'wJalr|Signature' done err out state
	# --endpoint goes before the variable.
	endpoint=$AWS_ENDPOINT_URL_S3
	AWS_ENDPOINT_URL_S3=http://127.0.0.1:1 av-fetch -q --endpoint "$endpoint/" -o other s3://photos/003.jpg >done
	cmp photos/003.jpg "$(jq -r .file done)"
	# An unsigned request to the store is as any other to a private address.
	run -65 av-fetch -q -o other "$endpoint/photos/001.jpg"
	is "$(grep -c . stored)" 3
}

@test "s3://: what the store refuses" {
	bucket --session token-of-an-hour
	run -65 fetch s3://photos/001.jpg
	[[ $(jq -r .error.message done) == *"403 InvalidToken"* ]]
	export AWS_SESSION_TOKEN=token-of-an-hour
	fetch s3://photos/001.jpg
	AWS_SECRET_ACCESS_KEY=other run -65 fetch s3://photos/002.jpg
	[[ $(jq -r .error.message done) == *"403 SignatureDoesNotMatch"* ]]
	run -65 fetch s3://photos/none.jpg
	[[ $(jq -r .error.message done) == *"404 NoSuchKey"* ]]
	run -1 grep -E 'wJalr|token-of' done
	for wrong in s3://photos s3://photos/ s3:///a s3://photos/a/../b s3://../a 's3://a@b/c'; do
		run -65 fetch "$wrong"
		is "$(jq -r .error.code done)" url_refused
	done
	unset AWS_SECRET_ACCESS_KEY
	run -78 fetch s3://photos/002.jpg
	[[ $(jq -r .error.message done) == *AWS_SECRET_ACCESS_KEY* ]]
}

@test "s3://: a broken line is resumed, with a signature" {
	bucket --break 001.jpg
	fetch s3://photos/001.jpg
	cmp photos/001.jpg "$(jq -r .file done)"
	is "$(cut -d' ' -f3 stored | xargs)" '200 206'
}

@test "s3://: a redirect to elsewhere gets no signature, and none leads to a private address" {
	script '{"GET /x.jpg": [{"file": "photos/001.jpg", "without": "Authorization"}]}'
	bucket --redirect "$url/x.jpg"
	run -65 av-fetch -q -o out s3://photos/moved
	is "$(jq -r .error.code <<<"$output")" private_address
	is "$(grep -c . asked || true)" 0
	fetch s3://photos/moved
	cmp photos/001.jpg "$(jq -r .file done)"
}

@test "presigned URLs: fetched, and kept without their signature" {
	bucket
	at=$AWS_ENDPOINT_URL_S3/photos/001.jpg
	signed=$("$TESTS/servers/s3-server" --presign "$at")
	limit 60 av-fetch -vv --allow-private -o out "$signed" >done 2>err
	is "$(jq -r '.url, .fetch.from' done)" "$at
$at"
	run -1 grep -r X-Amz- done err out state
	# Signed anew, it is the same photo.
	fetch "$("$TESTS/servers/s3-server" --presign "$at" "$(date -u -d '-1 hour' +%Y%m%dT%H%M%SZ)")"
	is "$(grep -c . stored)" 1
	# What fails keeps no signature either.
	run -65 fetch "$("$TESTS/servers/s3-server" --presign "$AWS_ENDPOINT_URL_S3/photos/002.jpg" 20130524T000000Z)"
	is "$(jq -r '.url, .error.code' done)" "$AWS_ENDPOINT_URL_S3/photos/002.jpg
refused"
}
