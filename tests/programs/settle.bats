#!/usr/bin/env bats
# What becomes of a record whose paid request is unknown: nobody can tell until the user settles it.

load helper
load ../soak/common

# lose FAULT [N]: uploads N photos to Loom, which has no list; each of them is lost. The records are in lost.jsonl
lose() {
	local i faults=()
	for i in $(seq "${2:-1}"); do faults+=(--fault "$1@loom#$i"); done
	box --state journal "${faults[@]}"
	photos "${2:-1}"
	av-upload -p loom photos/*.jpg >lost.jsonl || true
	is "$(codes lost.jsonl)" "${2:-1} outcome_unknown"
}

# retry [OPTION...]: the records again, to again.jsonl
retry() {
	av-upload --exit-zero --retry-failed "$@" <lost.jsonl >again.jsonl
	check_schema again.jsonl
}

@test "unsettled: the record stays as it is, and nothing is sent" {
	lose lost-after
	REQUESTS=$(stat .loom.requests)
	retry
	cmp lost.jsonl again.jsonl
	retry --dry-run 2>err
	cmp lost.jsonl again.jsonl
	is "$(stat .loom.requests)" "$REQUESTS"
	# Also by a ledger that does not know the request, or none.
	retry --ledger none
	cmp lost.jsonl again.jsonl
	retry --ledger other.db
	cmp lost.jsonl again.jsonl
	# Without --retry-failed, a settled record passes through too.
	av-ledger settle --not-made <lost.jsonl
	av-upload --exit-zero <lost.jsonl | cmp lost.jsonl
	is "$(stat .loom.creates)" 1
}

@test "not made: settled from records, then created once" {
	lose lost-before 2
	run -0 --separate-stderr av-ledger settle --not-made <lost.jsonl
	is "$(jq -rs 'map(.state + " " + .file) | sort | join(", ")' <<<"$output")" \
		"not_made photos/001.jpg, not_made photos/002.jpg"
	is "$stderr" ""
	retry
	is "$(codes again.jsonl)" "2 processing"
	is "$(of again.jsonl 'map(.steps[].cost.charged)')" '["yes","yes"]'
	is "$(stat .loom.creates)" 2
	# The same records again, and the photos: they are made now.
	cp again.jsonl first.jsonl
	retry
	is "$(of again.jsonl 'map(.avatar.reused)')" '[true,true]'
	is "$(of again.jsonl 'map(.avatar.id) | sort')" "$(of first.jsonl 'map(.avatar.id) | sort')"
	av-upload -p loom photos/*.jpg >more.jsonl
	is "$(stat '[.loom.creates, .loom.duplicates_count]')" '[2,0]'
}

@test "not made, and several runs and copies at once: created once" {
	lose lost-before
	av-ledger settle --not-made <lost.jsonl
	local pids=()
	for i in 1 2 3; do
		cat lost.jsonl lost.jsonl | av-upload --retry-failed >"again.$i" 3>&- &
		pids+=($!)
	done
	wait "${pids[@]}"
	is "$(cat again.? | jq -r .avatar.id | sort -u | wc -l)" 1
	is "$(cat again.? | jq -s 'map(select(.avatar.reused | not)) | length')" 1
	is "$(cat again.? | wc -l)" 6
	is "$(stat .loom.creates)" 1
}

@test "made: the record gets the id, and nothing is sent" {
	lose lost-after
	ID=$(grep -o '"make".*' journal | jq -Rr '"{" + . | fromjson | .make.id' | head -n 1)
	av-ledger settle "$(jq -r '.steps[0].key' lost.jsonl)" --made "$ID"
	retry
	is "$(jq -c '[.avatar.id, .avatar.reused, .error]' again.jsonl)" "[\"$ID\",true,null]"
	# It was charged when it was lost; what was lost is not charged again.
	is "$(of again.jsonl '.[0].steps | map(.cost.charged)')" '["yes","no"]'
	is "$(stat .loom.creates)" 1
	av-poll --interval 50ms <again.jsonl >done.jsonl
	is "$(codes done.jsonl)" "1 ready"
}

@test "made, and it failed later: not taken up by itself" {
	lose lost-after
	ID=$(grep -o '"make".*' journal | jq -Rr '"{" + . | fromjson | .make.id' | head -n 1)
	KEY=$(jq -r '.steps[0].key' lost.jsonl)
	av-ledger settle "$KEY" --made "$ID"
	av-ledger export | jq -c '.state = "failed"' | av-ledger import
	retry
	cmp lost.jsonl again.jsonl
	is "$(stat .loom.creates)" 1
}

@test "a rendering: settled as not made, ordered once" {
	box --state journal --fault lost-before@loom#2
	photos 1
	av-upload -p loom photos/001.jpg | av-poll --interval 50ms |
		av-render --interval 50ms -r pose=hi -r pose=kiss -o out --exit-zero >lost.jsonl
	is "$(of lost.jsonl '.[0] | .error.code, (.steps[2:] | map(.cost.charged) | sort)' | xargs)" \
		"outcome_unknown [unknown,yes]"
	av-render --exit-zero --interval 50ms --retry-failed -o out <lost.jsonl | cmp lost.jsonl
	av-ledger settle --not-made <lost.jsonl
	av-render --interval 50ms --retry-failed -r pose=hi -r pose=kiss -o out <lost.jsonl >done.jsonl
	is "$(of done.jsonl '.[0].renderings | map(.status)')" '["ready","ready"]'
	is "$(of done.jsonl '.[0].steps[2:] | map(.cost.charged) | sort')" '["yes","yes"]'
	is "$(stat '[.loom.renderings, .loom.duplicates_count]')" '[2,0]'
	check_schema done.jsonl
}

@test "settle says what it cannot settle" {
	lose lost-before
	{ echo '{"file":"a.jpg"}'; echo 'no record'; echo; cat lost.jsonl lost.jsonl
		jq -c '.steps[0].key = "0" * 64' lost.jsonl; } >mixed.jsonl
	run -65 --separate-stderr av-ledger settle --not-made <mixed.jsonl
	is "$(jq -rs 'map(.state) | join(" ")' <<<"$output")" "not_made not_made"
	is "$stderr" "av-ledger: line 1: the record has no request whose outcome is unknown
av-ledger: line 2: not a record: column 1: a value is expected
av-ledger: line 5: settled before
av-ledger: line 6: no entry's key begins with '0000000000000000000000000000000000000000000000000000000000000000'"
	run -64 av-ledger settle --made 1 <lost.jsonl
	# What was settled otherwise is printed, and not changed.
	av-ledger export | jq -c '.state = "made" | .id = "1"' | av-ledger import
	run -0 --separate-stderr av-ledger settle --not-made <lost.jsonl
	is "$(jq -r '.state + .id' <<<"$output")" made1
	is "$stderr" "av-ledger: line 1: settled before"
	is "$(av-ledger list | jq -r .state)" made
}
