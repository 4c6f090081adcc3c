#!/usr/bin/env bats
# What is shown is safe: text from outside reaches terminals and records with its control, invisible
# and invalid characters made visible.

load helper

# The ways to move a cursor, set a title, clear a screen or turn text round; and a byte that is not UTF-8.
EVIL=$'\e]0;PWNED\a\e[2J\r\x7f\u009b31m\u202egnp\u2066\u200f\u061c\xff'
SHOWN='\x1b]0;PWNED\x07\x1b[2J\x0d\x7f\u009b31m\u202egnp\u2066\u200f\u061c\xff'

# clean FILE...: no such character is in the files
clean() {
	python3 - "$@" <<-'END'
		import sys, unicodedata
		for name in sys.argv[1:]:
		    text = open(name, "rb").read().decode()  # UTF-8, or it fails
		    odd = {c for c in text if c != "\n" and unicodedata.category(c) in ("Cc", "Cf")}
		    assert not odd, (name, odd)
	END
}

# serve NAME SCRIPT: starts a service that answers so, with the record `made` of an avatar of it
serve() {
	printf '%s\n' "$2" >script
	mkfifo url
	"$TESTS/servers/scripted-server" script asked >url 3>&- &
	SERVER=$!
	read -r url <url
	export "${1^^}_API_URL=$url" "${1^^}_API_KEY=key"
	printf '{"provider":"%s","avatar":{"id":"1"}}\n' "$1" >made
}

@test "an unknown state of a service is shown with its control characters made visible" {
	for name in avtr1 argil; do
		rm -f url
		serve "$name" "$(jq -n --arg s "${EVIL%?}$(printf '%0400d' 0)" '
			{id: "1", status: $s, state: $s, name: "n"} as $a
			| {"GET /avatars/1": [{body: $a}], "GET /avatars": [{body: [$a]}]}')"
		run -75 --separate-stderr av-poll --timeout 300ms <made
		printf '%s' "$stderr" >err
		clean err
		[[ $stderr == *"unknown state '${SHOWN%\\xff}"* ]]
		kill "$SERVER"
	done
}

@test "a service's state, code, request id and message are bounded and visible" {
	faces a.jpg=1280x720
	serve argil "$(jq -n --arg s "${EVIL%?}$(head -c 100000 /dev/zero | tr '\0' x)" '
		{"POST /avatars": [{status: 400, headers: {"x-request-id": "r"},
			body: {error: $s, code: $s, message: $s, errorCode: $s}},
			{status: 201, body: {id: "1", status: $s}}]}')"
	run -65 --separate-stderr av-upload -v -p argil a.jpg
	printf '%s' "$output" >out
	printf '%s' "$stderr" >err
	clean out err
	jq -e '.error | (.message | contains("\\x1b]0;PWNED") and length < 512)
		and (.provider_code | length <= 256 and startswith("\\x1b]0;PWNED"))' out
	av-upload -p argil a.jpg >out 2>err
	clean out err
	jq -e '.avatar.provider_status | length == 256 and startswith("\\x1b]0;PWNED")' out
}

@test "options, the environment, names of files and lines of a ledger are shown safely" {
	said() {
		grep -qF -- "$SHOWN" err
		clean err
	}
	local word
	for word in "-p$EVIL" "--rate=$EVIL" "--$EVIL" "--ledger=$EVIL/x/y"; do
		faces a.jpg=64x48
		av-upload "$word" a.jpg >out 2>err || true
		cat out >>err
		said
	done
	AV_LEDGER=/proc/$EVIL av-ledger list 2>err && false
	said
	av-ledger "$EVIL" 2>err && false
	said
	AV_PROVIDER=$EVIL av-validate a.jpg >err 2>&1 && false
	clean err
	AVTR1_API_URL=http://127.0.0.1:1 AVTR1_API_KEY=k AVTR1_RATE=$EVIL \
		av-upload -p avtr1 --timeout 100ms a.jpg >err 2>&1 && false
	said
	jq -nc --arg s "${EVIL%?}" '{key: "0", state: $s, operation: "create", provider: "x",
		base_url: "u", account: "a", subject: "s", tag: "t"}' >in
	av-ledger import in >out 2>err && false
	clean err
	jq -nc --arg s "${EVIL%?}" '{($s): 1}' >x.json
	av-provider check x.json 2>err && false
	clean err
	cp x.json "$EVIL"
	av-provider check "$EVIL" 2>err && false
	said
	av-sandbox "--$EVIL" 2>err && false
	said
	av-sandbox --seed "$EVIL" 2>err && false
	said
	av-sandbox -- "$EVIL" 2>err && false
	said
}
