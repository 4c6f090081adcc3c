#!/usr/bin/env bats
# `steps` of the record: what each program did, in which run, when, and what it cost.

load helper

# costs FILE: "step charged amount unit" of each entry of each record
costs() {
	jq -r '.steps[] | [.step] + [.cost | select(.) | .charged + if .reused then "+reused" else "" end,
		.amount, .unit] | join(" ")' "$1"
}

@test "a pipe: an entry for each paid operation, one run, times in order" {
	box
	photos 2
	AV_RUN=night-1 av-upload -p loom photos/*.jpg | AV_RUN=night-1 av-poll --interval 50ms |
		AV_RUN=night-1 av-render --interval 50ms -r pose=hi -r pose=kiss -o out >done.jsonl
	check_schema done.jsonl
	is "$(costs done.jsonl | sort | uniq -c | xargs)" \
		"2 poll 4 render yes 1 rendering 2 upload yes 1 avatar"
	is "$(of done.jsonl 'map(.steps[].run) | unique')" '["night-1"]'
	is "$(of done.jsonl 'all(.[].steps[]; .started_at <= .finished_at) and
		all(.[].steps; .[0].finished_at <= .[1].started_at and .[1].finished_at <= .[2].started_at)')" true
	is "$(jq -r '.steps[].key // empty' done.jsonl | sort)" \
		"$(av-ledger list | jq -r .key | sort)"
	check_sandbox
}

@test "a price that the description knows; the operation without one costs nothing" {
	box
	photos 1 1280x720
	av-upload -p argil photos/*.jpg | av-poll --interval 50ms |
		av-render --interval 50ms -r cover -r video -O text=Hi -o out >done.jsonl
	is "$(costs done.jsonl | xargs)" \
		"upload yes 2 credits poll render yes 0 rendering render yes 160 credits/minute"
}

@test "the run is the same for all programs of a pipe, and another one for the next pipe" {
	box
	photos 1
	# With job control, as at a terminal, each pipe has a process group.
	bash -c 'set -m; for i in 1 2; do av-upload -p avtr1 photos/*.jpg | av-poll --interval 50ms; done' \
		>made.jsonl 3>&-
	is "$(of made.jsonl 'map(.steps | map(.run) | unique | length), (map(.steps[0].run) | unique | length)' |
		xargs)" "[1,1] 2"
	is "$(of made.jsonl 'all(.[].steps[].run; test("^[0-9a-f]{12}$"))')" true
	AV_RUN='not a name' av-upload -p avtr1 photos/*.jpg >made.jsonl
	is "$(of made.jsonl 'all(.[].steps[].run; test("^[0-9a-f]{12}$"))')" true
}

@test "what has its results passes through byte for byte" {
	box
	photos 3
	av-upload -p avtr1 photos/*.jpg | av-poll --interval 50ms >once.jsonl
	sed 's/,"steps":\[/ , "steps" : [ /' once.jsonl >spaced.jsonl
	av-upload -p avtr1 <spaced.jsonl | av-poll | av-render -o out >again.jsonl
	cmp spaced.jsonl again.jsonl
	av-upload --dry-run -p anam photos/*.jpg >plan.jsonl 2>err
	is "$(of plan.jsonl 'map(has("steps")) | any')" false
}

@test "reused and refused cost nothing" {
	box --quota avtr1=1
	photos 1
	av-upload -p avtr1 photos/001.jpg >made.jsonl
	av-upload -p avtr1 photos/001.jpg >made.jsonl
	is "$(costs made.jsonl)" "upload no+reused 1 avatar"
	photos 2
	run -75 --separate-stderr av-upload -p avtr1 photos/002.jpg
	is "$(jq -c '[.error.code, (.steps[] | .cost.charged, (.key | length))]' <<<"$output")" \
		'["account_blocked","no",64]'
	echo 'missing.jpg' | av-upload -p avtr1 --exit-zero >made.jsonl
	is "$(costs made.jsonl)" upload
	check_schema made.jsonl
}

@test "unknown: the entry has the key, and the outcome replaces it" {
	box --fault lost-after@loom#1
	photos 1
	run -65 --separate-stderr av-upload -p loom photos/001.jpg
	echo "$output" >lost.jsonl
	is "$(costs lost.jsonl)" "upload unknown 1 avatar"
	check_schema lost.jsonl
	is "$(jq -r '.steps[0].key' lost.jsonl)" "$(av-ledger list --state unknown | jq -r .key)"
	# An entry of another key stays; one of this key is settled by the next run.
	av-ledger settle "$(jq -r '.steps[0].key' lost.jsonl)" --made 1234
	jq -c 'del(.error) | .steps |= [.[0], (.[0] | .key |= "0" * 64)]' lost.jsonl |
		av-upload -p loom >made.jsonl
	is "$(costs made.jsonl | xargs)" \
		"upload yes 1 avatar upload unknown 1 avatar upload no+reused 1 avatar"
	is "$(jq -r .avatar.id made.jsonl)" 1234
}

@test "an entry that cost money stays when the step runs again" {
	box --fault media-404#1
	photos 1
	av-upload -p loom photos/001.jpg | av-poll --interval 50ms |
		AV_RUN=first av-render --timeout 1s --interval 50ms -r pose=hi -o out --exit-zero >done.jsonl
	is "$(costs done.jsonl | tail -n 1)" "render yes 1 rendering"
	AV_RUN=second av-render --interval 50ms --retry-failed -o out <done.jsonl >again.jsonl
	is "$(costs again.jsonl | tail -n 2 | xargs)" "render yes 1 rendering render"
	is "$(jq -c '[.steps[-2:][].run]' again.jsonl)" '["first","second"]'
}

@test "the ledger has the file as first given, the name and the cost" {
	box
	photos 1 1280x800
	av-validate -p argil photos/001.jpg | av-fit -o fitted | av-upload | av-poll --interval 50ms |
		av-render --interval 50ms -r video -O text=Hi -o out >done.jsonl
	is "$(av-ledger list | jq -c '[.operation, .file, .sent_name, .cost]')" \
		'["create","photos/001.jpg","001",{"amount":2,"unit":"credits"}]
["video_create","photos/001.jpg","001",{"amount":0,"unit":"rendering"}]
["video_render","photos/001.jpg","001",{"amount":160,"unit":"credits/minute"}]'
}

@test "steps that are not ours are replaced or kept, and break nothing" {
	box
	photos 1
	printf '%s\n' '{"file":"photos/001.jpg","steps":"mine"}' \
		'{"file":"photos/001.jpg","steps":[1,null,{"step":7},{"step":"upload","cost":[]},{"key":"x"}]}' |
		av-upload -p avtr1 --keep-order >made.jsonl
	is "$(of made.jsonl 'map(.steps | length)')" '[1,4]'
	is "$(of made.jsonl '.[1].steps[:3]')" '[1,{"step":7},{"key":"x"}]'
}
