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
	serve_script
	export "${1^^}_API_URL=$url" "${1^^}_API_KEY=key"
	printf '{"provider":"%s","avatar":{"id":"1"}}\n' "$1" >made
}

@test "an unknown state of a service is shown with its control characters made visible" {
	for name in avtr1 argil; do
		serve "$name" "$(jq -n --arg s "${EVIL%?}$(printf '%0400d' 0)" '
			{id: "1", status: $s, state: $s, name: "n"} as $a
			| {"GET /avatars/1": [{body: $a}], "GET /avatars": [{body: [$a]}]}')"
		run -75 --separate-stderr av-poll --timeout 300ms <made
		printf '%s' "$stderr" >err
		clean err
		[[ $stderr == *"unknown state '${SHOWN%\\xff}"* ]]
		end_server
	done
}

@test "a service's state, code, request id and message are bounded and visible" {
	faces a.jpg=1280x720
	serve argil "$(jq -n --arg s "${EVIL%?}$(head -c 100000 /dev/zero | tr '\0' x)" '
		{"POST /avatars": [{status: 400, headers: {"x-request-id": "r"},
			body: {error: $s, code: $s, message: $s, errorCode: $s}},
			{status: 201, body: {id: "3f1f1d3e-5a0c-4a53-9d0e-0a5d7b1c2e01", status: $s}}]}')"
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

@test "a redirect, a photo's name in a record, and a line that is no record are shown safely" {
	serve argil "$(jq -n --arg s "${EVIL%%$'\r'*}" '
		{"POST /avatars": [{status: 302, headers: {location: $s, "x-request-id": $s}}],
		"GET /avatars/1": [{status: 404, headers: {location: $s}, body: {message: $s}}]}')"
	faces a.jpg=1280x720
	for command in 'av-upload -v -p argil a.jpg' 'av-poll -v --timeout 300ms'; do
		$command <made >out 2>err && false
		clean out err
	done
	jq -nc --arg s "${EVIL%?}" '{file: $s, name: "n"}' >in
	av-validate -v -p argil <in >out 2>err && false
	jq -r '.error | .message, (.problems // [] | .[].message)' out >>err
	clean err
	printf '%s\n{"x":%s\n' "$EVIL" "$EVIL" | av-validate -v -p argil >out 2>err && false
	jq -r .error.message out >>err
	clean err
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
		jq -r '.error.message // empty' out >>err
		said
	done
	AV_LEDGER=/proc/$EVIL av-ledger list 2>err && false
	said
	av-ledger "$EVIL" 2>err && false
	said
	AV_PROVIDER=$EVIL av-validate a.jpg >out 2>err && false
	said
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

@test "a secret in the input is not echoed, however it is laid out" {
	local n
	export ANAM_API_KEY=k ANAM_API_URL=http://127.0.0.1:1
	printf '{\n  "access_token": "eyJSECRET",\n  "Refresh_Token":\n\n    "eyJSECRET"\n}\n' >in.1
	printf '[{"access_token":"eyJSECRET"},\n{"idToken":"eyJSECRET"}]\n' >in.2
	printf '%s\n' 'access_token=eyJSECRET&token_type=Bearer' 'access_token eyJSECRET' \
		'{"Access_Token":"eyJSECRET"}' '{"a":[{"REFRESH-TOKEN":"eyJSECRET"}]}' \
		'"client_secret" : "eyJSECRET"' '{"id_token":"eyJSECRET","file":"x.jpg"' >in.3
	printf '%s\n' 'ANAM_API_KEY=eyJSECRET' "export ARGIL_API_KEY='eyJSECRET'" \
		'LOOM_PASSWORD: eyJSECRET' '{"ANAM_API_KEY":"eyJSECRET"}' 'x-api-key: eyJSECRET' \
		'Authorization: Bearer eyJSECRET' '  "api\u005fkey": "eyJSECRET"' \
		'{"\u0061ccess_token":"eyJSECRET"}' >in.4
	printf 'access_token=eyJSECRET\0x\nLOOM_CLIENT_SECRET=eyJSECRET\0' | tr '\0' '\n' >in.5
	for n in 1 2 3 4 5; do
		for program in av-validate 'av-upload --timeout 50ms' 'av-poll --timeout 50ms' \
			'av-render --timeout 50ms -o made' 'av-fit -o made' \
			'av-token --ensure'; do
			$program -v -p anam <"in.$n" >out 2>err && false
			[ -s out ]
			run -1 grep -F SECRET out err
		done
		av-validate -v -p anam <"in.$n" >out 2>err && false
		check_schema out
	done
	is "$(av-validate -k -p anam <in.3 | of - 'map(.error.code) | unique')" '["secret_in_record"]'
	is "$(av-validate -k -p anam <in.4 | of - 'map(.error.code) | unique')" '["secret_in_record"]'
	av-validate -p anam 'access_token=eyJSECRET' >out 2>err && false
	run -1 grep -F SECRET out err
	jq -e '.error.message | contains("(access_token)") and contains("credentials file")' out
}

@test "a word that only resembles a secret's name is no secret" {
	faces covid_token.jpg=64x48 my_api_key.jpg=64x48 forgot_password.jpg=64x48
	run -0 av-validate -p avtr1 ./*.jpg '{"file":"covid_token.jpg","note":"access_token=x","password":1}'
}

# sign_in VARIABLE: starts av-token with a fake xdg-open, which stores what it got in the folder `seen`.
# Sets URL to the printed address.
sign_in() {
	mkdir -p fake seen "$XDG_CONFIG_HOME/avtools/providers"
	example | jq '.name = "paint" | del(.aliases)
		| .auth = {header: "Authorization", scheme: "Bearer", oauth: {
			token_url: "http://127.0.0.1:1/t",
			authorize_url: "http://127.0.0.1:1/in?a=1\u0026b=2",
			grants: [{name: "authorization_code", grant_type: "authorization_code"}]}}' \
		>"$XDG_CONFIG_HOME/avtools/providers/paint.json"
	cat >fake/xdg-open <<-'END'
		#!/bin/bash
		printf '%s\n' "$@" >seen/argv
		command stat -c '%a %u' "$1" >seen/mode
		cp "$1" seen/page.html
		tr '\0' '\n' </proc/$PPID/cmdline >seen/parent
		env >seen/env
		echo >&9
	END
	chmod +x fake/xdg-open
	mkfifo opened err
	exec 9<>opened
	env "$1=x" PATH="$PWD/fake:$PATH" PAINT_CLIENT_ID=me \
		av-token -p paint --grant authorization_code >out 2>err 3>&- &
	SERVER=$!
	exec 8<err
	read -r _ <&8
	read -r URL <&8
	read -r -t $((10 * AV_SLOW)) -u 9
}

# parameter NAME: of the printed address, decoded
parameter() {
	python3 -c 'import sys, urllib.parse as u
print(u.parse_qs(u.urlsplit(sys.argv[1]).query)[sys.argv[2]][0])' "$URL" "$1"
}

@test "the sign-in address is in a file of mode 600, not on a command line" {
	local path
	sign_in DISPLAY
	[[ $URL == "http://127.0.0.1:1/in?a=1&b=2&"*code_challenge=* ]]
	path=$XDG_STATE_HOME/avtools/sign-in.paint.html
	is "$(cat seen/argv)" "$path"
	is "$(cat seen/mode)" "600 $(id -u)"
	run -1 grep -rF -e "$(parameter state)" -e "$(parameter code_challenge)" -e code_challenge \
		seen/argv seen/parent seen/env
	is "$(python3 -c 'import re, html
page = open("seen/page.html").read()
print(html.unescape(re.search(r"url=([^\"]*)\"", page)[1]))
print(html.unescape(re.search(r"href=\"([^\"]*)\"", page)[1]))')" "$URL"$'\n'"$URL"
	# A refusal ends it, is shown safely, and the page is gone.
	curl -sf "$(parameter redirect_uri)?state=$(parameter state)&error=%1b%5d0;x%07&error_description=%c2%9bz" >/dev/null
	wait "$SERVER" && false
	SERVER=
	cat <&8 >rest
	grep -qF 'refused: \x1b]0;x\x07 (\u009bz)' rest
	clean rest
	[ ! -e "$path" ]
}

@test "the page is private also over an old one" {
	mkdir -p "$XDG_STATE_HOME/avtools"
	echo old >"$XDG_STATE_HOME/avtools/sign-in.paint.html"
	chmod 666 "$XDG_STATE_HOME/avtools/sign-in.paint.html"
	sign_in BROWSER
	is "$(cat seen/mode)" "600 $(id -u)"
	grep -qF http-equiv seen/page.html
}

@test "av-doctor shows names of providers, files and settings safely" {
	local bad=$'/none/\e[31m'
	run av-doctor -p $'a\e[31m' --offline
	clean <(echo "$output")
	for option in "" --config; do
		AV_LEDGER=$bad XDG_STATE_HOME=$bad XDG_CONFIG_HOME=$bad run av-doctor --offline $option
		[[ $output == *'/none/\x1b[31m'* ]]
		clean <(echo "$output")
	done
}
