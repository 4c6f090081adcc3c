#!/usr/bin/env bats
# Three hosts with PROCESSES (8) each, one ledger in PostgreSQL, seven faults at 10 % each: for
# SECONDS_OF_STORM (60) a host is cut off from the database, from the service or from both, frozen for
# longer than a lease, or killed and started again. Then all photos are uploaded once more, until
# nothing is left to do: of PHOTOS (200) nothing is made twice, and nothing is lost.

load ../programs/helper
load ../programs/hosts

export LEASE=6

# work HOST: runs the host's parts again and again, each in a process; two hosts have each part
work() {
	local n parts=$((3 * ${PROCESSES:-8} / 2))
	for ((n = 1; n <= ${PROCESSES:-8}; n++)); do
		on "$1" env XDG_STATE_HOME="$PWD/state$1" bash -c 'while :; do
			split -n "r/$1/$2" list.txt | timeout 120 av-upload -q -j 4 --unique-names --exit-zero \
				--timeout 30s >>"done.$1.$3" 2>>"said.$3" || sleep 0.2
		done' - $(((($1 - 1) * ${PROCESSES:-8} + n - 1) % parts + 1)) "$parts" "$1" &
	done
}

# blow HOST: one misfortune of the host
blow() {
	local port rule
	case $((RANDOM % 5)) in
	0) cut_off "$1" && sleep $((RANDOM % 10)) && join "$1" ;;
	1 | 2)
		port=${AV_LEDGER##*:}
		[ $((RANDOM % 2)) -eq 0 ] || port=${AVTR1_API_URL##*:}
		rule=(OUTPUT -p tcp --dport "${port%%/*}" -j DROP)
		on "$1" iptables -I "${rule[@]}" && sleep $((RANDOM % 15)) && on "$1" iptables -D "${rule[@]}" ;;
	3)
		ip netns pids "host$1" | xargs -r kill -STOP 2>/dev/null || true
		sleep $((LEASE + RANDOM % 6))
		ip netns pids "host$1" | xargs -r kill -CONT 2>/dev/null || true ;;
	4) kill_host "$1" && work "$1" ;;
	esac
}

# storm SERVICE: the whole of it
storm() {
	local host round until=$((SECONDS + ${SECONDS_OF_STORM:-60})) pids=()
	RANDOM=${SEED:-1}
	PATH=$PATH:/usr/sbin:/sbin
	hosts 1 2 3
	shared_ledger $LEASE
	batch "${PHOTOS:-200}" --delay 300 --seed "${SEED:-1}" --late 1000 --list-lag 500 --stall-ms 500 \
		$(printf -- '--fault %s=0.1 ' lost-before lost-after reset 500 429 502-after truncated)
	export AV_PROVIDER=$1
	[ "$1" != argil ] || photos "${PHOTOS:-200}" 1280x720
	for host in 1 2 3; do work $host; done
	for host in 1 2 3; do
		(RANDOM=$((host + ${SEED:-1})) && while [ "$SECONDS" -lt "$until" ]; do sleep $((RANDOM % 3)) && blow $host; done) &
		pids+=($!)
	done
	wait "${pids[@]}"
	for host in 1 2 3; do kill_host $host; done
	sleep $((LEASE + 1))
	for round in 1 2 3 4 5 6 7 8; do
		av-upload -q -j 16 --unique-names --exit-zero <list.txt >out
		jq -e -s 'map(select(.error)) | length == 0' out >/dev/null && break
	done
	echo "$1, round $round: $(wc -l <list.txt) photos, $(cat done.* | wc -l) records, $(stat ".$1.creates") made, $(stat ".$1.duplicates_count") twice, $(of out 'map(select(.error)) | length') failed, $(av-ledger list | jq -r .state | sort | uniq -c | xargs)"
	is "$(of out 'map(.error.code) | unique')" '[null]'
	is "$(stat ".$1.duplicates_count")" 0
	is "$(stat ".$1.creates")" "$(of out 'map(.avatar.id) | unique | length')"
	is "$(of out 'map(.avatar.id) | unique | length')" "${PHOTOS:-200}"
}

setup_file() {
	AV_SLOW=$((20 + ${SECONDS_OF_STORM:-60} / 5))
	export AV_SLOW
}

for_service() {
	needs iptables ip psql
	run alone storm "$1"
	[ "$status" -eq 0 ] || { printf "%s\n" "${lines[@]}" | tail -n 20; return 1; }
	echo "# ${lines[-1]}" >&3
}

@test "three hosts in a storm: avtr1" { for_service avtr1; }
@test "three hosts in a storm: anam" { for_service anam; }
@test "three hosts in a storm: argil" { for_service argil; }
