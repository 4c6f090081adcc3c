#!/usr/bin/env bats
# av-poll: states of each service, errors that delay or end the wait, and the cost of waiting.

load helper

poll() {
	limit 60 av-poll --interval 0.05s "$@"
}

# made PROVIDER N: uploads N photos; records in the file made
made() {
	photos "$2" 1280x720
	limit 60 av-upload -k -p "$1" -j 8 photos/* >made
}

@test "help and version on stdout; usage errors on stderr, exit status 64" {
	check_usage av-poll --watch --nonsense "--watch 0" "--watch x" "--interval x" "--timeout -1" "-O a=b"
	run -78 --separate-stderr av-poll -p nobody x
	[[ $output == *'"code":"unknown_provider"'* && $stderr == *nobody* ]]
}

@test "each service: waits until ready, keeps the service's own word" {
	for provider in "${SERVICES[@]}"; do
		box --ready-after $((300 * AV_SLOW))
		made "$provider" 2
		poll <made >done
		is "$(codes done)" "2 ready"
		is "$(of done 'map(.avatar.provider_status) | unique')" "$(case $provider in
			loom) echo '["done"]' ;; avtr1) echo '["ready"]' ;; argil) echo '["IDLE"]' ;;
			*) echo '[null]' ;; esac)"
		[ "$provider" = anam ] || [ "$(stat ".$provider.polls")" -ge 4 ]
		check_schema done
		check_sandbox
		end_box
	done
}

@test "bare ids, as operands or lines, become records" {
	box
	made avtr1 3
	jq -r .avatar.id made >ids
	poll -k -p avtr1 $(cat ids) >a
	poll -k -p avtr1 <ids >b
	tr '\n' '\0' <ids | poll -k -0 -p avtr1 >c
	AV_PROVIDER=avtr1 poll -k <ids >d
	for out in a b c d; do
		is "$(jq -r '[.provider, .avatar.id, .avatar.status] | join(" ")' $out)" \
			"$(sed 's/.*/avtr1 & ready/' ids)"
	done
	check_schema a b c d
}

@test "a failed avatar says why and is not reused" {
	for provider in loom avtr1 argil; do
		box --fail-match 002
		made "$provider" 3
		# Loom has no names; its file names count.
		run -65 poll <made
		printf '%s\n' "$output" | grep '^{' >done
		is "$(codes done)" "1 avatar_failed, 2 ready"
		is "$(of done 'map(select(.error)) | map([.file, .avatar.status, .error.step, .error.retryable, (.avatar.id | length > 0)])')" \
			'[["photos/002.jpg","failed","poll",false,true]]'
		limit 60 av-upload -p "$provider" photos/* >again
		is "$(of again 'map(select(.avatar.reused)) | length')" 2
		is "$(stat ".$provider.creates")" 4
		check_schema done
		end_box
		rm -rf state/*
	done
}

@test "argil: an avatar refused by moderation has failed" {
	box --refuse-match 001
	made argil 1
	run -65 poll <made
	printf '%s\n' "$output" | grep '^{' >done
	is "$(jq -c '[.avatar.status, .avatar.provider_status, .error.code]' done)" \
		'["failed","REFUSED","avatar_failed"]'
}

@test "lost answers, 408, 423, 429 and 5xx only delay" {
	local n provider fault faults=()
	for provider in loom avtr1 argil; do
		n=0
		for fault in lost 408 423 429 500 503 reset; do
			faults+=(--fault "poll-$fault@$provider#$((++n))")
		done
	done
	box --retry-after 1 "${faults[@]}"
	for provider in loom avtr1 argil; do
		made "$provider" 1
		cat made >>all
	done
	poll <all >done
	is "$(codes done)" "3 ready"
	is "$(stat '[.loom, .avtr1, .argil | .faults | length]')" '[7,7,7]'
}

@test "many avatars of one account: its list answers for them, but not where it lacks some" {
	for provider in avtr1 argil; do
		box --ready-after $((2000 * AV_SLOW))
		made "$provider" 60
		limit 100 av-poll -v -j 8 <made >done 2>err
		is "$(codes done)" "60 ready"
		grep -qE "^av-poll: $provider: [0-9]+ requests for the list 'avatars' gave [0-9]+ states$" err
		[ "$(stat ".$provider.polls")" -lt 30 ]
		[ "$(stat ".$provider.lists")" -lt 30 ]
		check_sandbox
		end_box
	done
	box --ready-after 50 --list-lag 600000
	made argil 40
	limit 100 av-poll -j 8 --interval 0.05s <made >done
	is "$(codes done)" "40 ready"
}

@test "polls that are due before the list is read again wait for it, and do not ask singly" {
	mkdir -p "$XDG_CONFIG_HOME/avtools/providers"
	jq '.poll = {first_s: 0.3, max_s: 4}' "$TESTS/../lib/providers/avtr1.json" \
		>"$XDG_CONFIG_HOME/avtools/providers/avtr1.json"
	box --ready-after 600000
	made avtr1 30
	av-poll --interval 0.05s -j 2 <made >out 3>&- &
	POLL=$!
	read_often() { [ "$(stat .avtr1.lists)" -ge 10 ] && echo yes; }
	until_is yes read_often
	is "$(stat '.avtr1.polls < 15')" true
	kill "$POLL"
	wait "$POLL" || true
	is "$(codes out)" "30 interrupted"
}

@test "an avatar is gone after 404s for a while, not after one" {
	set_lags 0.3
	box --fault poll-404@avtr1#1 --trace trace
	made avtr1 1
	poll <made >done
	is "$(codes done)" "1 ready"
	run -65 poll -p avtr1 av_01J00000000000000000000002
	printf '%s\n' "$output" | grep '^{' >gone
	is "$(jq -c '[.error.code, .error.retryable, .avatar.id]' gone)" \
		'["avatar_gone",false,"av_01J00000000000000000000002"]'
	[ "$(jq -s 'map(select(.path | endswith("0002"))) | length' trace)" -ge 3 ]
	check_schema gone
}

@test "other 4xx fail; a refused key is exit status 77" {
	box --ready-after 60000 --fault poll-400@argil=1 --fault poll-401@avtr1=1
	made argil 1
	run -65 poll <made
	[[ $output == *'"code":"refused"'* ]]
	made avtr1 1
	run -77 poll <made
	[[ $output == *'"code":"unauthorized"'*'"retryable":true'* ]]
}

@test "no avatar, a malformed line, and finished records" {
	box
	printf '%s\n' '{"file":"a.jpg","provider":"avtr1"}' '{"avatar":' \
		'{"provider":"avtr1", "avatar":{"id":"x","status":"ready"}}' \
		'{"provider":"avtr1","avatar":{"id":"y"},"error":{"step":"upload","code":"refused","message":"m","retryable":true}}' >in
	# 75: av-upload may retry one of the failed records.
	run -75 poll -k --retry-failed <in
	printf '%s\n' "$output" | grep '^{' >out
	is "$(of out 'map(.error.code)')" '["no_avatar","invalid_record",null,"refused"]'
	is "$(tail -n 2 out)" "$(tail -n 2 in)"
	is "$(stat .avtr1.requests)" 0
	check_schema out
}

@test "--timeout has its own error, keeps the id, is retryable" {
	box --ready-after 3000
	made avtr1 3
	run -75 poll --timeout 0.3s <made
	printf '%s\n' "$output" | grep '^{' >late
	is "$(codes late)" "3 timeout"
	is "$(of late 'map([.error.retryable, .avatar.status, (.avatar.id | length > 0)]) | unique')" \
		'[[true,"processing",true]]'
	poll --exit-zero --timeout 0.1s <made >zero
	poll --retry-failed <late >done
	is "$(codes done)" "3 ready"
	check_schema late done
	check_sandbox
}

@test "-k keeps the order; -j, --watch and --rate are limits" {
	box --ready-after 200 --delay 20
	made avtr1 20
	poll -k -j 3 <made >done
	is "$(of done 'map(.file) == (map(.file) | sort)')" true
	curl -sf -X POST "${STATS%/_stats}/_reset"
	poll -j 3 <made >done
	is "$(stat '.avtr1.max_in_flight <= 3')" true
	poll --watch 1 -j 8 <made >done
	is "$(of done 'map(.file) == (map(.file) | sort)')" true
	curl -sf -X POST "${STATS%/_stats}/_reset"
	poll --rate 10 -j 8 <made >done
	is "$(stat '.avtr1.max_rate_per_second <= 11')" true
	is "$(codes done)" "20 ready"
}

@test "without -j, more requests are in flight while that is faster and goes well" {
	mkdir -p "$XDG_CONFIG_HOME/avtools/providers"
	# a list without states: each avatar is asked about
	jq '.operations.avatars.answer = {required: ["id"], take: {id: "/id"}}' \
		"$TESTS/../lib/providers/argil.json" >"$XDG_CONFIG_HOME/avtools/providers/argil.json"
	make_80() {
		seq 80 | jq -c '{url: "https://example.org/\(.).jpg", name: "n\(.)", provider: "argil"}' |
			limit 60 av-upload --ledger none -j 32 >made
	}
	in_flight() { stat .argil.max_in_flight; }
	asked() {
		curl -sf -X POST "${STATS%/_stats}/_reset"
		poll "$@" <made >done
		is "$(codes done)" "80 ready"
	}
	box --delay 30
	make_80
	asked
	[ "$(in_flight)" -gt 5 ]
	asked -j 4
	is "$(in_flight)" 4
	echo 'jobs = 5' >"$XDG_CONFIG_HOME/avtools/config"
	asked
	is "$(in_flight)" 5
	rm "$XDG_CONFIG_HOME/avtools/config"
	end_box
	box --delay 30 --seed 1 --fault poll-500@argil=0.2 --retry-after 0
	make_80
	asked
	[ "$(in_flight)" -le 5 ]
}

@test "SIGTERM: all records are written, with their ids" {
	box --ready-after 600000
	made avtr1 20
	av-poll --interval 0.05s -j 2 <made >out 3>&- &
	POLL=$!
	some() { [ "$(stat '.avtr1 | .polls + .lists')" -ge 3 ] && echo yes; }
	until_is yes some
	kill "$POLL"
	CODE=0
	wait "$POLL" || CODE=$?
	is "$CODE" 143
	is "$(of out 'map([.error.code, .error.retryable, (.avatar.id | length > 0)]) | unique')" \
		'[["interrupted",true,true]]'
	is "$(wc -l <out)" 20
	check_schema out
}

@test "failures go to the ledger, if there is one that can be used" {
	box --fail-match 001
	made argil 1
	XDG_STATE_HOME=/proc/none run -65 poll --ledger none <made
	XDG_STATE_HOME=/proc/none run --separate-stderr -65 poll <made
	[[ $stderr == *'are not noted for later runs: cannot make the directory'* ]]
	run -65 poll <made
	limit 60 av-upload -p argil photos/001.jpg >again
	is "$(jq -c '.avatar.reused // false' again)" false
}

@test "100,000 waiting avatars take less than 1 kB each beside the record" {
	box --ready-after 600000
	seq 100000 | awk '{ printf "{\"file\":\"photos/%06d.jpg\",\"provider\":\"avtr1\",\"avatar\":" \
		"{\"id\":\"av_%026d\",\"status\":\"processing\"}}\n", $1, $1 }' >many
	mkfifo in
	av-poll --interval 1h <in >out 3>&- &
	POLL=$!
	cat many >in
	RSS=$(awk '/^VmRSS/ { print $2 }' "/proc/$POLL/status")
	kill "$POLL"
	wait "$POLL" || true
	echo "$RSS kB"
	is "$(wc -l <out)" 100000
	is "$(jq -r '.error.code' out | sort | uniq -c | awk '{print $1, $2}')" "100000 interrupted"
	[ -n "${AV_SANITIZED:-}" ] || [ "$RSS" -lt $((10000 + 100000 + $(wc -c <many) / 1024)) ]
}
