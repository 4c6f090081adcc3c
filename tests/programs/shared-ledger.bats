#!/usr/bin/env bats
# A ledger in PostgreSQL: processes of several hosts, which have nothing else in common.

load helper

setup_file() {
	command -v initdb >/dev/null || ls /usr/lib/postgresql/*/bin/initdb >/dev/null || skip "no PostgreSQL"
	mkfifo "$BATS_FILE_TMPDIR/url"
	export BATS_NO_PARALLELIZE_WITHIN_FILE=true # one test stops the database
	PG_DIR=$(mktemp -d)
	export PG_DIR
	start_database
}

teardown_file() {
	stop_database
	rm -rf "$PG_DIR" "$PG_DIR.log"
}

# start_database [PORT]: starts the database, and sets DATABASE and SERVER_PID
start_database() {
	"$BATS_TEST_DIRNAME/../servers/postgres" "$PG_DIR" "$@" >"$BATS_FILE_TMPDIR/url" 3>&- &
	export SERVER_PID=$! DATABASE
	read -r DATABASE <"$BATS_FILE_TMPDIR/url"
}

stop_database() {
	kill "$SERVER_PID"
	while kill -0 "$SERVER_PID" 2>/dev/null; do sleep 0.05; done
}

# fresh [LEASE]: makes an empty ledger in a database of its own
fresh() {
	local name=t${BATS_TEST_NUMBER}_$RANDOM
	psql -qX "$DATABASE" -c "create database $name"
	export AV_LEDGER=${DATABASE%/*}/$name
	av-ledger init -q --lease "${1:-60}"
}

@test "a ledger has to be made first; a password in its name is refused" {
	photos 1
	export AV_LEDGER=$DATABASE
	box
	run -78 --separate-stderr av-upload -p anam photos/*
	[[ $(jq -r .error.message <<<"$output") == *"make it: av-ledger init"* ]]
	is "$(jq -r .error.code <<<"$output")" state_unusable
	run -78 --separate-stderr av-upload --ledger postgresql://me:secret@127.0.0.1/x -p anam photos/*
	[[ $(jq -r .error.message <<<"$output") == *.pgpass* ]]
	[[ $output$stderr != *:secret* ]]
	run -78 --separate-stderr av-upload --ledger postgresql://127.0.0.1:1/x -p anam photos/*
	[[ $(jq -r .error.message <<<"$output") == *"refused"* ]]
	is "$(stat .anam.creates)" 0
	fresh 20
	run -0 --separate-stderr av-ledger init --lease 60
	is "$stderr" "av-ledger: the ledger $AV_LEDGER was there already; a process that is silent for 20 seconds counts as dead"
	psql -qX "$AV_LEDGER" -c 'drop schema avtools cascade'
	run -0 --separate-stderr av-ledger init
	is "$stderr" "av-ledger: the ledger $AV_LEDGER is made; a process that is silent for 60 seconds counts as dead"
	run -0 --separate-stderr av-ledger init --ledger one.db
	[[ $stderr == *"a ledger in a file needs no init"* ]]
	run -0 av-ledger check
	is "$(ldd "$(command -v av-upload)" | grep -c libpq || true)" 0
}

@test "a service file of PostgreSQL names the ledger" {
	local at
	photos 2
	fresh
	at=${AV_LEDGER#*@} # 127.0.0.1:PORT/DATABASE
	at=${at#*:}
	printf '%s\n' '[avatars]' host=127.0.0.1 "port=${at%/*}" "dbname=${at#*/}" user=postgres >services
	box
	export PGSERVICEFILE=$PWD/services
	av-upload -q --ledger service=avatars -p anam photos/001.jpg >out
	av-upload -q -p anam photos/* >both
	is "$(jq -s 'map(.avatar.id == $id)' --arg id "$(jq -r .avatar.id out)" both | jq -c sort)" '[false,true]'
	is "$(stat .anam.creates)" 2
	is "$(AV_LEDGER=service=avatars av-ledger list | wc -l)" 2
	run -78 --separate-stderr av-upload --ledger service=nobody -p anam photos/001.jpg
	[[ $(jq -r .error.message <<<"$output") == *nobody* ]]
}

@test "eight processes on three hosts make each photo once" {
	photos 60
	fresh
	box
	local n pids=()
	for n in 1 2 3 4 5 6 7 8; do
		env XDG_STATE_HOME="$PWD/host$((n % 3))" av-upload -q -j 8 -p avtr1 photos/* >"out$n" 3>&- &
		pids+=($!)
	done
	wait "${pids[@]}"
	is "$(cat out? | jq -r .avatar.id | sort | uniq -c | awk '{print $1}' | sort -u)" 8
	is "$(stat .avtr1.creates)" 60
	is "$(av-ledger list | jq -r .state | sort | uniq -c | xargs)" "60 made"
	av-ledger export >exported
	av-ledger import --ledger copy.db exported
	is "$(av-ledger list --ledger copy.db | jq -r .id | sort)" "$(jq -r .avatar.id out1 | sort)"
	fresh
	av-ledger import exported
	av-upload -q -p avtr1 photos/* >again
	is "$(jq -r .avatar.reused again | sort | uniq -c | xargs)" "60 true"
	is "$(stat .avtr1.creates)" 60
}

@test "a host dies: when its lease is over, another one looks for what it made" {
	photos 40
	fresh 3
	set_lags 1
	box --delay 200
	env XDG_STATE_HOME="$PWD/one" av-upload -q -j 8 --unique-names -p avtr1 photos/* >out 3>&- &
	until [ "$(stat .avtr1.creates)" -ge 10 ]; do sleep 0.05; done
	kill -9 $!
	wait $! || true
	env XDG_STATE_HOME="$PWD/two" av-upload -q -j 32 --unique-names -p avtr1 photos/* >out
	is "$(jq -r '.avatar.id' out | sort -u | wc -l)" 40
	is "$(stat .avtr1.creates)" 40
	check_sandbox
}

@test "a host that is frozen for longer than its lease sends nothing of what another one took" {
	photos 40
	fresh 3
	set_lags 1
	box --delay 200
	env XDG_STATE_HOME="$PWD/one" av-upload -q -j 8 --unique-names -p avtr1 photos/* >one 3>&- &
	local frozen=$!
	until [ "$(stat .avtr1.creates)" -ge 10 ]; do sleep 0.05; done
	kill -STOP $frozen
	until [ "$(psql -qXAt "$AV_LEDGER" -c 'select count(*) from avtools.process where lease > now()')" -eq 0 ]; do sleep 0.1; done
	env XDG_STATE_HOME="$PWD/two" av-upload -q -j 32 --unique-names -p avtr1 photos/* >two
	kill -CONT $frozen
	wait $frozen || { jq -c .error one | sort | uniq -c; false; }
	is "$(cat one two | jq -r '.avatar.id' | sort | uniq -c | awk '{print $1}' | sort -u)" 2
	is "$(stat .avtr1.creates)" 40
	check_sandbox
}

@test "the database is away for a while: the run waits and goes on" {
	photos 40
	fresh
	box --delay 200
	env XDG_STATE_HOME="$PWD/one" av-upload -q -j 8 --unique-names -p avtr1 photos/* >out 2>err 3>&- &
	local run=$! port=${DATABASE##*:}
	until [ "$(stat .avtr1.creates)" -ge 10 ]; do sleep 0.05; done
	stop_database
	sleep 2
	start_database "${port%%/*}"
	wait "$run" || { jq -c .error out | sort | uniq -c; false; }
	is "$(codes out)" "40 processing"
	is "$(stat .avtr1.creates)" 40
	check_sandbox
}

@test "the pace and the turn of an account are shared by all hosts" {
	local n pids=()
	photos 30
	fresh
	box --rate avtr1=10
	export AVTR1_RATE=10
	for n in 1 2 3; do
		env XDG_STATE_HOME="$PWD/host$n" av-upload -q -j 8 -p avtr1 $(printf 'photos/%03d.jpg ' $(seq $((n * 10 - 9)) $((n * 10)))) >"out$n" 3>&- &
		pids+=($!)
	done
	wait "${pids[@]}"
	stat '.avtr1 | [.creates, .max_rate_per_second]' >counts
	cat counts
	jq -e '.[0] == 30 and .[1] <= 20' counts
	is "$(psql -qXAt "$AV_LEDGER" -c 'select count(*) from avtools.slot')" 0
	is "$(psql -qXAt "$AV_LEDGER" -c 'select count(*) from avtools.process')" 0
}

# next_send SQL: of the time when the next request may go, in seconds from now
next_send() {
	psql -qXAt "$AV_LEDGER" -c "select next / 1e9 - extract(epoch from clock_timestamp()) $1 from avtools.pace"
}

@test "hosts that were frozen past their send times do not send all at once" {
	local n pids=()
	photos 13
	fresh
	box
	export AVTR1_RATE=8
	av-upload -q -p avtr1 photos/001.jpg >out
	psql -qX "$AV_LEDGER" -c "update avtools.pace set next = 1e9 * (extract(epoch from clock_timestamp()) + 1)"
	for n in $(seq 2 13); do
		env XDG_STATE_HOME="$PWD/host$n" av-upload -q -p avtr1 "$(printf 'photos/%03d.jpg' "$n")" >>out 3>&- &
		pids+=($!)
	done
	until_is t next_send '> 1'
	kill -STOP "${pids[@]}"
	until_is t next_send '< 0'
	kill -CONT "${pids[@]}"
	wait "${pids[@]}"
	is "$(codes out)" "13 processing"
	stat '.avtr1 | [.creates, .max_rate_per_second]' >counts
	cat counts
	# The machine itself may be late by as much as two of them.
	jq -e '.[0] == 13 and .[1] <= 10' counts
}
