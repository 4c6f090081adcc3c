#!/usr/bin/env bats
# av-provider check --against: a service's answers compared with its description.

load helper

# fill: three avatars in each service, and renderings; then the counts of creates are in $before
fill() {
	local p
	photos 3 1280x720
	for p in "${SERVICES[@]}"; do
		av-upload -q -p "$p" photos/*.jpg | av-poll -q --interval 20ms >"$p.jsonl"
	done
	av-render -q -o out -r pose=hi <loom.jsonl >/dev/null
	av-render -q -o out -r video -O text=hi <argil.jsonl >/dev/null
	before=$(creates)
}

creates() {
	stat '[.anam, .argil, .avtr1, .loom | .creates]'
}

# url NAME: the base URL of the sandbox's service
url() {
	local variable=${1^^}_API_URL
	printf '%s\n' "${!variable}"
}

# plant NAME EXPRESSION: a copy of a description with a fault, in place of the built-in one
plant() {
	rm -rf "$XDG_CONFIG_HOME/avtools/providers"
	mkdir -p "$XDG_CONFIG_HOME/avtools/providers"
	jq "$2" "$TESTS/../lib/providers/$1.json" >"$XDG_CONFIG_HOME/avtools/providers/$1.json"
}

# result OPERATION: "RESULT TEXT; TEXT ..." of the output of --json
result() {
	jq -r --arg o "$1" 'select(.operation == $o) | [.result] + (.differences // [.why // .compared]) | join("; ")' \
		<<<"$output"
}

@test "the built-in descriptions differ in nothing from the sandbox, and nothing is made" {
	local p
	box
	fill
	for p in "${SERVICES[@]}"; do
		run -0 --separate-stderr av-provider check --against "$(url "$p")" "$p"
		echo "$output $stderr"
		[ -z "$stderr" ]
		run -1 grep '^differs' <<<"$output"
		run -0 --separate-stderr av-provider check --json --against "$(url "$p")" "$p"
		is "$(jq -r .operation <<<"$output" | sort)" "$(av-provider operations "$p" | jq -r .operation | sort)"
		is "$(jq -r .result <<<"$output" | sort -u)" $'not tried\nok'
		# all that is harmless was tried
		is "$(jq -r 'select(.result == "ok") | .operation' <<<"$output")" \
			"$(av-provider operations "$p" | jq -r 'select(.repeatable and (.method | IN("GET", "HEAD"))) | .operation')"
	done
	is "$(creates)" "$before"
	check_sandbox
	# av-doctor says the same in its own way
	run -0 av-doctor --answers -p avtr1
	[[ $output == *$'\nok    avtr1.avatars    3 entries\n'* ]]
	run -64 av-doctor --answers
	run -64 av-doctor --answers -p avtr1 --offline
}

@test "an empty account: what has no id is not tried" {
	box
	run -0 av-provider check --json --against "$(url anam)" anam
	is "$(result status)" "not tried; 'avatars', which has its ids, lists none"
	is "$(result avatars)" "ok; 0 entries"
}

@test "each fault in a copy of a description is found, at its operation" {
	local name expression operation text
	box
	fill
	while IFS='~' read -r name expression operation text; do
		echo "$name $expression"
		plant "$name" "$expression"
		av-provider show "$name" >/dev/null
		run -65 --separate-stderr av-provider check --json --against "$(url "$name")" "$name"
		echo "$(jq -c 'select(.result == "differs")' <<<"$output") $stderr"
		[[ $(result "$operation") == "differs; "*"$text"* ]]
	done <<'END'
anam~.outcomes[0].status = [201]~avatars~status 200 fits no rule of outcomes
anam~.answers.avatar.take.created_at = "/created"~avatars~there is nothing at /created (created_at)
anam~.answers.avatar.take.still_url = "/image/url"~status~there is nothing at /image/url (still_url)
anam~.operations.create.lookup.match = {"/label": "{name}"}~avatars~there is nothing at /label (lookup.match of create)
anam~.operations.create.lookup.created_at = "/made"~avatars~there is nothing at /made (lookup.created_at of create)
anam~.operations.avatars.paging.last = "/meta/pages"~avatars~there is nothing at /meta/pages (paging.last)
anam~.operations.avatars.paging.total = "/meta/perPage"~avatars~(paging.total), and has 3
anam~.operations.avatars.paging.items = "/entries"~avatars~there is no list at '/entries' (paging.items)
anam~.operations.status.path = "/avatars/{avatar.id}/state"~status~404
argil~.error.message = "/text" | .operations.voices.path = "/voice"~voices~the response 404 has no message (error.message)
anam~.id_pattern = "^[0-9]+$"~avatars~no id of an avatar fits id_pattern
argil~del(.states.avatar.IDLE)~avatars~state 'IDLE' is not among the states 'avatar'
argil~.answers.video.take.provider_status = "/state"~video~there is nothing at /state (provider_status)
argil~.kinds.subtitles.types = {"application/x-subrip":"srt"}~subtitles~media type text/
argil~.operations.voices.path = "/voice"~voices~404
avtr1~.operations.avatars.paging.more = "/more"~avatars~there is nothing at /more (paging.more)
avtr1~.operations.quota.answer.take.plan = "/plan"~quota~there is nothing at /plan (plan)
loom~.answers.state.take.provider_status.header = "X-Loom-State"~status~there is nothing at X-Loom-State (provider_status)
loom~.kinds.preview.result.take.list = "/renderings"~renderings~there is nothing at /renderings (preview.url)
loom~.answers.attachment.take.type = "/kind"~attachment~there is nothing at /kind (type)
END
	is "$(creates)" "$before"
}

@test "a line for each operation, for people; the same with other bytes than JSON" {
	box
	plant anam '.outcomes[0].status = [201]'
	run -65 --separate-stderr av-provider check --against "$(url anam)" anam
	[ "${#lines[@]}" -eq 5 ]
	is "$(sed -n 's/^differs  *//p' <<<"$output")" 'avatars             status 200 fits no rule of outcomes'
	is "$(sed -n 's/^not tried  delete  *//p' <<<"$output")" 'DELETE may change something'
	end_box
	rm -r "$XDG_CONFIG_HOME/avtools"
	echo '{"GET /avatars": [{"status": 200, "headers": {"Content-Type": "text/html"}, "body": "<html>hello</html>"}]}' >script
	serve_script
	ANAM_API_KEY=k run -65 --separate-stderr av-provider check --json --against "$url" anam
	echo "$output $stderr"
	[[ $(result avatars) == "differs; media type text/html in place of JSON's; the body is not JSON" ]]
	end_server
	# a redirect, and a state with control characters
	echo '{"GET /avatars": [{"status": 302, "headers": {"Location": "https://example.org/"}}]}' >script
	serve_script
	ANAM_API_KEY=k run -65 --separate-stderr av-provider check --json --against "$url" anam
	[[ $(result avatars) == "differs; status 302 is a redirect" ]]
}

@test "a service that cannot be asked: nothing is said of the description" {
	box
	ANAM_API_KEY=WRONG run -77 --separate-stderr av-provider check --json --against "$(url anam)" anam
	[[ $(result avatars) == "not tried; the service does not accept ANAM_API_KEY"* ]]
	is "$(jq -r .result <<<"$output" | sort -u)" 'not tried'
	end_box
	run -75 --separate-stderr av-provider check --json --against "$ANAM_API_URL" anam
	[[ $(result avatars) == "not tried; cannot reach "* ]]
	run -78 --separate-stderr av-provider check --against "$ANAM_API_URL" nobody
	[[ $stderr == *"unknown provider 'nobody'"* && -z $output ]]
}

@test "--create makes one avatar, says so before, and compares the response" {
	box
	photos 1 1280x720
	run -0 --separate-stderr av-provider check --json --create photos/001.jpg --against "$(url argil)" argil
	[[ $stderr == *"makes one avatar of 'photos/001.jpg' at $(url argil), which may cost money"* ]]
	is "$(stat .argil.creates)" 1
	is "$(result create)" 'ok; 1 response'
	is "$(result status)" 'ok; 1 response'
	is "$(av-ledger list | jq -r .id)" "$(jq -r 'select(.operation == "create").avatar_id' <<<"$output")"
	# another one, although the ledger knows the first; and its response differs
	plant argil 'del(.states.avatar["TRAINING", "NOT_TRAINED"])'
	run -65 --separate-stderr av-provider check --json --create photos/001.jpg --against "$(url argil)" argil
	[[ $(result create) == "differs; state '"*"' is not among the states 'avatar'" ]]
	is "$(stat .argil.creates)" 2
	# a photo that the description refuses is not sent
	faces small.jpg=64x48
	run --separate-stderr av-provider check --json --create small.jpg --against "$(url argil)" argil
	[[ $(result create) == "not tried; the picture is too small"* ]]
	is "$(stat .argil.creates)" 2
}

@test "usage, and a program that is missing" {
	run -64 av-provider check --against http://127.0.0.1:1/v1
	run -64 av-provider check --against http://127.0.0.1:1/v1 anam argil
	run -64 av-provider check --create a.jpg anam
	run -78 --separate-stderr av-provider check --against http://127.0.0.1:1/v1 --create a.jpg nobody
	[[ $stderr == *"unknown provider 'nobody'"* && $stderr != *"makes one avatar"* ]]
	mkdir alone
	cp "$(command -v av-provider)" alone
	run -69 --separate-stderr env PATH=/nowhere alone/av-provider check --against http://127.0.0.1:1/v1 anam
	[[ $stderr == *"cannot run av-doctor: "* ]]
}
