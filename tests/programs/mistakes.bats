#!/usr/bin/env bats
# What the programs say of mistakes: the thing, the reason and what to type.

load helper

# said STATUS TEXT COMMAND...: the command ends with that status and has the text on stderr
said() {
	run "-$1" --separate-stderr "${@:3}"
	[[ $stderr == *"$2"* ]] || { printf 'no "%s" in:\n%s\n' "$2" "$stderr"; return 1; }
}

# Of 24 rows one is the prompt's.
@test "the help of each program fits a terminal of 24 x 80, and --help-all has every option" {
	for source in "$TESTS"/../tools/av-*.c "$TESTS"/../tools/av-*.sh; do
		program=$(basename "${source%.*}")
		run -0 --separate-stderr "$program" --help
		is "$(awk -v p="$program" 'length > 80 {print p ": " $0} END {if (NR > 23) print p ": " NR " rows"}' \
			<<<"$output")" ''
		is "$("$program" -h)" "$output"
		for option in $("$TESTS/lint/long-options" "$program"); do
			[[ $output == *"$option"* ]] || { echo "$program: $option"; return 1; }
		done
	done
}

@test "a mistyped option, command or state: what was meant" {
	for program in validate upload poll render token; do
		said 64 "unknown option '--verbsoe'; did you mean '--verbose'?" "av-$program" --verbsoe
		said 64 "--verbose takes no value" "av-$program" --verbose=2
		said 64 "unknown option '-x'" "av-$program" -qx
		said 64 "unknown option '--zzzzzzz'" "av-$program" --zzzzzzz
		[[ $stderr != *"did you mean"* ]]
	done
	said 64 "did you mean '--gravity'?" av-fit --gravty up
	said 64 "did you mean '--ledger'?" av-ledger --legder x list
	said 64 "did you mean '--words'?" av-provider --wrods list
	said 64 "did you mean '--seed'?" av-sandbox --sed=3
	said 64 "no such command: lst; did you mean 'list'?" av-provider lst
	said 64 "no such command: imprt; did you mean 'import'?" av-ledger imprt
	said 64 "did you mean 'made'?" av-ledger list --state mde
}

@test "a value that is none: what it has to be" {
	said 64 "--jobs: 'zero' is not a whole number from 1 on" av-upload --jobs zero
	said 64 "--timeout: '5x' is not a time such as 90s, 10m or 1h" av-poll --timeout 5x
	said 64 "--rate: 'fast' is not a rate such as 5/s" av-upload --rate fast
	said 64 "--max-bytes: 'x' is not a number of bytes such as 1000, 64k or 4M" av-render --max-bytes x
}

@test "an unknown provider: what was meant, and 78 from every program" {
	photos 1
	echo '{"avatar":{"id":"x","status":"processing"},"provider":"anamm"}' >records
	wanted="unknown provider 'anamm'; av-provider list shows all providers; did you mean 'anam'?"
	said 78 "$wanted" av-provider show anamm
	said 78 "$wanted" av-token -p anamm
	said 78 "$wanted" av-token -p anamm --logout
	said 78 "$wanted" av-fit -p anamm -o out photos/001.jpg
	for program in validate upload poll render; do
		said 78 "$wanted" "av-$program" -p anamm photos/001.jpg
		[[ $output == *'"code":"unknown_provider"'* ]]
	done
	for program in poll render; do
		run -78 --separate-stderr "av-$program" <records
		[[ $output == *"did you mean 'anam'?"* ]]
	done
	said 78 "did you mean 'protoface'?" av-provider show protofaec
	said 78 "did you mean 'argil'?" av-provider show Argil
}

@test "a mistyped option of a service or kind of rendering: what was meant" {
	photos 1 1280x720
	run -65 av-validate -p argil -O voice=1 photos/001.jpg
	[[ $output == *"Argil has no option 'voice'; did you mean 'voiceId'?"* ]]
	echo '{"avatar":{"id":"7b0f1c52-1f0e-4d5c-8a44-0f3f0c2d9a10","status":"ready"},"provider":"argil"}' >ready
	export ARGIL_API_KEY=k
	run -65 av-render -o out -r vide <ready
	[[ $output == *"did you mean 'video'?"* ]]
	run -65 av-render -o out -r video -O txt=Hello <ready
	[[ $output == *"did you mean 'text'?"* ]]
}

@test "a wrong key: its variable, where it is from, the account, and what to type" {
	box
	photos 1
	said 77 "the service does not accept ARGIL_API_KEY from the environment (401): missing or invalid credentials; account 'team'; to replace it: export ARGIL_API_KEY=..." \
		env ARGIL_API_KEY=WRONG ARGIL_ACCOUNT=team av-poll -p argil 3f1f1d3e-5a0c-4a53-9d0e-0a5d7b1c2e01
	[[ $output$stderr != *WRONG* ]]
	mkdir -p "$XDG_CONFIG_HOME/avtools"
	(umask 077; printf '\nPROTOFACE_API_KEY=WRONG\n' >"$XDG_CONFIG_HOME/avtools/credentials")
	said 77 "does not accept PROTOFACE_API_KEY from $XDG_CONFIG_HOME/avtools/credentials, line 2 (401): " \
		env -u AVTR1_API_KEY av-upload -p avtr1 photos/001.jpg
	[[ $stderr == *"to replace it: av-token --login avtr1" && $output$stderr != *WRONG* ]]
	echo WRONG >key
	chmod 600 key
	said 77 "does not accept ANAM_API_KEY from '$PWD/key', which ANAM_API_KEY_FILE names (401): " \
		env -u ANAM_API_KEY ANAM_API_KEY_FILE="$PWD/key" av-upload -p anam photos/001.jpg
	said 77 "does not accept LOOM_ACCESS_TOKEN from the environment" \
		env LOOM_ACCESS_TOKEN=WRONG av-upload -p loom photos/001.jpg
	[[ $output$stderr != *WRONG* ]]
	said 77 "check LOOM_USERNAME and LOOM_PASSWORD" env LOOM_PASSWORD=WRONG av-upload -p loom photos/001.jpg
	said 78 "ANAM_API_KEY is not set; export ANAM_API_KEY=..., or keep it with: av-token --login anam" \
		env -u ANAM_API_KEY av-upload -p anam photos/001.jpg
}

@test "without arguments on a terminal: says that it reads from there, once, and not with -q" {
	needs_terminal
	photos 1
	for program in validate upload; do
		run -0 --separate-stderr "$ON" "reading photo paths from the terminal; end with Ctrl-D; see --help" \
			'photos/001.jpg\n^D' -- "av-$program" --exit-zero
		is "$(jq -r .file <<<"$output")" photos/001.jpg
		is "$(grep -c reading <<<"$stderr")" 1
	done
	for program in poll render; do
		run -0 --separate-stderr "$ON" "av-$program: reading avatar ids from the terminal" 'x\n^D' -- \
			"av-$program" --exit-zero
		is "$(jq -r .avatar.id <<<"$output")" x
	done
	run -0 --separate-stderr "$ON" -- sh -c 'echo photos/001.jpg | av-validate; av-validate photos/001.jpg'
	[[ $stderr != *reading* ]]
	run -0 --separate-stderr "$ON" '' '^D' -- av-validate -q
	[[ $stderr != *reading* ]]
}
