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
	is "$(tail -c 1 out | xxd -p)" 0a
	check_schema out
	printf 'before\n' >more
	run -74 --separate-stderr bash -c 'ulimit -f 4; av-validate -j 1 -p anam photos/*.jpg >>more'
	is "$(head -n 1 more) $(tail -c 1 more | xxd -p)" "before 0a"
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
