#!/usr/bin/env bats
# av-render: what a media host sends is kept only if it is whole and not too large.

load helper

# media KIND STEPS [OPTION...]: Anam has an avatar whose KIND (still, preview) the media host answers by
# these steps; fetches it, with the record in `done` and the requests in `asked`
media() {
	local url
	jq -n --arg at "$(jq -r --arg k "$1" '.kinds[$k].result.take as $t | .answers.avatar.take[$t]' \
		"$TESTS/../lib/providers/anam.json")" --argjson steps "$2" '
		{"GET /avatars/a1": [{body: ({id: "a1"} | setpath($at[1:] / "/"; "/media"))}], "GET /media": $steps}
		' >script
	serve_script
	ANAM_API_URL=$url ANAM_API_KEY=key limit 60 av-render -q -p anam -r "$1" -o out --exit-zero \
		"${@:3}" a1 >done
	end_server
}

# ends WANTED REQUESTS: the record's status or error, and how often the file was requested
ends() {
	is "$(jq -r '.error.code // .renderings[0].status' done)" "$1"
	is "$(grep -c /media asked)" "$2"
	[ "$1" = ready ] || is "$(find out -type f 2>/dev/null | wc -l)" 0
	check_schema done
}

# png FILE: a sound picture of 8 x 8 pixels
png() {
	python3 - "$1" <<-'END'
		import struct, sys, zlib
		def chunk(name, data):
		    return struct.pack(">I", len(data)) + name + data + struct.pack(">I", zlib.crc32(name + data))
		rows = b"".join(b"\0" + bytes((x * y * 5) % 256 for x in range(24)) for y in range(8))
		open(sys.argv[1], "wb").write(b"\x89PNG\r\n\x1a\n" +
		    chunk(b"IHDR", struct.pack(">IIBBBBB", 8, 8, 8, 2, 0, 0, 0)) +
		    chunk(b"IDAT", zlib.compress(rows)) + chunk(b"IEND", b""))
	END
}

@test "a sound picture is kept at once" {
	png a.png
	media still '[{"file":"a.png"}]'
	ends ready 1
	cmp a.png "$(jq -r '.renderings[0].file' done)"
}

@test "a picture that its Content-Length cuts is fetched again, never kept" {
	png a.png
	media still '[{"file":"a.png","length":60}]'
	ends download_failed 4
	media still '[{"file":"a.png","length":60},{"file":"a.png"}]'
	ends ready 2
}

@test "a picture that is garbage after its head is never kept" {
	png a.png
	{ head -c 41 a.png; head -c 500 /dev/zero | tr '\0' x; } >b.png
	media still '[{"file":"b.png"}]'
	ends download_failed 4
	{ printf '\xff\xd8\xff\xe0\0\4\0\0'; head -c 500 /dev/zero | tr '\0' x; printf '\xff\xd9'; } >b.jpg
	media still '[{"file":"b.jpg"}]'
	ends download_failed 4
}

@test "a 206 of other bytes under the same ETag: fetched again from the first byte" {
	png a.png
	size=$(command stat -c %s a.png)
	head -c 50 a.png >first
	tail -c +51 a.png | tr '\0-\377' '\1-\377\0' >rest
	jq -nc --argjson size "$size" '[
		{file: "first", length: $size, headers: {ETag: "\"a\""}},
		{file: "rest", status: 206, headers: {ETag: "\"a\"", "Content-Range": "bytes 50-\($size - 1)/\($size)"}},
		{file: "a.png", headers: {ETag: "\"a\""}}]' >steps
	media still "$(cat steps)"
	ends ready 3
	cmp a.png "$(jq -r '.renderings[0].file' done)"
}

@test "a film without its last boxes is never kept" {
	clip=$TESTS/../tools/av-sandbox/services/clip.mp4
	media preview "[{\"file\":\"$clip\"}]"
	ends ready 1
	rm -rf out
	head -c -100 "$clip" >cut.mp4
	media preview '[{"file":"cut.mp4"}]'
	ends download_failed 4
}

@test "--max-bytes: an endless body ends at the limit, with the option in its message" {
	png a.png
	head -c 60000 /dev/zero >>a.png
	for limit in 100k 1M; do
		media still '[{"file":"a.png","endless":true}]' --max-bytes "$limit"
		ends download_failed 1
		[[ $(jq -r .error.message done) == *--max-bytes* ]]
	done
	# The default for pictures is 64 MiB. No byte is read of a file that is announced as larger.
	media still '[{"file":"a.png","length":67108865}]'
	ends download_failed 1
	media still '[{"file":"a.png","endless":true}]'
	ends download_failed 1
	media still '[{"file":"a.png"}]' --max-bytes 60k
	ends ready 1
	for wrong in 0 x 1T 1kB -1 9999999999G; do
		run -64 av-render --max-bytes "$wrong" a1
	done
}

@test "a slow disk: files that wait for it do not take up all descriptors" {
	local url
	[ -z "${AV_SANITIZED:-}" ] || skip "strace keeps LeakSanitizer from its work"
	png picture.png
	jq -n --arg at "$(jq -r '.kinds.still.result.take as $t | .answers.avatar.take[$t]' \
		"$TESTS/../lib/providers/anam.json")" '
		[range(500) | {"GET /avatars/a\(.)": [{body: ({id: "a\(.)"} | setpath($at[1:] / "/"; "/media"))}]}] | add +
		{"GET /media": [range(500) | {file: "picture.png"}]}' >script
	serve_script
	(
		ulimit -n 400
		ANAM_API_URL=$url ANAM_API_KEY=key limit 100 strace -f -qq -o /dev/null \
			-e trace=fsync -e inject=fsync:delay_enter=40000 \
			av-render -q -p anam -r still -o out -j 64 --rate 100000 --exit-zero a{0..499} >done
	)
	end_server
	is "$(jq -r '.error.code // .renderings[0].status' done | sort | uniq -c | xargs)" '500 ready'
}
