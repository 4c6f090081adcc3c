#!/usr/bin/env bats
# Huge and slow files: refused by their size at once, and never a reason for other work to wait.

load helper

# huge: makes huge.jpg, a photo of a terabyte, nearly all of it a hole
huge() {
	photos 1
	cp photos/001.jpg huge.jpg
	truncate -s 1T huge.jpg || skip "the file system has no such files"
}

@test "a terabyte is refused at once, with or without a provider" {
	huge
	for args in "" "--decode" "-p anam" "-p loom --decode" "-j 1"; do
		run -65 --separate-stderr limit 5 av-validate $args huge.jpg photos/001.jpg
		is "$(jq -sc 'map(select(.file == "huge.jpg").error.problems[] | select(.severity == "refused").code)' \
			<<<"$output")" '["too_many_bytes"]'
		check_schema <<<"$output"
	done
	run -65 --separate-stderr limit 5 av-validate -p anam huge.jpg
	is "$(jq -c '.image | [.type, .bytes, .width, .sha256]' <<<"$output")" '["image/jpeg",1099511627776,64,null]'
	run -65 --separate-stderr limit 5 av-fit -p argil -o fitted huge.jpg
	is "$(jq -c '[.error.code, .error.problems[0].code]' <<<"$output")" '["cannot_fit","too_many_bytes"]'
}

@test "zeros, and a header that does not end, are refused at once too" {
	truncate -s 1T zeros.jpg || skip "the file system has no such files"
	python3 - <<-'PYTHON'
		# a JPEG that is one comment (COM) after the other
		with open("comments.jpg", "wb") as f:
		    f.write(b"\xff\xd8")
		    for i in range(20000):
		        f.seek(2 + i * 65537)
		        f.write(b"\xff\xfe\xff\xff")
		    f.truncate(1 << 40)
	PYTHON
	run -65 --separate-stderr limit 5 av-validate --quick zeros.jpg comments.jpg
	run -65 --separate-stderr limit 5 av-validate -p anam zeros.jpg comments.jpg
	is "$(jq -r '.error.problems | map(.code) | contains(["too_many_bytes"])' <<<"$output" | uniq)" true
}

@test "what av-upload refuses by its size needs no reading" {
	box
	huge
	photos 2 1280x720
	run -65 --separate-stderr limit 20 av-upload -p anam huge.jpg photos/001.jpg photos/002.jpg
	is "$(jq -r 'select(.error).error.problems[].code' <<<"$output")" too_many_bytes
	is "$(jq -r 'select(.avatar).file' <<<"$output" | sort | tr '\n' ' ')" "photos/001.jpg photos/002.jpg "
}

# slowly FILE COMMAND...: each read of the file by the command takes 5 s; the file `reads` has a line
# for each that has ended. In the background: $! is strace, whose child the command is
slowly() {
	exec strace -f -qq -o reads -P "$1" -e trace=pread64 -e inject=pread64:delay_enter=5000000 "${@:2}"
}

@test "av-upload sends photos while another is being read" {
	[ -z "${AV_SANITIZED:-}" ] || skip "strace keeps LeakSanitizer from its work"
	box
	photos 4 1280x720
	slowly "$PWD/photos/001.jpg" av-upload -j 4 -p anam "$PWD"/photos/*.jpg >out 2>err 3>&- & pid=$!
	until_is 3 sh -c 'wc -l <out'
	is "$(wc -l <reads)" 0
	wait "$pid"
	is "$(of out 'map(select(.avatar.id)) | length')" 4
	is "$(stat .anam.creates)" 4
	check_sandbox
}

@test "av-upload hears a signal while a photo is being read" {
	[ -z "${AV_SANITIZED:-}" ] || skip "strace keeps LeakSanitizer from its work"
	box
	photos 6 1280x720
	slowly "$PWD/photos/001.jpg" av-upload -v -j 1 -p anam "$PWD"/photos/*.jpg >out 2>err 3>&- & pid=$!
	until [ -s out ]; do sleep 0.01; done
	pkill -INT -P "$pid"
	until_is 1 grep -c stopping err
	is "$(wc -l <reads)" 0
	wait "$pid" || true
	is "$(wc -l <out)" 6
	is "$(of out 'map(select(.file | endswith("001.jpg")).error.code)')" '["interrupted"]'
}
