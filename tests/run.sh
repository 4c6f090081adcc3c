#!/bin/bash
# run.sh [SUITE...]: runs the suites, by default all of them side by side. Prints a TAP line for each
# test, the output of failed tests, and at the end the skipped tests with their reasons and the line
# "N passed, N failed[, N skipped]".
#
# The programs must be built (make check does that). JOBS is the number of processes at a time. With
# TIMES set, the ten slowest tests of programs are printed as well; with PACKAGE set, the packages are
# tested beside the rest.
set -u
cd "$(dirname "$0")/.." || exit
: "${CC:=cc}" "${JOBS:=$(nproc)}"
cc=$(basename "${CC%% *}")
log=build/check.tap
# Files to run with sanitizers as well: those that run the programs over records. The others read
# pages and lists, use much processor time, or need servers of their own.
sanitized=$(printf 'tests/programs/%s.bats ' validate upload poll render pipe ledger sandbox provider \
	exactly-once bad-input-and-signals faulty-service)
export LC_ALL=C.UTF-8

# tap NAME COMMAND...: copies the command's TAP output with NAME before each title. Adds a failure if
# the command failed without a failed test.
tap() {
	local name=$1 status
	shift
	"$@" 2>&1 | awk -v suite="$name" '
		# cmocka writes a skip as a failure, and no reason; the test prints that before
		/^# skip: / { reason = substr($0, 9); next }
		/^not ok .*# SKIP/ { sub(/^not /, ""); sub(/# SKIP /, ""); $0 = $0 " # skip " reason }
		/^# (# )?(ok|not ok) - / { next }
		/^(not )?ok / {
			failed = /^not /
			failures += failed
			match($0, /^(not )?ok *[0-9]* *(- )?/)
			print (failed ? "not ok " : "ok ") suite ": " substr($0, RLENGTH + 1)
			fflush()
			next
		}
		/^1\.\.[0-9]+$/ || /^TAP version/ { next }
		{ sub(/^# /, ""); print "# " $0; fflush() }
		END { exit failures > 0 }
	' | tee -a "$log"
	status=("${PIPESTATUS[@]}")
	if [ "${status[0]}" -ne 0 ] && [ "${status[1]}" -eq 0 ]; then
		echo "not ok $name: ended with ${status[0]}" | tee -a "$log"
	fi
}

# one NAME COMMAND...: the command is a test; its output is shown if it fails
one() {
	local name=$1 out
	shift
	if out=$("$@" 2>&1); then
		echo "ok $name"
	else
		printf '%s\n' "$out" | tail -n 100 | sed 's/^/# /'
		echo "not ok $name"
	fi | tee -a "$log"
}

# units PREFIX OBJECTS SECONDS: runs the unit tests, each with that timeout
units() {
	local unit
	for unit in tests/unit/*.c; do
		unit=$(basename "$unit" .c)
		CMOCKA_MESSAGE_OUTPUT=TAP tap "$1$unit" timeout -k 5 "$3" "$2/unit/$unit"
	done
}

# scripts PREFIX BIN OBJECTS SECONDS FILES: runs each bats file with its tests side by side, since
# most of them wait. A file with a failure is run again, one test after another, and the second run
# counts: a failure that only comes from a busy machine is shown but not counted. A file that another
# group has begun is left to it.
scripts() {
	local file all=$log log jobs
	for file in $5; do
		[ -e "$file" ] || continue
		mkdir "$begun/$1$(basename "$file")" 2>/dev/null || continue
		for jobs in $((2 * JOBS)) 1; do
			log=$(mktemp)
			AV_SLOW=4 AV_SANITIZED=${1:+yes} BATS_TEST_TIMEOUT=$4 PATH=$PWD/$2:$PWD/$3:$PATH \
				tap "$1$(basename "$file" .bats)" bats --jobs "$jobs" --tap ${TIMES:+--timing} "$file"
			if [ "$jobs" -eq 1 ] || ! grep -q '^not ok' "$log"; then
				cat "$log" >>"$all"
				rm -f "$log"
				break
			fi
			echo "# $file: again, one test after another"
			rm -f "$log"
		done
	done
}

suite() {
	case $1 in
	units) units "" "build/$cc" 120 ;;
	bats) scripts "" bin "build/$cc" 120 "$(echo tests/programs/*.bats)" ;;
	san-units) units "san " "build/$cc-san" 300 ;;
	san-bats) scripts "san " "build/$cc-san/bin" "build/$cc-san" 300 "$sanitized" ;;
	package) AV_SLOW=4 BATS_TEST_TIMEOUT=1800 tap package bats --tap tests/package/*.bats ;;
	fuzz) one "fuzz" make --no-print-directory fuzz-brief ;;
	lint)
		for part in format layers cppcheck tidy-brief manuals tests; do
			one "lint: $part" make --no-print-directory "lint-$part"
		done
		;;
	*) echo "run.sh: no suite '$1'" >&2; exit 64 ;;
	esac
}

mkdir -p build
: >"$log"
begun=$(mktemp -d)
if [ $# -gt 0 ]; then
	for s; do
		suite "$s"
	done
else
	# Groups side by side, each with waiting and computing. Three end with the same files.
	[ -z "${PACKAGE:-}" ] || suite package &
	(suite units && suite bats) &
	(suite lint && suite fuzz && suite bats) &
	(suite san-units && suite san-bats && suite bats) &
	wait
fi
rm -rf "$begun"
[ -z "${TIMES:-}" ] ||
	sed -nE 's/^ok (.*) in ([0-9]+)ms$/\2 ms: \1/p' "$log" | sort -rn | head -n 10
awk '
	/^ok .* # skip/ {
		skipped++
		split(substr($0, 4), part, " # skip ?")
		printf "skipped: %s (%s)\n", part[1], part[2]
		next
	}
	/^ok / { passed++ }
	/^not ok / { failed++ }
	END {
		printf "%d passed, %d failed", passed, failed
		if (skipped) printf ", %d skipped", skipped
		print ""
		exit failed > 0 || passed == 0
	}' "$log"
