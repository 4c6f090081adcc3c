#!/usr/bin/env bats
# Two machines, each with its own ledger, work on one account with photos of equal names, and 10 % of
# their responses are lost: no record gets an avatar that was made of the other machine's photo. For
# each of SEEDS (1 2 3) with PHOTOS (500). Prints the counts to the terminal: unknown outcomes are
# what this safety costs.

load ../programs/helper
load common

# machine NAME [OPTION...]: uploads the machine's records with its own ledger
machine() (
	cd "$1" && XDG_STATE_HOME=$PWD/state upload "${@:2}"
)

# matrix UNKNOWN [OPTION...]: a run of two machines for each seed; these services (in one word) may have
# unknown outcomes
matrix() {
	local seed name
	for seed in ${SEEDS:-1 2 3}; do
		rm -rf a b journal
		for name in a b; do
			mkdir -p "$name/state"
			(cd "$name" && make_shots "${PHOTOS:-500}" "$name$seed")
		done
		set_lags 2
		box --seed "$seed" --state journal --late 1500 --list-lag 1500 --retry-after none \
			--fault lost-before=0.05 --fault lost-after=0.05
		machine a "${@:2}" &
		machine b "${@:2}"
		wait $!
		cat a/out b/out >out
		python3 "$TESTS/soak/verdict.py" journal out "$((2 * ${PHOTOS:-500}))" $1 >counts ||
			{ cat counts; return 1; }
		check_sandbox
		log_counts "seed $seed" <counts
		[ "$(stat '[.[].faults | add // 0] | add')" -gt 0 ]
		end_box
	done
}

@test "equal names" { matrix "loom anam avtr1"; }
@test "equal names, --unique-names" { matrix loom --unique-names; }
