#!/usr/bin/env bats
# Nothing is paid twice and nothing is lost, as counted by the service. tests/soak has the long
# form of these tests.

load helper
load ../soak/common

# matrix KIND: all four services, the fault in one of five requests, lists that lag
matrix() {
	make_shots 15
	set_lags 0.6
	box --seed 1 --state journal --retry-after none --late 300 --stall-ms 200 --list-lag 300 \
		--fault "$1=0.2"
	upload --unique-names
	check_outcomes loom
	[ "$(stat '[.[].faults | add // 0] | add')" -gt 0 ]
}

@test "lost answers" { matrix lost-after; }
@test "lost requests" { matrix lost-before; }
@test "late effects" { matrix late; }

@test "--dry-run: reports what would be sent and sends nothing" {
	make_shots 3
	box
	grep argil all >mine
	head -n 1 mine | av-upload -q | av-poll -q --interval 0.05s >made
	requests=$(stat .argil.requests)
	{
		cat mine
		head -n 2 mine | tail -n 1
		echo '{"file":"nowhere.png","provider":"argil"}'
		cat made
	} >in
	run --separate-stderr -65 sh -c 'av-upload -k --dry-run <in'
	is "${stderr%%$'\n'*}" 'av-upload: 2 to create, 3 already made, 0 unknown, 1 refused; Argil: 4 credits'
	is "$(stat .argil.requests)" "$requests"
	printf '%s\n' "$output" >out
	check_schema out
	echo '{"file":"x.png","error":{"step":"validate","code":"file_missing","message":"x","retryable":false}}' >bad
	run --separate-stderr -65 sh -c 'cat in bad | av-upload --dry-run >out2'
	is "${stderr%%$'\n'*}" 'av-upload: 2 to create, 3 already made, 0 unknown, 1 refused, 1 failed before; Argil: 4 credits'
	id=$(jq -r .avatar.id made)
	# Photos are read side by side, so either of the two equal records may come first.
	is "$(jq -c '.plan[0] | [.already_made, .id, .cost.credits]' out | sort | tr '\n' ' ')" \
		"[false,null,2] [false,null,2] [null,null,null] [null,null,null] [true,\"$id\",null] [true,null,null] "
	# A record with a plan is sent, and the plan is removed.
	head -n 3 out | av-upload -q >next
	is "$(of next '[.[] | [.plan, .avatar.reused]]')" '[[null,true],[null,null],[null,null]]'
	is "$(stat .argil.creates)" 3
	run --separate-stderr -0 sh -c 'av-render --dry-run -r video -O text=Hello <made'
	is "$stderr" 'av-render: 2 to create, 0 already made, 0 unknown, 0 refused; Argil: 160 credits a minute for each of 1
av-render: Argil: 2 requests; no pace is documented'
	printf '%s\n' "$output" >out
	check_schema out
	is "$(jq -c '[.renderings, (.plan[] | .operation, .kind)]' out)" \
		'[null,"video_create","video","video_render","video"]'
	is "$(stat .argil.videos)" 0
}

# The table of outcomes in av(7): a test for each row.

# start_one PROVIDER [OPTION...]: a photo for the provider, and a sandbox
start_one() {
	make_shots 2
	set_lags 0.6
	grep "\"$1\"" all >mine
	head -n 1 mine >first
	box --seed 1 "${@:2}"
}

# errors [FILE]: code, created and retryable of each error
errors() {
	jq -c '[.error.code, .error.created, .error.retryable]' "${1:-out}" | tr '\n' ' '
}

@test "not sent: retried until the service is there or the time is over" {
	start_one avtr1
	base=$AVTR1_API_URL
	port=${base#http://127.0.0.1:} port=${port%%/*}
	end_box
	run -75 sh -c 'av-upload -q --timeout 1s <first >out'
	is "$(errors)" '["network","no",true] '
	is "$(av-ledger list | jq -r .state)" not_made
	av-upload <first >out 2>err &
	upload=$!
	until_is 1 grep -c 'trying again' err
	box --seed 1 --port "$port"
	wait "$upload"
	is "$(jq -r .avatar.status out)" processing
	is "$(stat .avtr1.creates)" 1
}

@test "auth: the token is renewed once and the request sent again" {
	start_one loom --fault 401@loom#1
	av-upload -q <first >out
	is "$(jq -r .avatar.status out)" processing
	is "$(stat '.loom | [.creates, .token_requests, .statuses["401"]]')" '[1,2,1]'
}

@test "auth: a refused key blocks the account, and nothing more is sent" {
	start_one anam
	make_shots 9
	grep anam all >mine
	ANAM_API_KEY=wrong run -77 sh -c 'av-upload -q -j 1 <mine >out'
	is "$(errors | tr ' ' '\n' | sort | uniq -c | tr -s ' ')" ' 9 ["unauthorized","no",true]'
	# The key is tried once more, while other records may be sent.
	[ "$(stat .anam.requests)" -le 4 ]
	av-upload -q --retry-failed <out >next
	is "$(stat .anam.creates)" 9
}

@test "wait: as long as the service says, in full" {
	start_one avtr1 --retry-after 1 --fault 429@avtr1#1 --fault 503@avtr1#2
	begin=$(date +%s%N)
	av-upload -q <first >out
	took=$((($(date +%s%N) - begin) / 1000000))
	[ "$took" -ge 2000 ]
	is "$(stat '.avtr1 | [.creates, .requests]')" '[1,3]'
	start_one loom --retry-after 1 --fault 423@loom#1
	begin=$(date +%s%N)
	av-upload -q <first >out
	[ $((($(date +%s%N) - begin) / 1000000)) -ge 1000 ]
	is "$(stat '.loom | [.creates, .statuses["423"]]')" '[1,1]'
}

@test "account: nothing more is sent; all its records are retryable" {
	start_one argil --quota argil=1
	run -75 sh -c 'av-upload -q -j 1 <mine >out'
	is "$(errors)" '[null,null,null] ["account_blocked","no",true] '
	make_shots 9
	grep argil all >mine
	run -75 sh -c 'av-upload -q -j 1 <mine >out'
	is "$(jq -r '.error.code' out | sort | uniq -c | tr -s ' ' | tr '\n' ';')" ' 8 account_blocked; 1 null;'
	is "$(stat '.argil | [.creates, .requests]')" '[1,3]'
}

@test "refused: a final error, nothing was made" {
	start_one anam --refuse-match 0000
	run -65 sh -c 'av-upload -q <mine >out'
	is "$(jq -sc 'map([.error.code, .error.created, .error.retryable]) | sort' out)" \
		'[[null,null,null],["refused","no",false]]'
	is "$(stat '.anam | [.creates, .requests]')" '[1,2]'
}

@test "a redirect is never followed" {
	start_one loom --fault 303@loom#1
	run -65 sh -c 'av-upload -q <first >out'
	is "$(errors)" '["redirected","unknown",false] '
	is "$(stat '.loom | [.requests, .creates, .media_requests, .credentials_on_media]')" '[1,0,0,0]'
	# The list can settle the outcome.
	start_one argil --fault 302@argil#1 --fault 308@argil#2 --fault 303-after@argil#4
	for i in 1 2; do
		run -75 sh -c 'av-upload -q <first >out'
		is "$(errors)" '["redirected","no",true] '
		is "$(stat '.argil | [.charges, .media_requests, .credentials_on_media]')" '[0,0,0]'
	done
	av-upload -q -j 1 --retry-failed <mine >out
	is "$(errors)" '[null,null,null] [null,null,null] '
	is "$(stat '.argil | [.charges, .duplicates_count, .media_requests]')" '[2,0,0]'
	# The list is redirected as well: another run may learn more.
	export ANAM_EXCLUSIVE=1
	start_one anam --fault 301-after@anam#1 --fault list-301@anam#1
	run -75 sh -c 'av-upload -q <first >out'
	is "$(errors)" '["redirected","unknown",true] '
	av-upload -q --retry-failed <out >again
	is "$(errors again)" '[null,null,null] '
	is "$(stat '.anam | [.charges, .requests, .media_requests]')" '[1,3,0]'
}

@test "no complete answer: looked up, never sent again without proof" {
	export ANAM_EXCLUSIVE=1
	start_one anam --fault truncated@anam#1 --fault lost-before@anam#2
	av-upload -q -j 1 <mine >out
	# One was found; one was proved absent and sent again.
	is "$(stat '.anam | [.creates, .duplicates_count, (.faults | add)]')" '[2,0,2]'
	is "$(jq -r .avatar.status out | sort -u)" ready
	start_one loom --fault lost-after@loom#1
	run -65 sh -c 'av-upload -q <first >out'
	is "$(errors)" '["outcome_unknown","unknown",false] '
	run -65 sh -c 'av-upload -q <first >out'
	is "$(stat '.loom | [.requests, .creates]')" '[1,1]'
	av-ledger list --state unknown | jq -r .key >key
	av-ledger settle "$(cat key)" --made 77
	av-upload -q <first >out
	is "$(jq -c '.avatar | [.id, .reused]' out)" '["77",true]'
	is "$(stat .loom.requests)" 1
}

@test "an avatar that failed or is gone is marked in the ledger and never reused" {
	make_shots 2
	set_lags 0.2
	box --fail-match 0000
	grep avtr1 all >mine
	av-upload -q -j 1 <mine >made
	run -65 sh -c 'av-poll -q --interval 0.05s <made >out'
	is "$(of out '[.[] | .error.code // .avatar.status] | sort')" '["avatar_failed","ready"]'
	is "$(av-ledger list | jq -r .state | sort | tr '\n' ' ')" 'failed made '
	av-upload -q -j 1 <mine >again
	is "$(of again '[.[] | .avatar.reused] | sort')" '[null,true]'
	is "$(stat .avtr1.creates)" 3
	id=$(jq -r 'select(.avatar.reused) | .avatar.id' again)
	curl -sf -X DELETE -H "Authorization: Bearer $AVTR1_API_KEY" "$AVTR1_API_URL/avatars/$id"
	jq -c 'select(.avatar.reused)' again >gone
	run -65 sh -c 'av-poll -q --interval 0.05s <gone >out'
	is "$(jq -r .error.code out)" avatar_gone
	is "$(av-ledger list | jq -r .state | sort | tr '\n' ' ')" 'failed gone made '
	av-upload -q -j 1 <mine >again
	is "$(jq -c 'select(.file | endswith("1.png")) | .avatar.reused' again)" null
	is "$(stat .avtr1.creates)" 4
}

@test "an avatar that is gone at the download is marked in the ledger" {
	set_lags 0.2
	start_one anam
	av-upload -q <first >made
	id=$(jq -r .avatar.id made)
	curl -sf -X DELETE -H "Authorization: Bearer $ANAM_API_KEY" "$ANAM_API_URL/avatars/$id"
	run -65 sh -c 'av-render -q --interval 0.05s -r still -o out <made >gone'
	is "$(jq -r .error.code gone)" avatar_gone
	is "$(av-ledger list --id "$id" | jq -r .state)" gone
	av-upload -q <first | av-render -q -r still -o out >again
	is "$(jq -c '[.avatar.reused, .error, .renderings[0].status]' again)" '[null,null,"ready"]'
}

# refuses TEXT COMMAND...: the command says so, exits 78 and has sent nothing
refuses() {
	run -78 "${@:2}"
	echo "$output"
	[[ "$output" == *"$1"* ]]
	is "$(stat .anam.requests)" 0
}

@test "a ledger on a read-only or full disk: a clear error, and nothing is sent" {
	own_mounts
	start_one anam
	refuses 'Read-only' "${OWN[@]}" sh -c 'mount -t tmpfs none "$XDG_STATE_HOME" &&
		mount -o remount,ro "$XDG_STATE_HOME" && exec av-upload <first'
	refuses 'disk full' "${OWN[@]}" sh -c 'mount -t tmpfs -o size=64k none "$XDG_STATE_HOME" &&
		mkdir "$XDG_STATE_HOME/avtools" && cp -r config "$XDG_STATE_HOME" &&
		{ dd if=/dev/zero of="$XDG_STATE_HOME/avtools/fill" bs=4k 2>/dev/null || true; } &&
		exec av-upload <first'
}

@test "an unusable ledger: a clear error, and nothing is sent" {
	start_one anam
	refuses HOME env -u XDG_STATE_HOME -u HOME av-upload -p anam small/0000.png
	mkdir -p "$XDG_STATE_HOME/avtools"
	ledger=$XDG_STATE_HOME/avtools/ledger.db
	head -c 8192 /dev/urandom >"$ledger"
	refuses 'no ledger' av-upload -p anam small/0000.png
	rm "$ledger"
	av-ledger list
	python3 -c 'import sqlite3, sys; sqlite3.connect(sys.argv[1]).execute("PRAGMA user_version = 99")' \
		"$ledger"
	refuses 'use a newer avtools' av-upload -p anam small/0000.png
	rm -r "$ledger"*
	av-upload -q <first >out
	is "$(stat .anam.creates)" 1
}

@test "a disk full before the outcome is written: nothing is lost or made twice" {
	own_mounts
	# Both requests stall first, so that the program is still waiting when it is stopped.
	start_one anam --fault stall@anam=1 --stall-ms $((500 * AV_SLOW))
	export STATS ANAM_EXCLUSIVE=1
	run -0 limit 60 "${OWN[@]}" bash -c '
		mount -t tmpfs -o size=1m none "$XDG_STATE_HOME" || exit
		av-upload -q -j 2 <mine >out 2>err & pid=$!
		until [ "$(curl -sf "$STATS" | jq .anam.creates)" = 2 ]; do :; done
		kill -STOP $pid
		dd if=/dev/zero of="$XDG_STATE_HOME/fill" bs=4k 2>/dev/null
		kill -CONT $pid
		wait $pid; echo $? >status
		rm "$XDG_STATE_HOME/fill"
		av-upload -q --retry-failed <out >again'
	is "$(cat status)" 75
	is "$(errors | tr -s ' ')" '["outcome_unknown","unknown",true] ["outcome_unknown","unknown",true] '
	is "$(codes again)" '2 ready'
	is "$(stat '.anam | [.creates, .requests - .lists]')" '[2,2]'
}

@test "many processes share one pace, and none starves" {
	make_shots 50
	box --rate anam=0 --trace trace
	grep anam all >mine
	split -l 1 mine part.
	export ANAM_RATE=5
	begin=$(date +%s%N)
	for part in part.*; do
		av-upload -q <"$part" >"out.$part" &
		pids+=($!)
	done
	for pid in "${pids[@]}"; do wait "$pid"; done
	took=$((($(date +%s%N) - begin) / 1000000))
	is "$(cat out.* | jq -r .avatar.status | sort | uniq -c | tr -s ' ')" ' 50 ready'
	# Each request has a send time of its own, an interval after the one before. A busy machine may send
	# later, never earlier. A pace is kept within 2 %.
	is "$(jq -sc --argjson begin "$((begin / 1000000))" --argjson ms $((1000 / ANAM_RATE)) '
		map(((.time[:19] + "Z" | fromdate) + (.time[19:23] | tonumber)) * 1000 - $begin) | sort |
		[length, (to_entries[] | select(.value < .key * $ms * 0.98))]' trace)" '[50]'
	[ "$took" -ge $((49 * 1000 / ANAM_RATE)) ]
	[ "$took" -lt $((50 * 1000 / ANAM_RATE * 2 * AV_SLOW + 5000)) ]
}

@test "on an exclusive account many processes make one at a time" {
	make_shots 30
	set_lags 0.3
	box --seed 2 --state journal --list-lag 100 --rate loom=0 --fault lost-after@loom=0.15 \
		--fault lost-before@loom=0.15
	export LOOM_EXCLUSIVE=1 LOOM_RATE=1000
	grep loom all >mine
	mv mine all
	xargs -d '\n' -n 3 -P 8 sh -c 'printf "%s\n" "$@" | av-upload -q -j 2' av-upload <all >out
	check_outcomes
	[ "$(stat '.loom.faults | add')" -gt 3 ]
	is "$(stat .loom.max_in_flight)" 1
}

# pictures PROVIDER [OPTION...]: a ready avatar in the file polled, and a sandbox
pictures() {
	start_one "$@"
	av-upload -q <first | av-poll -q --interval 0.05s >polled
}

# check_download [FILE]: out holds one file, and it has the record's checksum
check_download() {
	is "$(find out -type f | wc -l)" 1
	is "$(sha256sum <"$(jq -r '.renderings[0].file' "${1:-done}")")" \
		"$(jq -r '.renderings[0].sha256' "${1:-done}")  -"
	is "$(jq -r .error "${1:-done}")" null
}

@test "on an exclusive account an open request is settled before another one is sent" {
	make_shots 3
	set_lags 0.5
	export LOOM_EXCLUSIVE=1
	box --state journal --fault lost-after@loom#1 --fault lost-after@loom#2
	grep loom all >mine
	# The first dies with its request open; the second loses its response. Both look the same in the list.
	head -n 1 mine | av-upload -q >out &
	until_is 1 stat .loom.creates
	kill -9 $!
	wait $! || true
	sed -n 2p mine | av-upload -q >out
	is "$(codes out)" "1 processing"
	is "$(av-ledger list | jq -r .state)" $'made\nmade'
	av-upload -q <mine >out
	python3 "$TESTS/soak/verdict.py" journal out 3
	is "$(stat .loom.creates)" 3
}

@test "a broken download is completed" {
	pictures argil --fault media-truncated#1 --fault media-lost#2 --fault media-500#3
	av-render -q -o out <polled >done
	check_download
	[ "$(stat .argil.media_requests)" -ge 4 ]
}

@test "an expired URL is requested again, once" {
	pictures argil --fault media-403#1
	av-render -q -o out <polled >done
	check_download
	is "$(stat .argil.media_requests)" 2
	pictures anam --fault media-403=1
	rm -r out
	run -75 sh -c 'av-render -q -o out <polled >done'
	is "$(errors done)" '["download_failed",null,true] '
	is "$(stat .anam.media_requests)" 2
	is "$(find out -type f)" ''
}

@test "kill -9 during a download leaves no partial file" {
	pictures argil --stall-ms 120000 --fault media-stall-body#1
	av-render -q -o out <polled >done &
	render=$!
	until_is 1 stat .argil.media_requests
	until_is 1 sh -c 'find out -type f -size +0 | wc -l'
	kill -9 "$render"
	wait "$render" || true
	is "$(find out -name '*.argil.cover.*' -not -name '.*')" ''
	av-render -q -o out <polled >done
	is "$(sha256sum <"$(jq -r '.renderings[0].file' done)")" "$(jq -r '.renderings[0].sha256' done)  -"
	find out
}

@test "photos of the same name are not confused" {
	make_shots 2
	mv all both
	set_lags 0.6
	# One loses its answer, the other its request.
	for lost in 1 2; do
		rm -rf journal state all
		mkdir state
		faults=()
		for service in avtr1 anam argil; do
			mkdir -p a/$service b/$service
			mapfile -t files < <(jq -r "select(.provider == \"$service\").file" both)
			cp "${files[0]}" a/$service/ann.png
			cp "${files[1]}" b/$service/ann.png
			printf '{"file":"%s/'$service'/ann.png","provider":"'$service'"}\n' a b >>all
			faults+=(--fault "lost-after@$service#$lost" --fault "lost-before@$service#$((3 - lost))")
		done
		box --seed 1 --state journal "${faults[@]}"
		upload -j 1
		check_outcomes avtr1 anam
		is "$(stat '[.avtr1, .anam, .argil | .faults | add]')" '[2,2,2]'
		end_box
	done
}

@test "another spelling of the account's base URL is the same account" {
	box
	photos 1 1280x720
	base=$ANAM_API_URL
	for url in "$base" "${base/127.0.0.1/127.1}" "${base/127.0.0.1/0x7f000001}" "${base/http/HTTP}/" \
		"${base%/*}/./${base##*/}" "${base%/*}/x/../${base##*/}" "${base%/*}/%$(printf %x "'${base##*/}")${base##*/?}"; do
		echo "$url"
		ANAM_API_URL=$url limit 60 av-upload -q -p anam photos/001.jpg >out
		jq -r .avatar.id out >>ids
	done
	is "$(sort -u ids | wc -l)" 1
	is "$(av-ledger list | wc -l)" 1
	is "$(stat '.anam | [.charges, .duplicates_count]')" '[1,0]'
}
