#!/usr/bin/env bats
# Never pays twice, loses nothing: counted on the service's side. The long form of these tests is
# in tests/soak.

load helper
load soak/common

# matrix KIND: all four services, that fault in one of five requests, lists that lag
matrix() {
	shots 15
	soon 0.6
	box --seed 1 --state journal --retry-after none --late 300 --stall-ms 200 --list-lag 300 \
		--fault "$1=0.2"
	upload
	honest loom
	[ "$(stat '[.[].faults | add // 0] | add')" -gt 0 ]
}

@test "answers that are lost" { matrix lost-after; }
@test "requests that are lost" { matrix lost-before; }
@test "effects that come late" { matrix late; }
