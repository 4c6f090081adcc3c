#!/usr/bin/env bats
# av-validate: all findings about a photo, its name and options, for each service. (The unit tests
# check damaged files.)

load helper

validate() {
	limit 60 av-validate -q "$@"
}

# All records that problems and warnings saw must match the schema.
teardown() {
	[ ! -s said ] || check_schema said
}

# problems ARG...: the codes of the only record's problems
problems() {
	validate --exit-zero "$@" >out
	cat out >>said
	[ -s out ] || echo "no record"
	jq -r '[.error.problems[]?.code] | sort | join(" ")' out
}

# warnings ARG...: the codes of the only record's warnings
warnings() {
	validate "$@" >out
	cat out >>said
	jq -r '[.image.warnings[]?.code] | sort | join(" ")' out
}

# padded FILE TO BYTES: the JPEG with comments added, BYTES long in all
padded() {
	python3 - "$@" <<-'END'
		import sys
		data, rest = open(sys.argv[1], "rb").read(), int(sys.argv[3])
		rest -= len(data)
		comments = bytearray()
		while rest:
		    n = min(rest, 60000)
		    n = rest - 4 if rest - n in range(1, 4) else n
		    n = min(n, 60000)
		    comments += b"\xff\xfe" + (n - 2).to_bytes(2, "big") + b"x" * (n - 4)
		    rest -= n
		open(sys.argv[2], "wb").write(data[:2] + comments + data[2:])
	END
	is "$(wc -c <"$2")" "$3"
}

# turned FILE TO ORIENTATION: the JPEG with that orientation in an Exif segment
turned() {
	python3 - "$@" <<-'END'
		import struct, sys
		data = open(sys.argv[1], "rb").read()
		tiff = b"MM\0*\0\0\0\x08" + struct.pack(">HHHIHHI", 1, 0x112, 3, 1, int(sys.argv[3]), 0, 0)
		exif = b"Exif\0\0" + tiff
		open(sys.argv[2], "wb").write(
		    data[:2] + b"\xff\xe1" + struct.pack(">H", len(exif) + 2) + exif + data[2:])
	END
}

@test "help and version on stdout; usage errors on stderr, exit status 64" {
	check_usage av-validate --quick --nonsense "-j 0" "--rate 1" "--max-pixels 0" "--max-pixels x" -O
	run -78 --separate-stderr av-validate -k -p anam,nobody x
	is "$(jq -c '[.provider, .error.code]' <<<"$output")" $'["anam","file_missing"]\n["nobody","unknown_provider"]'
	[[ $stderr == *nobody* ]]
}

@test "a photo's facts" {
	faces ann.jpg=1280x720 ben.png=300x200
	turned ann.jpg turned.jpg 6
	validate -k ann.jpg ben.png turned.jpg >out
	is "$(of out 'map([.file, .image.type, .image.width, .image.height, .image.orientation])')" \
		'[["ann.jpg","image/jpeg",1280,720,1],["ben.png","image/png",300,200,1],["turned.jpg","image/jpeg",1280,720,6]]'
	jq -r '"\(.image.sha256)  \(.file)"' out | sha256sum --quiet -c
	jq -r '"\(.image.bytes) \(.file)"' out | while read -r bytes file; do is "$bytes" "$(wc -c <"$file")"; done
	for photo in "$TESTS"/photos/*.jpg "$TESTS"/photos/*.png "$TESTS"/photos/*.webp; do
		validate "$photo" | jq -e '.image.width > 0' >/dev/null
	done
	check_schema out
}

# loaded ARG...: the libraries that av-validate loads, but for what each run needs
loaded() {
	LD_DEBUG=files validate "$@" 2>loader >out
	grep -o 'lib[a-z]*\.so[.0-9]*' loader | sort -u | grep -vE '^lib(c|m|json|nettle|asan|ubsan|tsan|gcc_s)\.so' | xargs
}

@test "a library is loaded for the first photo that needs it, and not without one" {
	faces ann.jpg=1280x720 ben.png=300x200
	cp "$TESTS/photos/lossy.webp" cleo.webp
	LD_DEBUG=files validate --version 2>loader
	grep -q 'libnettle\.so' loader
	is "$(loaded -p loom ann.jpg)" ""
	is "$(loaded -p anam cleo.webp)" ""
	is "$(loaded -p loom ben.png)" libdeflate.so.0
	is "$(loaded -p loom --decode ann.jpg | grep -oE 'libjpeg|libseccomp')" $'libjpeg\nlibseccomp'
	mkdir broken
	touch broken/libdeflate.so.0
	LD_LIBRARY_PATH=$PWD/broken run -71 --separate-stderr av-validate ben.png
	[[ $stderr == *"cannot load"*libdeflate.so.0*"apt-get install libdeflate0"* ]]
}

@test "--decode finds coded data that is missing, at any height" {
	local row sampling
	for sampling in 1x1 2x2; do
		convert -size 800x600 plasma:fractal -sampling-factor $sampling whole.jpg
		is "$(problems --decode whole.jpg)" ""
		for row in 5 30 60 85 95 99; do # the data ends there, and the end of the picture follows
			head -c $(($(wc -c <whole.jpg) * row / 100)) whole.jpg >cut.jpg
			printf '\xff\xd9' >>cut.jpg
			is "$row $(problems --decode cut.jpg)" "$row damaged"
		done
	done
}

@test "nothing is sent to the network" {
	faces ann.jpg=1280x720
	# LeakSanitizer does not work under strace.
	ASAN_OPTIONS=detect_leaks=0 strace -f -qq -e trace=socket,connect -o calls av-validate -p loom,anam,avtr1,argil ann.jpg >out
	run -1 grep -E 'AF_INET|AF_UNIX' calls
	is "$(codes out)" "4 none"
}

@test "the type comes from the bytes, not from the name" {
	faces ann.jpg=1280x720
	cp ann.jpg lies.png
	is "$(warnings -p avtr1 lies.png)" extension_lies
	for provider in loom avtr1; do
		is "$(problems -p $provider "$TESTS/photos/lossy.webp")" type_refused
	done
	is "$(problems -p anam "$TESTS/photos/lossy.webp")" ""
	printf 'GIF89a\1\0\1\0\0\0\0;' >small.gif
	is "$(problems -p anam small.gif)" "not_judged type_refused"
	printf '<!doctype html><title>Not found</title>' >gone.jpg
	is "$(problems -p anam gone.jpg)" "extension_lies not_a_picture"
	for brand in heic heix mif1 msf1 hevc heim; do
		for name in a.heic a.HEIF a.hif; do
			printf '\0\0\0\30ftyp%s\0\0\0\0mif1%s' $brand $brand >$name
			is "$brand $name $(problems -p anam $name)" "$brand $name not_judged type_refused"
		done
	done
	for brand in avif mif1; do
		printf '\0\0\0\30ftyp%s\0\0\0\0mif1avif' $brand >a.avif
		is "$brand $(problems -p anam a.avif)" "$brand not_judged type_refused"
	done
	cp a.HEIF a.jpg
	is "$(problems -p anam a.jpg)" "extension_lies not_judged type_refused"
}

@test "a JPEG behind other bytes is named, with its place" {
	faces ann.jpg=64x48
	for junk in '\r\n' 'HTTP/1.1 200 OK\r\nContent-Type: image/jpeg\r\n\r\n' '\377\330\0' "$(printf '%09999d')"; do
		{ printf "$junk"; cat ann.jpg; } >x.jpg
		at=$(($(wc -c <x.jpg) - $(wc -c <ann.jpg)))
		validate --exit-zero -p anam x.jpg >out
		jq -e --arg at "; a JPEG begins at byte $at" '.error.problems[0] |
			.code == "not_a_picture" and ((.got + $at) as $tail | .message | endswith($tail))' out
		tail -c +$((at + 1)) x.jpg | cmp - ann.jpg
		jq -e --arg fix "tail -c +$((at + 1)) " '.error.problems[0].fix | startswith($fix)' out
	done
}

@test "empty, missing and special files" {
	faces ann.jpg=64x48
	: >empty.jpg
	mkdir dir.jpg
	mkfifo pipe.jpg
	for spec in empty.jpg=file_empty none.jpg=file_missing dir.jpg=file_not_regular pipe.jpg=file_not_regular; do
		validate --exit-zero -p avtr1 "${spec%=*}" >out
		is "$(jq -r '.error | .code, .problems[]?.code' out | grep -v photo_refused | sort -u)" \
			"${spec#*=}"
		is "$(jq .error.retryable out)" false
	done
}

@test "cut files are refused: every format, every service" {
	faces a.jpg=1280x720 b.png=1280x720
	cp "$TESTS/photos/lossy.webp" c.webp
	for photo in a.jpg b.png c.webp; do
		size=$(wc -c <$photo)
		for left in 100 $((size / 2)) $((size - 200)) $((size - 1)); do
			[ "$left" -gt 20 ] || continue
			head -c "$left" $photo >cut.${photo##*.}
			run -65 validate -p anam cut.${photo##*.}
			is "$(jq -c '[.error.problems[] | select(.severity == "refused") | .code] - ["truncated","damaged"]' <<<"$output")" '[]'
		done
	done
	for provider in "${SERVICES[@]}"; do
		run -65 validate -p "$provider" cut.webp
	done
}

@test "argil: exactly 16:9 or 9:16, from 1280x720 to 3840x2160, as shown" {
	for good in 1280x720 3840x2160 720x1280 2160x3840 1600x900; do
		faces x.jpg=$good
		is "$good $(problems -p argil x.jpg)" "$good "
	done
	faces x.jpg=1366x768
	is "$(problems -p argil x.jpg)" aspect_refused
	faces x.jpg=1264x711
	is "$(problems -p argil x.jpg)" too_small
	faces x.jpg=3856x2169
	is "$(problems -p argil x.jpg)" too_large
	faces x.jpg=1280x720
	for orientation in 3 6 8; do
		turned x.jpg y.jpg $orientation
		is "$(problems -p argil y.jpg)" ""
	done
}

@test "bytes: refused above the limit, a warning between MB and MiB" {
	faces a.jpg=1280x720
	for spec in anam:4500000:4718592 argil:10000000:10485760 loom:15990000:16767216; do
		IFS=: read -r provider sure upper <<<"$spec"
		padded a.jpg b.jpg "$sure"
		is "$provider $(warnings -p "$provider" b.jpg)" "$provider "
		padded a.jpg b.jpg $((sure + 1))
		is "$(warnings -p "$provider" b.jpg)" near_byte_limit
		padded a.jpg b.jpg $((upper + 1))
		is "$(problems -p "$provider" b.jpg)" too_many_bytes
	done
}

@test "advice: a note, never a refusal; av-fit --advice follows it" {
	mkdir -p "$XDG_CONFIG_HOME/avtools/providers"
	example | jq '.image += {min: [64, 64], advice: {aspects: ["16:9"], min: [1280, 720], types: ["image/jpeg"], max_bytes: 300000}}' \
		>"$XDG_CONFIG_HOME/avtools/providers/acme.json"
	av-provider check "$XDG_CONFIG_HOME/avtools/providers/acme.json"
	faces good.jpg=1280x720 near.jpg=1919x1080 square.jpg=1000x1000 tiny.jpg=63x63 flat.png=1600x900
	for row in 'good.jpg 0' 'near.jpg 0' 'square.jpg 2' 'flat.png 1'; do
		run -0 validate -p acme "${row% *}"
		echo "$row: $output"
		is "$(jq -c '[.image.warnings[]? | select(.code == "not_advised") | .severity] == [range('"${row#* }"') | "note"]' <<<"$output")" true
	done
	is "$(jq -r '.image.warnings[] | select(.code == "not_advised") | .message, .fix' <<<"$output")" \
		"Acme Faces advises image/jpeg; this photo is image/png
av-fit --advice converts it"
	# What is refused is not advised as well.
	run -65 validate -p acme tiny.jpg
	is "$(jq -c '[.error.problems[] | [.code, .severity]]' <<<"$output")" '[["too_small","refused"],["not_advised","note"]]'
	av-validate -k -q -p acme square.jpg flat.png | av-fit -k -o plain | jq -r .file >files
	is "$(xargs <files)" 'square.jpg flat.png'
	av-validate -k -q -p acme square.jpg flat.png | av-fit -k --advice -o best | av-validate -k -q >fitted
	is "$(jq -r '.file, "\(.image.width)x\(.image.height)"' fitted | xargs)" 'best/square.acme.fit.jpg 992x558 best/flat.acme.fit.jpg 1600x900'
	run -0 av-provider compare acme
	[[ $output == *"best 16:9"* ]]
	check_schema fitted
}

@test "all findings at once, each with got, wanted and fix" {
	faces a.jpg=640x479
	run -65 validate -p argil -O colour=red -O voiceId=mine \
		"{\"file\":\"a.jpg\",\"name\":\"$(printf 'x%.0s' {1..300})\"}"
	is "$(jq -c '[.error.problems[].code] | sort' <<<"$output")" \
		'["aspect_refused","name_too_long","option_invalid","option_unknown","too_small"]'
	jq -e '.error.problems | all(.message and .got != null and .wanted != null)' <<<"$output"
	jq -e '.error.problems | any(.fix)' <<<"$output"
	check_schema <(printf '%s\n' "$output")
}

@test "a name made from the file fits; a given name is checked" {
	faces a.jpg=1280x720 "$(printf 'y%.0s' {1..80}).jpg=1280x720"
	is "$(validate -p avtr1 a.jpg | jq -r .name)" a
	is "$(validate -p anam a.jpg | jq -r '.name | length >= 3')" true
	is "$(validate -p anam yyy*.jpg | jq -r '.name | length')" 50
	is "$(validate -p loom a.jpg | jq -r .name)" null
	is "$(problems -p anam '{"file":"a.jpg","name":"xy"}')" name_too_short
	is "$(problems -p anam '{"file":"a.jpg","name":"Ánn"}')" ""
	is "$(jq -r .name out)" "Ánn"
}

@test "options: of all the provider's operations, by type, the record's own first" {
	faces a.jpg=1280x720
	is "$(problems -p loom -O random=31 a.jpg)" option_invalid
	is "$(problems -p loom -O random=30 -O background_color=#fff a.jpg)" ""
	is "$(problems -p loom -O nonsense a.jpg)" option_unknown
	is "$(problems -p argil '{"file":"a.jpg","options":{"zoom":"big"}}')" option_invalid
	validate -p loom -O random=2 '{"file":"a.jpg","options":{"random":1}}' >out
	is "$(jq -c .options.random out)" 1
}

@test "URLs" {
	is "$(problems -p argil '{"url":"https://example.org/a.jpg"}')" ""
	is "$(problems -p argil '{"url":"http://example.org/a.jpg"}')" url_refused
	is "$(problems -p anam '{"url":"http://example.org/a.jpg"}')" ""
	is "$(problems -p loom '{"url":"https://example.org/a.jpg"}')" url_refused
	run -65 validate -p loom '{"name":"nothing"}'
	[[ $output == *'"code":"no_photo"'* ]]
}

@test "--quick only reads the header" {
	faces a.png=1280x720
	head -c 3000 a.png >cut.png
	validate --quick -p avtr1 cut.png >out
	is "$(jq -c '[.image.width, .image.sha256]' out)" '[1280,null]'
	run -65 validate -p avtr1 cut.png
	printf x >no.png
	run -65 validate --quick -p avtr1 no.png
}

@test "--max-pixels" {
	faces a.jpg=1000x1000
	is "$(problems --max-pixels 999999 -p avtr1 a.jpg)" too_many_pixels
	is "$(problems --max-pixels 1000000 -p avtr1 a.jpg)" ""
}

@test "-p fans out, a record's own provider wins, AV_PROVIDER is the default" {
	faces a.jpg=1280x720
	is "$(validate -k -p argil,loom a.jpg '{"file":"a.jpg","provider":"avtr1"}' | jq -r .provider | xargs)" \
		"argil loom avtr1"
	is "$(AV_PROVIDER=anam validate a.jpg | jq -r .provider)" anam
	is "$(AV_PROVIDER=anam validate -p avtr1 a.jpg | jq -r .provider)" avtr1
	is "$(validate -p protoface a.jpg | jq -r '[.error, .image.width] | tostring')" '[null,1280]'
	is "$(validate a.jpg | jq -c '[.provider, .image.width]')" '[null,1280]'
	run -78 validate '{"file":"a.jpg","provider":"nobody"}'
	[[ $output == *'"code":"unknown_provider"'* ]]
}

@test "-p all is every provider, also the user's own" {
	faces ann.jpg=640x480
	mkdir -p "$XDG_CONFIG_HOME/avtools/providers"
	example >"$XDG_CONFIG_HOME/avtools/providers/acme.json"
	run -65 --separate-stderr av-validate -k -p all ann.jpg
	is "$(jq -r '.provider + (if .error then " refused" else "" end)' <<<"$output" | xargs)" \
		"$(av-provider list | jq -r .name | sed -E 's/^(argil|avatarsdk|liveavatar|runway|simli|tavus)$/& refused/' | xargs)"
	is "$(AV_PROVIDER=all av-validate -k ann.jpg 2>/dev/null | jq -c 'del(.image)')" "$(jq -c 'del(.image)' <<<"$output")"
	is "$(av-validate -p all <<<'{"file":"ann.jpg","provider":"anam"}' | jq -r .provider)" anam
	# what sends knows no such name
	run --separate-stderr av-upload -p all --dry-run ann.jpg
	[[ $stderr == *"unknown provider 'all'"* ]]
}

@test "lines: paths, NUL-ended paths, records, and malformed ones" {
	faces a.jpg=64x48 $'b\nc.jpg=64x48' '{d.jpg=64x48' ' e.jpg=64x48'
	printf 'a.jpg\0b\nc.jpg\0' | validate -k -0 -p avtr1 >out
	is "$(of out 'map(.file)')" '["a.jpg","b\nc.jpg"]'
	validate -k -p avtr1 ./{d.jpg ' e.jpg' >out
	is "$(of out 'map(.file)')" '["./{d.jpg"," e.jpg"]'
	printf '{"file": "a.jpg" , "mine":1.10,"mine":[12345678901234567890]}\n' |
		validate -p avtr1 >out
	grep -qF '"mine":1.10,"mine":[12345678901234567890]' out
	cp a.jpg $'\377.jpg'
	run -65 validate -k -p avtr1 $'\377.jpg' '{"a":1,}' '["a"]' a.jpg '{"ACCESS_TOKEN":1}' \
		'{"x":{"access_token":"marked-secret"}}'
	printf '%s\n' "$output" | grep '^{' >out
	is "$(of out 'map(.error.code)[0:2]')" '["path_not_utf8","invalid_record"]'
	is "$(of out length)" 6
	[[ $output != *marked-secret* ]]
	is "$(tail -n 1 out | jq -r .error.code)" secret_in_record
	check_schema out
}

@test "failed and finished records pass byte for byte" {
	printf '%s\n' '{"file":"x" ,"error":{"step":"upload","code":"refused","message":"m","retryable":false}}' \
		'{"file":"x","provider":"anam","avatar":{"id":"1"}, "n":1e400}' >in
	run -65 validate -k -p avtr1 <in
	is "$output" "$(cat in)"
	run -0 validate -k -p avtr1 --exit-zero <in
	is "$output" "$(cat in)"
}

@test "exit statuses: 65, 74, 66 and --exit-zero" {
	faces a.jpg=64x48
	run -0 validate -p avtr1 a.jpg
	run -65 validate -p argil a.jpg
	run -0 validate --exit-zero -p argil a.jpg
	run -74 bash -c 'av-validate -p avtr1 a.jpg >/dev/full'
	run -0 bash -c 'seq 100000 | sed "s/.*/a.jpg/" | av-validate -p avtr1 | head -n 1 >first; [ "${PIPESTATUS[2]}" -eq 141 ]'
	is "$(wc -l <first)" 1
}

@test "the most severe of several errors decides the exit status" {
	declare -A error=([78]='"state_unusable","retryable":true' [77]='"unauthorized","retryable":true'
		[75]='"network","retryable":true' [65]='"photo_refused"')
	statuses=(78 77 75 65)
	for i in 0 1 2 3; do
		for k in 0 1 2 3; do
			for n in $i $k; do
				printf '{"error":{"step":"x","code":%s,"message":"x"}}\n' "${error[${statuses[n]}]}"
			done >in
			run -"${statuses[i < k ? i : k]}" av-validate <in
		done
	done
	# error.retryable decides where the code does not, also for a code that no program knows.
	run -65 av-validate <<<'{"error":{"step":"x","code":"network","message":"x","retryable":false}}'
	run -75 av-validate <<<'{"error":{"step":"x","code":"other","message":"x","retryable":true}}'
}

@test "--name-from dir names avatars after folders; such a name is not paid for twice" {
	mkdir -p "people/Ann B. Lee" .hidden
	faces 'people/Ann B. Lee/front.jpg=640x480' bob.jpg=640x480
	cp bob.jpg .hidden/x.jpg
	is "$(av-validate -k -p anam --name-from dir people/*/* bob.jpg ./bob.jpg .hidden/x.jpg 2>/dev/null | jq -c '[.name, .name_from]')" \
		'["Ann B. Lee","people/Ann B. Lee/"]
["bob","bob.jpg"]
["bob","./bob.jpg"]
[".hidden",".hidden/"]'
	printf '%s\n' https://example.com/ann/1.jpg?s=a/b https://example.com/bob.jpg |
		av-validate -k -p argil --name-from dir | jq -r .name >names
	is "$(cat names)" $'ann\nbob'
	run -64 av-validate --name-from folder bob.jpg
	# the name is no part of what is asked for: the same request without --name-from is in the ledger
	box
	av-validate -p anam --name-from dir people/*/* | av-upload >out
	is "$(jq -c '[.avatar.name, .avatar.reused, .steps[-1].cost.charged]' out)" '["Ann B. Lee",null,"yes"]'
	av-validate -p anam people/*/* | av-upload >again
	is "$(jq -c '[.avatar.id, .avatar.reused, .steps[-1].cost.charged]' again)" "[$(jq -c .avatar.id out),true,\"no\"]"
	is "$(stat .anam.creates)" 1
}
