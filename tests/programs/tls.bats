#!/usr/bin/env bats
# TLS, HTTP/2 and proxies.

load helper
load ../soak/common

setup_file() {
	command -v node >/dev/null || skip "node is not installed"
}

# front [OPTION...]: starts a sandbox behind a TLS server with a trusted certificate
front() {
	local line path
	box --seed 1 --state journal "$@"
	path=${ANAM_API_URL#http://127.0.0.1:}
	rm -f line hold
	mkfifo line hold
	node "$TESTS/servers/tls/front.mjs" "http://127.0.0.1:${path%%/*}" . <hold >line 2>front.err 3>&- &
	SERVER=$!
	exec 9>hold
	read -r line <line
	HTTPS=$(jq -r .https <<<"$line") PROXY=$(jq -r .proxy <<<"$line")
	for name in LOOM ANAM AVTR1 ARGIL; do
		base=${name}_API_URL
		path=${!base#http://127.0.0.1:}
		export "$base=$HTTPS/${path#*/}"
	done
	export CURL_CA_BUNDLE=$PWD/ca.pem
}

# front_stat EXPRESSION: of the TLS server's counts
front_stat() {
	curl -sf --noproxy '*' --cacert ca.pem "$HTTPS/_stats" | jq -c "$1"
}

# front_faults QUERY: sets the TLS server's faults
front_faults() {
	curl -sf --noproxy '*' --cacert ca.pem -X POST "$HTTPS/_faults?$1" >/dev/null
}

@test "HTTP/2: a whole pipe, many streams on few connections" {
	make_shots 20
	front
	before=$(front_stat .sessions)
	grep -v loom all | av-upload -q -j 16 | av-poll -q --interval 0.05s >out
	is "$(codes out)" '60 ready'
	check_sandbox
	is "$(front_stat '.protocols | keys')" '["2.0"]'
	# This includes the sessions of curl.
	[ "$(($(front_stat .sessions) - before))" -le 10 ]
}

# batch QUERY: 20 photos for each service with that fault; all lists but Loom's can settle outcomes
batch() {
	make_shots 20
	set_lags 0.3
	front
	front_faults "$1"
	upload --unique-names
	check_outcomes loom
}

@test "HTTP/2: refused streams" {
	batch refuse=3
	[ "$(front_stat .refused)" -ge 20 ]
}

@test "HTTP/2: streams reset after the effect" {
	batch cancel=4
	[ "$(of out 'map(select(.error.created == "unknown")) | length')" -gt 0 ]
}

@test "HTTP/2: GOAWAY" {
	batch goaway=5
}

@test "an unknown certificate: not tried again, and the variables named; they work" {
	make_shots 5
	front
	grep anam all >mine
	run -0 av-upload <mine
	echo "$output" >made
	streams=$(front_stat .streams)
	openssl req -x509 -newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes -keyout k -out other.pem -subj /CN=other 2>/dev/null
	while read -r bundle wanted; do
		run -78 --separate-stderr limit 20 env ${bundle:+CURL_CA_BUNDLE=$PWD/$bundle} av-upload --again <mine
		echo "$bundle: $stderr"
		is "$(jq -c '.error | [.code, .created, .retryable]' <<<"$output" | sort -u)" '["untrusted","no",false]'
		[[ $stderr == *"$wanted"* && $(wc -l <<<"$stderr") == 1 ]]
		# Another run can download what exists.
		run -78 --separate-stderr limit 20 env ${bundle:+CURL_CA_BUNDLE=$PWD/$bundle} av-render -o out <made
		is "$(jq -c '.error | [.code, .retryable]' <<<"$output" | sort -u)" '["untrusted",true]'
	done <<-END
		other.pem CURL_CA_BUNDLE='$PWD/other.pem'
		none.pem CURL_CA_BUNDLE='$PWD/none.pem'
	END
	unset CURL_CA_BUNDLE SSL_CERT_FILE
	run -78 --separate-stderr limit 20 av-upload --again <mine
	[[ $stderr == *certificate*"export CURL_CA_BUNDLE=FILE or SSL_CERT_FILE=FILE"* ]]
	for variable in CURL_CA_BUNDLE SSL_CERT_FILE; do
		env "$variable=$PWD/ca.pem" av-upload -q --again <mine >out
		is "$(codes out)" '5 ready'
	done
	is "$(front_stat .streams)" $((streams + 10))
}

@test "a token endpoint with an unknown certificate is asked once" {
	make_shots 1
	front
	grep loom all >mine
	export LOOM_TOKEN_URL=$HTTPS/loom/oauth/token
	run -78 --separate-stderr limit 20 env -u CURL_CA_BUNDLE -u SSL_CERT_FILE av-token -p loom
	echo "$stderr"
	[[ $stderr == *certificate*CURL_CA_BUNDLE* ]]
	run -78 --separate-stderr limit 20 env -u CURL_CA_BUNDLE av-upload <mine
	is "$(jq -c '.error.code' <<<"$output")" '"untrusted"'
}

@test "a pace, and connections that take longer than a send time holds" {
	make_shots 3
	front
	grep anam all >mine
	export https_proxy=$PROXY ANAM_RATE=20
	front_faults slow=200
	run -0 --separate-stderr av-upload -v --timeout 20s <mine
	is "$(stat '.anam | [.creates, .requests]')" '[3,3]'
	[[ $stderr != *late* && $stderr != *"send time was over"* ]]
	front_faults slow=0
}

@test "a slow pace leaves time to open a connection" {
	make_shots 1
	front
	grep anam all >mine
	export https_proxy=$PROXY ANAM_RATE=6/m
	front_faults slow=300
	av-upload -q --timeout 30s <mine >out
	is "$(stat '.anam | [.creates, .requests]')" '[1,1]'
	is "$(front_stat .connects)" 1
}

@test "https_proxy: uses the tunnel; if that fails nothing was sent" {
	make_shots 2
	front
	grep anam all >mine
	export https_proxy=$PROXY
	front_faults tunnel=502
	av-upload -q --timeout 1s --exit-zero <mine >out
	is "$(jq -c '.error | [.code, .created]' out | sort -u)" '["network","no"]'
	[[ $(jq -r .error.message out) == *"https_proxy leads through the proxy $PROXY"* ]]
	is "$(front_stat .streams)" 0
	front_faults tunnel=200
	connects=$(front_stat .connects)
	av-upload -q --retry-failed <out >again
	is "$(codes again)" '2 ready'
	[ "$(front_stat .connects)" -gt "$connects" ]
	connects=$(front_stat .connects)
	no_proxy=localhost av-upload -q --again <mine >out
	is "$(codes out)" '2 ready'
	is "$(front_stat .connects)" "$connects"
}

@test "a proxy that is not there: its variable is named, its password is not" {
	make_shots 1
	front
	grep anam all >mine
	for variable in https_proxy ALL_PROXY; do
		run -75 env "$variable=http://zoe:SECRET@127.0.0.1:1" av-upload --timeout 1s <mine
		[[ $output == *"$variable leads through the proxy http://127.0.0.1:1; correct it, or unset $variable"* ]]
		[[ $output != *SECRET* && $output != *zoe* ]]
	done
	# Requests that go past the proxy do not blame it.
	run -75 env https_proxy=http://127.0.0.1:1 no_proxy=other,.localhost ANAM_API_URL=https://localhost:1/v1 \
		av-upload --timeout 1s <mine
	[[ $output == *"cannot reach https://localhost:1/v1"* && $output != *127.0.0.1:1* ]]
}
