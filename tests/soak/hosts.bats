#!/usr/bin/env bats
# Three hosts with PROCESSES (8) each, one ledger in PostgreSQL, and every fault that the sandbox knows at
# 10 % each, of which half of the requests or more fail: for SECONDS_OF_STORM (120) a host is cut off from
# the database, from the service or from both, frozen for longer than a lease, or killed and started
# again. Then all photos are uploaded once more, until nothing is left to do: of PHOTOS (1000) nothing is
# made twice, nothing is lost, and no second has more requests than RATE (60).
#
# Loom makes one avatar at a time, each with its lookup: it gets a twentieth of the photos, each of another
# size, which is all that its list tells.

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

# block HOST PORT SECONDS: cuts the host off from a server
block() {
	local rule=(OUTPUT -p tcp --dport "$2" -j DROP)
	on "$1" iptables -I "${rule[@]}"
	sleep "$3"
	on "$1" iptables -D "${rule[@]}"
}

# joined: notes that what was in flight to the service can arrive again
joined() {
	echo "$EPOCHREALTIME" >>joins
}

# blow HOST: one misfortune of the host
blow() {
	local port
	case $((RANDOM % 6)) in
	0) cut_off "$1" && sleep $((RANDOM % 10)) && join "$1" && joined ;;
	1) port=${AV_LEDGER##*:} && block "$1" "${port%%/*}" $((RANDOM % 15)) ;;
	2) port=${AVTR1_API_URL##*:} && block "$1" "${port%%/*}" $((RANDOM % 15)) && joined ;;
	3 | 4)
		ip netns pids "host$1" | xargs -r kill -STOP 2>/dev/null || true
		sleep $((LEASE + RANDOM % 6))
		ip netns pids "host$1" | xargs -r kill -CONT 2>/dev/null || true ;;
	5) kill_host "$1" && work "$1" ;;
	esac
}

# faults SERVICE: the sandbox's options for all that can happen to an upload to it
faults() {
	printf -- '--fault %s=0.1 ' lost-before lost-after late close-idle reset stall stall-before stall-body \
		truncated garbage redirect 401 429 500 503 500-after 502-after list-500 list-lost list-stall \
		list-truncated list-garbage token-500 token-lost
	[ "$1" != loom ] || echo '--fault 423=0.1'
}

# busiest SERVICE: the most requests that the service got in a second, and how many of those more than
# RATE that came when no line had been joined for 3 seconds
busiest() {
	jq -r --arg s "$1" 'select(.service == $s) | .time | sub("\\.(?<ms>[0-9]+)Z"; "Z \(.ms)") | split(" ")
		| "\(.[0] | fromdate).\(.[1])"' trace | sort -n | awk -v rate="${RATE:-60}" '
		BEGIN { while ((getline at < "joins") > 0) join_at[++joins] = at }
		{
			for (time[++n] = $1; $1 - time[first + 1] >= 1; first++) ;
			if (n - first > most) most = n - first
			if (n - first <= rate) next
			for (i = 1; i <= joins && !($1 >= join_at[i] - 0.1 && $1 < join_at[i] + 4); i++) ;
			if (i > joins) over++
		}
		END { print most + 0, over + 0 }'
}

# storm SERVICE: the whole of it
storm() {
	local host round n photos=${PHOTOS:-1000} until pids=() busy
	RANDOM=${SEED:-1}
	PATH=$PATH:/usr/sbin:/sbin
	hosts 1 2 3
	shared_ledger $LEASE
	[ "$1" != loom ] || photos=$((photos / 20))
	batch "$photos" --delay 100 --seed "${SEED:-1}" --late 1000 --list-lag 500 --stall-ms 500 --retry-after none --trace trace \
		$(faults "$1")
	set_lags 2
	export AV_PROVIDER=$1 "${1^^}_RATE=${RATE:-60}" LOOM_EXCLUSIVE=1
	[ "$1" != argil ] || photos "$photos" 1280x720
	[ "$1" != loom ] || awk '{ printf "%s=%dx%d\n", $0, 64 + NR % 32, 48 + int(NR / 32) }' list.txt | xargs faces
	: >joins
	until=$((SECONDS + ${SECONDS_OF_STORM:-120}))
	for host in 1 2 3; do work $host; done
	for host in 1 2 3; do
		(RANDOM=$((host + ${SEED:-1})) && while [ "$SECONDS" -lt "$until" ]; do sleep $((RANDOM % 3)) && blow $host; done) &
		pids+=($!)
	done
	wait "${pids[@]}"
	for host in 1 2 3; do kill_host $host; done
	sleep $((LEASE + 1))
	for round in {1..60}; do
		av-upload -q -j 64 --unique-names --exit-zero <list.txt >out
		jq -e -s 'map(select(.error)) | length == 0' out >/dev/null && break
	done
	read -r -a busy < <(busiest "$1")
	echo "$1, round $round: $(wc -l <list.txt) photos, $(cat done.* | wc -l) records, $(stat ".$1.creates") made, $(stat ".$1.duplicates_count") twice, $(of out 'map(select(.error)) | length') failed, $(av-ledger list | jq -r .state | sort | uniq -c | xargs); $(stat ".$1.requests") requests, at most ${busy[0]} a second, ${busy[1]} too many; $(stat ".$1.faults" | tr -d '{}"')"
	is "$(of out 'map(.error.code) | unique')" '[null]'
	is "$(stat ".$1.duplicates_count")" 0
	is "$(stat ".$1.creates")" "$(of out 'map(.avatar.id) | unique | length')"
	is "$(of out 'map(.avatar.id) | unique | length')" "$photos"
	is "${busy[1]}" 0
}

setup_file() {
	AV_SLOW=$((40 + ${SECONDS_OF_STORM:-120} / 5))
	export AV_SLOW BATS_NO_PARALLELIZE_WITHIN_FILE=true # seconds are counted
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
@test "three hosts in a storm: loom" { for_service loom; }
