#!/usr/bin/env bats
# The recipes of av-machines(7) for Hadoop Streaming and Spark: neither is there, so pipes.py does with
# filter.sh what they do. All settings are in files at home, because neither passes the environment on.

load ../programs/helper
load ../programs/hosts

# settings_at_home: makes a home with provider, ledger and key, and puts the programs into the path that
# bash has without an environment. A description of another address has another name.
settings_at_home() {
	mkdir -p home/.config/avtools/providers
	jq --arg url "$AVTR1_API_URL" '.name = "mine" | .base_url = $url | del(.aliases)' config/avtools/providers/avtr1.json \
		>home/.config/avtools/providers/mine.json
	printf 'provider = mine\nledger = %s\n' "$AV_LEDGER" >home/.config/avtools/config
	mount --bind home "$(getent passwd "$(id -u)" | cut -d: -f6)"
	mount --bind "$TESTS/../bin" /usr/local/bin
	env -i HOME="$PWD/home" PATH="$PATH" av-token --login mine <<<"$AVTR1_API_KEY" 2>/dev/null
}

# pipes ENGINE: runs the batch as the engine would
pipes() {
	local assignments=()
	batch 60 --delay 200 --fault 402@avtr1#9 --fault 402@avtr1#50
	add_bad
	shared_ledger 3
	settings_at_home
	cp "$ENGINES/filter.sh" .
	if [ "$1" = hadoop ] && block hadoop | grep -qF -- '-cmdenv HOME=$HOME'; then
		assignments=("HOME=$PWD/home")
	fi
	env -i PATH="$PATH" python3 "$TESTS/soak/pipes.py" "$1" 6 done "${assignments[@]}" >counts 2>err || { cat err; return 1; }
	cat counts
	grep -qF '(402)' err
	grep -q ' 3 killed in mid-run, [1-9]' counts
	cat done/part-* >lines
	[ "$1" = spark ] || is "$(grep -c $'}\t$' lines)" 61
	all_but_bad done/part-* >most
	check_batch 60 most
	env -i HOME="$PWD/home" PATH="$PATH" av-poll --interval 0.1s <lines >polled || [ $? -eq 65 ]
	is "$(codes polled)" "1 photo_refused, 60 ready"
}

@test "Hadoop Streaming's pipes: attempts at the same time, killed, failed and run again" {
	needs psql iptables
	AV_SLOW=$((3 * AV_SLOW)) alone pipes hadoop
}

@test "PySpark's pipes: attempts at the same time, killed, failed and run again" {
	needs psql iptables
	AV_SLOW=$((3 * AV_SLOW)) alone pipes spark
}
