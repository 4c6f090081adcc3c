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
		said 64 "--verbose takes no value; write only --verbose" "av-$program" --verbose=2
		said 64 "unknown option '-x'; av-$program --help-all lists all" "av-$program" -qx
		said 64 "unknown option '-x'" "av-$program" --quiet -xq
		said 64 "unknown option '--zzzzzzz'; av-$program --help-all lists all" "av-$program" --zzzzzzz=secret
		[[ $stderr != *secret* ]]
		[[ $stderr != *"did you mean"* ]]
	done
	said 64 "did you mean '--gravity'?" av-fit --gravty up
	said 64 "did you mean '--ledger'?" av-ledger --legder x list
	said 64 "did you mean '--words'?" av-provider --wrods list
	said 64 "did you mean '--seed'?" av-sandbox --sed=3
	for program in report sheet; do
		said 64 "unknown option '--zzzzzzz'" "av-$program" --zzzzzzz
		[[ $stderr != *"did you mean"* ]]
	done
	said 64 "unknown option '--markdwon'; did you mean '--markdown'?" av-report --markdwon
	said 64 "did you mean '--json'?" av-report --jsno
	said 64 "did you mean '--no-pictures'?" av-sheet --no-pic
	said 64 "did you mean '--output'?" av-sheet --ouptut=x.html
	said 64 "unknown option '--?[31m'" av-sheet $'--\e[31m'
	said 64 "no such command: lst; did you mean 'list'?" av-provider lst
	said 64 "no such command: imprt; did you mean 'import'?" av-ledger imprt
	said 64 "did you mean 'made'?" av-ledger list --state mde
	said 64 "no such command: qqq; try av-ledger list" av-ledger qqq
	said 64 "no such command: qqq; try av-provider list" av-provider qqq
}

@test "a value that is none: what it has to be, and one to try, for the option as it was typed" {
	local number="takes a number from 1 to 2147483647, not"
	said 64 "av-upload: -j $number '0'; try -j 4" av-upload -j 0
	said 64 "av-upload: -j $number 'q'; try -j 4" av-upload -qjq
	said 64 "av-upload: --jobs $number 'zero'; try --jobs 4" av-upload --jobs zero
	said 64 "--jobs $number '2147483648'; try --jobs 1" av-validate --job 2147483648
	said 64 "--max-pixels $number '-1'; try --max-pixels 100000000" av-validate --max-pixels=-1
	said 64 "--timeout takes a time such as 90s, 10m or 1h, not '5x'; try --timeout 10m" av-poll --timeout 5x
	said 64 "--rate takes a rate such as 5/s or 30/m, not 'fast'; try --rate 5/s" av-upload --rate fast
	said 64 "--max-bytes takes a number of bytes such as 1000, 64k or 4M, not 'x'; try --max-bytes 64M" \
		av-render --max-bytes x
	said 64 "AV_PROGRESS takes auto, plain, json or none, not 'x'; try AV_PROGRESS=plain" env AV_PROGRESS=x av-poll
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

# Each line: exit status | what stderr has to say | the command, for sh. They run in a folder with
# wide.jpg (16:10), good.jpg (16:9), big.jpg (5 MB), and a sandbox.
mistakes() {
	cat <<'END'
78|ANAM_API_KEY is not set; export ANAM_API_KEY=..., or keep it with: av-token --login anam|unset ANAM_API_KEY; av-upload -p anam good.jpg
77|does not accept ARGIL_API_KEY from the environment (401)|ARGIL_API_KEY=WRONG av-upload -p argil good.jpg
78|did you mean 'anam'?|av-upload -p anamm good.jpg
65|the record names no provider; give one with -p|av-upload good.jpg
64|did you mean '--quick'?|av-validate --quik good.jpg
65|wide.jpg: Argil takes the shape 16:9 or 9:16 exactly; this photo is 1440x900; av-fit -o fitted <done.jsonl|av-validate -p argil wide.jpg
65|big.jpg: the file is too large for Anam: by 5|av-validate -p anam big.jpg
65|cannot open 'nothing/*.jpg': No such file or directory; check the paths: |av-validate -p anam 'nothing/*.jpg'
65|'.' is a directory, not a file; name the photos in the directory, as in photos/*.jpg|av-validate -p anam .
75|cannot reach http://127.0.0.1:9/v1: Failed to connect|ARGIL_API_URL=http://127.0.0.1:9/v1 av-upload -p argil --timeout 2s good.jpg
74|cannot write standard output: No space left on device|av-validate good.jpg >/dev/full
65|option 'random' must be at most 30; got 99; use an allowed value: av-provider options loom|av-validate -p loom -O random=99 good.jpg
65|Argil has no option 'voice'; did you mean 'voiceId'?; wanted: voiceId, extras, callbackUrl; use one of these options: av-provider options argil|av-validate -p argil -O voice=x good.jpg
65|line 2: not a record: column 9: a value is expected; |printf 'good.jpg\n{"file":}\n' \| av-validate
65|line 1: the JSON goes on in the next line; write one object a line: jq -c . FILE|printf '{\n"file": "good.jpg"\n}\n' \| av-validate
65|line 1: an array is no record; write one object a line: jq -c '.[]' FILE|echo '[{"file":"good.jpg"}]' \| av-validate
65|the name is too short|echo '{"file":"good.jpg","name":"a"}' \| av-validate -p anam
65|line 1: a file:// URL is no path; give the path, as in photos/ann.jpg|echo file:///tmp/good.jpg \| av-validate
65|Protoface accepts files, not URLs; wanted: a file; fetch the photos into files: av-fetch -o photos <done.jsonl |av-validate -p avtr1 https://example.org/a.jpg
78|damaged or no ledger. Restore a copy of it and of its -wal file, or import an export into a new one (av-ledger import). With an empty one everything is paid for again|av-upload -p argil --ledger good.jpg good.jpg
65|2 of 3 failed: 1 x |av-validate -p argil wide.jpg good.jpg none.jpg
65|see error.problems, or: av-report done.jsonl|av-validate -p argil wide.jpg none.jpg >done.jsonl
65|a.jpg: the file is not a picture, it is text/html; look into these files: |printf '<!doctype html><html><body>404</body></html>' >a.jpg; av-validate a.jpg
65|'empty.jpg' is empty; replace these photos: |: >empty.jpg; av-validate empty.jpg
65|cut.jpg: the JPEG is incomplete: the file ends too early; |head -c 3000 big.jpg >cut.jpg; av-validate cut.jpg
65|the record has no avatar.id; run av-upload first|echo '{"file":"good.jpg","provider":"argil"}' \| av-poll
65|the record has neither file nor url|echo '{"photo":"good.jpg"}' \| av-validate
64|-o DIR is missing: it says where the new photos go; try -o fitted|av-fit good.jpg
64|-o: '{stm}' begins with none of {dir}|av-fit -o '{stm}' good.jpg
64|--type takes jpeg, png or webp, not 'gif'; try --type jpeg|av-fit -o out --type gif good.jpg
64|--pad takes a colour, #rrggbb, black, white or gray, not 'mauve'; try --pad white|av-fit -o out --pad mauve good.jpg
64|--gravity takes attention, entropy, centre, north, south, east or west, not 'up'; try|av-fit -o out --gravity up good.jpg
64|--max-upscale takes a number from 1 to 1000, not '0'; try --max-upscale 2|av-fit -o out --max-upscale 0 good.jpg
64|--orientation takes a number from 1 to 8; try --orientation 1|av-fit -o out --orientation 9 good.jpg
64|there are no operands; name a provider: av-doctor -p NAME|av-doctor argil
64|no such command: lst; did you mean 'list'?|av-ledger lst
64|unknown option '-x'; av-upload --help-all lists all|av-upload -x good.jpg
64|--provider needs a value; write --provider NAME[,NAME]|av-upload --provider
64|av-upload: -p needs a value; write -p NAME[,NAME]|av-upload good.jpg -qp
64|-j takes a number from 1 to 2147483647, not '0'; try -j 4|av-upload -j 0 good.jpg
64|--url needs exactly one provider; add -p NAME|av-upload -u http://127.0.0.1 good.jpg
64|no provider is given; try av-token -p NAME; av-provider list shows all names|av-token
64|operands are taken only with --ensure; name the provider: av-token -p NAME|av-token anam
64|only one of --header, --bearer, |av-token -p anam --header --bearer
64|--quick reads less of each photo and --decode more; leave out one of the two|av-validate --quick --decode good.jpg
64|--name-from takes file or dir, not 'folder'; try --name-from dir|av-validate --name-from folder good.jpg
64|--progress takes auto, plain, json or none, not 'fancy'; try --progress plain|av-upload --progress fancy good.jpg
64|no command is given; try av-ledger list|av-ledger
64|no command is given; try av-provider list|av-provider
64|show takes the name of one provider; av-provider list shows them|av-provider show
64|list takes no name; for one provider: av-provider show NAME|av-provider list anam
64|--step takes upload, render, list, delete, call or the name of an operation, not 'poll'; try --step upload|av-provider options anam --step poll
64|forget takes one KEY or more; av-ledger list shows them|av-ledger forget
64|list takes no --json; leave it out|av-ledger list --json
64|--state takes intended, made, unknown, not_made, failed or gone, not 'xyz'; try --state unknown|av-ledger list --state xyz
64|not 'soon'; try --since monday|av-ledger spend --since soon
64|try av-ledger settle KEY --not-made|av-ledger settle 12 34
64|--seed takes a whole number from 0 to 9223372036854775807, not 'x'; see av-sandbox --help-all|av-sandbox --seed x
64|unknown option '-x'; see av-sandbox --help-all|av-sandbox -x
75|1 of 1 failed; check the network and the proxy, then: av-upload --retry-failed|ARGIL_API_URL=http://127.0.0.1:9/v1 av-upload -p argil good.jpg --timeout 2s
END
}

@test "60 mistakes without a terminal: stderr has the thing, the reason and what to type" {
	box
	faces wide.jpg=1440x900 good.jpg=1280x720 big.jpg=1280x720
	head -c 5000000 /dev/zero >>big.jpg
	while IFS='|' read -r status wanted command; do
		got=0
		sh -c "${command//\\|/|}" >done.jsonl 2>err </dev/null || got=$?
		[[ $got == "$status" && $(<err) == *"$wanted"* ]] ||
			{ printf '%s: %s\n%s\nwanted %s: %s\n' "$command" "$got" "$(<err)" "$status" "$wanted"; return 1; }
	done < <(mistakes)
}

@test "what failed is said in a line for each program, not for each record, and not with -q" {
	photos 3 1440x900
	run -65 --separate-stderr sh -c 'av-validate -p argil photos/* | av-upload | av-poll >done.jsonl; exit 65'
	is "$stderr" "av-validate: 3 of 3 failed: 3 x Argil takes the shape 16:9 or 9:16 exactly; this photo is 1440x900; av-fit -o fitted <done.jsonl | av-validate -p argil"
	run -65 --separate-stderr av-validate -q -p argil photos/001.jpg
	is "$stderr" ''
	run -65 --separate-stderr av-validate --summary -p argil photos/001.jpg
	is "$(grep -c 'takes the shape' <<<"$stderr")" 1
}

@test "a command to type holds the records' file as a shell reads it, and nothing that a terminal obeys" {
	photos 2 1440x900
	mkdir "a b"
	file=$'a b/it\'s\e[31m.jsonl'
	for option in -v --summary; do
		run -65 --separate-stderr sh -c 'av-validate '$option' nothing.jpg >"$1"' sh "$file"
		[[ $stderr != *$'\e'* && $stderr == *"grep -w file_missing 'a b/it'\\''s\\x1b[31m.jsonl' | jq -r .file"* ]]
		run -65 --separate-stderr sh -c 'av-validate '$option' -p argil nothing.jpg photos/* >"a b/x.jsonl"'
		[[ $stderr != *$'\e'* && $stderr == *"'a b/x.jsonl'"* ]]
		run -0 sh -c "$(sed -n 's/.*\(grep .*\)/\1/p; s/.*or: av-report \(.*\)/cat \1/p' <<<"$stderr" | head -n 1)"
		[[ $output == *nothing.jpg* ]]
	done
}

@test "a message that is too long for a line ends with a part of it" {
	run -65 --separate-stderr sh -c 'echo "\"access_token\":\"K\"" | av-validate'
	[[ $stderr == *"credentials from the environment or the credentials file; remove the secret from the input"* ]]
}
