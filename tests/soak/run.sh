#!/bin/bash
# run.sh OBJECTS: runs the long tests, one file after another, also after a failure. JOBS tests of a
# file run side by side, since they mostly wait. build/soak.log has the results so far, with times.
set -uo pipefail
cd "$(dirname "$0")/../.." || exit
export AV_FAILPOINTS_BIN=$PWD/$1-failpoints/bin SOAK_LOG=$PWD/build/soak.log PATH=$PWD/bin:$PWD/$1:$PATH
failed=0

# step COMMAND...: runs it, with its output in the log
step() {
	local status
	printf '%(%F %T)T %s\n' -1 "$*" >>"$SOAK_LOG"
	"$@" 2>&1 | tee -a "$SOAK_LOG"
	status=${PIPESTATUS[0]}
	printf '%(%F %T)T %s: ended with %d\n' -1 "$*" "$status" | tee -a "$SOAK_LOG"
	[ "$status" -eq 0 ] || failed=1
}

# threads OBJECTS: what runs in threads, built with ThreadSanitizer. A report is a failure; a test of
# a program that is too slow in this build is none.
threads() {
	local name reports=$PWD/build/tsan status=0
	rm -f "$reports".[0-9]*
	export TSAN_OPTIONS="log_path=$reports exitcode=66" AV_SANITIZED=yes AV_SLOW=${AV_SLOW:-4}
	for name in auth_token ledger_adopt ledger_crash ledger_entries ledger_file ledger_ledger os_loop \
		service_download service_pace; do
		"$1/unit/$name" || status=1
	done
	for name in upload poll render fetch bigfile shared-ledger; do
		PATH=$PWD/$1/bin:$PWD/$1:$PATH bats --jobs "${JOBS:-6}" "tests/programs/$name.bats"
	done
	cat "$reports".[0-9]* 2>/dev/null && status=1
	return $status
}

: >"$SOAK_LOG"
for unit in "$1"-failpoints/unit/ledger*; do
	[ ! -x "$unit" ] || step "$unit"
done
for file in tests/soak/*.bats; do
	step bats --timing --jobs "${JOBS:-6}" --no-parallelize-across-files "$file"
done
for seed in ${MATRIX_SEEDS:-1 2 3}; do
	step env MATRIX_SEED="$seed" MATRIX_PHOTOS="${MATRIX_PHOTOS:-60}" MATRIX_KILLS="${MATRIX_KILLS:-30}" \
		bats --timing --jobs "${JOBS:-6}" --filter ': the whole pipe|: kills' tests/programs/contract.bats
done
step python3 tests/torture/power.py
step python3 tests/torture/torture.py --jobs "${JOBS:-6}" all
step python3 tests/torture/torture.py --jobs "${JOBS:-6}" --kinds memory --most "${ALLOCATIONS:-600}" all
step threads "$1-tsan"
step env CASES=upload python3 tests/bench/bench.py build/bench
exit "$failed"
