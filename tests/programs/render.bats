#!/usr/bin/env bats
# av-render: kinds, file names, paying once, and a media host with faults.

load helper

render() {
	limit 60 av-render --interval 0.05s "$@"
}

# ready PROVIDER N: makes N ready avatars; records in ready.jsonl
ready() {
	photos "$2" 1280x720
	limit 60 av-upload -k -p "$1" -j 8 photos/* | limit 60 av-poll --interval 0.05s -k >ready.jsonl
}

files() {
	(cd "${1:-out}" 2>/dev/null && find . -type f | sort | tr '\n' ' ')
}

@test "help and version on stdout; usage errors on stderr, exit status 64" {
	check_usage av-render --ask --nonsense "--watch 0" "--timeout x" "-r" "--max-creates 1"
	run -78 --separate-stderr av-render -p nobody x
	[[ $output == *'"code":"unknown_provider"'* && $stderr == *nobody* ]]
}

@test "defaults: the pictures that come with the avatar for free" {
	for provider in "${SERVICES[@]}"; do
		box
		ready "$provider" 2
		CHARGES=$(stat ".$provider.charges")
		render -o "out.$provider" <ready.jsonl >done
		is "$(codes done)" "2 ready"
		is "$(stat ".$provider.charges")" "$CHARGES"
		check_schema done
		check_sandbox
		end_box
	done
	is "$(files out.loom)" "./001.loom.preview.png ./002.loom.preview.png "
	is "$(files out.anam)" "./001.anam.still.png ./002.anam.still.png "
	is "$(files out.avtr1)" ""
	is "$(files out.argil)" "./001.argil.cover.jpg ./002.argil.cover.jpg "
}

@test "--pose hi is -r pose=hi, for any kind; sizes and colours reach the picture" {
	box
	ready loom 1
	render --pose hi --animation wave -r gltf -O size=96 -O background_color=#00ff00 -o out \
		<ready.jsonl >done
	is "$(files)" "./001.loom.animation-wave.gif ./001.loom.gltf.gltf ./001.loom.pose-hi.png "
	is "$(of done '[.[0].renderings[] | [.kind, .value, .status]]')" \
		'[["pose","hi","ready"],["animation","wave","ready"],["gltf",null,"ready"]]'
	[[ $(file -b out/001.loom.pose-hi.png) == "PNG image data, 96 x "* ]]
	python3 - <<-'END'
		import struct, zlib
		data = open("out/001.loom.pose-hi.png", "rb").read()
		w, h, depth, kind = struct.unpack(">IIBB", data[16:26])
		at, raw = 8, b""
		while at < len(data):
		    n, = struct.unpack(">I", data[at:at + 4])
		    if data[at + 4:at + 8] == b"IDAT":
		        raw += data[at + 8:at + 8 + n]
		    at += n + 12
		rows = zlib.decompress(raw)
		n = {2: 3, 6: 4}[kind]
		# No filter changes the first pixel of the first row.
		assert rows[1:4] == b"\x00\xff\x00", rows[1:4]
	END
	jq -e . out/001.loom.gltf.gltf >/dev/null
	check_schema done
	check_sandbox
}

@test "a kind that is not offered: an error by name, none by default" {
	box
	ready avtr1 1
	run -65 render -r pose=hi -o out <ready.jsonl
	[[ $output == *'"code":"not_offered"'* ]]
	run -65 render -r pose,still -o out <ready.jsonl
	[[ $output == *"offers no rendering 'pose,still'"*"give each with an -r of its own"* ]]
	render -o out <ready.jsonl >done
	cmp done ready.jsonl
	is "$(stat .avtr1.violations_count)" 0
}

@test "options are checked before anything is sent" {
	box
	ready argil 1
	for wrong in "-O text=" "-O zoom=9 -O text=x" "-O aspectRatio=1:1 -O text=x" ""; do
		echo "$wrong"
		run -65 render -r video $wrong -o out <ready.jsonl
		[[ $output == *'"error":{'* ]]
	done
	[[ $output == *'-O text=VALUE'* ]]
	for kind in '-r cover' '-r cover -r thumbnail' ''; do
		run -65 render $kind -O text=Hello -o out <ready.jsonl
		[[ $output == *'"code":"option_unknown"'*'-O text;'* ]]
	done
	jq -c '.options = {extras: {job: "j1"}, text: "Hello"}' ready.jsonl | render -r cover -o out
	is "$(stat .argil.videos)" 0
	ready loom 1
	run ! render -r pose=hi -O solve=true -o out <ready.jsonl
	run ! render -r pose=hi -O background_color=green -o out <ready.jsonl
	run ! render -r pose -o out <ready.jsonl
	is "$(stat .loom.renderings)" 0
}

@test "no avatar, an unready avatar, bare ids, malformed records" {
	box --ready-after 600000
	photos 1
	limit 60 av-upload -p loom photos/001.jpg >made
	run -75 render -r pose=hi -o out <made
	[[ $output == *'"code":"avatar_not_ready"'*'"retryable":true'* ]]
	run -65 render -k -p loom -o out '{"file":"x"}' '{"no'
	printf '%s\n' "$output" | grep '^{' >out.jsonl
	is "$(of out.jsonl 'map(.error.code)')" '["no_avatar","invalid_record"]'
	check_schema out.jsonl
	box
	ready anam 1
	ID=$(jq -r .avatar.id ready.jsonl)
	render -p anam -o out "$ID" >done
	is "$(jq -c '[.avatar.id, .renderings[0].status]' done)" "[\"$ID\",\"ready\"]"
	is "$(find out -type f | wc -l)" 1
}

@test "paid once: again, in another order, by other processes" {
	box
	ready loom 3
	render -r pose=hi -r pose=kiss -o out <ready.jsonl >a
	render -r pose=kiss -r pose=hi -o out <ready.jsonl >b
	is "$(stat .loom.renderings)" 6
	is "$(of b '[.[].renderings[].reused] | unique')" '[true]'
	render -r pose=hi -r pose=kiss -o out <a >c
	cmp a c
	render -r pose=hi -O size=50 -o small <ready.jsonl >d
	is "$(stat .loom.renderings)" 9
	ready argil 2
	render -r video -O text=Hi -o out <ready.jsonl >e
	render -r video -O text=Hi -o out <ready.jsonl >f
	render -r video -O text=Other -o other <ready.jsonl >g
	is "$(stat '.argil | [.videos, .video_renders]')" '[4,4]'
	check_schema a b d e f g
	check_sandbox
}

@test "--ask, av-poll, av-render: requested once, fetched later" {
	set_lags 0.5
	for spec in "loom -r pose=hi" "argil -r video -O text=Hi"; do
		set -- $spec
		box --render-after 300
		ready "$1" 2
		render --ask "${@:2}" <ready.jsonl >asked
		is "$(of asked '[.[].renderings[].status] | unique')" '["processing"]'
		[ ! -e out ]
		limit 60 av-poll --interval 0.05s <asked >polled
		is "$(of polled '[.[].renderings[].status] | unique')" '["ready"]'
		CHARGES=$(stat ".$1.charges")
		render "${@:2}" -o out <polled >done
		is "$(of done '[.[].renderings[] | .file != null] | unique')" '[true]'
		is "$(find out -type f | wc -l)" 2
		is "$(stat ".$1.charges")" "$CHARGES"
		check_schema asked polled done
		check_sandbox
		rm -rf out state/*
		end_box
	done
}

@test "without -r: fetches earlier renderings and requests none" {
	box
	ready argil 3
	render -k --ask -r video -O text=Hi <ready.jsonl >asked
	charges=$(stat .argil.charges)
	# One is processing, one was never sent, one has failed.
	jq -c 'if .file | test("002") then .renderings[0] |= del(.id, .status)
		elif .file | test("003") then .renderings[0].status = "failed" else . end' asked >before
	render -k -o out <before >done
	is "$(jq -c '[.error, (.renderings[] | .status, .file)]' done | tr '\n' ' ')" \
		'[null,"ready","out/001.argil.video.mp4","ready","out/001.argil.cover.jpg"] [null,null,null,"ready","out/002.argil.cover.jpg"] [null,"failed",null,"ready","out/003.argil.cover.jpg"] '
	is "$(stat .argil.charges)" "$charges"
	# A finished record has nothing to do; -r fetches only that kind.
	render -k -o out <done | cmp - done
	render -k -r thumbnail -o other <before >named
	is "$(files other)" './001.argil.thumbnail.jpg ./002.argil.thumbnail.jpg ./003.argil.thumbnail.jpg '
	is "$(stat .argil.charges)" "$charges"
	check_schema done named
	check_sandbox
}

@test "a template names files, never outside the directory" {
	box
	photos 1
	jq -nc '{file:"photos/001.jpg",provider:"anam",name:"../../evil/\u0007..x"}' |
		limit 60 av-upload | limit 60 av-poll >ready.jsonl
	render -o 'sub/{name}-{stem}-{provider}-{kind}.{ext}' <ready.jsonl >done
	FILE=$(jq -r '.renderings[0].file' done)
	[[ $FILE == sub/* && ${FILE#sub/} != */* ]]
	[ -f "$FILE" ]
	is "$(find . -name '*evil*' | wc -l)" 1
	jq -c '.file = "../../../outside.jpg"' ready.jsonl | render -o out2 >done
	[[ $(jq -r '.renderings[0].file' done) == out2/outside.anam.still.png ]]
	jq -c '.file = "/.."' ready.jsonl | render -o out3 >done
	FILE=$(jq -r '.renderings[0].file' done)
	[[ $FILE == out3/* && ${FILE#out3/} != */* ]]
	is "$(realpath "$FILE")" "$(realpath out3)/$(basename "$FILE")"
}

@test "target_taken: two records of a run, or an existing file; --force" {
	box
	ready anam 2
	jq -c '.file = "same.jpg"' ready.jsonl >same
	run -65 render -o out <same
	printf '%s\n' "$output" | grep '^{' >done
	is "$(codes done)" "1 ready, 1 target_taken"
	[[ $(jq -r '.error.message // empty' done) == *"same photo"*"-o 'out/{stem}.{id}.{provider}.{kind}.{ext}'" ]]
	jq -c --slurp '.[0].file = "/x/front.jpg" | .[1] |= del(.file) + {url: "https://h.example/x/front.png?a=/b"} | .[]' ready.jsonl >front
	run -65 render -o fronts <front
	BETTER=$(printf '%s\n' "$output" | grep '^{' | jq -r '.error.message // empty | capture("-o .(?<o>[^\u0027]*)").o')
	render -k -o "$BETTER" <front >done
	is "$(of done 'map(.renderings[0].file)')" \
		'["fronts/x/front.jpg.anam.still.png","fronts/h.example/x/front.png.anam.still.png"]'
	printf other >out/001.anam.still.png
	run -65 render -o out <ready.jsonl
	printf '%s\n' "$output" | grep '^{' >done
	is "$(codes done)" "1 ready, 1 target_taken"
	is "$(cat out/001.anam.still.png)" other
	# The same bytes are no conflict.
	jq -c 'select(.file == "photos/002.jpg")' ready.jsonl | render -o out >done
	is "$(codes done)" "1 ready"
	render --force -o out <ready.jsonl >done
	is "$(codes done)" "2 ready"
	[[ $(file -b out/001.anam.still.png) == PNG* ]]
	check_schema done
}

@test "an unwritable directory: its own error, no file, retryable" {
	box
	ready anam 1
	run render -o /proc/none <ready.jsonl
	[ "$status" -ne 0 ]
	[[ $output == *target_unwritable*'"retryable":true'* ]]
	run -74 bash -c 'av-render -o out <ready.jsonl >/dev/full'
}

@test "a faulty media host: downloads resume or restart, and are complete" {
	box --fault media-truncated#1 --fault media-lost#2 --fault media-500#3 --fault media-reset#4 \
		--fault media-503#5 --retry-after 1 --trace trace
	ready argil 3
	render -r video -r cover -O text=Hi -j 2 -o out <ready.jsonl >done
	is "$(codes done)" "3 ready"
	jq -r '.renderings[] | "\(.sha256)  \(.file)"' done >sums
	sha256sum --quiet -c sums
	for f in out/*.mp4; do
		file -b "$f" | grep -q MP4
		cmp "$f" out/001.argil.video.mp4 || true
	done
	is "$(find out -type f | wc -l)" 6
	is "$(stat '[.[].faults // {} | keys[] | select(startswith("media"))] | unique | length')" 5
	# Every Range comes with an If-Range.
	is "$(jq -sc '[.[].headers | map(ascii_downcase) | select(index("range")) | index("if-range") != null]' trace)" \
		'[true]'
}

@test "a media host that sends other data: fetched again, never kept" {
	box --fault media-garbage#1
	ready anam 1
	render -o out <ready.jsonl >done
	is "$(codes done)" "1 ready"
	is "$(stat .anam.media_requests)" 2
	end_box
	rm -rf out state/*
	box --fault media-garbage=1
	ready anam 1
	run -75 --separate-stderr render -o out <ready.jsonl
	printf '%s\n' "$output" >done
	is "$(of done 'map([.error.code, .error.retryable])')" '[["download_failed",true]]'
	is "$(files)" ""
	is "$(stat .anam.media_requests)" 4
	check_schema done
}

@test "killed during a download: no partial file, the same command fetches it" {
	local signal
	for signal in KILL TERM; do
		box --fault media-stall-body#1
		ready argil 1
		av-render --interval 0.05s -r video -O text=Hi -o out <ready.jsonl >part 3>&- &
		RENDER=$!
		half() { [ -s out/.001.argil.video._.part ] && echo yes; }
		until_is yes half
		is "$(files)" "./.001.argil.video._.part "
		kill -"$signal" "$RENDER"
		wait "$RENDER" || true
		if [ "$signal" = KILL ]; then
			is "$(cat part)" ""
		else
			is "$(of part '[.[].error.code]')" '["interrupted"]'
			is "$(files)" ""
		fi
		render -r video -O text=Hi -o out <ready.jsonl >done
		is "$(codes done)" "1 ready"
		is "$(files)" "./001.argil.video.mp4 "
		jq -r '.renderings[] | "\(.sha256)  \(.file)"' done | sha256sum --quiet -c
		is "$(stat '.argil | [.videos, .video_renders]')" '[1,1]'
		check_sandbox
		end_box
		rm -rf out state/*
	done
}

@test "a full disk during a download: no file, no part, retryable" {
	own_mounts
	mkdir out
	box
	ready argil 1
	"${OWN[@]}" bash -euc '
		mount -t tmpfs -o size=64k none out
		head -c 60000 /dev/zero >out/filler
		run() {
			timeout -k 5 60 av-render --interval 0.05s -r video -O text=Hi -o out --exit-zero "$@"
		}
		run <ready.jsonl >full
		ls -A out >left
		rm out/filler
		run --retry-failed <full >done
		ls -A out >kept
		jq -r ".renderings[] | \"\(.sha256)  \(.file)\"" done | sha256sum --quiet -c
	'
	is "$(of full 'map([.error.code, .error.retryable])')" '[["target_unwritable",true]]'
	is "$(cat left)" filler
	is "$(codes done)" "1 ready"
	is "$(cat kept)" 001.argil.video.mp4
	is "$(stat '.argil | [.videos, .video_renders]')" '[1,1]'
	check_schema full done
}

@test "a media host that never completes: download_failed, no partial file" {
	box --fault media-truncated=1
	ready anam 2
	run -75 render --timeout 3 -o out <ready.jsonl
	printf '%s\n' "$output" | grep '^{' >done
	is "$(of done 'map([.error.code, .error.retryable]) | unique')" '[["download_failed",true]]'
	is "$(find out -name '*.png' 2>/dev/null | wc -l)" 0
	check_schema done
}

@test "an expired URL is requested again" {
	box --url-life 1
	ready argil 1
	render --ask -r video -O text=Hi <ready.jsonl | limit 60 av-poll --interval 0.05s >polled
	# Until the sandbox says that the URL has expired.
	OLD=$(jq -r '.avatar.preview_url' polled)
	gone() { curl -s -o /dev/null -w '%{http_code}' "$OLD"; }
	until_is 403 gone || until_is 410 gone
	render -r video -r cover -O text=Hi -o out <polled >done
	is "$(codes done)" "1 ready"
	is "$(find out -type f | wc -l)" 2
	is "$(stat '.argil | [.videos, .video_renders]')" '[1,1]'
}

@test "an expired URL is requested again once, not twice" {
	local fault
	for fault in "#1 1 ready" "=1 1 download_failed"; do
		box --fault "media-403${fault%% *}"
		ready argil 1
		render --ask -r video -O text=Hi <ready.jsonl | limit 60 av-poll --interval 0.05s >polled
		curl -sf "${STATS%/_stats}/_reset" -X POST
		render --exit-zero -r video -O text=Hi -o out <polled >done
		is "$(codes done)" "${fault#* }"
		is "$(stat '.argil | [.media_requests, .polls]')" '[2,2]'
		end_box
		rm -rf out state/*
	done
}

@test "a rendering whose answer is lost is never requested twice" {
	set_lags 0.5
	for spec in "loom -r pose=hi" "argil -r video -O text=Hi"; do
		set -- $spec
		for fault in lost-after truncated garbage 500-after; do
			echo "$1 $fault"
			box
			ready "$1" 1
			end_box
			rm -rf state/*
			box --fault "$fault@$1#2"
			ready "$1" 1
			render --exit-zero "${@:2}" -o out <ready.jsonl >a
			render --exit-zero "${@:2}" -o out <ready.jsonl >b
			is "$(stat ".$1 | [.duplicates_count, (.renderings + .videos)]")" '[0,1]'
			[[ $(codes b) =~ ^1\ (ready|outcome_unknown)$ ]]
			end_box
			rm -rf state/* out
			check_schema a b
		done
	done
}

@test "SIGTERM: all records are written, requests stay in the ledger" {
	box --render-after 600000 --delay 20
	ready loom 15
	av-render --interval 0.05s -j 2 -r pose=hi -o out <ready.jsonl >part 3>&- &
	RENDER=$!
	some() { [ "$(stat .loom.renderings)" -ge 3 ] && echo yes; }
	until_is yes some
	kill "$RENDER"
	CODE=0
	wait "$RENDER" || CODE=$?
	is "$CODE" 143
	is "$(wc -l <part)" 15
	is "$(of part 'map(.error.code) | unique')" '["interrupted"]'
	check_schema part
	render --exit-zero --timeout 1 --retry-failed -r pose=hi -o out <part >again
	is "$(stat '.loom | [.renderings, .duplicates_count]')" '[15,0]'
}

@test "an unusable state directory or ledger: each record comes out, what is free still works" {
	box
	ready argil,loom 1
	touch file
	charges=$(stat .loom.charges)
	XDG_STATE_HOME=$PWD/file run -0 --separate-stderr av-poll -p argil \
		"$(jq -r 'select(.provider == "argil").avatar.id' ready.jsonl)"
	is "$(jq -r .avatar.status <<<"$output")" ready
	[[ $stderr == *"not shared"* ]]
	# Loom needs a directory for its token, the cover of Argil needs nothing.
	XDG_STATE_HOME=$PWD/file run -78 --separate-stderr av-render -o out <ready.jsonl
	is "$(jq -c '[.provider, .error.code]' <<<"$output" | sort)" $'["argil",null]\n["loom","state_unusable"]'
	# A pose is paid for, a preview is not.
	grep '"loom"' ready.jsonl >loom.jsonl
	run -78 --separate-stderr av-render --ledger file/x -o out -r pose=hi <loom.jsonl
	is "$(jq -c '[.error.code, .error.created]' <<<"$output")" '["state_unusable","no"]'
	[[ $stderr == "av-render: no paid request is sent: "* ]]
	run -0 --separate-stderr av-render --ledger file/x -o out -r preview <loom.jsonl
	is "$(stat .loom.charges)" "$charges"
	is "$(files)" "./001.argil.cover.jpg ./001.loom.preview.png "
}

# same_names: the files and URLs of stdin's records that have the finding
same_names() {
	jq -c 'select(.image.warnings[]?.code == "same_file_name") | .file // .url'
}

@test "photos whose files av-render would name the same are told before anything is paid" {
	local template="out/{dir}/{stem}.{source_ext}.{provider}.{kind}.{ext}" line
	mkdir -p DCIM/100 DCIM/101
	faces DCIM/100/IMG_1.jpg=640x480 bob.jpg=640x480 small.jpg=8x8
	cp bob.jpg DCIM/101/IMG_1.jpg
	cp small.jpg DCIM/small.jpg
	for line in "-k" "--decode" "-j 1" "-j 8"; do
		av-validate $line -p anam DCIM/100/IMG_1.jpg bob.jpg DCIM/101/IMG_1.jpg >out 2>err
		is "$(same_names <out)" '"DCIM/101/IMG_1.jpg"'
		is "$(<err)" "av-validate: 1 record has the file names of earlier ones, such as IMG_1.anam.*; keep them apart: av-render -o '$template'"
	done
	check_schema out
	# also records, records that have an avatar, URLs and other names of a provider; neither refused
	# photos nor other providers
	is "$(printf '%s\n' '{"file":"x/a.jpg","provider":"anam","avatar":{"id":"1"}}' '{"file":"bob.jpg","provider":"loom"}' \
		'{"url":"https://example.com/1/a.jpg","provider":"argil"}' '{"url":"https://example.com/2/a.jpg","provider":"argil"}' \
		'{"file":"DCIM/100/IMG_1.jpg","provider":"avtr1"}' '{"file":"DCIM/101/IMG_1.jpg","provider":"protoface"}' \
		DCIM/small.jpg small.jpg bob.jpg | av-validate -q -k -j 1 -p argil --exit-zero | same_names | tr '\n' ' ')" \
		'"https://example.com/2/a.jpg" "DCIM/101/IMG_1.jpg" '
	# the template that the finding names is enough
	box
	faces DCIM/100/IMG_1.jpg=1280x720
	cp DCIM/100/IMG_1.jpg DCIM/101/IMG_1.jpg
	printf x >>DCIM/101/IMG_1.jpg
	av-validate -p argil DCIM/*/*.jpg 2>/dev/null | av-upload | av-poll >made
	rm out
	run -65 av-render -o same <made
	av-render -o "$template" <made | jq -r '.renderings[].file' | sort -u >files
	is "$(wc -l <files)" "$(xargs ls <files | wc -l)"
	is "$(cut -d/ -f 1-3 files | sort -u)" $'out/DCIM/100\nout/DCIM/101'
}

@test "of 1,000 photos in any order of the workers, the same ones have the names of others" {
	mkdir -p {0..9}
	faces a.jpg=640x480 b.jpg=1280x960
	for i in {0..999}; do ln "$([ $((i % 3)) = 0 ] && echo a.jpg || echo b.jpg)" "$((i / 100))/$((i % 100 + i / 500)).jpg"; done
	find ? -name '*.jpg' | sort -R --random-source=a.jpg >list
	awk -F/ 'seen[$2]++ {printf "\"%s\"\n", $0}' list | sort >wanted
	for i in 1 2 3 4 5; do
		av-validate -j 8 -p anam <list 2>err >out
		is "$(wc -l <out)" 1000
		same_names <out | sort | cmp - wanted
		[ "$i" = 1 ] || cmp err before
		cp err before
	done
	is "$(wc -l <err)" 1
	is "$(grep -o '^av-validate: [0-9]* records' err)" "av-validate: $(wc -l <wanted) records"
}
