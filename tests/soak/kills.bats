#!/usr/bin/env bats
# KILLS (200) times kill -9 at random moments during a batch of 500, and the same command again until
# all is done: nothing is made twice, nothing is lost.

load ../programs/helper
load common

# begin [OPTION...]: makes 500 records for four services and starts the sandbox
begin() {
	make_shots "${PHOTOS:-125}"
	set_lags 1
	box --seed 1 --state journal --list-lag 300 --delay 30 "$@"
	for service in "${SERVICES[@]}"; do
		export "${service^^}_RATE=${RATE:-8}"
	done
}

# storm PROGRAM COMMAND...: runs storm.py with the output in the file out
storm() {
	python3 "$TESTS/soak/storm.py" "${KILLS:-200}" "${SECONDS_EACH:-0.6}" "$1" out "${@:2}" 2>said ||
		{ grep -v 'terminated by signal 9' said; return 1; }
	tail -n 1 said | log_counts storm
}

@test "one process with -j 32" {
	begin
	storm av-upload sh -c 'exec av-upload --unique-names -q -j 32 --exit-zero <all'
	check_outcomes loom
}

@test "xargs -P 8" {
	# xargs stops at each kill, and the command starts again.
	RATE=40 begin
	split -l 5 all part.
	storm av-upload sh -c 'ls part.* |
		xargs -n 1 -P 8 sh -c "exec av-upload --unique-names -q -j 4 --exit-zero <\$0"'
	check_outcomes loom
}

@test "one process with -j 32, Loom's account exclusive" {
	begin
	export LOOM_EXCLUSIVE=1
	storm av-upload sh -c 'exec av-upload --unique-names -q -j 32 --exit-zero <all'
	check_outcomes
}

@test "one process with -j 32, Loom's account exclusive, responses lost, failing lists" {
	begin --fault lost-after@loom=0.1 --fault lost-before@loom=0.1 \
		--fault list-500=0.05 --fault list-lost=0.05
	export LOOM_EXCLUSIVE=1
	grep loom all >loom
	mv loom all
	storm av-upload sh -c 'exec av-upload -q -j 32 --exit-zero <all'
	mv out all
	upload
	check_outcomes
}

@test "xargs -P 8, Loom's account exclusive" {
	RATE=40 begin
	export LOOM_EXCLUSIVE=1
	split -l 5 all part.
	storm av-upload sh -c 'ls part.* |
		xargs -n 1 -P 8 sh -c "exec av-upload --unique-names -q -j 4 --exit-zero <\$0"'
	# Two processes killed in turn may both leave unknown entries.
	check_outcomes loom
}

# ready [OPTION...]: makes avatars of Loom and Argil; records in the file all
ready() {
	begin "$@"
	grep -E 'loom|argil' all | env LOOM_RATE=1000 ARGIL_RATE=1000 av-upload -q -j 32 |
		env LOOM_RATE=1000 ARGIL_RATE=1000 av-poll -q --interval 0.1s >polled
	is "$(jq -r .avatar.status polled | sort | uniq -c | tr -s ' ')" " $(wc -l <polled) ready"
	jq -c 'if .provider == "argil" then .options.text = "Hello." else . end' polled >all
	export RENDER='av-render -q -j 32 --exit-zero -o files --interval 0.1s'
	mkdir files
}

@test "renderings and videos, one process" {
	ready
	grep loom all >all.loom
	grep argil all >all.argil
	storm av-render sh -c '$RENDER -r pose=hi <all.loom & $RENDER -r video <all.argil; wait'
	python3 "$TESTS/soak/verdict_renderings.py" journal out loom
	check_sandbox
	is "$(find files -name '.*' -o -name '*.part')" ''
}

@test "renderings and videos, xargs -P 8" {
	RATE=40 ready
	grep loom all | split -l 5 - part.loom.
	grep argil all | split -l 5 - part.argil.
	storm av-render sh -c 'ls part.* | xargs -n 1 -P 8 sh -c "
		case \$0 in *loom*) exec $RENDER -r pose=hi <\$0 ;; *) exec $RENDER -r video <\$0 ;; esac"'
	python3 "$TESTS/soak/verdict_renderings.py" journal out loom
	check_sandbox
}
