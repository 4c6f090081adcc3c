#!/usr/bin/env bats
# av-report: what it says about records, also about hostile ones.

load helper

# step NAME FROM TO [COST...]: an entry of steps; FROM and TO are seconds of one minute
step() {
	jq -nc --arg step "$1" --arg from "$2" --arg to "$3" --arg unit "${4-}" --argjson amount "${5-0}" \
		--arg charged "${6-}" --arg key "${7-}" --arg run "${RUN:-r1}" '
		{step: $step, run: $run, started_at: "2026-11-27T12:00:\($from)Z", finished_at: "2026-11-27T12:00:\($to)Z"}
		+ if $unit == "" then {} else
			{cost: ({amount: $amount, unit: $unit, charged: ($charged | sub("reused"; "no"))}
				+ if $charged == "reused" then {reused: true} else {} end), key: $key} end'
}

# ready FILE PROVIDER [STEP...], failed FILE PROVIDER CODE RETRYABLE [MORE]: a record
ready() {
	jq -nc --arg file "$1" --arg provider "$2" '{file: $file, provider: $provider,
		avatar: {id: "i", status: "ready"}, steps: $ARGS.positional | map(fromjson)}' --args "${@:3}"
}
failed() {
	jq -nc --arg file "$1" --arg provider "$2" --arg code "$3" --argjson retryable "$4" \
		--argjson more "${5-{\}}" '{file: $file, provider: $provider,
		error: ({step: "upload", code: $code, message: "says \($code)", retryable: $retryable} + $more)}'
}

# refused FILE CODE... : refused by av-validate for these findings
refused() {
	failed "$1" argil photo_refused false "$(jq -nc '{problems: $ARGS.positional
		| map({code: ., severity: "refused", message: "no \(.)", wanted: "better"})}' --args "${@:2}")"
}

@test "the headline counts records, money and time" {
	{
		ready a.jpg argil "$(step upload 01.000 03.000 credits 2 yes k1)" "$(step poll 03.000 05.500)"
		ready b.jpg argil "$(step upload 02.000 04.000 credits 2 reused k2)"
		ready c.jpg anam "$(step upload 30.000 31.000 avatar 1 yes k3)" "$(step render 31.000 32.250 credits/minute 160 unknown k4)"
		ready d.jpg anam "$(step upload 30.000 31.000 avatar 1 yes k5)"
		refused e.jpg aspect_refused
		failed f.jpg argil network true
		failed g.jpg argil outcome_unknown false '{"created":"unknown"}'
		failed h.jpg argil file_missing false
		jq -nc '{file: "i.jpg", provider: "argil", avatar: {id: "1", status: "processing"}}'
		jq -nc '{avatar: {id: "2", status: "ready"}, provider: "loom", renderings: [{kind: "pose", status: "processing"}]}'
	} >done.jsonl
	is "$(av-report <done.jsonl | head -1)" \
		"4 of 10 ready in 6.8 s · 2 avatars (anam) · 2 credits (argil) · 160 credits/minute (anam) unknown · 0 paid twice (1 reused) · 1 refused · 1 failed · 1 to retry · 1 to decide · 2 waiting"
	av-report --json done.jsonl >report
	"$TESTS/lint/schema-check" "$TESTS/../lib/schema/report.json" <report
	is "$(jq -c '[.started_at, .seconds, .runs, .avatars, .paid[0].amount]' report)" '["2026-11-27T12:00:01Z",6.75,1,6,2]'
	is "$(jq -c '[.slowest[] | [.file, .seconds, .step]]' report)" '[["a.jpg",4.5,"poll"],["c.jpg",2.25,"render"],["b.jpg",2,"upload"]]'
	is "$(jq -c '[.providers[] | [.provider, .ready, .records, .median_seconds]]' report)" \
		'[["anam",2,2,2.25],["argil",2,7,4.5],["loom",0,1,null]]'
	ready a.jpg argil "$(step upload 01 02 credits 1 yes k1)" | av-report | grep -F '1 credit (argil) · 0 paid twice'
	ready a.jpg argil "$(step upload 01 02 credits 2 no k1)" | av-report | grep -F '1 of 1 ready in 1 s · nothing paid · 0 paid twice'
	is "$(jq -nc '{file: "a", image: {}}' | av-report)" "1 of 1 accepted"
	is "$(av-report </dev/null)" "0 of 0 ready"
}

@test "each kind of failure has a count, a reason and a command" {
	{
		refused a.jpg aspect_refused
		refused b.jpg aspect_refused
		refused c.jpg aspect_refused truncated
		failed d.jpg argil network true
		failed d.jpg loom network true
		failed e.jpg loom not_offered false
		failed f.jpg 'x; reboot' not_offered false
		failed g.jpg loom surprise false
	} >'it'"'"'s done.jsonl'
	av-report --json it*.jsonl >report
	is "$(jq -c '[.failures[] | [.count, .code, .providers]] | sort' report)" \
		'[[1,"not_offered",["loom"]],[1,"not_offered",["x; reboot"]],[1,"surprise",["loom"]],[1,"truncated",["argil"]],[2,"aspect_refused",["argil"]],[2,"network",["argil","loom"]]]'
	is "$(jq -r '.failures[] | select(.code == "aspect_refused") | .command' report)" \
		"av-fit -o fitted <'it'\\''s done.jsonl' | av-validate | av-upload | av-poll | av-render -o out"
	is "$(jq -c '[.failures[] | select(.code == "not_offered") | .command]' report)" \
		'["av-provider operations loom","av-provider operations PROVIDER"]'
	is "$(av-report <it*.jsonl | sed -n '/aspect/,/^$/p')" "  2 x no aspect_refused (argil)
       a.jpg, b.jpg
       \$ av-fit -o fitted <done.jsonl | av-validate | av-upload | av-poll | av-render -o out"
	# with different messages, the code's own sentence
	jq -c '.error.message += .provider' it*.jsonl | av-report | grep -F '2 x the service cannot be reached (argil, loom)'
}

@test "every error code has a hint in the program" {
	sed -nE 's/^CODE\(([a-z0-9_]+),.*/\1/p' "$TESTS/../lib/base/codes.def" >codes
	jq -Rc '{file: ., provider: "loom", error: {step: "x", code: ., message: ""}}' codes | av-report --json >report
	is "$(jq '.failures | length' report)" "$(wc -l <codes)"
	is "$(jq -c '[.failures[] | select(.hint == "" and .command == null)]' report)" '[]'
}

@test "of several runs the last record counts, and what was paid counts once" {
	local paid
	paid=$(step upload 01 02 credits 2 yes k1)
	{
		failed a.jpg argil network true
		refused b.jpg aspect_refused
		ready c.jpg argil "$paid"
		ready d.jpg argil
	} >first
	{
		ready a.jpg argil "$(RUN=r2 step upload 10 12 credits 2 yes k2)"
		jq -nc '{file: "fitted/b.jpg", source_file: "b.jpg", provider: "argil", avatar: {id: "1", status: "ready"}}'
		jq -nc '{file: "fitted/b.jpg", fit: {from: "b.jpg"}, provider: "argil", avatar: {id: "1", status: "ready"}}'
		ready c.jpg argil "$paid" "$(RUN=r2 step render 12 13)"
		ready c.jpg anam
		ready d.jpg argil | jq -c '.name = "Dora"'
		ready d.jpg argil | jq -c '.name = "d" | .name_from = "d.jpg"'
	} >second
	is "$(av-report first second | sed -n '1p; $p')" "6 of 6 ready in 4 s · 4 credits (argil) · 0 paid twice
left out: 5 earlier records of the same photos"
	# the same operation charged by two runs
	ready c.jpg argil "$(RUN=r2 step upload 20 21 credits 2 yes k1)" | av-report first - | grep -F '4 credits (argil) · 1 paid twice'
}

@test "a table for spreadsheets: fixed columns, quoted, and no cell is a formula" {
	{
		ready '=cmd|"/c calc"!A1' argil "$(step upload 01 03.5 credits 2 yes k1)" |
			jq -c '.name = "@x" | .renderings = [{kind: "pose", value: "-hi", status: "ready", file: "out/a,b.png", bytes: 5},
				{kind: "video", error: {code: "timeout", message: "line\nline", retryable: true}}]'
		refused $'b\e[31m\u202e.jpg' truncated
	} >done.jsonl
	av-report --csv done.jsonl >table
	python3 - <<-'END'
		import csv
		rows = list(csv.reader(open("table", newline="", encoding="utf-8"), strict=True))
		assert len({len(row) for row in rows}) == 1 and len(rows) == 5, rows
		assert not any(cell[:1] in list("=+-@\t\r") for row in rows for cell in row if cell), rows
		first, pose, video, bad = (dict(zip(rows[0], row)) for row in rows[1:])
		assert first["file"] == "'=cmd|\"/c calc\"!A1" and first["name"] == "'@x"
		assert (first["kind"], first["state"], first["paid_credits"], first["seconds"], first["key"]) == ("avatar", "retry", "2", "2.5", "k1")
		assert (pose["kind"], pose["value"], pose["result"], pose["bytes"], pose["paid_credits"]) == ("pose", "'-hi", "out/a,b.png", "5", "")
		assert (video["state"], video["code"], video["message"], video["retryable"]) == ("retry", "timeout", r"line\nline", "true")
		assert bad["file"] == r"b\x1b[31m\u202e.jpg" and bad["state"] == "failed", bad
	END
	av-report --tsv done.jsonl >tabs
	is "$(awk -F'\t' '{ print NF }' tabs | uniq)" "$(head -1 table | tr , '\n' | wc -l)"
	is "$(sed -n 3p tabs | cut -f 5-7)" $'\'@x\tpose\t\'-hi'
}

@test "Markdown: names are no markup, and a command keeps its pipes" {
	failed '`x`<script>|[a](javascript:b)@me www.x.org' loom network true >done.jsonl
	av-report --markdown done.jsonl >page
	is "$(head -1 page)" "### 0 of 1 ready · 1 to retry"
	grep -F '\`x\`\<script\>\|\[a\]\(javascript\:b\)\@me www\.x\.org' page
	sed -n '/```sh/,/```/p' page | grep -F 'av-upload --retry-failed <done.jsonl | av-poll'
}

@test "lines and members of any sort: nothing stops the report" {
	{
		printf '\xef\xbb\xbf{"file":"a"}\r\n\n[1]\n{"broken\n12\n\xff\xfe\n'
		jq -c . <<-'END'
			{"file":["a"],"provider":{"a":1},"avatar":"x","renderings":{"a":1},"error":"text","name":{"x":1}}
			{"file":"b","error":{"code":5,"problems":[5,null,{"severity":"refused","code":["x"]}],"message":{}}}
			{"file":"c","error":{"code":"photo_refused","problems":"x","retryable":"x"},"steps":"x","fit":3}
			{"file":"d","steps":[1,null,{"cost":3},{"step":["x"],"started_at":5,"finished_at":"x"},{"cost":{"amount":"2","unit":[],"charged":5}}]}
			{"avatar":[],"renderings":[1,{"error":7},{"file":{},"url":[]}],"image":7,"options":"x","url":7}
		END
		printf '{"file":"e"}'
	} >done.jsonl
	echo '{"file":"f"}' >more
	for format in "" --json --markdown --csv --tsv; do
		av-report $format done.jsonl more >out
		[ -s out ]
	done
	av-report --json done.jsonl more >report
	"$TESTS/lint/schema-check" "$TESTS/../lib/schema/report.json" <report
	is "$(jq -c '[.records, .unread]' report)" '[8,4]'
	failed $'a\e[2J\u202eb' $'p\x9bq' $'c\nd' false | av-report >out
	LC_ALL=C run -1 grep -q $'[\x01-\x09\x0b-\x1f\x7f]\|\xc2[\x80-\x9f]\|\xe2\x80\xae' out
	grep -F 'a\x1b[2J\u202eb' out
}

@test "real records of a run and of its mending" {
	box
	photos 2 1280x720
	faces photos/wide.jpg=1440x900
	av-validate -p argil photos/* | av-upload --exit-zero | av-poll --exit-zero | av-render --exit-zero -o out >done.jsonl
	av-report done.jsonl >out1
	grep -E '^2 of 3 ready.* · 1 refused$' out1
	eval "$(sed -nE 's/^ +\$ (av-fit.*)/\1/p' out1)" >again.jsonl
	av-report done.jsonl again.jsonl | grep -E '^3 of 3 ready'
	av-report --csv done.jsonl again.jsonl | grep -c '"cover"' | grep -qx 3
}

# same QUERY WANTED: what the receipt and the report say, each asked by its own query
same() {
	is "$(jq -c ".receipt | $1" receipt)" "$(jq -c "$2" report)"
}

@test "the receipt of a pipe and av-report say the same of the same records" {
	box --fault 500@loom=1 --fault 429@argil#1 --retry-after 1
	photos 5 1280x720
	faces photos/wide.jpg=1300x900 photos/more.jpg=1300x900 anam.jpg=640x480 b.jpg=641x480
	head -c 3000 photos/001.jpg >cut.jpg
	: >empty.jpg
	av-upload -q -p argil photos/005.jpg >before
	{
		jq -nc --args '$ARGS.positional[] | {file: ., provider: "argil"}' photos/* cut.jpg empty.jpg none.jpg
		jq -nc '{file: "anam.jpg", provider: "anam"}, {file: "b.jpg", provider: "anam"}, {file: "b.jpg", provider: "anamm"},
			{file: "photos/001.jpg", provider: "avtr1"}, {file: "photos/001.jpg", provider: "loom", options: {random: 99}},
			{file: "photos/002.jpg", provider: "loom"}, {provider: "argil"},
			{avatar: {id: "none", status: "processing"}, provider: "argil", file: "x.jpg"}'
	} >in
	mkdir -p out/004.argil.cover.jpg
	export AV_PROGRESS=json AVTR1_API_KEY=WRONG T=$((3 * AV_SLOW))s
	sh -c 'av-validate <in | av-upload --timeout $T | av-poll --timeout $T | av-render -o out >done.jsonl' 2>err || true
	tail -n 1 err >receipt
	av-report --json done.jsonl >report
	cat receipt report
	jq -e '.failures | length > 8 and (map(.state) | unique | length > 1) and (map(.code) | contains(["target_taken"]))' report
	same '[.records, .ready]' '[.records, .ready]'
	same '[.failures[] | {k: [.state, .finding // .code], count}] | group_by(.k) | map([.[0].k, (map(.count) | add)])' \
		'[.failures[] | {k: [.state, .code], count}] | group_by(.k) | map([.[0].k, (map(.count) | add)])'
	same '[.failures[] | [.finding // .code, .hint // "", (.command // "" | gsub(" --timeout [0-9]+s"; ""))]] | unique' \
		'[.failures[] | [.code, .hint, .command // ""]] | unique'
	same '[.costs[] | [.provider, .unit, .amount]] | sort' '[.paid[] | [.provider, .unit, .amount]] | sort'
	same '.reused' '.reused'
}

@test "20,000 records take little time and memory" {
	ready a.jpg argil "$(step upload 01 03 credits 2 yes k)" |
		jq -c 'range(20000) as $i | .file = "\($i).jpg" | .steps[0].key = "\($i)"' >many
	limit 30 time -f '%M' -o kb av-report --json many >report
	is "$(jq .records report)" 20000
	[ "$(cat kb)" -lt 200000 ]
}

@test "options and mistakes" {
	check_usage av-report --markdown "--nonsense" "-x"
	run -66 --separate-stderr av-report nothing.jsonl
	[[ -z $output && $stderr == *"'nothing.jsonl'"* ]]
	run -66 --separate-stderr av-report "$PWD"
	run -74 --separate-stderr av-report </
	[[ $stderr == "av-report: cannot read 'standard input': Is a directory" ]]
	run -74 --separate-stderr sh -c 'av-report <&-'
	[[ $stderr == "av-report: standard input is closed; give a file" ]]
	run -74 av-report /proc/self/mem
	echo '{"file":"a"}' >./-x
	av-report -- -x | grep -qx '1 of 1 accepted'
	if [ -c /dev/full ]; then
		run -74 sh -c 'av-report -- -x >/dev/full'
	fi
	mkdir empty
	run -78 --separate-stderr env PATH="$PWD/empty" "$(command -v sh)" "$(command -v av-report)" -- -x
	[[ $stderr == *"jq is missing"* ]]
}
