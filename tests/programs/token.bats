#!/usr/bin/env bats
# av-token with a real OpenID provider (tests/servers/oidc) and with token endpoints that break rules.

bats_require_minimum_version 1.5.0

OIDC_DIR=$BATS_TEST_DIRNAME/../servers/oidc
PASSWORD='p@ss wörd+&=%'
BATCH_SECRET=batch-secret-0123456789
WAIT=$((20 * ${AV_SLOW:-1})) # seconds that the server may take

# start NAME SCRIPT: runs a server until its standard input is closed; sets NAME to its address
start() {
  local dir=$BATS_FILE_TMPDIR/$1 fd
  mkdir "$dir"
  mkfifo "$dir/in" "$dir/out"
  node "$OIDC_DIR/$2" <"$dir/in" >"$dir/out" 2>"$dir/err" 3>&- &
  exec {fd}>"$dir/in"
  read -r "$1" <"$dir/out"
  export "${1?}"
}

setup_file() {
  export BATS_NO_PARALLELIZE_WITHIN_FILE=true # the tests share a server's counts
  command -v node >/dev/null || return 0
  start ODD odd.mjs
  [ -d "$OIDC_DIR/node_modules/oidc-provider" ] || return 0
  LIFETIME=3600 start OIDC server.mjs
}

setup() {
  export XDG_STATE_HOME=$BATS_TEST_TMPDIR/state XDG_CONFIG_HOME=$BATS_TEST_TMPDIR/config
  TOKENS=$XDG_STATE_HOME/avtools/tokens
  mkdir -p "$XDG_CONFIG_HOME/avtools/providers"
  unset DISPLAY WAYLAND_DISPLAY BROWSER AV_PROVIDER
}

teardown() {
  local pids
  pids=$(jobs -p)
  [ -z "$pids" ] || kill -9 $pids 2>/dev/null || true
}

# provider NAME OAUTH: a provider file with that auth.oauth
provider() {
  jq -n --arg name "$1" --argjson oauth "$2" '{name: $name, title: $name,
    checked: "2026-11-21", sources: ["https://example.org/"], base_url: "http://127.0.0.1:1/v1",
    operations: {create: {method: "POST", path: "/avatars", repeatable: false,
      outcomes: [{status: 201, is: "ok"}],
      answer: {take: {id: "/id", status: {value: "ready"}}, required: ["id"]}}},
    auth: {header: "Authorization", scheme: "Bearer", oauth: $oauth}}' \
    >"$XDG_CONFIG_HOME/avtools/providers/$1.json"
}

oidc() {
  [ -n "$ODD" ] || skip "node is not installed"
  [ -n "$OIDC" ] || skip "oidc-provider is not installed: make check-deps gets it from npm"
  curl -fs -m "$WAIT" -X POST "$OIDC/_reset"
  provider oidc "$(jq -n --arg u "$OIDC" '{token_url: "\($u)/token",
    authorize_url: "\($u)/auth", device_url: "\($u)/device/auth",
    revoke_url: "\($u)/token/revocation", audience: "https://api.example.org/",
    scopes: ["openid", "offline_access", "read:avatars"], client_auth: "client_secret_post",
    authorize_params: {prompt: "consent"},
    grants: [
      {name: "password-realm", grant_type: "http://auth0.com/oauth/grant-type/password-realm",
       params: {realm: "Username-Password-Authentication", audience: "{audience}",
                username: "{username}", password: "{password}", scope: "{scope}"}},
      {name: "password", grant_type: "password",
       params: {username: "{username}", password: "{password}", scope: "{scope}"}},
      {name: "client_credentials", grant_type: "client_credentials",
       params: {scope: "read:avatars"}},
      {name: "authorization_code", grant_type: "authorization_code"},
      {name: "device_code", grant_type: "urn:ietf:params:oauth:grant-type:device_code"},
      {name: "refresh_token", grant_type: "refresh_token"}]}')"
}

odd() {
  [ -n "$ODD" ] || skip "node is not installed"
  provider odd "$(jq -n --arg u "$ODD/$1" '{token_url: "\($u)/token", device_url: "\($u)/device",
    grants: [{name: "client_credentials", grant_type: "client_credentials"},
      {name: "password", grant_type: "password",
       params: {username: "{username}", password: "{password}"}},
      {name: "device_code", grant_type: "urn:ietf:params:oauth:grant-type:device_code"},
      {name: "refresh_token", grant_type: "refresh_token"}]}')"
  export ODD_CLIENT_ID=cid ODD_CLIENT_SECRET=s3cret-odd
}

as_batch() { export OIDC_CLIENT_ID=batch OIDC_CLIENT_SECRET=$BATCH_SECRET; }
as_ann() { as_batch; export OIDC_USERNAME=ann OIDC_PASSWORD=$PASSWORD; }

stat_of() { curl -fs -m "$WAIT" "$OIDC/_stats" | jq -r --arg n "$1" '.[$n] // 0'; }
valid() { [ "$(curl -s -m "$WAIT" -o /dev/null -w '%{http_code}' -H "Authorization: Bearer $1" "$OIDC/_api")" = 200 ]; }

# without PATTERN: fails if the pattern is in standard input
without() { if grep -aE "$1"; then return 1; fi; }

# kept: the stored token's file; age SECONDS makes it older; edit FILTER changes it
kept() { find "$TOKENS" -type f ! -name '*.*'; }
edit() { jq -c "$1" "$(kept)" >"$BATS_TEST_TMPDIR/edited" && cat "$BATS_TEST_TMPDIR/edited" >"$(kept)"; }
age() { edit ".obtained_at -= $1 | .obtained_at_boot -= $1"; }

# sign_in_browser: starts av-token with the browser grant; sets URL; descriptor err is its stderr
sign_in_browser() {
  export OIDC_CLIENT_ID=native
  mkfifo "$BATS_TEST_TMPDIR/err"
  av-token -p oidc --grant authorization_code >"$BATS_TEST_TMPDIR/out" \
    2>"$BATS_TEST_TMPDIR/err" 3>&- &
  exec {err}<"$BATS_TEST_TMPDIR/err"
  read -r _ <&"$err"
  read -r URL <&"$err"
}

signed_in_natively() {
  sign_in_browser
  node "$OIDC_DIR/agent.mjs" "$URL" ann x >/dev/null
  wait $!
  curl -fs -m "$WAIT" -X POST "$OIDC/_reset"
}

@test "a key is printed on request, but not in the JSON line" {
  export ARGIL_API_KEY="it's"
  run -0 av-token -p argil
  [ "$(jq -c . <<<"$output")" = '{"provider":"argil","token_type":"api_key"}' ]
  run -0 av-token -p argil --header
  [ "$output" = "x-api-key: it's" ]
  run -0 av-token -p argil --bearer
  [ "$output" = "it's" ]
  eval "$(ARGIL_API_KEY="it's" av-token -p argil --export)"
  [ "$ARGIL_API_KEY" = "it's" ]
  unset ARGIL_API_KEY
  run -78 av-token -p argil
  [[ $output == *ARGIL_API_KEY* ]]
}

@test "standard input is not read" {
  export ARGIL_API_KEY=k
  run -0 bash -c '{ av-token -p argil --bearer; cat; } <<<line'
  [ "$output" = $'k\nline' ]
}

@test "secrets: descriptor before command, environment and file" {
  file=$XDG_CONFIG_HOME/avtools/credentials
  printf '# mine\nLOOM_CLIENT_ID=x\n\nARGIL_API_KEY=from file\n' >"$file"
  chmod 600 "$file"
  run -0 av-token -p argil --bearer
  [ "$output" = "from file" ]
  export ARGIL_API_KEY=environment
  run -0 av-token -p argil --bearer
  [ "$output" = environment ]
  run -0 av-token -p argil --bearer --secret-command 'echo ARGIL_API_KEY=command'
  [ "$output" = command ]
  run -0 av-token -p argil --bearer --secret-command 'echo bare=='
  [ "$output" = 'bare==' ]
  run -0 av-token -p argil --bearer --secret-command 'echo command' --secret-fd 5 \
    5<<<'ARGIL_API_KEY=descriptor'
  [ "$output" = descriptor ]
  run -78 av-token -p argil --secret-command 'echo k; exit 3'
  [[ $output == *"status 3"* ]]
  run -78 av-token -p argil --secret-fd 9
}

@test "a credentials file as shells and Windows write it is taken; other lines are named" {
  file=$XDG_CONFIG_HOME/avtools/credentials
  : >"$file"
  chmod 600 "$file"
  for line in 'export ARGIL_API_KEY=k 1' 'ARGIL_API_KEY = k 1' 'ARGIL_API_KEY="k 1"' "ARGIL_API_KEY='k 1' # mine" \
    $' \tARGIL_API_KEY\t=\t"k 1"\t' $'export\tARGIL_API_KEY=k 1\r\n\r'; do
    for before in '' $'\xef\xbb\xbf' $'\xef\xbb\xbf# export\nLOOM_PASSWORD=a"b\n'; do
      printf '%s\n' "$before$line" >"$file"
      run -0 av-token -p argil --bearer
      [ "$output" = 'k 1' ]
    done
  done
  for line in 'ARGIL_API_KEY: SECRET' 'ARGIL_API_KEY="SECRET' "ARGIL_API_KEY='SECRET'x" 'export ARGIL_API_KEY' \
    'setenv ARGIL_API_KEY SECRET' '$env:ARGIL_API_KEY = "SECRET"' '=SECRET' SECRET $'\xff\xfeA\x01R'; do
    printf '# mine\n%s\n' "$line" >"$file"
    run -78 av-token -p argil --bearer
    [[ $output == *"$file, line 2: "* && $output != *SECRET* ]]
    run -78 av-token -p argil --bearer --secret-command "cat '$file'"
    [[ $output == *"the secret command, line 2: "* && $output != *SECRET* ]]
  done
  printf 'ARGIL_API_KEY=a"b\n' >"$file"
  run -0 av-token -p argil --bearer
  [ "$output" = 'a"b' ]
}

# bearer TEXT: av-token prints this key
bearer() {
  run -0 av-token -p avtr1 --bearer
  [ "$output" = "$1" ] || { echo "got '$output', wanted '$1'"; return 1; }
}

@test "secrets: environment before NAME_API_KEY_FILE, \$CREDENTIALS_DIRECTORY and credentials file" {
  cd "$BATS_TEST_TMPDIR"
  mkdir passed
  (umask 077; echo AVTR1_API_KEY=credentials >"$XDG_CONFIG_HOME/avtools/credentials")
  bearer credentials
  echo passed >passed/AVTR1_API_KEY
  CREDENTIALS_DIRECTORY=$PWD/passed bearer passed
  CREDENTIALS_DIRECTORY=$PWD/none bearer credentials
  mv passed/AVTR1_API_KEY passed/PROTOFACE_API_KEY
  chmod 444 passed/PROTOFACE_API_KEY
  export CREDENTIALS_DIRECTORY=$PWD/passed
  bearer passed
  printf '\xef\xbb\xbf  named \t\r\nsecond\r\n' >named
  chmod 600 named
  ln -s named link
  PROTOFACE_API_KEY_FILE=$PWD/named bearer named
  export AVTR1_API_KEY_FILE=$PWD/link
  bearer named
  AVTR1_API_KEY=environment bearer environment
}

@test "NAME_API_KEY_FILE: absent, empty, open to others; below /run any mode" {
  cd "$BATS_TEST_TMPDIR"
  export AVTR1_API_KEY_FILE=$PWD/named
  run -78 av-token -p avtr1
  [[ $output == *"there is no file '$PWD/named', which AVTR1_API_KEY_FILE names"* ]]
  printf '\nSECRET\n' >named
  chmod 644 named
  run -78 av-token -p avtr1
  [[ $output == *"chmod 600"* && $output != *SECRET* ]]
  chmod 600 named
  run -78 av-token -p avtr1
  [[ $output == *"first line is empty"*AVTR1_API_KEY* && $output != *SECRET* ]]
  mkdir "/run/avtools.$$" 2>/dev/null || skip "/run cannot be written"
  printf 'mounted\n' >"/run/avtools.$$/key"
  chmod 444 "/run/avtools.$$/key"
  AVTR1_API_KEY_FILE=/run/avtools.$$/key run av-token -p avtr1 --bearer
  rm -r "/run/avtools.$$"
  [ "$status:$output" = 0:mounted ]
}

@test "a credentials file that others can read is refused" {
  echo ARGIL_API_KEY=k >"$XDG_CONFIG_HOME/avtools/credentials"
  for mode in 640 604 620; do
    chmod $mode "$XDG_CONFIG_HOME/avtools/credentials"
    run -78 av-token -p argil --bearer
    [[ $output == *"chmod 600"* ]]
  done
}

@test "a secret is never an argument" {
  run -64 av-token -p argil secret
  run -64 av-token -p argil --api-key=secret
  run -64 av-token -p argil --header --bearer
  run -64 av-token
}

@test "password-realm, password and client credentials" {
  oidc; as_ann
  for grant in password-realm password client_credentials; do
    run -0 av-token -p oidc --grant $grant
    [ "$(jq -r .token_type <<<"$output")" = Bearer ]
    [ "$(jq .expires_at <<<"$output")" -gt "$(date +%s)" ]
    valid "$(jq -r .access_token <<<"$output")"
  done
  [ "$(stat_of http://auth0.com/oauth/grant-type/password-realm)" = 1 ]
  [ "$(stat_of requests)" = 3 ]
  [ "$(stat_of refused)" = 0 ]
}

@test "uses the first grant that has its secrets" {
  oidc; as_batch
  run -0 av-token -p oidc
  [ "$(jq -r .scope <<<"$output")" = read:avatars ]
  as_ann
  run -0 av-token -p oidc
  [ "$(jq -r .scope <<<"$output")" = "openid offline_access read:avatars" ]
  unset OIDC_CLIENT_SECRET OIDC_USERNAME
  run -78 av-token -p oidc --no-ask
}

@test "client_secret_basic, with characters to encode" {
  oidc
  file=$XDG_CONFIG_HOME/avtools/providers/oidc.json
  jq '.auth.oauth.client_auth = "client_secret_basic"' "$file" >"$file.new"
  mv "$file.new" "$file"
  export OIDC_CLIENT_ID=basic OIDC_CLIENT_SECRET='b:s&c+r%t secret-0123456789'
  run -0 av-token -p oidc --bearer
  valid "$output"
}

@test "browser: PKCE, a loopback port, state" {
  oidc
  sign_in_browser
  [[ $URL == *code_challenge_method=S256* && $URL == *state=* ]]
  redirect=$(sed 's/.*redirect_uri=\([^&]*\).*/\1/; s/%3A/:/g; s/%2F/\//g' <<<"$URL")
  # An idle connection of a browser and a forged answer do no harm.
  exec {idle}<>/dev/tcp/127.0.0.1/"$(sed 's/.*:\([0-9]*\).*/\1/' <<<"$redirect")"
  [ "$(curl -s -m "$WAIT" -o /dev/null -w '%{http_code}' "$redirect?code=evil&state=forged")" = 400 ]
  [ "$(curl -s -m "$WAIT" -o /dev/null -w '%{http_code}' "${redirect%/callback}/favicon.ico")" = 404 ]
  run -0 node "$OIDC_DIR/agent.mjs" "$URL" ann x
  [ "$output" = 200 ]
  wait $!
  exec {idle}>&-
  valid "$(jq -r .access_token "$BATS_TEST_TMPDIR/out")"
  [ "$(stat_of authorization_code)" = 1 ]
  # The token is stored: no second sign-in.
  run -0 av-token -p oidc --no-ask
  [ "$(stat_of requests)" = 1 ]
}

@test "browser: a refusal is reported" {
  oidc
  sign_in_browser
  node "$OIDC_DIR/agent.mjs" "$URL" ann x --deny
  status=0
  wait $! || status=$?
  [ "$status" = 77 ]
  grep -q access_denied <&"$err"
}

@test "device: shows code and URL, approved in another place" {
  oidc
  export OIDC_CLIENT_ID=device
  mkfifo "$BATS_TEST_TMPDIR/err"
  av-token -p oidc --grant device_code >"$BATS_TEST_TMPDIR/out" 2>"$BATS_TEST_TMPDIR/err" 3>&- &
  exec {err}<"$BATS_TEST_TMPDIR/err"
  read -r _ url <&"$err"
  read -r _ _ _ _ code <&"$err"
  [[ $url == "$OIDC/device" ]]
  node "$OIDC_DIR/agent.mjs" "$url?user_code=$code" ann x
  wait $!
  valid "$(jq -r .access_token "$BATS_TEST_TMPDIR/out")"
}

@test "device: waits while pending, slow_down adds five seconds, an expired code ends it" {
  odd device
  run -0 av-token -p odd --grant device_code --bearer
  [[ $output == *tok_odd ]]
  mapfile -t at < <(curl -fs -m "$WAIT" "$ODD/_log" | awk '$2 == "device" && $3 == "token" {print $1}')
  [ "${#at[@]}" = 3 ]
  [ $((at[1] - at[0])) -ge 900 ]
  [ $((at[2] - at[1])) -ge 5900 ]
  odd late
  run -77 av-token -p odd --grant device_code
  [[ $output == *expired_token* && $output == *"start again"* ]]
}

@test "the implicit grant is refused, with a hint to PKCE" {
  run -78 av-token -p loom --grant implicit
  [[ $output == *PKCE* ]]
  run -78 av-token -p loom --grant refresh_token
}

@test "a token is stored 0600 in a 0700 directory and requested once" {
  oidc; as_batch
  run -0 av-token -p oidc --bearer
  first=$output
  run -0 av-token -p oidc --bearer
  [ "$output" = "$first" ]
  [ "$(stat_of requests)" = 1 ]
  [ "$(stat -c %a "$TOKENS")" = 700 ]
  [ "$(find "$TOKENS" -type f ! -perm 600 | wc -l)" = 0 ]
  chmod 750 "$TOKENS"
  run -78 av-token -p oidc
  chmod 700 "$TOKENS"
  chmod 644 "$(kept)"
  run -78 av-token -p oidc
}

@test "one stored token for each client, user and grant" {
  oidc; as_ann
  av-token -p oidc
  av-token -p oidc --grant client_credentials
  OIDC_CLIENT_ID=basic OIDC_CLIENT_SECRET=x run -77 av-token -p oidc --grant client_credentials
  [ "$(kept | wc -l)" = 2 ]
}

@test "each renewal rotates the refresh token" {
  oidc; as_ann
  av-token -p oidc
  for i in 1 2 3 4 5; do
    old=$(jq -r .refresh_token "$(kept)")
    age 3600
    run -0 av-token -p oidc --bearer
    valid "$output"
    [ "$(jq -r .refresh_token "$(kept)")" != "$old" ]
  done
  [ "$(stat_of refresh_token)" = 5 ]
  [ "$(stat_of refused)" = 0 ]
}

@test "a used refresh token: the password renews, otherwise a new sign-in" {
  oidc; as_ann
  av-token -p oidc
  old=$(jq -r .refresh_token "$(kept)")
  age 3600
  av-token -p oidc
  edit ".refresh_token = \"$old\""
  age 3600
  run -0 av-token -p oidc --bearer
  valid "$output"
  [ "$(stat_of refused)" = 1 ]

  rm -r "$TOKENS"
  unset OIDC_CLIENT_SECRET OIDC_USERNAME OIDC_PASSWORD
  signed_in_natively
  old=$(jq -r .refresh_token "$(kept)")
  age 3600
  av-token -p oidc --no-ask
  edit ".refresh_token = \"$old\""
  age 3600
  run -77 av-token -p oidc --no-ask
  [[ $output == *"av-token -p oidc"* ]]
  [ "$(stat_of refused)" = 1 ]
  # The used token is not sent again.
  run -77 av-token -p oidc --no-ask
  [ "$(stat_of requests)" = 2 ]
}

# crowd: starts 100 processes; tokens in $BATS_TEST_TMPDIR/crowd.N, process ids in PIDS
crowd() {
  PIDS=()
  for i in {1..100}; do
    av-token -p oidc --bearer --no-ask >"$BATS_TEST_TMPDIR/crowd.$i" 2>"$BATS_TEST_TMPDIR/crowd.err.$i" 3>&- &
    PIDS+=($!)
  done
}

# all_at_lock: returns when all processes of the crowd have the lock file open
all_at_lock() {
  local pid
  for pid in "${PIDS[@]}"; do
    until find "/proc/$pid/fd" -lname '*.lock' 2>/dev/null | grep -q .; do
      kill -0 "$pid"
    done
  done
}

# together: starts a crowd; the endpoint holds one request until all others wait for the lock
together() {
  curl -fs -m "$WAIT" -X POST "$OIDC/_hold?at=before"
  crowd
  curl -fs -m "$WAIT" "$OIDC/_held"
  all_at_lock
  curl -fs -m "$WAIT" -X POST "$OIDC/_release"
}

# crowd_tokens N: N of the crowd succeeded, all with the same valid token
crowd_tokens() {
  local ended=0 pid
  for pid in "${PIDS[@]}"; do
    if wait "$pid"; then ended=$((ended + 1)); fi
  done
  cat "$BATS_TEST_TMPDIR"/crowd.err.* >&2
  [ "$(cat "$BATS_TEST_TMPDIR"/crowd.[0-9]* | sort -u | wc -l)" = 1 ] || return 1
  valid "$(cat "$BATS_TEST_TMPDIR"/crowd.[0-9]* | sort -u)" || return 1
  [ "$ended" = "$1" ]
}

# renewing: sets HOLDER to the process at the token endpoint and HELPER to its child
renewing() {
  local pid child
  for pid in "${PIDS[@]}"; do
    child=$(cat "/proc/$pid/task/$pid/children" 2>/dev/null) || continue
    if [ -n "$child" ]; then
      HOLDER=$pid HELPER=${child% }
      return 0
    fi
  done
  return 1
}

expired_client_credentials() { oidc; as_batch; av-token -p oidc; age 3600; curl -fs -m "$WAIT" -X POST "$OIDC/_reset"; }
expired_rotating() { oidc; signed_in_natively; age 3600; }

@test "100 processes, client credentials: 1 request, 100 tokens" {
  expired_client_credentials
  together
  crowd_tokens 100
  [ "$(stat_of requests)" = 1 ]
}

@test "100 processes, rotating refresh token: 1 request, 100 tokens" {
  expired_rotating
  together
  crowd_tokens 100
  [ "$(stat_of requests)" = 1 ]
  [ "$(stat_of refresh_token)" = 1 ]
}

# killed_at WHEN: starts a crowd and kills the renewing process at that point
killed_at() {
  curl -fs -m "$WAIT" -X POST "$OIDC/_hold?at=$1"
  crowd
  curl -fs -m "$WAIT" "$OIDC/_held"
  all_at_lock
  renewing
  kill -9 "$HOLDER"
  if [ "$2" = both ]; then
    kill -9 "$HELPER"
    curl -fs -m "$WAIT" "$OIDC/_gone"
  fi
  curl -fs -m "$WAIT" -X POST "$OIDC/_release"
}

@test "100 processes, the renewing process killed: 1 request, 99 tokens" {
  for when in before after; do
    expired_client_credentials
    killed_at $when holder
    crowd_tokens 99
    [ "$(stat_of requests)" = 1 ]
    rm -r "$TOKENS"
  done
}

@test "100 processes, rotating, the renewing process killed: 1 request, 99 tokens" {
  for when in before after; do
    expired_rotating
    rm -f "$BATS_TEST_TMPDIR/err"
    killed_at $when holder
    crowd_tokens 99
    [ "$(stat_of requests)" = 1 ]
    [ "$(stat_of refused)" = 0 ]
    rm -r "$TOKENS"
  done
}

@test "100 processes, the renewing process and its child killed: another takes over" {
  expired_client_credentials
  killed_at after both
  crowd_tokens 99
  [ "$(stat_of requests)" = 2 ]
  rm -r "$TOKENS"
  # The refresh token may be used: the password is sent instead.
  oidc; as_ann; av-token -p oidc; age 3600; curl -fs -m "$WAIT" -X POST "$OIDC/_reset"
  killed_at after both
  crowd_tokens 99
  [ "$(stat_of requests)" = 2 ]
  [ "$(stat_of refused)" = 0 ]
}

@test "rotating, killed before the request arrived: the refresh token is sent again" {
  expired_rotating
  killed_at before both
  crowd_tokens 99
  [ "$(stat_of requests)" = 2 ]
  [ "$(stat_of refresh_token)" = 1 ]
}

@test "a lost answer to a renewal: reported, not repeated in the same run" {
  odd lost
  export ODD_USERNAME=u ODD_PASSWORD=secret-pw
  av-token -p odd --grant password
  age 3600
  run -75 av-token -p odd --grant password
  [[ $output == *"outcome is not known"* ]]
  [ "$(curl -fs -m "$WAIT" "$ODD/_log" | grep -c 'lost token .*refresh_token=ref_lost')" = 1 ]
  run -0 av-token -p odd --grant password
  [ "$(curl -fs -m "$WAIT" "$ODD/_log" | grep -c 'lost token .*refresh_token=ref_lost')" = 1 ]
}

@test "a network failure costs no token" {
  oidc; as_ann
  av-token -p oidc
  age 3600
  refresh=$(jq -r .refresh_token "$(kept)")
  file=$(kept)
  # The same token, but nobody listens: only the connection fails.
  run -75 env http_proxy=http://127.0.0.1:1 https_proxy=http://127.0.0.1:1 \
    OIDC_TOKEN_URL=http://127.0.0.1:1/token av-token -p oidc
  [ "$(jq -r .refresh_token "$file")" = "$refresh" ]
  # A proxy never sees plain requests to loopback.
  run -0 env http_proxy=http://127.0.0.1:1 av-token -p oidc --bearer
  valid "$output"
}

@test "NAME_ACCESS_TOKEN is used unchanged" {
  oidc; as_ann
  OIDC_ACCESS_TOKEN=given run -0 av-token -p oidc --header
  [ "$output" = "Authorization: Bearer given" ]
  [ "$(stat_of requests)" = 0 ]
}

@test "logout revokes and forgets" {
  oidc; as_ann
  token=$(av-token -p oidc --bearer)
  other=$(av-token -p oidc --bearer --grant client_credentials)
  valid "$token"
  run -0 av-token -p oidc --logout
  run ! valid "$token"
  run ! valid "$other"
  [ -z "$(kept)" ]
  run -0 av-token -p oidc --logout
}

@test "expires_in and expiry: number, text, absent, malformed" {
  now=$(date +%s)
  for kind in expiry text; do
    odd $kind
    run -0 av-token -p odd --grant client_credentials
    left=$(($(jq .expires_at <<<"$output") - now))
    [ "$left" -ge 3600 ]
    [ "$left" -le 3660 ]
  done
  odd endless
  run -0 av-token -p odd
  [ "$(jq .expires_at <<<"$output")" = null ]
  run -0 av-token -p odd
  [ "$(curl -fs -m "$WAIT" "$ODD/_log" | grep -c endless)" = 1 ]
  odd huge_life
  run -0 av-token -p odd
  odd ended
  run -75 av-token -p odd
  for kind in mac crlf none html huge; do
    odd $kind
    run -75 av-token -p odd
    [[ $output != *tok_* && $output != *X-Evil* ]]
  done
}

@test "short lifetimes: --min-valid takes at most half, no endless renewal" {
  odd brief
  requests() { curl -fs -m "$WAIT" "$ODD/_log" | grep -c ' brief '; }
  run -0 av-token -p odd --min-valid 3600
  run -0 av-token -p odd --min-valid 3600
  [ "$(requests)" = 1 ]
  age 4
  run -0 av-token -p odd --min-valid 1
  [ "$(requests)" = 1 ]
  age 2
  run -0 av-token -p odd --min-valid 1
  [ "$(requests)" = 1 ]
  run -0 av-token -p odd
  [ "$(requests)" = 2 ]
}

@test "clocks that jump" {
  oidc; as_batch
  av-token -p oidc
  edit '.obtained_at += 3000' # wall clock set back since
  run -0 av-token -p oidc
  [ "$(stat_of requests)" = 2 ]
  edit '.obtained_at_boot -= 3600' # set back, but less than the token's age
  run -0 av-token -p oidc
  [ "$(stat_of requests)" = 3 ]
  edit '.obtained_at -= 3600' # set forward
  run -0 av-token -p oidc
  [ "$(stat_of requests)" = 4 ]
  run -0 av-token -p oidc
  [ "$(stat_of requests)" = 4 ]
}

@test "a malformed token file is replaced" {
  oidc; as_batch
  av-token -p oidc
  echo '{"access_token":' >"$(kept)"
  run -0 av-token -p oidc --bearer
  valid "$output"
}

@test "errors show the service's reason and advice, but no secrets" {
  oidc; as_ann
  OIDC_PASSWORD=wrong-Xk3 run -77 av-token -p oidc
  [[ $output == *invalid_grant*"Wrong email or password."*OIDC_PASSWORD* && $output != *wrong-Xk3* ]]
  OIDC_CLIENT_SECRET=wrong-Xk3 run -77 av-token -p oidc
  [[ $output == *invalid_client*OIDC_CLIENT_SECRET* && $output != *wrong-Xk3* ]]
  odd client
  run -77 av-token -p odd
  [[ $output == *'no\x07such\nclient'* ]]
  odd echo
  export ODD_USERNAME=ann ODD_PASSWORD=pw-Xk3-pw
  run -77 av-token -p odd --grant password
  [[ $output == *invalid_grant* && $output != *pw-Xk3-pw* && $output != *s3cret-odd* ]]
  odd scope
  run -77 av-token -p odd --grant client_credentials
  [[ $output == *scopes* ]]
  odd silent
  run -77 av-token -p odd --grant client_credentials
  [[ $output == *403* ]]
}

@test "5xx and 429 are waited for" {
  odd trouble
  run -0 av-token -p odd --bearer
  odd busy
  run -0 av-token -p odd --bearer
}

@test "secrets are not sent elsewhere" {
  odd redirect
  run -65 av-token -p odd
  [[ $output == *redirect* ]]
  for url in http://example.org/token https://u:p@example.org/token ftp://127.0.0.1/ nonsense; do
    ODD_TOKEN_URL=$url run -78 av-token -p odd
  done
}

@test "--header-file writes 0600, whatever existed" {
  oidc; as_batch
  file=$BATS_TEST_TMPDIR/header
  echo old >"$file"
  chmod 644 "$file"
  run -0 av-token -p oidc --header-file "$file"
  [ -z "$output" ]
  [ "$(stat -c %a "$file")" = 600 ]
  [ "$(curl -s -m "$WAIT" -o /dev/null -w '%{http_code}' -H "@$file" "$OIDC/_api")" = 200 ]
  run -73 av-token -p oidc --header-file "$BATS_TEST_TMPDIR/absent/x"
}

@test "no directory for tokens: reported before any request" {
  oidc; as_batch
  run -78 env -u HOME -u XDG_STATE_HOME av-token -p oidc
  [[ $output == *XDG_STATE_HOME* ]]
  touch "$BATS_TEST_TMPDIR/file"
  XDG_STATE_HOME=$BATS_TEST_TMPDIR/file run -78 av-token -p oidc
  [ "$(stat_of requests)" = 0 ]
}

@test "a full disk at the output is a failure" {
  ARGIL_API_KEY=k run -74 bash -c 'av-token -p argil --bearer >/dev/full'
}

@test "marked secrets appear in no argument, environment, log or readable file" {
  command -v strace >/dev/null || skip "strace is not installed"
  oidc
  mark=pLanTed7
  export ASAN_OPTIONS=detect_leaks=0 # it does not work under strace
  export OIDC_CLIENT_ID=batch OIDC_USERNAME=ann
  # Valid secrets may only be in the token file; wrong secrets could appear in errors.
  printf 'echo OIDC_CLIENT_SECRET=%s; echo OIDC_PASSWORD="%s"\n' $BATCH_SECRET "$PASSWORD" \
    >"$BATS_TEST_TMPDIR/pass"
  out=$BATS_TEST_TMPDIR/said
  OIDC_API_KEY=key-$mark OIDC_CLIENT_SECRET=cs-$mark OIDC_PASSWORD=pw-$mark \
    strace -f -v -s 4096 -e trace=execve -o "$BATS_TEST_TMPDIR/trace.1" \
    av-token -vv -p oidc --secret-command "sh $BATS_TEST_TMPDIR/pass; /bin/true" >/dev/null 2>>"$out"
  age 3600
  # Wrong secrets.
  OIDC_CLIENT_SECRET=cs-$mark OIDC_PASSWORD=pw-$mark run ! \
    strace -f -v -s 4096 -e trace=execve -o "$BATS_TEST_TMPDIR/trace.2" \
    av-token -vv -p oidc --grant password --secret-command /bin/true
  echo "$output" >>"$out"
  # The first execve is the program's own; the user made its environment. The others are children.
  secrets="$mark|$BATCH_SECRET|wörd|$(jq -r '.access_token, .refresh_token' "$(kept)" | paste -sd '|')"
  for trace in "$BATS_TEST_TMPDIR"/trace.*; do
    [ "$(grep -c execve "$trace")" -gt 1 ]
    without "$secrets" < <(sed 1d "$trace")
    without "$secrets" < <(sed -n '1s/\], \[.*//p' "$trace")
  done
  without "$secrets" <"$out"
  # The files that were written.
  found=$(find "$BATS_TEST_TMPDIR" -type f -perm /077 ! -name pass ! -name edited \
    ! -name 'trace.*' -exec grep -laE "$secrets" {} +) || true
  [ -z "$found" ]
}

@test "a running process shows no secret in its arguments" {
  oidc; as_ann
  curl -fs -m "$WAIT" -X POST "$OIDC/_hold?at=before"
  av-token -p oidc --bearer >"$BATS_TEST_TMPDIR/out" 3>&- &
  curl -fs -m "$WAIT" "$OIDC/_held"
  helper=$(cat "/proc/$!/task/$!/children")
  [ -n "$helper" ]
  for pid in $! $helper; do
    without "$BATCH_SECRET|wörd" <"/proc/$pid/cmdline"
  done
  curl -fs -m "$WAIT" -X POST "$OIDC/_release"
  wait $!
}

@test "a token in gzip or behind a byte order mark is read" {
  local how
  for how in gzip bom; do
    odd "$how"
    run -0 av-token -p odd --bearer
    [ "$output" = tok_odd ]
    rm -r "$TOKENS"
  done
}
