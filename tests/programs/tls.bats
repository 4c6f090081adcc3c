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

@test "an unknown certificate is refused; CURL_CA_BUNDLE and SSL_CERT_FILE work" {
	make_shots 1
	front
	grep anam all >mine
	env -u CURL_CA_BUNDLE av-upload -q --timeout 1s --exit-zero <mine >out
	is "$(jq -c '.error | [.code, .created, .retryable]' out)" '["network","no",true]'
	[[ $(jq -r .error.message out) == *certificate* ]]
	is "$(front_stat .streams)" 0
	for variable in CURL_CA_BUNDLE SSL_CERT_FILE; do
		env -u CURL_CA_BUNDLE "$variable=$PWD/ca.pem" av-upload -q --again <mine >out
		is "$(codes out)" '1 ready'
	done
}

@test "https_proxy: uses the tunnel; if that fails nothing was sent" {
	make_shots 2
	front
	grep anam all >mine
	export https_proxy=$PROXY
	front_faults tunnel=502
	av-upload -q --timeout 1s --exit-zero <mine >out
	is "$(jq -c '.error | [.code, .created]' out | sort -u)" '["network","no"]'
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
