#!/usr/bin/env bats
# The defaults file avtools/config.

load helper

# config LINE...: writes the file
config() {
	mkdir -p "$XDG_CONFIG_HOME/avtools"
	printf '%s\n' "$@" >"$XDG_CONFIG_HOME/avtools/config"
}

# providers: of the output's records
providers() {
	jq -r .provider <<<"$output" | xargs
}

@test "provider: option before environment before file" {
	photos 1 1280x720
	config 'provider = anam,argil'
	run -0 av-validate photos/001.jpg
	is "$(providers)" "anam argil"
	AV_PROVIDER=loom run -0 av-validate photos/001.jpg
	is "$(providers)" loom
	AV_PROVIDER=loom run -0 av-validate -p avtr1 photos/001.jpg
	is "$(providers)" avtr1
	AV_PROVIDER='' run -0 av-validate photos/001.jpg
	is "$(providers)" "anam argil"
}

@test "jobs: option before file" {
	# so long that all requests begin before the first response, also on a busy machine
	box --delay 1000
	photos 8
	config 'jobs = 8'
	av-upload -p anam photos/*.jpg >out
	is "$(stat .anam.max_in_flight)" 8
	av-upload -p avtr1 -j 2 photos/00[1-4].jpg >out
	is "$(stat .avtr1.max_in_flight)" 2
}

@test "account: of one provider before that of all; the environment before both" {
	box
	photos 4
	config 'account = all' 'protoface.account = one'
	av-upload -p anam,avtr1 photos/001.jpg >out
	AVTR1_ACCOUNT=env av-upload -p avtr1 photos/002.jpg >>out
	is "$(av-ledger list | jq -r '[.provider, .account] | join(" ")' | sort | xargs)" \
		"anam all avtr1 env avtr1 one"
}

@test "ledger: option before environment before file" {
	box
	photos 3
	config "ledger = $PWD/file.db"
	av-upload -p anam photos/001.jpg >out
	AV_LEDGER=$PWD/env.db av-upload -p anam photos/002.jpg >out
	AV_LEDGER=$PWD/env.db av-upload -p anam --ledger option.db photos/003.jpg >out
	for ledger in file env option; do
		is "$(av-ledger --ledger "$ledger.db" list | wc -l)" 1
	done
	is "$(av-ledger list | jq -r .state)" made
	[ ! -e "$XDG_STATE_HOME/avtools/ledger.db" ]
	config 'ledger = none'
	run -78 av-ledger list
	[[ $output == *"ledger in avtools/config"* ]]
}

@test "a file as Windows and shells write it is taken" {
	photos 1
	for line in 'provider=anam' $'\xef\xbb\xbf# mine\r\n\r\n provider = anam \r' 'provider = "anam" # mine' \
		"export provider='anam'" $'\tprovider\t=\tanam'; do
		config "$line"
		run -0 av-validate photos/001.jpg
		is "$(providers)" anam
	done
}

@test "a mistake in the file: each record has it, with file and line, in each program" {
	photos 2
	file=$XDG_CONFIG_HOME/avtools/config
	while IFS='~' read -r line wanted; do
		config '# mine' "$line"
		run -78 --separate-stderr av-upload photos/001.jpg photos/002.jpg
		echo "$line: $stderr"
		is "$(jq -r .error.code <<<"$output" | xargs)" "bad_config bad_config"
		[[ $output == *"$file, line 2: "*"$wanted"* && $output != *SECRET* ]]
		is "$stderr" "av-upload: $file, line 2: $(jq -r .error.message <<<"$output" | sed -n 's/.*line 2: //; 1p')"
	done <<'END'
provdier = anam~did you mean 'provider'?
anam.acount = x~did you mean 'anam.account'?
ANAM_API_KEY = SECRET~there is no setting 'ANAM_API_KEY'
jobs = many~'many' is not a whole number
ledger = here.db~'here.db' is neither none nor a path that begins with /
account =~account has no value
provider anam~this is not KEY = VALUE
END
	config 'jobs = 2' 'jobs = 3'
	for program in validate fit poll render token; do
		case $program in fit | render) more=(-o out) ;; token) more=(--ensure) ;; *) more=() ;; esac
		echo '{"file":"photos/001.jpg","avatar":{"id":"x","status":"processing"},"provider":"anam"}' >in
		[ "$program" = validate ] || [ "$program" = fit ] && echo photos/001.jpg >in
		run -78 "av-$program" "${more[@]}" <in
		[[ $output == *"line 2: jobs was set in line 1 before"* && $output == *bad_config* ]]
	done
	run -78 av-token -p anam
	[[ $output == *"line 2: "* ]]
	run -78 av-ledger list
	[[ $output == *"line 2: "* ]]
}
