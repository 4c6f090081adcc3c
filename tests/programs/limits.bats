#!/usr/bin/env bats
# Limits of a process (ulimit): a clear word, a status that says what to do, and nothing half done.

load helper

# under LIMIT N COMMAND...: runs the command under ulimit LIMIT N
under() {
	bash -c 'ulimit "$1" "$2" && shift 2 && exec "$@"' - "$@"
}

@test "a limit on the size of files is a failed write: 74 and whole lines" {
	photos 40
	run -74 --separate-stderr bash -c 'ulimit -f 4; av-validate -p anam photos/*.jpg >out'
	[[ $stderr == *"cannot write standard output: File too large"* ]]
	[ -s out ]
	is "$(tail -c 1 out | od -An -tx1 | tr -d " ")" 0a
	check_schema out
	printf 'before\n' >more
	run -74 --separate-stderr bash -c 'ulimit -f 4; av-validate -j 1 -p anam photos/*.jpg >>more'
	is "$(head -n 1 more) $(tail -c 1 more | od -An -tx1 | tr -d " ")" "before 0a"
	tail -n +2 more | check_schema /dev/stdin
	run -74 --separate-stderr bash -c 'ulimit -f 0; av-validate -p anam photos/001.jpg >none'
	[ ! -s none ]
}

@test "a ledger that may not grow is a clear error, and nothing is sent" {
	box
	photos 1 1280x720
	status=0
	message=$(under -f 0 av-upload -p anam photos/001.jpg 2>&1 >/dev/null) || status=$?
	is "$status" 78
	[ -n "$message" ]
	is "$(stat .anam.creates)" 0
}

@test "a program that may hold keys leaves no core file" {
	local program
	box
	ulimit -c unlimited 2>/dev/null || true
	for program in av-upload av-poll av-validate "av-fit -o fitted"; do
		mkfifo in
		$program -p anam <in >out 2>err & SERVER=$!
		exec 7>in
		echo >&7
		until_is "0 0" sh -c "awk '/Max core file size/ { print \$5, \$6 }' /proc/$SERVER/limits"
		exec 7>&-
		wait "$SERVER"
		SERVER=
		rm in
	done
}

# open_files COMMAND...: runs the command with each small number of descriptors; every record has an
# avatar, or can be tried again and says so.
open_files() {
	local n status
	for n in $(seq 10 20); do
		status=0
		: >out
		(ulimit -n "$n"; limit 20 "$@" >out 2>err 3>&-) || status=$?
		echo "$n: $status $(cat out err)" | cut -c 1-400
		case $status in
		0) [ "$(of out 'map(.error) | unique')" = '[null]' ] ;;
		71 | 78) [ ! -s out ] && grep "Too many open files" err ;;
		75) [ "$(of out 'map(select(.error).error.retryable) | unique')" = '[true]' ] &&
			[ "$(of out 'map(select(.error).error | .code == "decoder_failed" or
				(.code == "too_many_files" and (.message | test("ulimit -n|file-max"))) or
				(.message | test("Too many open files"))) | all')" = true ] ;;
		*) false ;;
		esac || return 1
	done
}

@test "av-upload without descriptors: 75 at once, and the next run goes on" {
	box
	photos 2 1280x720
	open_files av-upload -j 2 -p anam photos/001.jpg photos/002.jpg
	run -0 --separate-stderr av-upload -p anam photos/001.jpg photos/002.jpg
	is "$(stat .anam.creates)" 2
	check_sandbox
}

@test "av-validate and av-fit without descriptors: 75 or done" {
	photos 2 1280x720
	open_files av-validate --decode -j 2 photos/001.jpg photos/002.jpg
	open_files av-validate -j 1 photos/001.jpg photos/002.jpg
	open_files av-fit --always --force -o fitted -p argil photos/001.jpg photos/002.jpg
}

# fails_with WANTED "KIND..." "ERROR..." COMMAND...: each of the first calls of a kind, "read" or
# "read:child", fails in turn with each of the errors of errno. A record that fails can be tried again,
# and WANTED is its code at least once.
fails_with() {
	local kind error n status
	: >seen
	for kind in $2; do
		for error in $3; do
			for n in $(seq 8); do
				status=0
				rm -rf "$XDG_STATE_HOME/avtools" counts fit
				limit 20 env AV_INJECT="${kind%:*}:$n:$error${kind#"${kind%:*}"}" AV_INJECT_COUNTS=counts \
					LD_PRELOAD="$(type -P inject.so)" "${@:4}" >out 2>err || status=$?
				cat out >>seen
				[ "$(of out 'map(select(.error and (.error.retryable | not)))')" = '[]' ] ||
					{ echo "$kind:$n:$error: $status"; cat out err; return 1; }
			done
		done
	done
	[[ $(codes seen) == *$1* ]] || { codes seen; return 1; }
}

@test "what fails for now is no fault of the photo: EIO, ENOMEM, EAGAIN, ENOLCK, ESTALE" {
	[ -z "${AV_SANITIZED:-}" ] || skip "a sanitizer has its own preload library"
	photos 1
	fails_with machine_failed "open stat read:child" 5 av-validate --decode -p avtr1 photos/001.jpg
	fails_with decoder_failed process 11 av-validate --decode -p avtr1 photos/001.jpg
	fails_with machine_failed "open sync" 116 av-fit --always -p avtr1 -o fit photos/001.jpg
	box
	fails_with machine_failed "sync control" 37 av-upload -p avtr1 photos/001.jpg
}
