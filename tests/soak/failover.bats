#!/usr/bin/env bats
# The ledger's PostgreSQL is killed in mid-run, and its synchronous standby takes over: the run waits and
# goes on, and of PHOTOS (100) nothing is made twice.

load ../programs/helper

teardown() {
	local pid
	for pid in "${PRIMARY:-}" "${STANDBY:-}" "${BOX:-}"; do
		[ -z "$pid" ] || { kill "$pid" && wait "$pid"; } 2>/dev/null || true
	done
	rm -rf --one-file-system "${DIR:-$BATS_TEST_TMPDIR/none}"
}

# as_postgres COMMAND...: as the user who may run it
as_postgres() {
	[ "$(id -u)" -ne 0 ] || set -- setpriv --reuid postgres --regid postgres --clear-groups "$@"
	PATH=$PATH:$(echo /usr/lib/postgresql/*/bin) "$@"
}

@test "a killed primary and its standby" {
	local one two
	command -v psql >/dev/null || skip "no PostgreSQL"
	DIR=$(mktemp -d)
	chmod 777 "$DIR"
	mkfifo one two
	"$TESTS/servers/postgres" "$DIR/one" >one 3>&- &
	PRIMARY=$!
	read -r one <one
	as_postgres pg_basebackup -d "$one" -D "$DIR/two" -R
	"$TESTS/servers/postgres" "$DIR/two" >two 3>&- &
	STANDBY=$!
	read -r two <two
	psql -qX "$one" -c "alter system set synchronous_standby_names = '*'" -c "select pg_reload_conf()" >/dev/null
	until_is sync psql -qXAt "$one" -c "select sync_state from pg_stat_replication"
	one=${one#*@} two=${two#*@}
	export AV_LEDGER=postgresql://postgres@${one%/*},${two%/*}/postgres
	av-ledger init -q --lease 6
	photos "${PHOTOS:-100}"
	box --delay 100
	av-upload -q -j 8 --unique-names -p avtr1 photos/* >out 2>err 3>&- &
	RUN=$!
	until [ "$(stat .avtr1.creates)" -ge 20 ]; do sleep 0.05; done
	kill -9 "$(head -n 1 "$DIR/one/postmaster.pid")"
	sleep 2
	as_postgres pg_ctl promote -D "$DIR/two" -s
	wait $RUN || { codes out; cat err; false; }
	is "$(codes out)" "${PHOTOS:-100} processing"
	is "$(stat '[.avtr1.creates, .avtr1.duplicates_count]')" "[${PHOTOS:-100},0]"
	is "$(av-ledger list | jq -r .state | sort | uniq -c | xargs)" "${PHOTOS:-100} made"
	check_sandbox
}
