#!/usr/bin/env bats
# Workers that decode photos are confined, or nothing is decoded.

load helper

# without LOCK...: runs a command as on a kernel without "seccomp", "landlock" or both; "--" ends the list
without() {
	python3 - "$@" 3>&- <<'PYTHON'
import ctypes, errno, os, sys

class Arg(ctypes.Structure):
    _fields_ = [("arg", ctypes.c_uint), ("op", ctypes.c_int), ("a", ctypes.c_uint64), ("b", ctypes.c_uint64)]

lib = ctypes.CDLL("libseccomp.so.2")
lib.seccomp_init.restype = ctypes.c_void_p
ALLOW, EQUAL, PR_SET_SECCOMP = 0x7FFF0000, 4, 22
end = sys.argv.index("--")
filter = ctypes.c_void_p(lib.seccomp_init(ctypes.c_uint32(ALLOW)))

def refuse(call, error, *args):
    number = lib.seccomp_syscall_resolve_name(call.encode())
    list = (Arg * len(args))(*args)
    if lib.seccomp_rule_add_array(filter, ctypes.c_uint32(0x50000 | error), number, len(args), list) != 0:
        sys.exit("no rule for " + call)

if "landlock" in sys.argv[1:end]:
    refuse("landlock_create_ruleset", errno.ENOSYS)
if "seccomp" in sys.argv[1:end]:
    refuse("seccomp", errno.ENOSYS)
    refuse("prctl", errno.EINVAL, Arg(0, EQUAL, PR_SET_SECCOMP, 0))
if lib.seccomp_load(filter) != 0:
    sys.exit("cannot load the filter")
os.execvp(sys.argv[end + 1], sys.argv[end + 1:])
PYTHON
}

@test "without seccomp and Landlock no photo is decoded, and the record says why" {
	photos 3
	run -75 --separate-stderr without seccomp landlock -- av-validate --decode photos/001.jpg photos/002.jpg
	is "$(jq -r '.error | "\(.code) \(.retryable)"' <<<"$output" | sort -u)" "decoder_failed true"
	[[ "$(jq -r .error.message <<<"${lines[0]}")" == *"neither seccomp nor Landlock"* ]]
	run -75 --separate-stderr without seccomp landlock -- av-fit -p argil -o fitted photos/003.jpg
	is "$(jq -r .error.code <<<"$output")" decoder_failed
	is "$(find fitted -type f 2>/dev/null | wc -l)" 0
}

@test "one of the two is enough, with one warning" {
	local lock other
	photos 4
	for lock in seccomp landlock; do
		other=$([ $lock = seccomp ] && echo Landlock || echo seccomp)
		run -0 --separate-stderr without $lock -- av-validate --decode photos/*.jpg
		is "$(grep -ci "the kernel has no $lock" <<<"$stderr")" 1
		is "$(wc -l <<<"$stderr")" 1
		run -0 --separate-stderr without $lock -- av-validate -v --decode photos/*.jpg
		[[ $stderr == *"workers are confined by $other"* ]]
		run -0 --separate-stderr without $lock -- av-validate -q --decode photos/*.jpg
		is "$stderr" ""
	done
}

@test "-v says what confines the workers, once" {
	photos 4
	run -0 --separate-stderr av-validate -v --decode -j 2 photos/*.jpg
	is "$(grep -c "workers are confined by" <<<"$stderr")" 1
}

# processes COMMAND...: how many processes the command starts
processes() {
	strace -f -qq -e trace=fork,vfork,clone,clone3 -o calls "$@" >out 2>err 3>&-
	grep -v CLONE_THREAD calls | grep -c "clone\|fork"
}

@test "one process decodes all sound photos of av-validate, none checks and decodes" {
	[ -z "${AV_SANITIZED:-}" ] || skip "strace keeps LeakSanitizer from its work"
	photos 4 1280x720
	is "$(processes av-validate --decode -j 1 photos/*.jpg)" 1
	is "$(processes av-fit --always -j 1 -p argil -o fitted photos/*.jpg)" 4
	is "$(find fitted -type f | wc -l)" 4
	# nothing is decoded: one worker is enough
	is "$(processes av-fit -j 1 -p argil -o fitted photos/*.jpg)" 1
	convert photos/001.jpg one.png
	cp one.png two.png
	is "$(processes av-validate --decode -j 1 one.png two.png)" 0
}

@test "a second core hashes a photo that is alone and large, no other" {
	[ -z "${AV_SANITIZED:-}" ] || skip "strace keeps LeakSanitizer from its work"
	[ "$(nproc)" -gt 1 ] || skip "there is only one core"
	photos 1 1280x720
	convert -size 1300x1000 -seed 1 plasma:fractal -attenuate 0.5 +noise gaussian -depth 8 large.png
	threads() {
		processes "$@" >count
		grep -c CLONE_THREAD calls
	}
	is "$(threads av-validate large.png)" 1
	is "$(threads av-validate photos/001.jpg)" 0
	is "$(threads av-validate -j 1 large.png)" 0
	is "$(threads av-validate large.png large.png)" 0
}

@test "without -j each core that the process may use gets one worker" {
	local one all=$(nproc)
	[ -z "${AV_SANITIZED:-}" ] || skip "strace keeps LeakSanitizer from its work"
	photos 16 1280x720
	one=$(taskset -pc $$ | sed 's/.*: //; s/[,-].*//')
	# one job: this process reads, and a worker decodes
	is "$(processes taskset -c "$one" av-validate photos/*.jpg)" 0
	is "$(processes taskset -c "$one" av-fit -p argil -o fitted photos/*.jpg)" 1
	is "$(processes av-validate -j 3 photos/*.jpg)" 3
	[ "$all" -gt 1 ] && [ "$all" -le 8 ] || return 0
	is "$(processes av-validate photos/*.jpg)" "$all"
}
