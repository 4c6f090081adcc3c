#!/usr/bin/env bats
# What the receipt says that things cost, without a terminal.

load helper

# receipt COMMAND: runs it, and sets HEAD to the first line of the receipt
receipt() {
	run --separate-stderr sh -c "$1"
	HEAD=$(grep -E '^[✔✘…+x-] [0-9]' <<<"$stderr")
}

export LC_ALL=C.UTF-8

@test "with --summary on the last program alone, costs are those that its records tell" {
	photos 3 1280x720
	box
	receipt "av-validate -p argil photos/* | av-upload | av-poll | av-render -o out --summary >done.jsonl"
	[[ $HEAD == "✔ 3 of 3 ready in "*" s · 6 credits (argil)" ]]
	# nothing is known of the ledger of another program
	receipt "av-validate -p argil photos/* | av-upload | av-poll --progress=json --summary >done.jsonl"
	is "$(grep receipt <<<"$stderr" | jq -c '.receipt | [.costs, .reused]')" '[[],3]'
	[[ $HEAD == "✔ 3 of 3 ready in "*" s · nothing paid · 3 reused" ]]
	# each program that tells its costs itself is counted once
	receipt "av-validate -p argil photos/* | av-upload --summary --ledger new.db | av-poll --summary | av-render --summary -o out >done.jsonl"
	[[ $HEAD == "✔ 3 of 3 ready in "*" s · 6 credits (argil) · 0 paid twice" ]]
	receipt "av-validate -p argil photos/* | av-upload --summary --ledger new.db | av-poll --summary | av-render --summary -o out >done.jsonl"
	[[ $HEAD == *" · nothing paid · 0 paid twice (3 reused)" ]]
	# a cost of an earlier run is no cost of this one
	receipt "AV_RUN=later av-poll --summary <done.jsonl"
	[[ $HEAD == "✔ 3 of 3 ready in "*" s" ]]
}

@test "that nothing is paid twice is said only if it is known" {
	photos 2 1280x720
	box
	for option in "--ledger none" --again; do
		receipt "av-validate -p argil photos/* | av-upload $option --summary >done.jsonl"
		[[ $HEAD == "✔ 2 of 2 made in "*" s · 4 credits (argil)" ]]
	done
	export AV_LEDGER=none
	receipt "av-validate -p argil photos/* | av-upload --summary | av-poll --summary >done.jsonl"
	[[ $HEAD == "✔ 2 of 2 ready in "*" s · 4 credits (argil)" ]]
	run -74 --separate-stderr sh -c 'av-upload -p argil photos/001.jpg >/dev/full'
	[[ $stderr == *"cannot write standard output: No space left on device; free some space, then run the same line again" ]]
	unset AV_LEDGER
	run -74 --separate-stderr sh -c 'av-upload -p argil photos/001.jpg >/dev/full'
	[[ $stderr == *"; free some space, then run the same line again; nothing is paid twice" ]]
	for command in "av-ledger list" "av-provider list" "av-doctor --offline"; do
		run -74 --separate-stderr sh -c "$command >/dev/full"
		[[ $stderr == *"cannot write the output: No space left on device; free some space, then run the same line again" ]]
	done
}
