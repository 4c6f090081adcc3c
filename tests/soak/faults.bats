#!/usr/bin/env bats
# Each kind of fault at 10 %, on all four services, for each of SEEDS (1 2 3 4 5) with PHOTOS (1000):
# nothing is made twice, and each photo is made or reported as unknown, the latter only if the
# service's list cannot settle it. Prints the counts to the terminal.

load ../programs/helper
load common

UNTOLD=(loom)

setup_file() {
	cd "$BATS_FILE_TMPDIR" || return
	TESTS=$BATS_TEST_DIRNAME/..
	make_shots "${PHOTOS:-1000}"
}

# matrix OPTION...: a run for each seed with these options of the sandbox
matrix() {
	local seed
	set_lags 2
	ln -s "$BATS_FILE_TMPDIR"/{small,wide,all} .
	for seed in ${SEEDS:-1 2 3 4 5}; do
		rm -rf journal state
		mkdir state
		box --seed "$seed" --state journal --late 1500 --list-lag 1500 --stall-ms 1000 \
			--retry-after none "$@"
		upload --unique-names
		check_outcomes "${UNTOLD[@]}" >counts || { cat counts; return 1; }
		log_counts "seed $seed" <counts
		[ "$(stat '[.[].faults | add // 0] | add')" -gt 0 ]
		end_box
	done
}

@test "lost-before" { matrix --fault lost-before=0.1; }
@test "lost-after" { matrix --fault lost-after=0.1; }
@test "late" { matrix --fault late=0.1; }
@test "close-idle" { matrix --fault close-idle=0.1; }
@test "reset" { matrix --fault reset=0.1; }
@test "stall" { matrix --fault stall=0.1; }
@test "stall-before" { matrix --fault stall-before=0.1; }
@test "stall-body" { matrix --fault stall-body=0.1; }
@test "truncated" { matrix --fault truncated=0.1; }
@test "garbage" { matrix --fault garbage=0.1; }
@test "redirect" {
	matrix --fault redirect=0.1
	is "$(jq -r '.error.code // empty' out | sort -u)" redirected
}
@test "Loom, exclusive account" {
	UNTOLD=()
	export LOOM_EXCLUSIVE=1
	matrix --fault lost-after@loom=0.05 --fault lost-before@loom=0.05
}
@test "401" {
	# A run ends when a renewed token or a key is refused twice.
	RUNS=1000
	matrix --fault 401=0.1
}
@test "429" { matrix --fault 429=0.1; }
@test "423 of Loom, 503 of avtr1" { matrix --fault 423@loom=0.1 --fault 503@avtr1=0.1; }
@test "500" { matrix --fault 500=0.1; }
@test "500-after" { matrix --fault 500-after=0.1; }
@test "502-after, and failing lists" {
	matrix --fault 502-after=0.1 --fault list-500=0.05 --fault list-lost=0.05 \
		--fault list-truncated=0.05 --fault list-garbage=0.02
}
@test "all of them" {
	matrix --fault lost-before=0.01 --fault lost-after=0.01 --fault late=0.01 --fault reset=0.01 \
		--fault stall=0.01 --fault truncated=0.01 --fault garbage=0.01 --fault 429=0.01 \
		--fault 500=0.01 --fault 500-after=0.01 --fault close-idle=0.01
}
