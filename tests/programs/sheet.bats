#!/usr/bin/env bats
# av-sheet: its page, looked at in Chromium with axe-core (tests/browser/sheet.mjs). The browser
# starts once for the whole file. Boxes are compared rather than pixels: nothing may reach out of the
# window at any width.

load helper

setup_file() {
	cd "$BATS_FILE_TMPDIR" || return
	export XDG_STATE_HOME=$PWD/state XDG_CONFIG_HOME=$PWD/config SEEN=$PWD/seen PAGES=$PWD
	mkdir -p state config
	run_page
	many_page
	hostile_page
	if [ -d "$TESTS/browser/node_modules/axe-core" ] && command -v chromium >/dev/null; then
		(cd "$TESTS/browser" && timeout $((60 * AV_SLOW)) node sheet.mjs "$PAGES") >seen 2>seen.err || cat seen.err >&2
	fi
}

# run.html: a real run, and records in the other states
run_page() {
	mkdir photos
	faces photos/ann.jpg=1280x720 photos/ben.png=1080x1920 photos/wide.jpg=1440x900
	head -c 9000 photos/ann.jpg >photos/cut.jpg
	echo '<html>' >photos/text.jpg
	av-sandbox --ready-after 50 --render-after 50 --rate loom=0 -- sh -c '
		av-validate -p argil,loom photos/* | av-upload --exit-zero | av-poll --exit-zero |
			av-render --exit-zero -o out' >done.jsonl
	jq -nc '
		{file: "photos/b.jpg", provider: "loom", error: {step: "upload", code: "network", message: "cannot reach it", retryable: true}},
		{file: "photos/c.jpg", provider: "loom", error: {step: "upload", code: "outcome_unknown", message: "lost", retryable: false, created: "unknown"}},
		{file: "photos/d.jpg", provider: "loom", avatar: {id: "7", status: "processing"}}' >>done.jsonl
	av-sheet -o run.html --title "Portraits & more" done.jsonl
}

# many.html: 10,000 records with pictures
many_page() {
	jq -nc 'range(10000) | {file: "photo-\("0000\(.)"[-5:]).jpg", provider: "argil", avatar: {id: "\(.)", status: "ready"},
		renderings: [{kind: "cover", status: "ready", type: "image/jpeg", file: "photos/\(if . % 2 == 0 then "ann.jpg" else "ben.png" end)"}]}' >many.jsonl
	# only the results have a file; av-fit need not look for the others
	av-sheet many.jsonl 2>/dev/null >many.html
}

hostile_page() {
	jq -nc --arg long "$(printf 'x%.0s' {1..10000})" '
		def attack: "<script>window.pwned=1</script>", "\"><img src=x onerror=window.pwned=2>", "</script><script>window.pwned=3</script>",
			"javascript:window.pwned=4//", "//evil.example/x.jpg", "\\\\evil.example\\x", "data:text/html,<script>window.pwned=5</script>",
			"a\u202egpj.exe\u2028\u0000\u001b[2J", "]]><!--", "__proto__", "constructor", "{{7*7}}", "&lt;b&gt;", $long, ($long | gsub("x"; "x ")),
			"http://127.0.0.1:9/photo.jpg", "photos/ann.jpg\" onclick=\"window.pwned=6", "";
		attack as $a
		| {file: $a, provider: "argil", error: {code: $a, message: $a, retryable: false}},
		  {url: $a, provider: $a, name: $a, avatar: {id: $a, status: "ready", preview_url: $a},
		   renderings: [{kind: $a, value: $a, status: "ready", url: $a, type: "image/jpeg"}, {kind: $a, file: $a, type: $a, error: {message: $a}}]},
		  {file: $a, provider: "argil", error: {code: "photo_refused", message: $a, retryable: false,
		   problems: [{code: $a, severity: "refused", message: $a, wanted: $a, fix: $a}]}, steps: [{step: $a, run: $a, cost: {amount: 1, unit: $a, charged: "yes"}, key: $a}]}' >hostile.jsonl
	printf 'not a record </script>\n{"file":"\xff\xfe<b>"}\n' >>hostile.jsonl
	av-sheet -o hostile.html --title '</title></style><script>window.pwned=7</script>' hostile.jsonl 2>/dev/null
}

setup() {
	cd "$PAGES" || return
}

# saw EXPRESSION: of what the browser saw
saw() {
	[ -d "$TESTS/browser/node_modules/axe-core" ] || skip "axe-core is not installed: make check-deps gets it from npm"
	command -v chromium >/dev/null || skip "chromium is not installed"
	jq -c "$1" "$SEEN"
}

@test "the page asks for nothing, opens nothing and reports no error" {
	saw . >/dev/null
	is "$(saw .requests)" '[]'
	is "$(saw .errors)" '[]'
	is "$(grep -oE '(src|href)="[^"]*"' run.html | sort -u)" 'href="#photos"'
}

@test "three widths, light and dark: nothing reaches out of the window" {
	saw . >/dev/null
	is "$(saw '[.views[].overflow] | add')" '[]'
	is "$(saw '[.views[] | [.width, .columns]] | unique')" '[[390,1],[768,2],[1280,3]]'
	is "$(saw '[.views[] | [.colorScheme, .background]] | unique | length')" 2
}

@test "axe-core finds no violation in either scheme" {
	saw . >/dev/null
	is "$(saw '[.views[].violations // []] | add')" '[]'
}

@test "headline, commands, and cards with failures first and pictures that load" {
	saw . >/dev/null
	is "$(saw '[.lang, .heading]')" '["en","5 of 13 avatars ready"]'
	is "$(saw .headings)" '["H1","H2","H3"]'
	is "$(saw '[.states | group_by(.)[] | [.[0], length]]')" \
		'[["decide",1],["failed",5],["ready",5],["retry",1],["waiting",1]]'
	is "$(saw '.states[:8]')" '["failed","failed","failed","failed","failed","decide","retry","waiting"]'
	saw '.commands' | grep -F 'av-fit -o fitted <done.jsonl | av-validate | av-upload | av-poll | av-render -o out'
	is "$(saw '[.pictures[] | .[1]] | unique')" '[true]'
	saw '[.pictures[][0]]' | grep -F '"photo cut.jpg"'
	saw '[.pictures[][0]]' | grep -F '"cover of ann.jpg, by argil"'
	saw .links | grep -F '"out/ann.argil.cover.jpg"'
}

@test "by keyboard: skip, tiles, kinds of failure, search, all, more, copy" {
	saw . >/dev/null
	is "$(saw .walk.order)" '["A Skip to the ","BUTTON ready","BUTTON retry","BUTTON decide","BUTTON failed"]'
	is "$(saw .walk.failed)" '["true","5 of 13 records","BUTTON failed"]'
	is "$(saw .walk.again)" '["false","13 records"]'
	is "$(saw .walk.kind)" '["2 of 13 records","H2 photos"]'
	is "$(saw .walk.none)" '["0 of 13 records",0]'
	is "$(saw .walk.all)" '["13 records","INPUT words"]'
	is "$(saw .walk.found)" '["b.jpg","ben.png","ben.png"]'
	is "$(saw .walk.skip)" '"H2 photos"'
	is "$(saw .walk.provider)" '["8 of 13 records",false]'
	is "$(saw .walk.copy)" '"Copied"'
}

@test "10,000 records: open, search and more within seconds" {
	saw . >/dev/null
	is "$(saw '[.many.count, .many.cards >= 60, .many.cards < 500, .many.more, .many.focus]')" \
		'["10000 records",true,true,true,"LI"]'
	[ "$(saw .many.open)" -lt $((5000 * AV_SLOW)) ]
	[ "$(saw .many.search)" -lt $((2000 * AV_SLOW)) ]
	[ "$(wc -c <many.html)" -lt 8000000 ]
}

@test "hostile records: no script runs, no link leads elsewhere, all names are shown" {
	saw . >/dev/null
	is "$(saw .hostile.run)" null
	is "$(saw .hostile.elements)" 2
	is "$(saw '[.hostile.links[]] | unique')" '["file:","http://127.0.0.1:9"]'
	is "$(saw '[.hostile.overflow, .hostile.violations]')" '[[],[]]'
	is "$(saw '.hostile.names | map(select(contains("<img src=x onerror"))) | length > 0')" true
	is "$(saw '.hostile.names | map(select(test("[\u0000-\u001f\u202e\u2028]"))) | length')" 0
	# two scripts and one style in the file itself, whatever the records hold
	is "$(grep -oiE '<(script|style|iframe|img|a )[^>]*>' hostile.html | sed 's/nonce="[^"]*"/nonce/' | sort | uniq -c | awk '{$1=$1}1')" \
		'1 <a class="skip" href="#photos">
1 <script nonce>
1 <script type="application/json" id="data">
1 <style nonce>'
}

@test "without JavaScript the headline, the table and the commands are there" {
	saw . >/dev/null
	is "$(saw .plain)" '["5 of 13 avatars ready",5,true]'
}

@test "links lead from the page to the files, wherever the page is" {
	mkdir -p "a b/c"
	av-sheet --no-pictures -o "a b/c/page.html" done.jsonl
	grep -F '"link":"../../photos/ann.jpg"' "a b/c/page.html"
	(cd "a b" && av-sheet --no-pictures -o ../page.html ../done.jsonl)
	grep -F '"link":"a%20b/photos/ann.jpg"' page.html
	jq -nc '{file: "/x/ü?#.jpg"}, {file: "//evil/x"}, {file: "javascript:x"}' | av-sheet --no-pictures >page.html
	is "$(grep -o '"link":"[^"]*"' page.html | sort | tr '\n' ' ')" \
		'"link":"/evil/x" "link":"/x/%C3%BC%3F%23.jpg" "link":"javascript%3Ax" '
}

@test "pictures: small copies, up to a size; none where av-fit is missing or not wanted" {
	grep -q '"thumbs":\[$' run.html
	[ "$(grep -c 'data:image/jpeg;base64,' run.html)" -gt 6 ]
	for option in '--max-mb 0' --no-pictures; do
		run -0 av-sheet $option done.jsonl
		[[ $output == *"5 of 13 avatars"* && $output != *data:image* ]]
	done
	mkdir -p bin
	for tool in sh jq cat sed head awk mktemp rm grep sha256sum cut realpath; do ln -sf "$(command -v $tool)" bin/; done
	PATH=$PWD/bin run -0 --separate-stderr "$(command -v av-sheet)" done.jsonl
	[[ $stderr == *"av-fit is missing"* && $output != *data:image* && $output == *"5 of 13 avatars"* ]]
	# 1 MB holds only some of 200 pictures
	mkdir -p noise
	for i in $(seq 40); do convert -size 320x320 -seed "$i" plasma:fractal +noise Gaussian -quality 99 "noise/$i.jpg"; done
	jq -nc 'range(1; 41) | {file: "noise/\(.).jpg", provider: "x"}' | av-sheet --max-mb 1 >page.html
	[ "$(grep -c 'data:image' page.html)" -lt 40 ]
	[ "$(wc -c <page.html)" -lt 1200000 ]
	grep -F 'Pictures beyond 1 MB are left out' page.html
}

@test "the same records make the same page; a later run replaces records" {
	av-sheet --title "Portraits & more" done.jsonl | cmp - run.html
	jq -nc '{file: "photos/b.jpg", provider: "loom", avatar: {id: "9", status: "ready"}}' | av-sheet --no-pictures done.jsonl - |
		grep -F '<h1>6 of 13 avatars ready</h1>'
	av-sheet </dev/null | grep -F '<h1>0 of 0 avatars ready</h1>'
}

@test "the demo mends each bad photo with the command that the page names" {
	limit 60 bash "$TESTS/demo.sh" demo >demo.out
	grep -F '23 of 32 ready' demo.out
	grep -F '32 of 32 ready' demo.out
	grep -F '32 avatars, 0 made twice, and 0 wrong requests' demo.out
	grep -F '<code><span>av-fit</span> <span>-o</span> <span>fitted</span>' demo/before.html
	grep -F '<h1>32 of 32 avatars ready</h1>' demo/index.html
}

@test "options and mistakes" {
	check_usage av-sheet --no-pictures "--nonsense" "-o" "--max-mb x" "--max-mb 1234567"
	run -66 av-sheet nothing.jsonl
	run -74 av-sheet --no-pictures -o page.html </
	run -64 av-sheet -o "$PWD" done.jsonl
	for args in "-o nowhere/page.html" "-o /dev/full"; do
		run -74 --separate-stderr av-sheet --no-pictures $args done.jsonl
		[[ $stderr == "av-sheet: cannot write "*"'${args#-o }'"* ]]
	done
	run -74 --separate-stderr env TMPDIR=nowhere "$(command -v av-sheet)" done.jsonl
	[[ $stderr == "av-sheet: cannot make a directory in 'nowhere'; "*TMPDIR=* ]]
	run -74 sh -c 'av-sheet --no-pictures done.jsonl >/dev/full'
}

@test "a full disk: no page, and the one before stays" {
	own_mounts
	# 4,000 records need more than 64 KB
	"${OWN[@]}" bash -ec 'mount -t tmpfs -o size=64k none mounted
		echo before >mounted/page.html
		for i in {1..4000}; do echo "{\"file\":\"$i\"}"; done >many
		for tmp in mounted .; do
			status=0
			TMPDIR=$tmp av-sheet --no-pictures -o mounted/page.html many 2>>full || status=$?
			[ $status -eq 74 ]
			[ "$(ls mounted) $(cat mounted/page.html)" = "page.html before" ]
		done'
	grep "^av-sheet: no room for the page; " full
	# a device is written to, and a page is for all whom the umask allows
	is "$(av-sheet --no-pictures -o /dev/stdout many | head -n 1)" "<!doctype html>"
	(umask 027; av-sheet --no-pictures -o page.html many)
	is "$(command stat -c %a page.html)" 640
}
