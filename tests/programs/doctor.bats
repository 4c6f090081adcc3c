#!/usr/bin/env bats
# av-doctor: what is configured, reachable and usable, and what is in force.

load helper

# check NAME: "STATUS MESSAGE" of a check in the output of --json; fix NAME: its fix
check() {
	jq -r --arg c "$1" 'select(.check == $c) | "\(.status) \(.message)"' <<<"$output"
}

fix() {
	jq -r --arg c "$1" 'select(.check == $c) | .fix // "none"' <<<"$output"
}

# finds STATUS CHECK PATTERN FIX [VARIABLE=VALUE...] -- OPTION...: av-doctor ends with that status, and the
# check's line and fix match these patterns; "-" is no fix
finds() {
	local status=$1 name=$2 pattern=$3 command=$4 env=()
	shift 4
	while [ "$1" != -- ]; do
		env+=("$1")
		shift
	done
	run "-$status" --separate-stderr env "${env[@]}" av-doctor --json "${@:2}"
	echo "$(check "$name") [$(fix "$name")] $stderr"
	[[ $(check "$name") == $pattern ]]
	[[ $(fix "$name") == ${command/#-/none} ]]
}

# bare: no service of the test's environment, and no proxy
bare() {
	local name
	for name in $(compgen -e | grep -E '^(LOOM|ANAM|AVTR1|PROTOFACE|ARGIL)_|_proxy$|_PROXY$'); do
		unset "$name"
	done
	unset CURL_CA_BUNDLE SSL_CERT_FILE SSL_CERT_DIR XDG_RUNTIME_DIR CREDENTIALS_DIRECTORY
}


@test "usage" {
	check_usage av-doctor --offline --nonsense operand "-u http://127.0.0.1:1/v1" "--jobs 0"
	run -74 bash -c 'av-doctor --offline >/dev/full'
}

@test "a sandbox: all is fine, one free request each, and one for a quota; nothing is made" {
	bare
	box
	unset LOOM_RATE
	run -0 --separate-stderr av-doctor --json
	is "$(jq -r 'select(.status == "fail") | .check' <<<"$output")" ''
	is "$(jq -s 'map(select(.check | endswith(".service"))) | map([.check, .status])' -c <<<"$output")" \
		'[["anam.service","ok"],["argil.service","ok"],["avtr1.service","ok"],["loom.service","ok"]]'
	is "$(stat '[.anam, .argil, .avtr1, .loom | [.requests, .creates, .charges, .violations_count]]')" \
		'[[1,0,0,0],[1,0,0,0],[2,0,0,0],[1,0,0,0]]'
	[[ $(check clock) == "ok as the services'" && -z $stderr ]]
	[[ $(check anam.key) == "ok ANAM_API_KEY from the environment" ]]
	[[ $(check anam.url) == "ok $ANAM_API_URL, by ANAM_API_URL; account 'default'" ]]
	[[ $(check loom.key) == "ok LOOM_CLIENT_ID, LOOM_CLIENT_SECRET, "*" from the environment; no token is stored" ]]
	for secret in "$ANAM_API_KEY" "$LOOM_CLIENT_SECRET" "$LOOM_PASSWORD"; do
		[[ $output != *"$secret"* ]]
	done
	run -0 av-doctor --json -p loom --offline
	[[ $(check loom.key) == *"; a token is stored, valid for "*" more minutes" ]]
	is "$(jq -r 'select(.check | test("\\.")) | .check' <<<"$output" | xargs)" "loom.facts loom.key loom.url"
	[[ $(check clock) == "ok not compared: no service was asked" ]]
	end_box
	run -0 av-doctor --json -p anam,argil --offline
	is "$(jq -r 'select(.check | endswith(".key")) | .check' <<<"$output" | xargs)" "anam.key argil.key"
}

@test "each line that is not ok names what mends it, for people and for programs" {
	bare
	box
	mkdir -p "$XDG_CONFIG_HOME/avtools/providers"
	jq --arg today "$(date -u +%F)" '.checked = $today' "$TESTS/../lib/providers/anam.json" \
		>"$XDG_CONFIG_HOME/avtools/providers/anam.json"
	export ANAM_API_KEY=WRONG
	run -77 av-doctor -p anam
	[[ $output == *$'\nfail  anam.service     the service does not accept ANAM_API_KEY from the environment (401)'* ]]
	[[ $output == *$'\n                       fix: export ANAM_API_KEY=...'* && $output != *WRONG* ]]
	run -77 av-doctor --json -p anam
	is "$(jq -c 'select(.status != "ok") | [.check, .fix]' <<<"$output")" '["anam.service","export ANAM_API_KEY=..."]'
	is "$(jq -c 'keys' <<<"$output" | sort -u)" $'["check","fix","message","status"]\n["check","message","status"]'
	needs_terminal
	run -77 --separate-stderr env TERM=xterm "$ON" -- sh -c 'av-doctor -p anam >&2'
	[[ $stderr == *$'\e[31mfail\e[0m  anam.service'* ]]
	[ "$(sed 's/\x1b\[[0-9]*m//g' <<<"$stderr" | grep -v ledger | awk '{ print length }' | sort -n | tail -1)" -le 80 ]
	run -77 --separate-stderr env TERM=xterm NO_COLOR=1 "$ON" -- sh -c 'av-doctor -p anam >&2'
	[[ $stderr == *"fail  anam.service"* && $stderr != *$'\e['* ]]
}

@test "keys: absent, refused, unsafe, malformed, a file that is not there" {
	bare
	finds 78 key "fail no service has a key" "av-token --login NAME" -- --offline
	finds 78 anam.key "fail ANAM_API_KEY is not set" "av-token --login anam" -- -p anam --offline
	finds 78 loom.key "fail LOOM_CLIENT_ID is not set; *" "av-token --login loom" -- -p loom --offline
	finds 78 loom.key "fail nobody is signed in to loom*" "av-token --login loom" LOOM_CLIENT_ID=x -- --offline
	finds 0 loom.key "ok LOOM_CLIENT_ID, LOOM_CLIENT_SECRET from the environment; no token is stored" - \
		LOOM_CLIENT_ID=x LOOM_CLIENT_SECRET=y -- --offline
	file=$XDG_CONFIG_HOME/avtools/credentials
	mkdir -p "${file%/*}"
	echo ANAM_API_KEY=k >"$file"
	chmod 644 "$file"
	finds 78 credentials "fail other users can read or change*" "chmod 600 '$file'" -- --offline
	chmod 600 "$file"
	finds 0 anam.key "ok ANAM_API_KEY from $file, line 1" - -- --offline
	echo 'SECRET' >>"$file"
	finds 78 credentials "fail $file, line 2: this is not NAME_KEY=value*" "\${EDITOR:-vi} '$file'" -- --offline
	[[ $output != *SECRET* ]]
	rm "$file"
	finds 78 argil.key "fail there is no file '/none', which ARGIL_API_KEY_FILE names" \
		'ls -l "$ARGIL_API_KEY_FILE" || unset ARGIL_API_KEY_FILE' ARGIL_API_KEY_FILE=/none -- --offline
	finds 78 anamm.description "fail unknown provider 'anamm'*did you mean 'anam'?" "av-provider list" -- -p anamm --offline
}

@test "services: refused, unreachable, redirected, out of order, waiting, without money" {
	bare
	export ANAM_API_KEY=k
	finds 75 anam.service "fail cannot reach http://127.0.0.1:1/v1: *" "curl -sS -o /dev/null 'http://127.0.0.1:1/v1'" \
		-- -p anam -u http://127.0.0.1:1/v1
	[[ $(check anam.url) == "ok http://127.0.0.1:1/v1, by -u; account 'default'" ]]
	finds 78 anam.url "fail plain http to example.org*" "av-doctor --config" ANAM_API_URL=http://example.org/v1 --
	while IFS='~' read -r status answer pattern command; do
		echo "{\"GET /v1/avatars\": [$answer]}" >script
		serve_script
		finds "$status" anam.service "$pattern" "$command" ANAM_API_URL="$url/v1" -- -p anam
		end_server
	done <<'END'
77~{"status": 401, "body": {"error": "Invalid API key"}}~fail the service does not accept ANAM_API_KEY*Invalid API key*~export ANAM_API_KEY=...
75~{"status": 403, "body": {"error": "no permission"}}~fail the account cannot pay or may not*no permission*~av-token --login anam
65~{"status": 302, "headers": {"Location": "https://example.org/"}}~fail the service answered 302, a redirect*~av-doctor --config -p anam
65~{"status": 400, "body": "no"}~fail the service refused*~av-doctor --config -p anam
75~{"status": 503}~fail the service was unavailable*~curl*
75~{"status": 0}~fail cannot reach*~curl*
0~{"status": 404, "body": {"error": "none"}}~ok accepts the credentials*~-
0~{"status": 200, "body": {"data": []}}~ok accepts the credentials*~-
END
	# A pause that the service asked for is kept, and told.
	echo '{"GET /v1/avatars": [{"status": 429, "headers": {"Retry-After": "3600"}}]}' >script
	serve_script
	finds 0 anam.service "warn the service asked to wait*" "wait until then, and: av-doctor -p anam" ANAM_API_URL="$url/v1" -- -p anam
	asked=$(wc -l <asked)
	finds 0 anam.service "warn the service wants no request before*" "wait until then, *" ANAM_API_URL="$url/v1" -- -p anam
	is "$(wc -l <asked)" "$asked"
}

@test "clock: by the Date of a service" {
	bare
	export ANAM_API_KEY=k
	for at in "0 ok as the services'" "-60 warn * seconds ahead of the services'" "7200 fail 7* seconds behind the services'"; do
		read -r seconds wanted pattern <<<"$at"
		date=$(date -u -d "@$(($(date +%s) + seconds))" '+%a, %d %b %Y %H:%M:%S GMT')
		jq -n --arg d "$date" '{"GET /v1/avatars": [{status: 200, body: {data: []}, date: false, headers: {Date: $d}}]}' >script
		serve_script
		status=0 command=-
		[ "$wanted" != fail ] || status=78
		[ "$wanted" = ok ] || command="timedatectl set-ntp true"
		finds "$status" clock "$wanted $pattern" "$command" ANAM_API_URL="$url/v1" -- -p anam
		end_server
	done
}

@test "ledger: absent, usable, unknown outcomes, damaged, none, read-only place, not local" {
	bare
	finds 78 ledger "ok $XDG_STATE_HOME/avtools/ledger.db does not exist yet*" - -- --offline
	[ ! -e "$XDG_STATE_HOME/avtools/ledger.db" ]
	box
	photos 2
	av-upload -q -p anam photos/*.jpg >made
	ledger=$XDG_STATE_HOME/avtools/ledger.db
	finds 0 ledger "ok $ledger; entries: 2" - -- -p anam --offline
	av-ledger export | jq -c '.state = "unknown" | del(.id)' | av-ledger --ledger other.db import
	finds 0 ledger "warn $PWD/other.db; entries: 2, with an unknown outcome: 2" "av-ledger list --state unknown" \
		AV_LEDGER="$PWD/other.db" -- -p anam --offline
	finds 0 ledger "warn none is kept*" "av-doctor --config" -- -p anam --offline --ledger none
	cp "$ledger" hurt.db
	printf '%4096s' x | dd of=hurt.db bs=4096 seek=2 conv=notrunc status=none
	finds 78 ledger "fail *" "*" -- -p anam --offline --ledger "$PWD/hurt.db"
	echo "This is no database, but a text that is long enough to be taken for one by SQLite's header: $(seq 200)" >text.db
	finds 78 ledger "fail *damaged or no ledger*" "ls -l '$PWD/text.db'*" -- -p anam --offline --ledger "$PWD/text.db"
	[ -e "$PWD/text.db" ]
}

@test "directories: neither HOME nor XDG, a file in place of one, open to others" {
	bare
	finds 78 state_dir "fail neither XDG_STATE_HOME nor HOME is set" "export XDG_STATE_HOME=*" \
		-u XDG_STATE_HOME -u HOME -- --offline
	touch file
	finds 78 state_dir "fail '$PWD/file' is not a directory" "mv '$PWD/file' '$PWD/file.old'" XDG_STATE_HOME="$PWD/file" -- --offline
	mkdir -p "$XDG_STATE_HOME/avtools"
	chmod 777 "$XDG_STATE_HOME/avtools"
	finds 78 state_dir "warn other users can write into $XDG_STATE_HOME/avtools" "chmod go-w '$XDG_STATE_HOME/avtools'" -- --offline
	finds 78 runtime_dir "fail '$PWD/file' is not a directory" "*" XDG_RUNTIME_DIR="$PWD/file" -- --offline
	mkdir -p "$XDG_CONFIG_HOME/avtools"
	echo 'provdier = x' >"$XDG_CONFIG_HOME/avtools/config"
	finds 78 config "fail $XDG_CONFIG_HOME/avtools/config, line 1: *did you mean 'provider'?" \
		"\${EDITOR:-vi} '$XDG_CONFIG_HOME/avtools/config'" -- --offline
	[ "$(id -u)" -eq 0 ] && return
	chmod 500 "$XDG_STATE_HOME"
	finds 78 state_dir "fail cannot write into*" "ls -ld*" XDG_STATE_HOME="$XDG_STATE_HOME/x" -- --offline
}

@test "disk: a full one" {
	bare
	own_mounts
	run "${OWN[@]}" sh -c 'mount -t tmpfs -o size=1M none mounted && head -c 900k /dev/zero >mounted/x &&
		ANAM_API_KEY=k XDG_STATE_HOME=$PWD/mounted av-doctor --json --offline'
	[[ $(check disk) == "fail the disk of '$PWD/mounted"*"' is full" && $(fix disk) == "df -h '$PWD/mounted"* ]]
}

@test "proxy and certificates" {
	bare
	export ANAM_API_KEY=k
	finds 0 proxy "ok none" - -- --offline
	finds 0 proxy "ok http://127.0.0.1:1, by https_proxy; not for .example.org" - \
		https_proxy=http://zoe:SECRET@127.0.0.1:1 no_proxy=.example.org -- --offline
	[[ $output != *SECRET* && $output != *zoe* ]]
	finds 75 anam.service "fail cannot reach *; https_proxy leads through the proxy http://127.0.0.1:1; *" "curl *" \
		https_proxy=http://127.0.0.1:1 -- -p anam -u https://localhost:1/v1
	finds 78 proxy "fail https_proxy is not the URL of a proxy" "export https_proxy=*" "https_proxy=http://[" -- --offline
	finds 0 tls "ok certificates in /*" - -- --offline
	finds 78 tls "fail CURL_CA_BUNDLE: cannot open '/none'*" "unset CURL_CA_BUNDLE" CURL_CA_BUNDLE=/none -- --offline
	echo text >text.pem
	finds 78 tls "fail '$PWD/text.pem' holds no certificate (PEM)" "unset SSL_CERT_FILE" SSL_CERT_FILE="$PWD/text.pem" -- --offline
}

@test "a server with a certificate of its own: not retried, CURL_CA_BUNDLE named" {
	bare
	openssl req -x509 -newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes -keyout key.pem -out cert.pem \
		-subj /CN=localhost -addext subjectAltName=DNS:localhost 2>/dev/null || skip "openssl is not installed"
	mkfifo port
	python3 - >port <<'END' 3>&- &
import http.server, ssl
class Empty(http.server.BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    def do_GET(self):
        self.send_response(200)
        self.send_header("Content-Length", "11")
        self.end_headers()
        self.wfile.write(b'{"data":[]}')
    def log_message(self, *_): pass
server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Empty)
context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
context.load_cert_chain("cert.pem", "key.pem")
server.socket = context.wrap_socket(server.socket, server_side=True)
print(server.server_port, flush=True)
server.serve_forever()
END
	SERVER=$!
	read -r port <port
	export ANAM_API_KEY=k ANAM_API_URL=https://localhost:$port/v1
	finds 78 anam.service "fail cannot reach $ANAM_API_URL: SSL certificate problem: *export CURL_CA_BUNDLE=FILE*" \
		"export CURL_CA_BUNDLE=*" -- -p anam
	finds 0 anam.service "ok accepts the credentials*" - CURL_CA_BUNDLE="$PWD/cert.pem" -- -p anam
}

@test "facts older than 90 days" {
	bare
	mkdir -p "$XDG_CONFIG_HOME/avtools/providers"
	export MINE_API_KEY=k
	for days in "1 ok -" "89 ok -" "92 warn av-provider*show*mine*"; do
		read -r age wanted command <<<"$days"
		jq --arg d "$(date -u -d "-$age days" +%F)" '.name = "mine" | .checked = $d' "$TESTS/../lib/providers/anam.json" \
			>"$XDG_CONFIG_HOME/avtools/providers/mine.json"
		finds 0 mine.facts "$wanted the description was checked on *, $age days ago" "$command" -- -p mine --offline
	done
	echo '{' >"$XDG_CONFIG_HOME/avtools/providers/bad.json"
	finds 78 bad.description "fail *bad.json:*" "av-provider check FILE" -- --offline
}

@test "jq that is not there" {
	bare
	mkdir path
	ln -s "$(command -v av-doctor)" path/
	finds 78 jq "warn jq is not there*" "apt install jq" PATH="$PWD/path" -- --offline
}

# setting NAME: "VALUE SOURCE PLACE" in the output of --config --json
setting() {
	jq -r --arg s "$1" 'select(.setting == $s) | "\(.value) \(.source) \(.place // "-")"' <<<"$output"
}

@test "--config: what is in force and from where, without secrets" {
	bare
	file=$XDG_CONFIG_HOME/avtools/config
	run -0 av-doctor --config --json
	is "$(setting provider)" "none default -"
	is "$(setting jobs)" "4 default -"
	is "$(setting ledger)" "$XDG_STATE_HOME/avtools/ledger.db default -"
	is "$(setting proxy)" "none default -"
	mkdir -p "${file%/*}"
	printf '%s\n' '# mine' 'provider = anam' 'jobs = 8' 'account = all' 'protoface.account = one' \
		"ledger = $PWD/x.db" >"$file"
	(umask 077; echo ANAM_API_KEY=SECRET >"${file%/*}/credentials")
	export PROTOFACE_API_KEY=SECRET PROTOFACE_API_URL=http://127.0.0.1:1/v1 https_proxy=http://a:SECRET@proxy:3
	run -0 av-doctor --config --json
	is "$(setting provider)" "anam file $file, line 2"
	is "$(setting jobs)" "8 file $file, line 3"
	is "$(setting ledger)" "$PWD/x.db file $file, line 6"
	is "$(setting anam.account)" "all file $file, line 4"
	is "$(setting anam.ANAM_API_KEY)" "set file ${file%/*}/credentials, line 1"
	is "$(setting avtr1.PROTOFACE_API_KEY)" "set environment PROTOFACE_API_KEY"
	is "$(setting avtr1.url)" "http://127.0.0.1:1/v1 environment PROTOFACE_API_URL"
	is "$(setting proxy)" "http://proxy:3 environment https_proxy"
	[[ $output != *SECRET* ]]
	AVTR1_ACCOUNT=env AV_PROVIDER=avtr1 AV_LEDGER=env.db run -0 av-doctor --config --json
	is "$(setting provider)" "avtr1 environment AV_PROVIDER"
	is "$(setting ledger)" "env.db environment AV_LEDGER"
	is "$(setting avtr1.account)" "env environment AVTR1_ACCOUNT"
	run -0 av-doctor --config --json -p argil -u http://127.0.0.1:2/v1 -j 3 --ledger option.db
	is "$(setting provider)" "argil option -p"
	is "$(setting jobs)" "3 option -j"
	is "$(setting ledger)" "option.db option --ledger"
	is "$(setting argil.url)" "http://127.0.0.1:2/v1 option -u"
	is "$(setting anam.url)" ''
	run -0 av-doctor --config
	[[ $output == *"provider               anam  (file: $file, line 2)"* && $output != *SECRET* ]]
	echo 'nonsense' >>"$file"
	run -78 av-doctor --config
	[[ $output == *"line 7: this is not KEY = VALUE"* ]]
}

@test "what is left of an account, where the service tells" {
	box
	run -0 --separate-stderr av-doctor --json -p avtr1,anam
	is "$(jq -r 'select(.check | endswith(".quota")) | .check' <<<"$output")" avtr1.quota
	[[ $output == *"credits 7500"* ]]
	check_sandbox
}
