#!/usr/bin/env bats
# Events of a service, from the sandbox through av-listen to av-poll: what they say is confirmed, and
# what they do not say is found all the same.

load helper

# quick_polls: installs a description of Argil with short intervals
quick_polls() {
	mkdir -p "$XDG_CONFIG_HOME/avtools/providers"
	jq '.poll = {first_s: 0.1, max_s: 0.3, gone_s: 0.3}' "$TESTS/../lib/providers/argil.json" \
		>"$XDG_CONFIG_HOME/avtools/providers/argil.json"
}

# listen FILE [OPTION...]: starts av-listen, whose records go to the file, and waits until it is registered
listen() {
	local line
	rm -f told
	mkfifo told
	exec 9<>told
	av-listen -p argil --register 'http://127.0.0.1:{port}' "${@:2}" >"$1" 2>&9 9>&- 7>&- 3>&- &
	LISTENER=$!
	until [[ ${line:-} == 'registered it '* ]]; do
		read -r -t "$((20 * AV_SLOW))" -u 9 line
	done
}

# made N: uploads N photos; records in the file made
made() {
	[ -d photos ] || photos "$1" 1280x720
	limit 60 av-upload -k -p argil -j 8 photos/* >made
}

teardown() {
	for pid in "${LISTENER:-}" "${POLL:-}" "${BOX:-}" "${SERVER:-}"; do
		[ -z "$pid" ] || kill "$pid" 2>/dev/null || true
		[ -z "$pid" ] || wait "$pid" 2>/dev/null || true
	done
}

# polled COMMAND...: av-poll with events of a listener of its own, behind an upload of N photos
polled() {
	limit 100 av-poll --events <(av-listen -p argil --register 'http://127.0.0.1:{port}' 2>listened 3>&-) "$@"
}

@test "with events an avatar costs one request, without them several" {
	box --ready-after $((2000 * AV_SLOW))
	photos 100 1280x720
	mkfifo events
	exec 7<>events
	listen events
	limit 100 av-upload -p argil --rate 100 -j 8 photos/* |
		limit 100 av-poll --events events >done
	is "$(codes done)" "100 ready"
	is "$(stat '[.argil | .creates, .events_accepted, .events_refused, .events_unsent]')" '[100,100,0,0]'
	# one each, and one more for an avatar that was made before av-poll began
	[ "$(stat .argil.polls)" -ge 100 ]
	[ "$(stat .argil.polls)" -le 130 ]
	kill "$LISTENER"
	wait "$LISTENER" || true
	LISTENER=
	check_schema done
	check_sandbox
}

@test "av-listen | av-poll: each event is confirmed by a request" {
	box --ready-after 300 --fail-match 003
	listen heard --count 5
	made 5
	is "$(of made 'map(.avatar.status) | unique')" '["processing"]'
	wait "$LISTENER"
	LISTENER=
	run -65 av-poll <heard
	printf '%s\n' "$output" | grep '^{' >done
	is "$(codes done)" "1 avatar_failed, 4 ready"
	is "$(of done 'map(.avatar.id) | sort')" "$(of made 'map(.avatar.id) | sort')"
	# by a request for each, or by a list; another list was that of webhooks
	[ "$(stat '.argil.polls + .argil.lists')" -gt 1 ]
	check_schema done
}

@test "lost, late, doubled, forged and reordered events: every record is right" {
	local fault faults=()
	quick_polls
	for fault in lost late doubled forged reordered; do
		faults+=(--fault "event-$fault=0.2")
	done
	box --seed 7 --ready-after 1000 --late 300 --fail-match 01 "${faults[@]}"
	photos 60 1280x720
	limit 100 av-upload -p argil -j 8 photos/* >uploaded
	run -65 polled <uploaded
	printf '%s\n' "$output" | grep '^{' >done
	is "$(codes done)" "11 avatar_failed, 49 ready"
	is "$(of done 'map(select(.error) | .file[7:-4] | contains("01")) | all')" true
	[ "$(stat '.argil.faults | length')" -ge 3 ] # of five, in 60 events
	check_schema done
	check_sandbox
}

@test "forged events alone: nothing is ready that the service does not call ready" {
	quick_polls
	box --ready-after 600000
	made 3
	jq -c '{provider, event: {name: "AVATAR_TRAINING_SUCCESS", received_at: "2026-11-27T00:00:00.000Z"},
		avatar: {id: .avatar.id}}' made >forged
	echo '{"provider":"argil","avatar":{"id":"7b0f1c52-1f0e-4d5c-8a44-0f3f0c2d9a10"}}' >>forged
	# the avatars are in training for ten minutes, and one does not exist
	run -75 limit 60 av-poll --timeout 4s <forged
	printf '%s\n' "$output" | grep '^{' >out
	is "$(codes out)" "1 avatar_gone, 3 timeout"
	# 3,000 of them cost no more than a request in each first interval
	curl -sf -X POST "${STATS%/_stats}/_reset"
	for n in $(seq 1000); do cat forged; done >many
	run -75 limit 60 av-poll --timeout 2s --events many <made
	printf '%s\n' "$output" | grep '^{' >out
	is "$(codes out)" "3 timeout"
	[ "$(stat .argil.polls)" -lt 90 ]
}

@test "a listener that is killed and started again: nothing is missed" {
	quick_polls
	box --ready-after $((1500 * AV_SLOW))
	mkfifo events
	exec 7<>events # until av-poll reads it
	port=$(python3 -c 'import socket; s = socket.socket(); s.bind(("127.0.0.1", 0)); print(s.getsockname()[1])')
	listen events --port "$port"
	made 30
	limit 100 av-poll --events events <made >out 7>&- 9>&- 3>&- &
	POLL=$!
	polled_all() { [ "$(stat .argil.polls)" -ge 30 ] && echo yes; }
	until_is yes polled_all
	exec 7>&-
	kill -9 "$LISTENER"
	wait "$LISTENER" || true
	listen events --port "$port"
	wait "$POLL"
	POLL=
	is "$(codes out)" "30 ready"
	# its reader is gone, so it ends; what the killed one had registered is ended too
	wait "$LISTENER" || true
	LISTENER=
	is "$(curl -sf -H "x-api-key: $ARGIL_API_KEY" "$ARGIL_API_URL/webhooks")" '[]'
}

@test "a listener that does not come back, or never says anything: polled as usual" {
	quick_polls
	box --ready-after 1000
	made 5
	limit 60 av-poll --events <(:) <made >out
	is "$(codes out)" "5 ready"
	end_box
	rm -rf state photos
	box --ready-after 1000
	made 5
	mkfifo silent
	exec 7<>silent
	limit 60 av-poll --events silent <made >out
	is "$(codes out)" "5 ready"
	[ "$(stat '.argil.polls + .argil.lists')" -gt 1 ]
}

@test "events come from a file that grows, or from stdin" {
	box --ready-after 1000
	made 3
	printf '%s' '{"provider":"ar' >events # a line that is not whole yet
	limit 60 av-poll --events events <made >out 3>&- &
	POLL=$!
	polled_once() { stat .argil.polls; }
	until_is 3 polled_once
	trained() { curl -sf -H "x-api-key: $ARGIL_API_KEY" "$ARGIL_API_URL/avatars" | jq -c 'map(.status) | unique'; }
	until_is '["IDLE"]' trained
	is "$(wc -l <out)" 0
	{
		echo 'gil"}'
		echo 'no record'
		jq -c '{provider, avatar: {id: .avatar.id}}' made
	} >>events
	wait "$POLL"
	POLL=
	is "$(codes out)" "3 ready"
	is "$(stat .argil.polls)" 6
	jq -c '{provider, avatar: {id: .avatar.id}}' made | limit 60 av-poll --events - "$(head -n 1 made)" >out
	is "$(codes out)" "1 ready"
	run -64 --separate-stderr av-poll --events - </dev/null
	[[ $stderr == *'the records are operands'* ]]
	run -66 --separate-stderr av-poll --events nothing </dev/null
	[[ $stderr == *"cannot open 'nothing'"* ]]
}

@test "a video: its event settles the rendering, also in a record of av-listen" {
	box --ready-after 50 --render-after 1000
	made 1
	av-poll --interval 0.05s <made >trained
	listen heard --count 1
	av-render --ask -r video -O text=Hello <trained >asked
	is "$(of asked 'map(.renderings | map([.kind, .status]))')" '[[["video","processing"]]]'
	limit 60 av-poll --events heard <asked >done
	wait "$LISTENER"
	LISTENER=
	is "$(of done 'map(.renderings | map([.kind, .status, .provider_status]))')" '[[["video","ready","DONE"]]]'
	is "$(jq -c '[.renderings, .avatar]' heard)" "$(jq -c '[[{kind: "video", id: .renderings[0].id}], null]' asked)"
	av-poll <heard >confirmed
	is "$(jq -c '.renderings | map([.kind, .status])' confirmed)" '[["video","ready"]]'
	av-poll <confirmed | cmp - confirmed
	check_schema heard confirmed done
}

@test "the callbackUrl of a call gets the event of its avatar" {
	box --newer --plain-callbacks --ready-after 200
	rm -f told
	mkfifo told
	exec 9<>told
	av-listen -p argil --count 1 >heard 2>&9 9>&- 3>&- &
	LISTENER=$!
	read -r -t "$((20 * AV_SLOW))" -u 9 line
	photos 1 1280x720
	curl -sf -H "x-api-key: $ARGIL_API_KEY" -H 'Content-Type: application/json' -d "$(jq -n --arg url "${line#listening on }" \
		--arg photo "data:image/jpeg;base64,$(base64 -w 0 photos/001.jpg)" \
		'{type: "IMAGE", name: "Ann", datasetImage: {base64: $photo}, callbackUrl: $url}')" "$ARGIL_API_URL/avatars" >made
	wait "$LISTENER"
	LISTENER=
	is "$(jq -c '[.event.name, .avatar.id, .provider_data.data.avatarName]' heard)" \
		"$(jq -c '["AVATAR_TRAINING_SUCCESS", .id, "Ann"]' made)"
	is "$(stat .argil.violations_count)" 0
}
