#!/usr/bin/env bats
# av-ledger, and every program's message about a ledger that cannot be used.

setup() {
  cd "$BATS_TEST_TMPDIR" || return
  bats_require_minimum_version 1.5.0
  export AV_LEDGER="$BATS_TEST_TMPDIR/ledger.db"
}

# netstring TEXT: keys are hashes of netstrings
netstring() { printf '%d:%s,' "$(printf %s "$1" | wc -c)" "$1"; }

# key_of SUBJECT: the key of a create of provider p, computed without the library
key_of() {
  { for part in avtools-key-1 create p https://api.example/v1 default "$1"; do
      netstring "$part"
    done
    printf -
    netstring '{"a":1}'
  } | sha256sum | cut -d' ' -f1
}

# entry SUBJECT STATE [ID]: an exported entry
entry() {
  jq -nc --arg key "$(key_of "$1")" --arg subject "$1" --arg state "$2" --arg id "${3-}" '{
    $key, $state, operation: "create", provider: "p", base_url: "https://api.example/v1",
    account: "default", $subject, options: {a: 1}, tag: $key[:24],
    first_at: "2026-01-02T03:04:05.678Z", at: "2026-01-02T03:04:06.000Z",
    settled_at: "2026-01-02T03:04:07.089Z"} + (if $id == "" then {} else {$id} end)'
}

@test "help has examples; usage errors exit 64" {
  run av-ledger -h
  [ "$status" -eq 0 ]
  [[ "$output" == *"av-ledger list --state unknown"* ]]
  for arguments in "" "frob" "settle" "settle ab" "settle ab --made x --not-made" \
    "settle a b --not-made" "forget" "check x" "list --frob" "list --state frob" "list --made x" \
    "forget ab --not-made" "forget -p p ab" "check --state made" "import --account a" \
    "settle ab --id x --not-made" "show" "show x -p p" "spend x" "spend --since foo" \
    "spend --until 7" "spend --state made" "list --json" "list --since 7d" "export --until 7d"; do
    # shellcheck disable=SC2086
    run av-ledger $arguments
    echo "$arguments: $status $output"
    [ "$status" -eq 64 ]
  done
}

@test "an empty ledger lists nothing, and check finds no fault" {
  run av-ledger list
  [ "$status" -eq 0 ]
  [ -z "$output" ]
  run av-ledger check
  [ "$status" -eq 0 ]
  [ -z "$output" ]
  [ "$(stat -c %a "$AV_LEDGER")" = 600 ]
}

@test "export returns what was imported" {
  { entry a made id-1; entry b unknown; entry c not_made; entry d failed id-4
    entry e made id-5 | jq -c '. + {file: "e.jpg", cost: {amount: 2.5, unit: "credits"}}'; } >in
  run av-ledger import in
  [ "$status" -eq 0 ]
  [ "$output" = '{"entered":5,"known":0,"refused":0}' ]
  av-ledger export >out
  diff <(jq -cS . in) <(jq -cS . out)
  # Into another ledger, twice.
  av-ledger --ledger other.db import <out
  run av-ledger --ledger other.db import <out
  [ "$output" = '{"entered":0,"known":5,"refused":0}' ]
  diff out <(av-ledger --ledger other.db export)
}

@test "the ledger of an older version is changed, and its entries stay" {
  { entry a made id-1; entry b unknown; } | av-ledger import
  av-ledger export >before
  python3 - "$AV_LEDGER" <<'EOF'
import sqlite3, sys
db = sqlite3.connect(sys.argv[1])
for column in "file", "unit", "amount":
    db.execute("ALTER TABLE entry DROP COLUMN " + column)
db.execute("PRAGMA user_version = 2")
EOF
  av-ledger export | cmp before -
  entry c made id-3 | jq -c '. + {file: "c.jpg"}' | av-ledger import
  [ "$(av-ledger list --id id-3 | jq -r .file)" = c.jpg ]
}

@test "import keeps the state with more knowledge" {
  entry a unknown | av-ledger import
  entry a made id | av-ledger import
  entry a not_made | av-ledger import
  [ "$(av-ledger list | jq -r '.state + .id')" = madeid ]
  entry a gone id | av-ledger import
  entry a made id | av-ledger import
  [ "$(av-ledger list | jq -r .state)" = gone ]
  entry b intended | av-ledger import
  [ "$(av-ledger list --state unknown | jq -r .subject)" = b ]
}

# later: moves the entries to a later attempt
later() { sed 's/"at":"2026-01-02T03/"at":"2026-01-02T04/'; }

state() { av-ledger list | jq -r .state; }

@test "import does not apply an old outcome to a later attempt" {
  # Refused and exported; then requested again, and that answer was lost.
  entry a not_made >old
  entry a unknown | later | av-ledger import
  run av-ledger import old
  [ "$output" = '{"entered":0,"known":1,"refused":0}' ]
  [ "$(state)" = unknown ]
  entry a not_made | later | av-ledger import
  [ "$(state)" = not_made ]
  # Made counts, whichever attempt it was.
  entry a made id | av-ledger import
  [ "$(state)" = made ]
}

@test "import takes over a later attempt of another machine" {
  entry a not_made | av-ledger import
  entry a unknown | later | jq -c '.data = {name: "Ann"} | .clock_offset_ms = 7' >new
  av-ledger import new
  [ "$(state)" = unknown ]
  diff <(jq -cS . new) <(av-ledger list | jq -cS .)
  run av-ledger import new
  [ "$output" = '{"entered":0,"known":1,"refused":0}' ]
}

@test "import refuses a second unknown entry of a key" {
  entry a unknown | av-ledger import
  run av-ledger import < <(entry a unknown | jq -c '.tag = .key[-24:]')
  [ "$status" -eq 65 ]
  [[ "$output" == *"another unknown request of the same key"* ]]
  entry a made id | jq -c '.tag = .key[20:44]' | av-ledger import
  entry b made id | sed 's,/v1",/v1/",' | av-ledger import
  [ "$(av-ledger list --id id | jq -r .base_url | sort -u)" = https://api.example/v1 ]
}

@test "import refuses malformed tags and ids; so does settle" {
  for tag in "" 0123456789abcdef 0123456789ABCDEF01234567 0123456789abcdef0123456g \
    "$(printf 'a%.0s' {1..1000})"; do
    entry a made id | jq -c --arg tag "$tag" '.tag = $tag'
  done >in
  for id in '"../x"' '"a/b"' '"a b"' '"\u001b[2J"' '"a\u009bb"' '"\u007f"' '"a\\b"' \
    "\"$(printf 'a%.0s' {1..257})\""; do
    entry a made id | jq -c --argjson id "$id" '.id = $id'
  done >>in
  run av-ledger import in
  [ "$status" -eq 65 ]
  [[ "$output" == *'{"entered":0,"known":0,"refused":13}'* ]]
  [[ "$output" == *24\ hexadecimal* && "$output" == *"at most 256 bytes"* ]]
  entry a unknown | av-ledger import
  for id in a/b $'a\e' 'a b'; do
    run av-ledger settle "$(key_of a)" --made "$id"
    [ "$status" -ne 0 ]
  done
  [ "$(av-ledger list | jq -r .state)" = unknown ]
  # An id at the limit, and one that is not ASCII.
  entry b made "$(printf 'a%.0s' {1..256})" | av-ledger import
  av-ledger settle "$(key_of a)" --made 'é:_-.~' >out
  [ "$(jq -r .state out)" = made ]
}

@test "import does not block others while it waits for input" {
  mkfifo pipe
  av-ledger import <pipe >out &
  pid=$!
  exec 7>pipe
  { entry a made 1; entry b made 2; } >&7
  until [ "$(av-ledger list | wc -l)" = 2 ]; do :; done
  entry c unknown | timeout 5 av-ledger import
  entry d made 4 >&7
  exec 7>&-
  wait "$pid"
  [ "$(cat out)" = '{"entered":3,"known":0,"refused":0}' ]
  [ "$(av-ledger list | wc -l)" = 4 ]
}

@test "import of many entries takes all" {
  for i in 1 2 3; do entry "s$i" made "$i"; done >in
  for i in $(seq 2000); do cat in in; done >many
  head -c -1 many >cut
  run av-ledger import cut
  [ "$output" = '{"entered":3,"known":11997,"refused":0}' ]
}

@test "import refuses a malformed entry and goes on" {
  { echo '{"key":"x"}'
    echo 'no json'
    entry a made id | sed 's/"subject":"a"/"subject":"z"/'
    entry a made id | sed 's/"made"/"frob"/'
    entry a made
    echo
    entry b made id
  } >in
  run --separate-stderr av-ledger import in
  [ "$status" -eq 65 ]
  [ "$output" = '{"entered":1,"known":0,"refused":5}' ]
  [[ "$stderr" == *"in:3: "*"key"* ]]
  run av-ledger import nowhere
  [ "$status" -eq 66 ]
}

@test "import refuses made entries without an id and malformed times" {
  { entry a made
    entry b failed
    entry c gone
    entry d made 12 | jq -c '.id = 12'
    entry e unknown | jq -c '.at = "yesterday"'
    entry f unknown | jq -c '.first_at = 5'
    entry g unknown | jq -c '.settled_at = "2026-01-02T03:04:07.089Zulu"'
    entry h made "" | jq -c '.id = ""'
    entry i unknown | jq -c 'del(.settled_at) | .at = "2026-01-02T03:04:05Z"'
  } >in
  run --separate-stderr av-ledger import in
  [ "$status" -eq 65 ]
  [ "$output" = '{"entered":2,"known":0,"refused":7}' ]
  [ "$(av-ledger list | jq -r .subject | tr '\n' ' ')" = 'h i ' ]
}

@test "a file that cannot be opened ends import before anything is imported" {
  entry a made id >in
  run av-ledger import in nowhere
  [ "$status" -eq 66 ]
  [ "$(av-ledger list | wc -l)" -eq 0 ]
}

@test "only import creates a named ledger that does not exist" {
  for arguments in list export check "settle ab --not-made" "forget ab"; do
    # shellcheck disable=SC2086
    run av-ledger --ledger slip.db $arguments
    echo "$arguments: $status $output"
    [ "$status" -eq 78 ]
    [[ "$output" == *"there is no ledger 'slip.db'"* ]]
    [ ! -e slip.db ]
  done
  entry a made id | av-ledger --ledger slip.db import
  [ "$(av-ledger --ledger slip.db list | jq -r .subject)" = a ]
}

@test "list filters" {
  { entry a made id-1; entry b unknown; } | av-ledger import
  entry c made id-3 | jq -c '.tag = .key[-24:]' | av-ledger import
  [ "$(av-ledger list --state made | wc -l)" -eq 2 ]
  [ "$(av-ledger list --id id-3 | jq -r .subject)" = c ]
  [ "$(av-ledger list -p p --account default | wc -l)" -eq 3 ]
  [ "$(av-ledger list -p q | wc -l)" -eq 0 ]
  [ "$(av-ledger list "$(key_of b)" | jq -r .subject)" = b ]
  for length in 5 6 7 63; do
    key=$(key_of a)
    [ "$(av-ledger list "${key:0:length}" | jq -r .subject)" = a ]
  done
  run av-ledger list xyz
  [ "$status" -eq 65 ]
}

# priced STATE AMOUNT UNIT TIME FILE: an exported entry with file, cost and id
priced() {
  local subject
  subject=$(printf %s "$*" | sha256sum | cut -d' ' -f1)
  entry "$subject" "$1" "id-${subject:0:4}" | jq -c --argjson amount "$2" --arg unit "$3" \
    --arg at "$4" --arg file "$5" '. + {$at, $file, cost: {$amount, $unit}}'
}

@test "show: was it charged? by path, content, id or key" {
  mkdir photos
  printf a >photos/a.jpg
  printf b >photos/b.jpg
  hash=$(sha256sum <photos/a.jpg | cut -d' ' -f1)
  { entry "$hash" made id-a | jq -c '. + {file: "photos/a.jpg", sent_name: "Ann", cost: {amount: 2, unit: "credits"}}'
    entry id-a unknown | jq -c '. + {file: "photos/a.jpg", cost: {amount: 160, unit: "credits/minute"}}'
    entry https://a.test/b.jpg not_made
    entry old failed id-old; } | av-ledger import
  key=$(key_of "$hash")
  run -0 av-ledger show photos/a.jpg
  [ "${lines[0]}" = photos/a.jpg ]
  [ "${lines[1]}" = "  charged  yes: 2 credits (p, create)" ]
  [ "${lines[2]}" = "  state    made since 2026-01-02T03:04:07.089Z, id id-a, name Ann" ]
  [ "${lines[3]}" = "  key      $key" ]
  [ "${lines[5]}" = "  charged  unknown, perhaps 160 credits/minute (p, create)" ]
  [[ ${lines[8]} == "  to do    "*"av-ledger settle $(key_of id-a | cut -c1-12) --made ID, or --not-made" ]]
  [ "${#lines[@]}" -eq 9 ]
  mv photos/a.jpg moved.jpg
  for operand in moved.jpg "$hash" "${key:0:8}" "$key"; do
    run -0 av-ledger show --json "$operand"
    echo "$operand: $output"
    diff <(av-ledger list "$key") - <<<"$output"
  done
  is_charged() { av-ledger show "$1" | sed -n 's/^  charged  //p'; }
  [ "$(is_charged https://a.test/b.jpg)" = "no (p, create)" ]
  [ "$(is_charged id-old)" = "yes, but the cost was not noted (p, create)" ]
  [ "$(is_charged id-a | sort | xargs)" = "unknown, perhaps 160 credits/minute (p, create) yes: 2 credits (p, create)" ]
  run -65 av-ledger show photos/b.jpg . nothing "${key:0:3}" id-old
  [ "$(grep -c 'this ledger has no request for' <<<"$output")" -eq 4 ]
  [[ $output == *"charged  yes, but"* ]]
}

@test "show: text from outside is safe on a terminal" {
  entry a made id-a | jq -c '. + {file: "a\u001b[31m\u202e.jpg", provider: "p"}' | av-ledger import
  run -0 av-ledger show id-a
  [[ $output == *'a\x1b[31m\u202e.jpg'* ]]
}

@test "spend: sums by provider and unit, unknown apart, by time" {
  { priced made 2 credits 2026-11-01T10:00:00.000Z a
    priced failed 2.5 credits 2026-11-02T10:00:00.000Z b
    priced unknown 2 credits 2026-11-02T11:00:00.000Z c
    priced not_made 2 credits 2026-11-02T11:00:00.000Z d
    priced made 0 rendering 2026-11-02T11:00:00.000Z e
    priced made 160 credits/minute 2026-11-03T23:59:59.999Z f
    entry old gone id-old; } | av-ledger import
  run -0 av-ledger spend
  diff - <(xargs -n 6 <<<"$output") <<'EOF'
provider unit made amount unknown amount
p credits 2 4.5 1 2
p credits/minute 1 160 0 0
p ? 1 ? 0 ?
EOF
}

@test "spend: since and until, as JSON" {
  export TZ=UTC
  { priced made 1 avatar 2026-11-01T10:00:00.000Z a
    priced made 1 avatar 2026-11-02T10:00:00.000Z b
    priced made 1 avatar "$(date -u +%FT%T.000Z)" c
    priced made 1 avatar "$(date -u -d '2 days ago' +%FT%T.000Z)" d; } | av-ledger import
  # made OPTION...: how many were made
  made() { av-ledger spend --json "$@" | jq -s 'map(.made.amount) | add // 0'; }
  [ "$(made)" = 4 ]
  [ "$(made --since 2026-11-02 --until 2026-11-02)" = 1 ]
  [ "$(made --until 2026-11-01T10:00:00)" = 0 ]
  [ "$(made --until 2026-11-01T10:00:01+00:00)" = 1 ]
  [ "$(made --since 1d)" = 1 ]
  [ "$(made --since 3d)" = 2 ]
  [ "$(made --since "$(date -u -d '2 days ago' +%A)")" = 2 ]
  [ "$(made -p other)" = 0 ]
  [ "$(av-ledger spend --json --since 1d)" = \
    '{"provider":"p","unit":"avatar","made":{"requests":1,"amount":1},"unknown":{"requests":0,"amount":0}}' ]
  [ "$(av-ledger spend -p other)" = "nothing was paid for" ]
}

@test "settle changes unknown entries only" {
  { entry a unknown; entry b unknown; entry c made id; } | av-ledger import
  run av-ledger settle "$(key_of a | cut -c1-10)" --made 4711
  [ "$status" -eq 0 ]
  [ "$(jq -r '.state + .id' <<<"$output")" = made4711 ]
  run av-ledger settle "$(key_of b)" --not-made
  [ "$(jq -r .state <<<"$output")" = not_made ]
  for arguments in "$(key_of a) --not-made" "$(key_of c) --made x" "0000000000 --not-made" \
    "xyz --not-made"; do
    # shellcheck disable=SC2086
    run av-ledger settle $arguments
    echo "$output"
    [ "$status" -eq 65 ]
  done
  # An ambiguous prefix is refused; of seventeen keys, two share the first digit.
  for i in $(seq 14); do entry "s$i" unknown; done | av-ledger import
  first=$(av-ledger list | jq -r '.key[0:1]' | sort | uniq -d | head -n 1)
  run av-ledger settle "$first" --not-made
  [ "$status" -eq 65 ]
  [[ "$output" == *several* ]]
}

@test "an empty key does not match the only entry" {
  entry a unknown | av-ledger import
  for arguments in "forget" "settle --not-made"; do
    # shellcheck disable=SC2086
    run av-ledger $arguments ""
    [ "$status" -eq 65 ]
    [[ "$output" == *empty* ]]
  done
  [ "$(state)" = unknown ]
}

@test "forget removes an entry" {
  { entry a made id; entry b made id; } | av-ledger import
  av-ledger list "$(key_of a)" >was
  av-ledger forget "$(key_of a)" >forgotten
  [ "$(av-ledger list | jq -r .subject)" = b ]
  # and import brings it back
  diff was forgotten
  av-ledger import forgotten
  diff was <(av-ledger list "$(key_of a)")
  av-ledger forget "$(key_of a)"
  run av-ledger forget "$(key_of a)"
  [ "$status" -eq 65 ]
}

@test "check finds damage" {
  for i in $(seq 16); do entry "$(printf '%d%03000d' "$i" 0)" made "id$i"; done | av-ledger import
  run av-ledger check
  [ "$status" -eq 0 ]
  # The middle of the file holds rows and indexes.
  dd if=/dev/urandom of="$AV_LEDGER" bs=4096 seek=5 count=3 conv=notrunc status=none
  run av-ledger check
  echo "$output"
  [ "$status" -ne 0 ]
}

@test "an unusable ledger is reported, exit status 78" {
  echo 'this is a text, no database, and long enough to be read as one: not at all' >text
  for file in text /nowhere/ledger.db /proc/ledger.db; do
    run av-ledger --ledger "$file" list
    echo "$output"
    [ "$status" -eq 78 ]
  done
  run av-ledger --ledger none list
  [ "$status" -eq 78 ]
  run env -u AV_LEDGER -u HOME -u XDG_STATE_HOME av-ledger list
  [ "$status" -eq 78 ]
  [[ "$output" == *HOME* ]]
  run env -u AV_LEDGER XDG_STATE_HOME="$PWD/text" av-ledger list
  [ "$status" -eq 78 ]
  [[ "$output" == *"text/avtools': Not a directory" ]]
}

@test "a read-only directory is reported when the ledger is opened" {
  dir=$(mktemp -d /tmp/av-ledger.XXXXXX)
  cp "$(command -v av-ledger)" "$dir/av-ledger"
  "$dir/av-ledger" --ledger "$dir/ledger.db" import </dev/null
  chmod 555 "$dir"
  as=()
  if [ "$(id -u)" -eq 0 ]; then
    chmod 644 "$dir/ledger.db"
    as=(setpriv --reuid=65534 --regid=65534 --clear-groups)
  fi
  run "${as[@]}" "$dir/av-ledger" --ledger "$dir/ledger.db" list
  chmod 755 "$dir"
  rm -r "$dir"
  echo "$output"
  [ "$status" -eq 78 ]
}

@test "output that cannot be written: exit status 74" {
  entry a made id | av-ledger import
  run bash -c 'av-ledger list >/dev/full'
  [ "$status" -eq 74 ]
}
