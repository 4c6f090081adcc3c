#!/usr/bin/env bats
# The recipe of av-machines(7) for Snakemake: parts fail and are tried again, and the line is killed in
# mid-run, once alone and once with all its parts.

load ../programs/helper
load ../programs/hosts

# start_line: starts the line, with its processes in a group of their own
start_line() {
	setsid bash line >>err 2>&1 &
	line=$!
}

snakemake_killed() {
	local line
	batch 60 --delay 300 --fault 402@avtr1#3 --fault 402@avtr1#55
	add_bad
	shared_ledger 3
	export HOME=$PWD
	cp "$ENGINES"/{Snakefile,filter.sh} .
	block snakemake | sed '1s/^/exec /; s/parts=100/parts=12/' >line
	start_line
	some 8
	kill -9 $line
	wait $line || true
	# The parts go on. Snakemake's lock is still there.
	bash line >locked 2>&1 || true
	grep -q -e --unlock locked
	snakemake --unlock
	start_line
	some 24
	kill -9 -- -$line
	wait $line || true
	[ "$(stat .avtr1.creates)" -lt 60 ]
	snakemake --unlock
	start_line
	wait $line || { cat err; return 1; }
	is "$(grep -c '(402)' err)" 2
	all_but_bad done/*.jsonl >most
	check_batch 60 most
	bash line >again 2>&1
	grep -q 'Nothing to be done' again
	is "$(stat .avtr1.creates)" 60
}

@test "Snakemake: the line is killed in mid-run, once with all its parts; the same line finishes" {
	needs snakemake psql iptables
	AV_SLOW=$((3 * AV_SLOW)) alone snakemake_killed
}
