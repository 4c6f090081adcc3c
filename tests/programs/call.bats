#!/usr/bin/env bats
# av-call: any other operation, over records or once; what is not repeatable is done once.

load helper

@test "help and version on stdout; usage errors on stderr, exit status 64" {
	check_usage av-call --again --nonsense "" "-p anam" "-p anam renam x" "-p anam create x" \
		"-p anam avatars" "-p argil video_create x" "-p anam delete x" "-p avtr1 quota x"
	run -64 --separate-stderr av-call -p anam renam x
	[[ $stderr == *"did you mean 'rename'"*"av-provider operations anam"* ]]
	run -64 --separate-stderr av-call -p anam delete x
	[[ $stderr == *av-delete* ]]
}

@test "rename: by id, by option of the command and of each record" {
	box
	photos 2
	av-upload -k -p anam photos/* >made
	run -0 av-call -p anam rename -O displayName=Zoe "$(jq -r .avatar.id <made | head -n 1)"
	is "$(jq -r .avatar.name <<<"$output")" Zoe
	is "$(jq -r .provider_data.displayName <<<"$output")" Zoe
	tail -n 1 made | jq -c '.options = {displayName: "Yves"}' | av-call rename >renamed
	is "$(av-list -p anam | jq -r .avatar.name | sort | xargs)" "Yves Zoe"
	check_schema renamed
	run -65 --separate-stderr av-call -p anam rename x
	[[ $stderr == *"'displayName' is required"* ]]
	run -65 --separate-stderr av-call -p anam rename -O displayNam=x x
	[[ $stderr == *displayNam*"did you mean 'displayName'"* ]]
	check_sandbox
}

@test "an operation that needs no record: once for each provider, and nothing is read" {
	box
	run -0 av-call -p avtr1 quota <<<"not read"
	is "$(jq -r '.provider + " " + (.provider_data | type)' <<<"$output")" "avtr1 object"
}

@test "what is not repeatable is done once, also after a lost answer" {
	set_lags
	box --fault lost-after@argil=0.5 --seed 3
	options=(-O callbackUrl=https://example.org/hook -O 'events=["AVATAR_TRAINING_SUCCESS"]')
	for _ in 1 2 3 4 5 6; do
		av-call --exit-zero --retry-failed -p argil webhook_create "${options[@]}" >registered
	done
	is "$(of registered '.[0].item.reused')" true
	is "$(av-list -p argil webhooks | wc -l)" 1
	av-call --again --exit-zero -p argil webhook_create "${options[@]}" >again
	is "$(av-list -p argil webhooks | wc -l)" 2
	av-list -p argil webhooks | av-delete --yes >deleted
	is "$(of deleted 'map(.item.status) | unique')" '["deleted"]'
	is "$(av-list -p argil webhooks | wc -l)" 0
	av-call --exit-zero --retry-failed -p argil webhook_create "${options[@]}" >new
	is "$(av-list -p argil webhooks | wc -l)" 1
}

@test "--dry-run sends nothing" {
	box
	photos 1
	av-upload -p anam photos/* >made
	av-call --dry-run rename -O displayName=Zoe <made >plan
	is "$(of plan '.[0].plan[0].operation')" '"rename"'
	av-call --dry-run -p argil webhook_create -O callbackUrl=https://example.org/h -O 'events=["AVATAR_TRAINING_SUCCESS"]' >plan
	is "$(of plan '.[0].plan[0].operation')" '"webhook_create"'
	is "$(av-list -p anam | jq -r .avatar.name)" 001
	is "$(av-list -p argil webhooks | wc -l)" 0
}
