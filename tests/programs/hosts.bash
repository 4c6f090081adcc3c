# Shared by the tests of many machines: hosts in network namespaces, a ledger in PostgreSQL for all of
# them, and a batch whose avatars are counted.

export ENGINES=$TESTS/../tools/package/engines

# needs COMMAND...: skips the test without one of them, or if this machine gives no namespaces
needs() {
	local name
	for name; do
		PATH=$PATH:/usr/sbin:/sbin command -v "$name" >/dev/null || skip "no $name: make engine-deps installs it"
	done
	unshare -mnpf --mount-proc sh -c 'mount -t tmpfs none /run && iptables -t nat -L -n && sysctl -w net.ipv4.conf.all.route_localnet=1' \
		>/dev/null 2>"$BATS_TEST_TMPDIR/err" || skip "no namespaces: $(tail -n 1 "$BATS_TEST_TMPDIR/err")"
}

# alone FUNCTION...: runs the function with processes, mounts, /run and a network of its own; when it
# ends, all that it started is killed
alone() {
	{ declare -f; declare -p TESTS SERVICES AV_SLOW; } >functions
	PATH=$PATH:/usr/sbin:/sbin timeout -s KILL "$((25 * AV_SLOW))" \
		unshare -mnpf --mount-proc --kill-child bash -Eeuo pipefail -c '
			trap "echo \"failed: \$BASH_COMMAND\"" ERR
			mount -t tmpfs none /run
			ip link set lo up
			. ./functions
			"$@"' - "$@" 2>&1 3>&-
}

# hosts N...: makes these hosts; 10.0.N.2 is their address, and 127.0.0.1 leads them to the servers of
# the test, since the programs use plain HTTP with no other address
hosts() {
	local n
	sysctl -qw net.ipv4.conf.all.route_localnet=1
	iptables -t nat -A PREROUTING -p tcp -d 10.0.0.0/16 -j DNAT --to 127.0.0.1
	iptables -t nat -A INPUT -p tcp -s 10.0.0.0/16 -d 127.0.0.1 -j SNAT --to 127.0.0.1
	for n; do
		ip netns add "host$n"
		ip link add "host$n" type veth peer name eth0 netns "host$n"
		ip addr add "10.0.$n.1/24" dev "host$n"
		ip link set "host$n" up
		on "$n" ip addr add "10.0.$n.2/24" dev eth0
		on "$n" ip link set eth0 up
		on "$n" ip link set lo up
		on "$n" ip route add default via "10.0.$n.1"
		on "$n" sysctl -qw net.ipv4.conf.all.route_localnet=1
		on "$n" iptables -t nat -A OUTPUT -p tcp -d 127.0.0.1 -j DNAT --to "10.0.$n.1"
		on "$n" iptables -t nat -A POSTROUTING -o eth0 -j MASQUERADE
	done
}

# on N COMMAND...: runs the command on the host
on() {
	ip netns exec "host$1" "${@:2}"
}

# cut_off N, join N: the host's network
cut_off() { ip link set "host$1" down; }
join() { ip link set "host$1" up; }

# kill_host N: kills all processes of the host
kill_host() {
	while [ -n "$(ip netns pids "host$1")" ]; do
		ip netns pids "host$1" | xargs -r kill -9 2>/dev/null || true
	done
}

# shared_ledger [LEASE]: starts PostgreSQL, makes a ledger in it and sets AV_LEDGER
shared_ledger() {
	mkfifo database
	chmod 755 . # for the user postgres
	"$TESTS/servers/postgres" /run/postgres >database 2>database.err &
	read -r AV_LEDGER <database
	export AV_LEDGER
	av-ledger init -q --lease "${1:-60}"
}

# batch N [OPTION...]: N photos, listed in list.txt, and a service whose list settles what is unknown
batch() {
	photos "$1"
	ls photos/* >list.txt
	set_lags 1
	box "${@:2}"
	export AV_PROVIDER=avtr1
}

# some N: waits until so many avatars were made
some() {
	until [ "$(stat .avtr1.creates)" -ge "$1" ]; do sleep 0.05; done
}

# check_batch N FILE...: the records tell of N photos, each made once
check_batch() {
	cat "${@:2}" >records
	is "$(of records 'map(.error.code) | unique')" '[null]'
	is "$(of records 'map(.file) | unique | length')" "$1"
	is "$(of records 'map(.avatar.id) | unique | length')" "$1"
	is "$(stat .avtr1.creates)" "$1"
	is "$(av-ledger list | jq -r .state | sort | uniq -c | xargs)" "$1 made"
	check_sandbox
}

# add_bad: a photo that no run can help
add_bad() {
	echo '<html>' >photos/bad.jpg
	echo photos/bad.jpg >>list.txt
}

# all_but_bad FILE...: the records of the other photos; that of the bad one has an error
all_but_bad() {
	is "$(cat "$@" | jq -r 'select(.error) | .file')" photos/bad.jpg >&2
	cat "$@" | grep -vF photos/bad.jpg
}

# block FIRST: the example of av-machines(7) that begins with FIRST, without the prompt
block() {
	awk -v first="$ $1" '/^\.Bd/ { getline; inside = (index($0, first) == 1) } /^\.Ed/ { inside = 0 } inside' \
		"$TESTS/../tools/av-machines.7" | sed 's/^\$ //; s/\\e/\\/g'
}

# manifest: the objects of the manifest for Kubernetes in the file manifest, JSON a line each
manifest() {
	python3 -c 'import json, sys, yaml
for one in yaml.safe_load_all(sys.stdin): print(json.dumps(one))' <"$ENGINES/kubernetes.yaml" >manifest
	is "$(jq -r .kind manifest | xargs)" "Secret ConfigMap Job"
}

# pod PART: runs the function container with this part until the rules of the Job say what becomes of
# the part; prints each status and what follows from it
pod() {
	local status action n
	for n in 0 1 2 3 4 5; do
		status=0
		container "$1" || status=$?
		[ "$status" -ne 0 ] || { echo "$1: 0"; break; }
		# What no rule matches counts.
		action=$(jq -r --argjson status "$status" 'select(.kind == "Job") | first((.spec.podFailurePolicy.rules[]
			| select(.onExitCodes.values // [] | index($status)) | .action), "Count")' manifest)
		echo "$1: $status $action"
		[ "$action" = Count ] || break
	done
}
