#!/usr/bin/env bats
# Death at every point of a paid request (lib/fault.h; make FAULTS=1), the Nth time it is come to;
# then the same command again: each photo is made once, and Loom's unknown ones are few.

load ../helper
load common

@test "death between intent, send, answer, commit and write" {
	local point n bin=${AV_FAULTS_BIN-$TESTS/../build/cc-faults/bin} died=0
	[ -x "$bin/av-upload" ] || skip "no programs of make FAULTS=1"
	shots 12
	soon 0.5
	for point in commit-before commit commit-after send header answer write written; do
		for n in 1 2 3 7 20; do
			rm -rf journal state
			mkdir state
			box --seed "$n" --state journal --list-lag 200
			status=0
			AV_FAULT=$point:$n "$bin/av-upload" -q -j 4 --exit-zero <all >died 2>said || status=$?
			[ "$status" -eq 137 ] && died=$((died + 1))
			upload
			honest loom >counts || { echo "$point:$n"; cat counts; return 1; }
			[ "$(stat '.loom.creates')" -ge 8 ]
			# All that was said before the death holds.
			{ jq -r '.avatar.id // empty' died 2>/dev/null || true; } | sort >before
			jq -r '.avatar.id // empty' out | sort >after
			is "$(comm -23 before after)" ''
			kill "$BOX"
			wait "$BOX" || true
		done
	done
	BOX=
	echo "# $died deaths" >&3
	[ "$died" -ge 30 ]
}
