#!/usr/bin/env bats
# The recipes of av-machines(7) for engines that run a batch on many machines. An engine runs parts again,
# and some of them twice at a time: each photo is made once. tests/soak has the engines with servers.

load helper
load hosts

# ssh_hosts N...: an sshd on each host, with keys and a home of the test; the programs find provider and
# ledger in their file of settings
ssh_hosts() {
	local n
	hosts "$@"
	printf 'provider = avtr1\nledger = %s\n' "$AV_LEDGER" >"$XDG_CONFIG_HOME/avtools/config"
	ssh-keygen -q -t ed25519 -N '' -f key
	mkdir -p /run/sshd
	cat >ssh_config <<-END
		Host *
		User root
		IdentityFile $PWD/key
		StrictHostKeyChecking no
		UserKnownHostsFile /dev/null
		LogLevel ERROR
		BatchMode yes
		ConnectTimeout 4
		ServerAliveInterval 2
		ServerAliveCountMax 2
	END
	for n; do
		printf 'Host host%s\nHostName 10.0.%s.2\n' "$n" "$n" >>ssh_config
		start_sshd "$n"
	done
	export PARALLEL_SSH="ssh -F $PWD/ssh_config"
}

# start_sshd N: starts the host's sshd and waits for it
start_sshd() {
	cat >"sshd_config$1" <<-END
		HostKey $PWD/key
		AuthorizedKeysFile $PWD/key.pub
		StrictModes no
		UsePAM no
		PermitRootLogin yes
		PidFile none
		SetEnv HOME=$PWD XDG_STATE_HOME=$PWD/state$1 XDG_CONFIG_HOME=$XDG_CONFIG_HOME PATH=$PATH $(
			env | grep -E '^[A-Z0-9]+_(API|RATE)' | xargs)
	END
	on "$1" /usr/sbin/sshd -D -e -f "sshd_config$1" 2>"sshd$1" &
	until ssh -F ssh_config "host$1" true 2>ssh.err; do sleep 0.1; done
}

# parallel_line: the line of the manual in the file line, with small parts
parallel_line() {
	cp "$ENGINES/filter.sh" .
	block parallel | sed '1s/^/exec /; s/-N 100/-N 3/' >line
	grep -q 'resume-failed' line
	export PARALLEL='--will-cite -j 2'
}

parallel_cut_off() {
	batch 24 --delay 200
	shared_ledger 3
	ssh_hosts 1 2
	parallel_line
	bash line 2>err &
	some 8
	cut_off 2
	wait $! || cat log err
	bash line
	check_batch 24 done/*.jsonl
}

@test "GNU parallel over SSH: a host is cut off in mid-run" {
	needs sshd parallel psql iptables
	alone parallel_cut_off
}

parallel_killed() {
	batch 24 --delay 200
	shared_ledger 3
	ssh_hosts 1 2
	parallel_line
	bash line 2>err &
	some 8
	kill_host 1
	kill -9 $!
	wait $! || true
	[ "$(stat .avtr1.creates)" -lt 24 ]
	start_sshd 1
	bash line
	check_batch 24 done/*.jsonl
	bash line
	is "$(stat .avtr1.creates)" 24
}

@test "GNU parallel over SSH: a host and the line are killed; the same line finishes" {
	needs sshd parallel psql iptables
	alone parallel_killed
}

@test "filter.sh: parts run twice at a time, are killed and tried again" {
	local part pid twins=()
	batch 40 --delay 200 --fault 402@avtr1#20
	# An attempt, as Hadoop and Spark make it: its output is key TAB value, and the first one that ends
	# with 0 counts.
	cat >attempt <<-'END'
		set -o pipefail
		split -n "r/$1/4" list.txt | bash "$ENGINES/filter.sh" | sed 's/$/\t/' >"attempt.$1.$2" &&
			ln "attempt.$1.$2" "part.$1" 2>/dev/null
	END
	for part in 1 2 3 4; do
		setsid bash attempt "$part" 1 3>&- 2>/dev/null &
		twins+=($!)
		bash attempt "$part" 2 3>&- &
		pids+=($!)
	done
	some 8
	for pid in "${twins[@]}"; do
		kill -9 -- "-$pid" || true
	done
	wait "${twins[@]}" "${pids[@]}" || true
	for part in 1 2 3 4; do
		[ -e "part.$part" ] || bash attempt "$part" 3
	done
	check_batch 40 part.?
	av-poll --interval 0.1s <records >polled
	is "$(codes polled)" "40 ready"
}

# container PART: the command of the pod, without a container
container() {
	local command
	mapfile -d '' -t command < <(jq -j 'select(.kind == "Job") | .spec.template.spec.containers[0]
		| (.command + .args)[] | . + "\u0000"' manifest)
	JOB_COMPLETION_INDEX=$1 PARTS=4 "${command[@]}"
}

@test "Kubernetes: 75 is tried again, 65 is not" {
	manifest
	batch 20 --fault 402@avtr1#7
	add_bad
	{ pod 0; pod 1; pod 2; pod 3; } >actions 2>err
	is "$(paste -sd, actions)" "0: 65 FailIndex,1: 75 Count,1: 0,2: 0,3: 0"
	all_but_bad done/*.jsonl >most
	check_batch 20 most
}
