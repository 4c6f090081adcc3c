#!/usr/bin/env bats
# av-token --login and --logout: credentials asked for, checked and kept.

load helper

bats_require_minimum_version 1.5.0

# file: the credentials file
file() {
	cat "$XDG_CONFIG_HOME/avtools/credentials"
}

# kept TEXT: makes the credentials file
kept() {
	mkdir -p "$XDG_CONFIG_HOME/avtools"
	(umask 077; printf "$1" >"$XDG_CONFIG_HOME/avtools/credentials")
}

# log_in NAME LINE...: gives the lines to av-token --login NAME
log_in() {
	printf '%s\n' "${@:2}" | av-token --login "$1" "${MORE[@]}"
}

# forget_env PROVIDER: moves the sandbox's secrets out of the environment, into KEY and others
forget_env() {
	local name
	for name in API_KEY CLIENT_ID CLIENT_SECRET USERNAME PASSWORD; do
		eval "$name=\${$1_$name-}"
		unset "$1_$name"
	done
}

# acme: a service that has no operation to check a key by, so that any key is kept
acme() {
	mkdir -p "$XDG_CONFIG_HOME/avtools/providers"
	jq 'del(.operations.avatars, .operations.create.lookup)' <(example) >"$XDG_CONFIG_HOME/avtools/providers/acme.json"
}

@test "a key is kept if the service accepts it, in a file of mode 0600" {
	box
	forget_env ANAM
	run -77 --separate-stderr log_in anam WRONG
	[[ $stderr == *"does not accept ANAM_API_KEY from your entry (401)"*"nothing was kept" ]]
	[[ $stderr != *WRONG* && -z $output && ! -e $XDG_CONFIG_HOME/avtools/credentials ]]
	run -0 --separate-stderr log_in anam "  $API_KEY "$'\r'
	[[ -z $output && $stderr == *"Anam accepts it (GET $ANAM_API_URL/avatars)"*"kept in $XDG_CONFIG_HOME/avtools/credentials"* ]]
	is "$(file)" "ANAM_API_KEY=$API_KEY"
	is "$(command stat -c %a "$XDG_CONFIG_HOME/avtools/credentials")" 600
	is "$(av-token -p anam --bearer)" "$API_KEY"
	run -77 log_in anam OTHER
	is "$(file)" "ANAM_API_KEY=$API_KEY"
	for nothing in '' '   '; do
		run -65 log_in anam "$nothing"
		[[ $output == *"ANAM_API_KEY was not entered; nothing was kept"* ]]
	done
	is "$(stat '[.anam.creates, .anam.charges, .anam.requests]')" '[0,0,5]'
}

@test "on a terminal: where keys are made is named, and the key is not shown" {
	box
	forget_env ARGIL
	needs_terminal
	run -0 --separate-stderr "$ON" 'ARGIL_API_KEY: ' "$API_KEY\\n" -- av-token --login argil
	[[ $stderr == *"A key of Argil is made here: the Developers page of the app"* ]]
	[[ $stderr == *"Argil accepts it"*"echo: on"* && $stderr != *"$API_KEY"* ]]
	is "$(file)" "ARGIL_API_KEY=$API_KEY"
	run -130 --separate-stderr "$ON" 'ARGIL_API_KEY: ' '^C' -- av-token --login argil
	[[ $stderr == *"echo: on"* ]]
	run -65 --separate-stderr "$ON" 'ARGIL_API_KEY: ' '^D' -- av-token --login argil
	[[ $stderr == *"was not entered"*"echo: on"* ]]
	is "$(file)" "ARGIL_API_KEY=$API_KEY"
}

@test "a line that is too long: the terminal echoes again" {
	needs_terminal
	acme
	part=$(printf '%3500s' '' | tr ' ' x)^D
	run -65 --separate-stderr "$ON" KEY: "$part" '' "$part" '' "$part" '' "$part" '' "$part" -- av-token --login acme
	[[ $stderr == *"ACME_API_KEY is longer than 16384 bytes; nothing was kept"*"echo: on"* ]]
	run -65 --separate-stderr sh -c 'printf "%020000d\\n" 1 | av-token --login acme'
	is "$stderr" "av-token: ACME_API_KEY is longer than 16384 bytes; nothing was kept"
}

@test "only the key's own line changes, byte for byte" {
	acme
	while IFS='~' read -r before after; do
		echo "$before"
		kept "$before"
		run -0 log_in acme NEW
		[[ $output == *"names no free operation"* ]]
		printf "$after" | cmp - "$XDG_CONFIG_HOME/avtools/credentials"
	done <<'END'
~ACME_API_KEY=NEW\n
# mine~# mine\nACME_API_KEY=NEW\n
ACME_API_KEY=old~ACME_API_KEY=NEW
\xef\xbb\xbfA=1\r\nACME_API_KEY=old\r\n\r\n# end~\xef\xbb\xbfA=1\r\nACME_API_KEY=NEW\r\n\r\n# end
\xef\xbb\xbfexport ACME_API_KEY = "old" # mine\nB='2'\n~\xef\xbb\xbfexport ACME_API_KEY = NEW # mine\nB='2'\n
\tACME_API_KEY\t=\told\t\n  #x\n~\tACME_API_KEY\t=\tNEW\t\n  #x\n
A=1\nACME_API_KEY=one\nB=2\n ACME_API_KEY=two\nC=3~A=1\nACME_API_KEY=NEW\nB=2\nC=3
XACME_API_KEY=1\nACME_API_KEYX=2\nACME_API_KEY=\n~XACME_API_KEY=1\nACME_API_KEYX=2\nACME_API_KEY=NEW\n
END
	kept 'A=1\nno line\n'
	run -78 log_in acme NEW
	[[ $output == *"line 2: this is not NAME_KEY=value"* ]]
	kept ''
	chmod 644 "$XDG_CONFIG_HOME/avtools/credentials"
	run -78 log_in acme NEW
	[[ $output == *"chmod 600"* ]]
	is "$(file)" ''
}

@test "any key is read back as it was entered" {
	acme
	for key in 'a b' '"a' "'a" 'a"' "a'b\"c" '#a' 'a=b' '$HOME' '\n' 'ä€' "'a b'" "x'" $'a\tb'; do
		case $key in *$'\t'*) wanted=65 ;; *) wanted=0 ;; esac
		run -$wanted log_in acme "$key"
		[ "$wanted" -ne 0 ] || is "$(av-token -p acme --bearer)" "$key"
	done
	run -78 log_in acme "\"a'b"
	[[ $output == *"use ACME_API_KEY_FILE"* && $output != *"a'b"* ]]
}

@test "logins at the same time keep all keys" {
	acme
	jq -c . "$XDG_CONFIG_HOME/avtools/providers/acme.json" >one
	for n in 1 2 3 4 5 6 7 8; do
		jq --arg n "s$n" '.name = $n' one >"$XDG_CONFIG_HOME/avtools/providers/s$n.json"
	done
	for n in 1 2 3 4 5 6 7 8; do
		log_in "s$n" "KEY$n" 2>/dev/null 3>&- &
		pids+=($!)
	done
	wait "${pids[@]}"
	is "$(file | sort | xargs)" "$(for n in 1 2 3 4 5 6 7 8; do echo "S${n}_API_KEY=KEY$n"; done | xargs)"
}

@test "what comes before the file is named" {
	box
	key=$ANAM_API_KEY
	run -0 log_in anam "$key"
	[[ $output == *"ANAM_API_KEY from the environment comes before it; unset it"* ]]
	unset ANAM_API_KEY
	run -0 log_in anam "$key"
	[[ $output != *"comes before"* ]]
}

@test "OAuth: asks for what the grant needs, gets a new token, keeps all" {
	box
	forget_env LOOM
	run -0 log_in loom "$CLIENT_ID" "$CLIENT_SECRET" "$USERNAME" "$PASSWORD"
	[[ $output == *"Loom AI accepts it"* ]]
	is "$(file | cut -d= -f1 | xargs)" "LOOM_CLIENT_ID LOOM_CLIENT_SECRET LOOM_USERNAME LOOM_PASSWORD"
	av-token -p loom >/dev/null
	# A stored token does not prove another password.
	before=$(file)
	run -77 log_in loom "$CLIENT_ID" "$CLIENT_SECRET" "$USERNAME" WRONG
	[[ $output == *"check LOOM_USERNAME and LOOM_PASSWORD; nothing was kept" && $output != *WRONG* ]]
	is "$(file)" "$before"
	rm "$XDG_CONFIG_HOME/avtools/credentials"
	MORE=(--grant client_credentials)
	run -0 log_in loom "$CLIENT_ID" "$CLIENT_SECRET"
	is "$(file | cut -d= -f1 | xargs)" "LOOM_CLIENT_ID LOOM_CLIENT_SECRET"
	LOOM_ACCESS_TOKEN=x run -78 log_in loom "$CLIENT_ID" "$CLIENT_SECRET"
	[[ $output == *"LOOM_ACCESS_TOKEN from the environment is used as it is; unset it"* ]]
}

@test "a service that cannot be reached: nothing is kept" {
	export ANAM_API_URL=http://127.0.0.1:1/v1
	run -75 log_in anam KEY
	[[ $output == *"cannot reach http://127.0.0.1:1/v1"*"nothing was kept" ]]
	[ ! -e "$XDG_CONFIG_HOME/avtools/credentials" ]
}

@test "an account that cannot pay has valid credentials" {
	echo '{"GET /v1/avatars": [{"status": 402, "body": {"error": "no money"}}]}' >script
	serve_script
	export ANAM_API_URL=$url/v1
	run -0 log_in anam KEY
	[[ $output == *"no money"*"kept in"* ]]
	is "$(cat asked | cut -d'?' -f1 | uniq)" "GET /v1/avatars"
}

@test "logout removes a key that is kept" {
	acme
	kept '# mine\nACME_API_KEY=k\nOTHER=1\n'
	run -0 av-token -p acme --logout
	[[ $output == *"removed the key"* ]]
	is "$(file)" $'# mine\nOTHER=1'
	kept 'ACME_API_KEY=k'
	run -0 av-token -p acme --logout
	is "$(file)" ''
	rm "$XDG_CONFIG_HOME/avtools/credentials"
	run -0 av-token -p acme --logout
	[[ -z $output && ! -e $XDG_CONFIG_HOME/avtools/credentials ]]
	ACME_API_KEY=k run -0 av-token -p acme --logout
	[[ $output == *"ACME_API_KEY from the environment is still set"* && $output != *removed* ]]
}

@test "usage" {
	run -64 av-token --login
	run -64 av-token --login anam --header
	run -64 av-token --login anam KEY
	run -78 av-token --login anamm </dev/null
	[[ $output == *"did you mean 'anam'?"* ]]
	MORE=(--grant pasword-realm)
	run -78 log_in loom x
	[[ $output == *"has no grant pasword-realm; did you mean 'password-realm'?"* ]]
	LOOM_CLIENT_ID=x run -78 av-token -p loom --grant client_credential
	[[ $output == *"did you mean 'client_credentials'?"* ]]
}
