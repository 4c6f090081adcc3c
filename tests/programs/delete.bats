#!/usr/bin/env bats
# av-delete: asks first, deletes what was listed, and tells the ledger.

load helper

@test "help and version on stdout; usage errors on stderr, exit status 64" {
	check_usage av-delete --hard --nonsense "x" "-p anam x"
}

@test "without a terminal and without --yes nothing is deleted" {
	box
	photos 2
	av-upload -p anam photos/* >made
	run -64 --separate-stderr av-delete <made
	[[ $stderr == *--dry-run*--yes* ]]
	is "$(av-list -p anam | wc -l)" 2
}

@test "avatars are deleted, also twice, and a photo of one makes a new avatar" {
	box
	photos 3
	av-upload -k -p anam,avtr1 photos/* | av-poll -k >made
	head -n 4 made | av-delete --yes >deleted
	is "$(codes deleted)" "4 deleted"
	check_schema deleted
	av-delete --yes <deleted | cmp - deleted
	head -n 4 made | av-delete --yes >again
	is "$(codes again)" "4 deleted"
	is "$(av-list -p anam,avtr1 | wc -l)" 2
	is "$(av-ledger list --state gone | wc -l)" 4
	av-upload -k -p anam,avtr1 photos/* >new
	is "$(of new 'map(.avatar.reused // false)')" "[false,false,false,false,true,true]"
	is "$(stat '[.anam, .avtr1] | map(.violations_count)')" "[0,0]"
}

@test "--hard only where there is such a thing, a service without deletion says so first" {
	box
	photos 1 1280x720
	av-upload -p anam,avtr1,argil photos/* | av-poll >made
	run -65 --separate-stderr av-delete --yes --hard <made
	is "$(jq -r '.provider + " " + (.error.code // .avatar.status)' <<<"$output" | sort | xargs -d '\n')" \
		"anam deleted argil not_offered avtr1 option_unknown"
	[[ $stderr == *"Argil has no way to delete avatars"* ]]
	is "$(stat '[.argil, .avtr1] | map(.violations_count)')" "[0,0]"
}

@test "--dry-run sends nothing and shows what would be deleted" {
	box
	photos 2
	av-upload -p anam photos/* >made
	run -0 --separate-stderr av-delete --dry-run <made
	is "$(jq -sc 'map(.plan[0].operation) | unique' <<<"$output")" '["delete"]'
	is "$(jq -sc 'map(.plan[0].id) | sort' <<<"$output")" "$(of made 'map(.avatar.id) | sort')"
	[[ $stderr == *"2 to send, free"* ]]
	run -65 --separate-stderr av-delete --dry-run -p argil x
	[[ $stderr == *"1 refused"* && $stderr != *"failed before"* ]]
	is "$(av-list -p anam | wc -l)" 2
}

@test "on a terminal it asks once, with the name; only y deletes" {
	needs_terminal
	box
	photos 3
	av-upload -k -p anam photos/* >made
	run -65 "$ON" '[y/N]' 'n\n' -- sh -c 'av-delete <made >deleted'
	echo "$output" >screen
	grep -q "Delete the avatar '001'" screen
	is "$(grep -c 'y/N' screen)" 1
	is "$(codes deleted)" "3 not_confirmed"
	run -0 "$ON" '[y/N]' 'y\n' -- sh -c 'av-delete <made >deleted'
	is "$(codes deleted)" "3 deleted"
}

@test "the question shows a hostile id as it is, and Ctrl-C ends it" {
	needs_terminal
	jq -cn '{provider: "anam", avatar: {id: "3f1f\u001b]0;x\u0007\r1 KiB"}}, {provider: "anam", avatar: {id: "b"}}' >hostile
	export ANAM_API_KEY=k ANAM_API_URL=http://127.0.0.1:1
	run -130 "$ON" '[y/N]' '^C' -- sh -c 'exec av-delete -q <hostile >out'
	[[ $output == *'3f1f\x1b]0;x\x07\x0d1 KiB of Anam'* && $output != *$'\x1b]0;'* ]]
	is "$(codes out)" "2 interrupted"
	# what was typed before the question is no answer
	run -65 "$ON" '' 'y\n' '[y/N]' 'n\n' -- sh -c '(sleep 0.5; head -n 1 hostile) | av-delete -q >out'
	is "$(codes out)" "1 not_confirmed"
}

@test "a 404 that is not the service's own deletes nothing" {
	jq -n '{"DELETE /avatars/a": [{status: 404, body: "<h1>Not Found</h1>"}]}' >script
	serve_script
	ANAM_API_URL=$url ANAM_API_KEY=k run -65 --separate-stderr av-delete --yes -p anam a
	is "$(jq -c '[.error.code, .error.http_status, .avatar.status]' <<<"$output")" '["refused",404,null]'
	is "$(cat asked)" "DELETE /avatars/a"
}

@test "lost answers: each is asked again, and counts as deleted" {
	set_lags
	box --fault lost-after=0.3 --fault lost-before=0.2 --seed 7
	photos 20
	av-upload -q --exit-zero -p avtr1 -j 8 photos/* >made
	av-list -p avtr1 >listed
	[ "$(wc -l <listed)" -ge 10 ]
	av-delete --yes -j 8 <listed >deleted
	is "$(codes deleted)" "$(wc -l <listed) deleted"
	is "$(av-list -p avtr1 | wc -l)" 0
}
