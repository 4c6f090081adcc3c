#!/usr/bin/env bats
# What was paid for is not thrown away because the answer is untidy.

load helper

ID=7b0f1c52-1f0e-4d5c-8a44-0f3f0c2d9a10

# anam STEPS COMMAND...: runs the command beside Anam's API, which answers by the steps: a JSON object
# as of scripted-server. The records are in `done`, the requests in `asked`, the warnings in `err`.
anam() {
	local url
	printf %s "$1" >script
	serve_script
	[ -e ann.jpg ] || faces ann.jpg=640x480
	rm -rf "$XDG_STATE_HOME"/*
	ANAM_API_URL=$url ANAM_API_KEY=key limit 60 "${@:2}" >done 2>err </dev/null
	end_server
}

# created BODY [HEADERS]: uploads a photo, which is answered with the bytes of the file BODY
created() {
	anam '{"POST /avatars": [{"status": 201, "file": "'"$1"'", "headers": '"${2:-"{}"}"'}],
		"GET /avatars": [{"body": {"data": [], "meta": {"lastPage": 1}}}]}' \
		av-upload -p anam --timeout 20s --exit-zero ann.jpg
	is "$(grep -c POST asked)" 1
}

# takes WARNING: the id was taken, with this warning or none
takes() {
	is "$(jq -r .avatar.id done)" "$ID"
	if [ -n "$1" ]; then grep -q "the response is read although it is not JSON: .*$1" err
	else run -1 grep although err; fi
	check_schema done
}

# fetched URL [OPTION...]: renders an avatar whose still picture has this address (a JSON value)
fetched() {
	anam '{"GET /avatars/'$ID'": [{"body": {"id": "'$ID'", "imageUrl": '"$1"'}}],
		"GET /my%20face.png?n=%C3%B6": [{"file": "a.png"}],
		"GET /a.png": [{"file": "a.png"}], "GET /": [{"file": "a.png"}]}' \
		av-render -q -p anam -r still -o out --force --exit-zero --timeout 3s "${@:2}" "$ID"
	check_schema done
}

@test "an id in gzip, deflate or br is read, said or not" {
	printf '{"id":"%s","displayName":"ann"}' "$ID" >plain
	node -e 'const z = require("zlib"), fs = require("fs"), b = fs.readFileSync("plain");
		fs.writeFileSync("gz", z.gzipSync(b)); fs.writeFileSync("zz", z.deflateSync(b));
		fs.writeFileSync("raw", z.deflateRawSync(b)); fs.writeFileSync("br", z.brotliCompressSync(b));
		fs.writeFileSync("bomb", z.gzipSync(Buffer.alloc(50000000, " ")))'
	for body in 'gz gzip' 'gz x-gzip' 'zz deflate' 'raw deflate' 'br br' \
		'plain gzip' 'plain br' 'plain deflate' 'plain utf-8' 'plain identity'; do
		created "${body% *}" "{\"Content-Encoding\": \"${body#* }\"}"
		takes ''
	done
	created gz
	takes ''
	# A body that grows beyond 8 MiB is not read.
	created bomb '{"Content-Encoding": "gzip"}'
	is "$(jq -c '.error | [.code, .created]' done)" '["outcome_unknown","unknown"]'
}

@test "an id in plain sight is taken, with a warning about what is odd" {
	printf '\xef\xbb\xbf{"id":"%s"}' "$ID" >body
	created body
	takes 'line 1, column 1'
	printf '{"score":NaN,"displayName":"J\xf6rg","note":"a\x01\nb","id":"%s",}' "$ID" >body
	created body
	takes 'column 10'
	# Cut by a Content-Length that counts characters, and followed by what is no JSON.
	printf '{"id":"%s","displayName":"J\xc3\xb6rg' "$ID" >body
	created body
	takes 'a string does not end'
	printf '{"id":"%s"}\0' "$ID" >body
	created body
	takes 'something follows'
	# An id that is cut is none.
	printf '{"displayName":"ann","id":"%.30s' "$ID" >body
	created body
	is "$(jq -r .error.code done)" outcome_unknown
}

@test "a list is not read in part: what is missing might be the avatar" {
	printf '{"data":[{"id":"%s","displayName":"bob"}],"meta":{"lastPage":1' "$ID" >list
	anam '{"POST /avatars": [{"status": 0}], "GET /avatars": [{"file": "list"}]}' \
		av-upload -q -p anam --timeout 3s --exit-zero ann.jpg
	is "$(jq -c '.error | [.code, .created]' done)" '["outcome_unknown","unknown"]'
	is "$(grep -c POST asked)" 1
}

@test "a result's address: blank is not yet, a number is none, a blank in it is escaped" {
	faces a.png=64x64
	for none in null '""' '" \n"'; do
		fetched "$none"
		is "$(jq -r .error.code done)" timeout
		run -1 grep -v "/avatars/" asked
	done
	for bad in 5 -1.5e3 '"17"'; do
		fetched "$bad"
		is "$(jq -r .error.code done)" bad_answer
		run -1 grep -v "/avatars/" asked
	done
	for good in '"my face.png?n=\u00f6"' '" a.png\n"'; do
		fetched "$good"
		is "$(jq -r '.renderings[0].status' done)" ready
		cmp a.png "$(jq -r '.renderings[0].file' done)"
	done
}

@test "a data: URL is the file, judged like a download" {
	faces a.png=64x64
	fetched "\"data:image/png;base64,$(base64 -w 0 a.png)\""
	is "$(jq -r '.renderings[0].status' done)" ready
	cmp a.png "$(jq -r '.renderings[0].file' done)"
	is "$(wc -l <asked)" 1
	rm -rf out
	fetched "\"data:image/png;base64,$(head -c -20 a.png | base64 -w 0)\""
	is "$(jq -r .error.code done)" download_failed
	fetched '"data:text/html,%3Cp%3Esorry"'
	is "$(jq -r .error.code done)" download_failed
	fetched '"data:image/png;base64,!"'
	is "$(jq -r .error.code done)" download_failed
	fetched "\"data:image/png;base64,$(base64 -w 0 a.png)\"" --max-bytes 100
	[[ $(jq -r .error.message done) == *--max-bytes* ]]
	is "$(find out -type f | wc -l)" 0
}

@test "a picture that its host keeps in gzip is decoded, and judged after that" {
	faces a.png=64x64
	gzip -kn a.png
	head -c -30 a.png.gz >cut.gz
	printf '\x1f\x8b\x08garbage' >bad.gz
	local page='"GET /avatars/'$ID'": [{"body": {"id": "'$ID'", "imageUrl": "/p"}}]'
	anam "{$page, \"GET /p\": [{\"file\": \"a.png.gz\", \"headers\": {\"Content-Encoding\": \"gzip\", \"ETag\": \"\\\"a\\\"\"}}]}" \
		av-render -q -p anam -r still -o out --exit-zero "$ID"
	cmp a.png "$(jq -r '.renderings[0].file' done)"
	rm -rf out
	for body in cut.gz bad.gz; do
		anam "{$page, \"GET /p\": [{\"file\": \"$body\", \"headers\": {\"Content-Encoding\": \"gzip\", \"ETag\": \"\\\"a\\\"\"}}, {\"file\": \"a.png\"}]}" \
			av-render -q -p anam -r still -o out --force --exit-zero "$ID"
		cmp a.png "$(jq -r '.renderings[0].file' done)"
	done
	gzip -c <(cat a.png; head -c 30000000 /dev/zero) >bomb.gz
	anam "{$page, \"GET /p\": [{\"file\": \"bomb.gz\", \"headers\": {\"Content-Encoding\": \"gzip\"}}]}" \
		av-render -q -p anam -r still -o none --exit-zero --max-bytes 1M "$ID"
	[[ $(jq -r .error.message done) == *--max-bytes* ]]
	is "$(find none -type f | wc -l)" 0
}
