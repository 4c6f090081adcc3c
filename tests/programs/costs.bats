#!/usr/bin/env bats
# Prices: in credits or money, by the value of an option; what all programs make of them. The avatars that
# an account may hold.

load helper

# acme COST: the example, with this price of create, at a server that makes what is asked for
acme() {
	mkdir -p "$XDG_CONFIG_HOME/avtools/providers"
	example | jq ".operations.create.cost = $1" >"$XDG_CONFIG_HOME/avtools/providers/acme.json"
	av-provider check "$XDG_CONFIG_HOME/avtools/providers/acme.json"
	echo '{"POST /faces": [{"status":201,"body":{"id":"f@n@","state":"drawing"}}],
		"GET /faces": [{"body":{"faces":[],"pages":1}}]}' >script
	[ -z "${SERVER:-}" ] || end_server
	serve_script
	export ACME_API_URL=$url ACME_API_KEY=key
}

# three ARG...: av-upload for three photos: without the option, of another price, of another value
three() {
	{
		av-validate -q -p acme photos/001.jpg
		av-validate -q -p acme -O style=comic photos/002.jpg
		av-validate -q -p acme -O style=plain photos/003.jpg
	} | av-upload -k "$@"
}

@test "credits by the value of an option, from the plan to the report" {
	photos 3
	acme '{credits: 250, by: "style", amounts: {comic: 500}}'
	three --dry-run >plan 2>err
	grep -q '3 to create, .*; Acme Faces: 1000 credits$' err
	is "$(of plan 'map(.plan[0].cost)')" '[{"credits":250},{"credits":500},{"credits":250}]'
	three --summary >done 2>err
	grep -q ' · 1000 credits (acme)' err
	is "$(of done 'map(.steps[0].cost | [.amount, .unit, .charged])')" \
		'[[250,"credits","yes"],[500,"credits","yes"],[250,"credits","yes"]]'
	is "$(av-ledger spend --json | jq -c '[.unit, .made.amount]')" '["credits",1000]'
	is "$(av-report --json done | jq -c .paid)" '[{"provider":"acme","unit":"credits","amount":1000}]'
	# What is reused keeps the price that was paid.
	three -q >again
	is "$(of again 'map(.steps[0].cost | [.amount, .charged, .reused])')" '[[250,"no",true],[500,"no",true],[250,"no",true]]'
	check_schema plan done again
}

@test "money: sums by currency, never with credits" {
	photos 3
	acme '{amount: 0.05, unit: "USD", by: "style", amounts: {comic: 0.125}}'
	three --dry-run >plan 2>err
	grep -q '3 to create, .*; Acme Faces: 0.225 USD$' err
	is "$(of plan 'map(.plan[0].cost)')" '[{"amount":0.05,"unit":"USD"},{"amount":0.125,"unit":"USD"},{"amount":0.05,"unit":"USD"}]'
	three --summary >done 2>err
	grep -q ' · 0.225 USD (acme)' err
	jq -c '.provider = "other" | .steps[0].cost |= (.unit = "credits" | .amount = 1) | .steps[0].key |= "f" + .[1:]' \
		<(head -n 1 done) >>done
	av-report done | grep -F ' · 0.225 USD (acme) · 1 credit (other) · '
	av-report --csv done | python3 -c '
import csv, sys
rows = list(csv.DictReader(sys.stdin))
assert sorted((r["paid_credits"], r["paid_other"]) for r in rows) == [
    ("0", "0.05 USD"), ("0", "0.05 USD"), ("0", "0.125 USD"), ("1", "")], rows'
	av-ledger spend | grep -xE 'acme +USD +3 +0.225 +0 +0'
	check_schema plan done
}

@test "a price for a part of the result is told for each amount" {
	photos 3
	acme '{amount: 0.05, unit: "USD", per: "second", by: "style", amounts: {comic: 0.1}}'
	three --dry-run >plan 2>err
	grep -q '; Acme Faces: 0.05 USD a second for each of 2; Acme Faces: 0.1 USD a second for each of 1$' err
	three --summary >done 2>err
	grep -q ' · 2 at 0.05 USD/second (acme)' err
	grep -q ' 1 at 0.1 USD/second (acme)' err
	check_schema plan done
}

@test "compare shows the range, and the amounts" {
	acme '{credits: 250, by: "style", amounts: {comic: 500, plain: 100}}'
	run -0 av-provider compare acme
	[[ $output == *"100-500 credits by style"* ]]
	run -0 av-provider compare --json acme
	is "$(jq -c '.create | [.amount, .unit, .by, .amounts.comic]' <<<"$output")" '[250,"credits","style",500]'
	acme '{amount: 1, unit: "USD"}'
	run -0 av-provider compare acme
	[[ $output == *" 1 USD "* ]]
}

@test "more avatars than an account may hold: told by the dry run, by av-doctor and by the refusal" {
	photos 3
	acme '{credits: 1}'
	jq '.max_avatars = 2' "$XDG_CONFIG_HOME/avtools/providers/acme.json" >new
	cat new >"$XDG_CONFIG_HOME/avtools/providers/acme.json"
	run -0 --separate-stderr av-upload -p acme --dry-run photos/*
	[[ $stderr == *"Acme Faces: an account holds at most 2 avatars, and this would make 3"* ]]
	[[ $stderr == *"; Acme Faces: 3 credits"$'\n'* ]]
	run -0 --separate-stderr av-upload -p acme --dry-run photos/001.jpg photos/002.jpg
	[[ $stderr != *"at most"* ]]
	run av-doctor --offline -p acme
	grep -E '^ok +acme.avatars +an account holds at most 2 avatars' <<<"$output"
	end_server
	echo '{"POST /faces": [{"status":402,"body":{"error":{"text":"no more"}}}]}' >script
	serve_script
	ACME_API_URL=$url run -75 av-upload -q -p acme photos/001.jpg
	[[ $(jq -r .error.message <<<"$output") == *"no more; an account holds at most 2 avatars: av-list shows yours" ]]
	end_server
}
