#!/usr/bin/env bats
# Progress and receipt, as a terminal shows them: tmux is the terminal.

load helper

teardown() {
	tmux -S tmux kill-server 2>/dev/null || true
	local pid
	for pid in "${BOX:-}"; do
		[ -z "$pid" ] || { kill "$pid"; wait "$pid"; } 2>/dev/null || true
	done
}

tm() {
	tmux -S "$BATS_TEST_TMPDIR/tmux" "$@"
}

# terminal COLUMNS ROWS [SHELL...]: starts a terminal with an interactive shell, which has the environment
# of this one
terminal() {
	export PS1='$ ' LC_ALL=C.UTF-8 HISTFILE=
	unset TMUX
	tm -f /dev/null new-session -d -x "$1" -y "$2" "${3:-bash --norc --noprofile}"
	tm set -g status off
	tm set -g history-limit 10000
}

# enter LINE: types it
enter() {
	tm send-keys -l "$1"
	tm send-keys Enter
}

# completes LINE: types it on a clear screen, and waits until it has ended
completes() {
	count=$((${count:-0} + 1))
	enter "clear; $1; printf 'end %d\n' $count"
	shows "^end $count"
}

screen() {
	tm capture-pane -p "$@" | sed 's/ *$//' | grep . || true
}

# shows PATTERN [OPTION...]: waits until a line of the screen matches
shows() {
	local n
	for n in $(seq $((250 * AV_SLOW))); do
		screen "${@:2}" >shown
		if grep -qE -- "$1" shown; then return; fi
		sleep 0.04
	done
	printf 'never "%s" in:\n' "$1"
	cat shown
	return 1
}

# widest: the columns of the block's widest line on the screen
widest() {
	screen | grep -E '^[…✔] (validate|upload|poll|render)' | wc -L
}

# fits COLUMNS: waits until the block has fewer
fits() {
	local n
	for n in $(seq 50); do
		[ "$(widest)" -ge "$1" ] || return 0
		sleep 0.04
	done
	screen
	return 1
}

# refused N: makes photos/r1.jpg and so on, which argil refuses, beside those of photos
refused() {
	seq -f 'photos/r%g.jpg=1300x900' "$1" | xargs faces
}

PIPE='av-validate -p argil photos/* | av-upload -j 2 | av-poll | av-render -o out >done.jsonl'

@test "a pipe shows one block, as wide as the terminal, and one receipt" {
	photos 12 1280x720
	refused 3
	box --delay 200 --ready-after 1500
	terminal 80 24
	enter "$PIPE"
	shows '^… poll .*[1-9] in training'
	shows '^✔ validate  █{12}  15/15  done  ✘ 3 refused  Argil takes'
	grep -E '^… upload   +[█░]{12} +[0-9]+/12 ' shown
	grep -E '^… render   +[█░]{12} +[0-9]+/' shown
	is "$(grep -cE '^[…✔] (validate|upload|poll|render) ' shown)" 4
	fits 80
	tm resize-window -x 50 -y 24
	shows '^[…✔] upload   +[█░]{8} '
	fits 50
	tm resize-window -x 20 -y 24
	shows '^[…✔] upload +[0-9]+/12$'
	tm resize-window -x 80 -y 24
	shows '12 of 15 ready in [0-9.]+ s · 24 credits \(argil\) · 0 paid twice · ✘ 3 refused'
	grep -qx '      av-fit -o fitted <done.jsonl | av-validate -p argil | av-upload -j 2 |' shown
	grep -qx '          av-poll | av-render -o out' shown
	is "$(codes done.jsonl)" '3 photo_refused, 12 ready'
	# nothing is paid twice, no line of the block is left, and the file of the pipe is gone
	enter "clear; $PIPE"
	shows '12 of 15 ready in .* nothing paid · 0 paid twice \(12 reused\)'
	run -1 grep -E '^[…✔] (validate|upload|poll|render) ' shown
	is "$(ls -A runtime/avtools)" ''
}

@test "the command of the receipt mends what was refused" {
	photos 2 1280x720
	refused 2
	box
	terminal 120 24
	enter "$PIPE"
	shows '^      av-fit'
	enter "clear; $(sed -n 's/^      av-fit/av-fit/p' shown) >mended.jsonl"
	shows '4 of 4 ready in .* 4 credits \(argil\) · 0 paid twice'
	is "$(codes mended.jsonl)" '4 ready'
}

@test "Ctrl-C: the receipt says what is paid for" {
	photos 30 1280x720
	box --delay 200 --ready-after 1000
	terminal 80 24
	enter "$PIPE"
	shows '^… render  .* +[1-9][0-9]*/'
	tm send-keys C-c
	shows '^… stopped after [0-9.]+ s · [0-9]+ of 30 ready'
	grep -E '[0-9]+ avatars are paid for and noted, none is lost' shown
	grep -q 'go on with the same line' shown
	noted=$(sed -nE 's/.* ([0-9]+) avatars are.*/\1/p' shown)
	is "$(jq -c 'select(.avatar.id)' done.jsonl | wc -l)" "$noted"
	is "$(stat .argil.creates)" "$noted"
	is "$(wc -l <done.jsonl)" 30
	enter "clear; $PIPE"
	shows "30 of 30 ready in .* \\($noted reused\\)"
}

@test "NO_COLOR, and a locale without UTF-8" {
	photos 6 1280x720
	refused 2
	box --delay 300
	terminal 80 24
	enter "$PIPE"
	shows $'\e\\[32m✔ validate' -e
	shows $'\e\\[32m✔' -e
	enter "clear; NO_COLOR=1; export NO_COLOR; ${PIPE//upload/upload --again}"
	shows '^✔ validate' -e
	shows '6 of 8 ready' -e
	run -1 grep -q $'\e' shown
	enter "clear; LC_ALL=C; export LC_ALL; ${PIPE//upload/upload --again}"
	shows '^\+ validate  #{12}  8/8  done  x 2 refused'
	shows '^\+ 6 of 8 ready in .*, 12 credits \(argil\), x 2 refused'
	LC_ALL=C run -1 grep '[^ -~]' shown
}

@test "records on the terminal: the block goes before they are written" {
	photos 8 1280x720
	box --delay 250
	terminal 80 24
	enter 'av-validate -k -p argil photos/* | av-upload -j 1 -k'
	shows '^… upload  .*2/8'
	is "$(grep -c validate shown)" 1
	shows '8 of 8 made'
	tm capture-pane -p -J -S - >all
	is "$(grep '^{' all | jq -r .file | xargs)" "$(echo photos/*)"
	is "$(grep -c '█' all)" 0
}

@test "records typed at the terminal are not overwritten" {
	photos 2 1280x720
	terminal 80 24
	enter 'av-validate -p argil >out'
	shows 'reading photo paths'
	tm send-keys -l 'photos/00'
	shows '^photos/00'
	sleep 0.5
	shows '^photos/00'
	run -1 grep 'validate .*█' shown
	enter '1.jpg'
	tm send-keys C-d
	until_is 1 sh -c 'wc -l <out'
}

@test "jq at the end: on the terminal its lines stay whole, without a block" {
	photos 8 1280x720
	box --delay 250
	terminal 80 24
	enter 'av-validate -k -p argil photos/* | av-upload -j 1 -k | jq -c .file'
	shows '8 of 8 made'
	tm capture-pane -p -J -S - >all
	is "$(grep '^"' all | xargs)" "$(echo photos/*)"
	is "$(grep -c '█' all)" 0
	# into a file, or between two programs: one block for all
	enter 'clear; av-validate -p argil photos/* | jq -c . | av-upload -j 1 --again | jq -c .file >files'
	shows '^… upload +[█░]{12} +[1-9]/8 '
	grep '^✔ validate' shown
	shows '8 of 8 made'
	is "$(wc -l <files)" 8
}

# drawer: the process that draws: it has a byte of the pipe's file locked
drawer() {
	awk -v inode="$(stat_file runtime/avtools/pipe-*)" \
		'split($6, d, ":") == 3 && d[3] == inode && $7 == 16777217 { print $5 }' /proc/locks
}

stat_file() {
	command stat -c %i "$@"
}

@test "kill -9 of the program that draws: another goes on" {
	photos 12 1280x720
	box --delay 300
	terminal 80 24
	mkfifo wait
	enter "sh -c 'av-upload -p argil -j 1 --summary photos/* >a & av-token -p loom --ensure --summary <wait >b & wait'"
	exec 5>wait
	shows '^… token '
	shows '^… upload .* [1-9][0-9]*/12'
	first=$(drawer)
	kill -9 "$first"
	shows '^✘ (token|upload) .* killed'
	[ "$(drawer)" != "$first" ]
	exec 5>&-
	shows 'av-(upload|token) was killed'
}

@test "kill -9 of a program with records: the receipt says how many" {
	photos 4 1280x720
	box --ready-after 4000
	terminal 80 24
	enter "$PIPE"
	shows '^… poll .* 4 in training'
	kill -9 "$(pgrep -f '^av-poll' -P "$(tm display -p '#{pane_pid}')")"
	shows '^✘ 0 of 0 ready'
	shows 'av-poll was killed with 4 records, which did not come out; run the same line'
	enter "clear; $PIPE"
	shows '4 of 4 ready in .* 0 paid twice \(4 reused\)'
}

@test "two pipes at once: each has its receipt, and the one behind draws no block" {
	photos 10 1280x720
	box --delay 300
	terminal 80 24
	enter "av-upload -j 1 -p argil photos/00[1-5]* 2>&1 >a.jsonl &"
	until_is 1 sh -c 'ls runtime/avtools 2>/dev/null | grep -c ^pipe-'
	enter "clear; av-upload -j 1 -p argil photos/00[6-9]* photos/010* >b.jsonl"
	shows '^… upload .* +[1-4]/5 '
	is "$(grep -c '^… upload' shown)" 1
	enter wait
	shows '5 of 5 made'
	until_is 2 sh -c "tmux -S tmux capture-pane -p | grep -c '5 of 5 made'"
	is "$(cat a.jsonl b.jsonl | wc -l)" 10
}

@test "xargs: processes add up in one line; short runs print no receipt" {
	photos 40 1280x720
	box --delay 200
	terminal 80 24
	enter 'ls photos/0[0-3]*.jpg | xargs -P 4 -n 10 av-upload -p argil -j 1 >made.jsonl; echo done $?'
	shows '^… upload .* +[1-9][0-9]*/39 '
	is "$(grep -c '^[…✔] upload' shown)" 1
	shows '^done 0'
	run -1 grep 'made in' shown
	completes 'ls photos/*.jpg | xargs -n 1 av-validate -p argil >/dev/null'
	run -1 grep -E 'of 1|█' shown
	completes "printf 'all: \$(patsubst photos/%%,%%.out,\$(wildcard photos/00*))\n%%.out:\n\tav-validate -p argil photos/\$* | av-upload >\$@\n' >mk; make -sf mk -j 4"
	run -1 grep -E 'of 1' shown
	is "$(cat 00*.out | wc -l)" 9
	# with --summary each says what came of it
	completes 'ls photos/00*.jpg | xargs -n 3 av-validate -p argil --summary >/dev/null'
	is "$(grep -c '3 of 3 accepted' shown)" 3
}

@test "GNU parallel and a loop at the prompt" {
	photos 3 1280x720
	refused 1
	box
	terminal 80 24
	completes 'parallel --will-cite av-validate -p argil ::: photos/*.jpg >/dev/null'
	run -1 grep -E 'of 1 accepted|█' shown
	grep -F 'av-validate: 1 of 1 failed: photos/r1.jpg: ' shown
	# one record that is fine is not worth a receipt; one that failed is
	completes 'for f in photos/*.jpg; do av-validate -p argil $f >/dev/null; done'
	is "$(grep -c 'of 1 accepted' shown)" 1
}

@test "one receipt in zsh, fish and dash" {
	photos 3 1280x720
	box
	terminal 80 24
	for shell in 'zsh -f' 'fish --no-config' 'dash -i'; do
		enter "clear; HOME=$PWD $shell"
		completes "${PIPE//photos\/\*/photos/00*.jpg}"
		is "$(grep -c '3 of 3 ready' shown)" 1
		enter 'exit'
	done
}

@test "accessible and dumb terminals: one plain line in ten seconds, no cursor movement" {
	photos 24 1280x720
	box --delay 500
	for n in 1 2; do
		echo "av-upload -p argil -j 1 --ledger ledger$n photos/0* >made$n.jsonl" >script$n
	done
	AV_ACCESSIBLE=1 TERM=xterm script -qc 'sh ./script1' raw1 >/dev/null 3>&- &
	accessible=$!
	LC_ALL=C.UTF-8 TERM=dumb script -qc 'sh ./script2' raw2 >/dev/null 3>&-
	wait $accessible
	for file in raw1 raw2; do
		grep -v '^Script' $file | grep '..' >lines
		run -1 grep -q $'\e\\|\r.' lines
		head -n 1 lines | grep -E '^10 s: upload [0-9]+ of 24, [12] being sent; about [0-9]+ s left'
		# a script that ran for ten seconds gets its receipt
		tail -n 1 lines | grep -E '24 of 24 made in '
		# on a slow machine there are more of the first sort: 20 s, 30 s
		is "$(sed '1d; $d' lines | grep -vE '^([2-9]|1[0-9])0 s: upload [0-9]+ of 24, ' || true)" ''
		is "$(cut -d : -f 1 lines | uniq -d)" ''
	done
}

@test "--progress=json: a line a second for the whole pipe, without a terminal" {
	photos 6 1280x720
	refused 1
	box --delay 1000
	export AV_PROGRESS=json
	sh -c "$PIPE" 2>err || true
	tail -1 err >receipt
	sed '$d' err >lines
	[ "$(wc -l <lines)" -ge 2 ]
	is "$(tail -1 lines | jq -c '.progress | map(.step) | join(" ")')" '"validate upload poll render"'
	is "$(tail -1 lines | jq -c '.progress[0] | [.state, .done, .total, .failed]')" '["done",7,7,1]'
	is "$(tail -1 lines | jq -c '.progress[1].expected')" 6
	is "$(jq -c '.receipt | [.records, .ready, .failed, .stopped, .costs[0].amount, .failures[0].code, .failures[0].finding]' receipt)" \
		'[7,6,1,false,12,"photo_refused","aspect_refused"]'
	[[ $(jq -r '.receipt.failures[0].command' receipt) == 'av-fit '* ]]
	run -64 av-poll --progress=yes
	[[ $output == *"--progress takes auto, plain, json or none, not 'yes'"* ]]
}

@test "--summary without a terminal; one line without it; nothing with -q" {
	photos 2 1280x720
	refused 1
	box
	export LC_ALL=C
	sh -c "$PIPE" 2>err || true
	is "$(sed 's/: photos.*//' err)" 'av-validate: 1 of 3 failed'
	[ ! -e runtime/avtools ]
	sh -c "${PIPE/-o out/-o out --summary}" 2>err || true
	grep -q '^+ 2 of 3 ready in ' err
	grep -qx '      av-fit -o fitted <done.jsonl | av-validate | av-upload | av-poll |' err
	unset LC_ALL
	terminal 80 24
	completes "${PIPE/-o out/-o out -q}"
	run -1 grep -E '[█✔✘]' shown
	completes "${PIPE/-o out/-o out --progress=none}"
	run -1 grep -E 'validate .*█' shown
	grep -q '2 of 3 ready' shown
}

@test "the terminal is closed: records are written, and the programs end" {
	photos 30 1280x720
	box --delay 200
	terminal 80 24
	enter 'av-upload -p argil -j 1 photos/* >made.jsonl'
	shows '^… upload .* +[1-9][0-9]*/30 '
	pid=$(pgrep -P "$(tm display -p '#{pane_pid}')")
	tm kill-server
	until_is '' sh -c "ps -o pid= -p $pid | tr -d ' '"
	is "$(wc -l <made.jsonl)" 30
	[ "$(jq -c 'select(.avatar.id)' made.jsonl | wc -l)" -ge 1 ]
	is "$(jq -c 'select(.avatar.id)' made.jsonl | wc -l)" "$(stat .argil.creates)"
}

@test "what is waited for: a locked ledger, a pause of the service" {
	photos 2 1280x720
	box --fault 429@argil#1 --retry-after 4
	terminal 80 24
	enter 'av-upload -p argil photos/* >made.jsonl'
	shows '^… upload .* argil: rate limit until [0-9:]{8}'
	shows '2 of 2 made'
	python3 - <<-'END' 3>&- &
		import os, sqlite3, time
		db = sqlite3.connect(os.environ["XDG_STATE_HOME"] + "/avtools/ledger.db", isolation_level=None)
		db.execute("BEGIN IMMEDIATE")
		open("locked", "w").close()
		while not os.path.exists("release"):
		    time.sleep(0.05)
	END
	pid=$!
	until_is yes sh -c '[ ! -e locked ] || echo yes'
	enter 'clear; av-validate -p argil photos/* | av-upload --again | av-poll >made.jsonl'
	shows "^… upload .* ledger locked by process $pid\$"
	shows "av-upload: ledger '.*': process $pid has it locked; waiting" -J
	touch release
	wait $pid
	shows '2 of 2 ready'
}

@test "a file or directory of others in the runtime directory does no harm" {
	photos 2 1280x720
	mkdir -m 700 runtime/avtools
	# each run is a process group of its own, whose number is that of the shell
	for harm in 'ln -s ../../victim $f' 'mkdir $f' 'head -c 300000 /dev/urandom >$f' 'mkfifo $f' \
		': >$f; chmod 666 $f' 'printf "avtools pipeline 1\n" >$f' 'chmod 777 runtime/avtools'; do
		echo precious >victim
		setsid sh -c "umask 077; f=runtime/avtools/pipe-\$\$; $harm
			exec av-validate -p argil --summary photos/001.jpg photos/002.jpg" >out 2>err
		is "$(wc -l <out)" 2
		is "$(cat victim)" precious
		[[ $harm == mkdir* ]] || grep '2 of 2 accepted' err
		chmod 700 runtime/avtools
		rm -rf runtime/avtools/*
	done
	# without any place nothing is shown
	rm -rf runtime/avtools
	ln -s "$PWD" runtime/avtools
	av-validate -p argil --summary photos/001.jpg photos/002.jpg >out 2>err
	is "$(wc -l <out)" 2
}

@test "other bytes in the seats of a live pipe do no harm" {
	photos 20 1280x720
	box --delay 100
	terminal 80 24
	enter "av-validate -p argil photos/* | av-upload -j 1 >made.jsonl"
	shows '^… upload'
	for seed in 1 2 3 4 5; do
		python3 - "$seed" <<-'END'
			import glob, os, random, sys
			random.seed(sys.argv[1])
			for name in glob.glob("runtime/avtools/pipe-*"):
			    fd = os.open(name, os.O_RDWR)
			    size = os.fstat(fd).st_size
			    for _ in range(20):
			        os.pwrite(fd, random.randbytes(200), random.randrange(40, size))
			    os.close(fd)
		END
		until [ "$(wc -l <made.jsonl)" -ge $((3 * seed)) ]; do sleep 0.02; done
	done
	until_is 20 sh -c 'wc -l <made.jsonl'
	is "$(codes made.jsonl)" '20 processing'
}
