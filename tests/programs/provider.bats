#!/usr/bin/env bats
# av-provider, and what the loader accepts and refuses.

load helper

setup() {
  export XDG_CONFIG_HOME="$BATS_TEST_TMPDIR/config"
  dir="$XDG_CONFIG_HOME/avtools/providers"
  mkdir -p "$dir"
  top="$BATS_TEST_DIRNAME/../.."
  builtin=$(ls "$top"/lib/providers/*.json | wc -l)
  cd "$BATS_TEST_TMPDIR" || return
}

# change EXPR: writes the example, changed by jq, to acme.json
change() {
  example | jq "$1" >acme.json
}

# check_fails_with TEXT: check refuses acme.json with that text
check_fails_with() {
  run --separate-stderr av-provider check acme.json
  [ "$status" -eq 65 ]
  [ -z "$output" ]
  echo "$stderr"
  grep -qF -- "$1" <<<"$stderr"
}

@test "list: a line of JSON for each provider, with builtin" {
  run --separate-stderr av-provider list
  [ "$status" -eq 0 ]
  [ -z "$stderr" ]
  [ "${#lines[@]}" -eq "$builtin" ]
  for file in "$top"/lib/providers/*.json; do
    name=$(basename "$file" .json)
    jq -es --arg n "$name" --slurpfile d "$file" '.[] | select(.name == $n)
      | .title == $d[0].title and .base_url == $d[0].base_url and .checked == $d[0].checked
      and .kinds == ($d[0].kinds // {} | keys_unsorted)
      and .default_kinds == ($d[0].default_kinds // [])
      and .aliases == $d[0].aliases and .builtin and (has("file") | not)' <<<"$output"
  done
}

@test "list: a file in the configuration directory adds a provider" {
  example >"$dir/acme.json"
  run --separate-stderr av-provider list
  [ "$status" -eq 0 ]
  jq -es --arg f "$dir/acme.json" --argjson n "$builtin" 'length == $n + 1 and
    (.[] | select(.name == "acme") | .file == $f and (.builtin | not))' <<<"$output"
  run av-provider list --words
  grep -qx $'acme\tAcme Faces' <<<"$output"
}

@test "list: a bad file is reported and hides no other" {
  echo '{"name":' >"$dir/broken.json"
  example >"$dir/acme.json"
  run --separate-stderr av-provider list
  [ "$status" -eq 78 ]
  [ "${#lines[@]}" -eq "$((builtin + 1))" ]
  grep -q "broken.json:2:1: not JSON: " <<<"$stderr"
}

@test "list --words names each with its aliases" {
  run av-provider list -w
  [ "$status" -eq 0 ]
  grep -q $'^avtr1\t' <<<"$output"
  grep -q $'^protoface\t' <<<"$output"
}

@test "show prints a description unchanged, also by alias" {
  for file in "$top"/lib/providers/*.json; do
    av-provider show "$(basename "$file" .json)" | cmp - "$file"
  done
  av-provider show protoface | cmp - "$top/lib/providers/avtr1.json"
  example >"$dir/acme.json"
  av-provider show acme | cmp - "$dir/acme.json"
}

@test "kinds: the values of -r" {
  run av-provider kinds loom
  [ "$status" -eq 0 ]
  jq -es 'map(.kind) == ["pose", "animation", "preview", "gltf", "attachment"]
    and .[0].takes_value and .[0].operations == ["render"] and .[0].options == ["size", "background_color"]
    and (.[0].default | not) and .[2].default and .[2].operations == []' <<<"$output"
  run av-provider kinds argil
  jq -es '.[2].costs | length == 1 and (.[0] | [.credits, .per, .checked] == [160, "minute", "2026-11-27"])' <<<"$output"
  run av-provider kinds avtr1
  [ "$status" -eq 0 ]
  [ -z "$output" ]
  run av-provider kinds -w loom
  grep -qx $'pose=hi\tsticker in a named pose' <<<"$output"
  grep -q $'^gltf\t' <<<"$output"
}

@test "options: the values of -O, of all operations or one step" {
  run av-provider options argil
  [ "$status" -eq 0 ]
  jq -es 'map(select(.operation == "create").name) == ["voiceId", "extras", "callbackUrl"]
    and (map(select(.required) | .operation) | unique == ["asset_create", "webhook_create"])
    and (map(select(.operation == "create" and .name == "voiceId") | .schema.list) == ["voices"])
    and (.[0] | .type == "string" and .schema.format == "uuid")' <<<"$output"
  run av-provider options argil --step upload
  jq -es 'map(.operation) | unique == ["create"]' <<<"$output"
  run av-provider options argil --step render --words
  grep -q $'^aspectRatio=9:16\t' <<<"$output"
  grep -q $'^includeStyling=true\t' <<<"$output"
  [[ "$output" != *orientation* ]]
  run av-provider options loom --words
  grep -q $'^solve=false\t' <<<"$output"
  run -64 av-provider options loom --step poll
}

# rows NAME: the row of a service in each table of the output, without runs of blanks
rows() {
  grep "^$1 " <<<"$output" | tr -s ' '
}

@test "compare: tables of 80 columns, from the descriptions" {
  run --separate-stderr av-provider compare
  [ "$status" -eq 0 ]
  [ -z "$stderr" ]
  echo "$output"
  [ "$(awk '{ if (length > n) n = length } END { print n }' <<<"$output")" -le 80 ]
  run av-provider compare anam argil avtr1 loom
  [ "$(rows argil)" = "argil png jpeg webp 10 MB 1280x720-3840x2160 16:9 9:16 yes
argil 2 credits no yes list: tag, name, time
argil thumbnail, cover*, video (160 credits/minute), subtitled (with video)," ]
  [ "$(rows loom)" = "loom jpeg png 15.9 MB any any no
loom no price known yes no list: size, time; exclusive account
loom pose (1 rendering), animation (1 rendering), preview*, gltf, attachment" ]
  [ "$(rows avtr1)" = "avtr1 png jpeg any any any no
avtr1 no price known yes no list: name, time
avtr1 none" ]
  example | jq '.experimental = true | del(.operations.create.lookup) | .image.max_pixels = 16000000
    | .image.min = [64, 64] | .operations.create.cost = {"credits": 1.5}' >"$dir/acme.json"
  run av-provider compare protoface acme
  [ "$(rows 'acme?')" = "acme? jpeg png 8 MB from 64x64 to 16 MP any no
acme? 1.5 credits no no you, with av-ledger settle
acme? portrait*" ]
  [ "$(rows avtr1 | wc -l)" -eq 3 ]
  [ "$(rows anam | wc -l)" -eq 0 ]
  [[ $output == *"? experimental: "* ]]
}

@test "compare --json: one object for each service, with what the tables say" {
  run av-provider compare --json
  [ "${#lines[@]}" -eq "$builtin" ]
  jq -es 'map(.name) == (map(.name) | sort) and (map({(.name): .}) | add) as $all
    | ($all.argil | .create == {"operation":"create","priced":true,"amount":2,"unit":"credits"} and .events and (.deletes | not)
      and .unknown == {"by":"lookup","operation":"avatars","evidence":["tag","name","time"],"exclusive":false}
      and (.kinds | map(select(.kind == "video") | .costs[1] | [.amount, .unit]) == [[160, "credits/minute"]]))
    and ($all.loom | .unknown.exclusive and .unknown.evidence == ["size", "time"])
    and all(.[]; has("photo") | not)' <<<"$output"
}

@test "compare --photo: the findings of av-validate -p all" {
  faces ann.jpg=1000x1000 '{odd}.jpg=1280x720'
  run --separate-stderr av-provider compare --photo ann.jpg
  [ "$status" -eq 0 ]
  [ -z "$stderr" ]
  [[ $(rows argil | tail -n 1) == "argil refused: the picture is too small: "* ]]
  [[ $(rows anam | tail -n 1) == "anam accepted" ]]
  run av-provider compare --json --photo ann.jpg
  jq -c '{name, refused: .photo.refused, findings: .photo.findings}' <<<"$output" >got
  av-validate -k -p all ann.jpg 2>/dev/null |
    jq -c '{name: .provider, refused: has("error"), findings: (.error.problems // .image.warnings // [])}' | diff got -
  run --separate-stderr av-provider compare --photo '{odd}.jpg' argil
  [[ $(rows argil | tail -n 1) == "argil accepted" ]]
  run --separate-stderr av-provider compare --photo none.jpg anam
  [ "$status" -eq 0 ]
  [[ $(rows anam | tail -n 1) == "anam cannot open 'none.jpg'"* ]]
  cp ann.jpg $'\xff.jpg'
  run -65 --separate-stderr av-provider compare --photo $'\xff.jpg'
  [[ $stderr == *"cannot check '\xff.jpg'"*UTF-8* ]]
  run --separate-stderr av-provider compare --photo ann.jpg nobody anam
  [ "$status" -eq 78 ]
  [ "$(grep -c "unknown provider 'nobody'" <<<"$stderr")" -ge 1 ]
  [[ $(rows anam | tail -n 1) == "anam accepted" ]]
}

@test "stale: facts older than N days, by place" {
  day() { date -u -d "$1 days ago" +%F; }
  example | jq --arg c "$(day 91)" --arg p "$(day 200)" '.checked = $c
    | .operations.create.cost = {"credits": 1, "checked": $p}' >"$dir/acme.json"
  run --separate-stderr av-provider stale acme
  [ "$status" -eq 65 ]
  [ -z "$stderr" ]
  [ "$output" = "acme: the description was checked on $(day 91), 91 days ago
acme: /operations/create/cost was checked on $(day 200), 200 days ago" ]
  run av-provider stale --days 91 --json acme
  [ "$status" -eq 65 ]
  jq -es --arg p "$(day 200)" 'length == 1 and (.[0] | .name == "acme" and .place == "/operations/create/cost"
    and .checked == $p and .days == 200 and (.sources | length == 1))' <<<"$output"
  run av-provider stale --days 200 acme
  [ "$status" -eq 0 ]
  [ -z "$output" ]
  run av-provider stale --days 100000
  [ "$status" -eq 0 ]
  run av-provider stale nobody
  [ "$status" -eq 78 ]
  run -64 av-provider stale --days 0
}

@test "nothing that talks to services or decodes photos is linked into av-provider" {
  run -0 ldd "$(command -v av-provider)"
  [[ $output == *libc.so* ]]
  run -1 grep -E 'curl|sqlite|magic|jpeg|webp|crypto|ssl' <<<"$output"
}

@test "schema prints the schemas" {
  av-provider schema | cmp - "$top/lib/schema/provider.json"
  av-provider schema provider | cmp - "$top/lib/schema/provider.json"
  av-provider schema record | cmp - "$top/lib/schema/record.json"
  av-provider schema report | cmp - "$top/lib/schema/report.json"
  run av-provider schema nothing
  [ "$status" -eq 64 ]
}

@test "the built-in files are valid, by check and by python3-jsonschema" {
  run --separate-stderr av-provider check "$top"/lib/providers/*.json
  echo "$stderr"
  [ "$status" -eq 0 ]
  [ -z "$output$stderr" ]
  for file in "$top"/lib/providers/*.json; do
    jq -c . "$file"
  done | "$top/tests/lint/schema-check" "$top/lib/schema/provider.json"
}

@test "the manual's example is valid, by both" {
  example >acme.json
  run --separate-stderr av-provider check acme.json
  echo "$stderr"
  [ "$status" -eq 0 ]
  jq -c . acme.json | "$top/tests/lint/schema-check" "$top/lib/schema/provider.json"
}

@test "check: every fault with file, line and column" {
  cat >bad.json <<'END'
{
  "name": "bad",
  "title": "",
  "checked": "soon",
  "sources": ["https://example.org/"],
  "base_url": "http://example.org",
  "auth": { "header": "x-api-key", "heder": 1 },
  "operations": { "create": { "method": "TRACE", "path": "avatars" } }
}
END
  example >good.json
  run --separate-stderr av-provider check good.json bad.json
  [ "$status" -eq 65 ]
  [ -z "$output" ]
  echo "$stderr"
  [ "$(sed 's/^av-provider: \(bad.json:[0-9]*:[0-9]*\): .*/\1/' <<<"$stderr")" = \
"bad.json:3:3
bad.json:4:3
bad.json:6:3
bad.json:7:36
bad.json:8:31
bad.json:8:50" ]
  grep -q "did you mean 'header'" <<<"$stderr"
}

@test "check: malformed JSON" {
  printf '{"name": "x",\n  "title": }\n' >bad.json
  run --separate-stderr av-provider check bad.json
  [ "$status" -eq 65 ]
  echo "$stderr"
  [ "$stderr" = "av-provider: bad.json:2:12: not JSON: a value is expected" ]
  : >bad.json
  run --separate-stderr av-provider check bad.json
  [ "$status" -eq 65 ]
  [[ "$stderr" == *"bad.json:1:1: not JSON: it is empty" ]]
  echo null >bad.json
  run --separate-stderr av-provider check bad.json
  [ "$status" -eq 65 ]
  [[ "$stderr" == *"bad.json:1:1: "* ]]
}

@test "check: missing and unknown members" {
  for member in name title checked sources base_url auth operations; do
    change "del(.$member)"
    check_fails_with "acme.json:1:1: /: member '$member' is missing"
  done
  change '.colour = "red"'
  line=$(grep -n '"colour"' acme.json | cut -d: -f1)
  check_fails_with "acme.json:$line:3: /colour: "
}

@test "check: places and URLs of another form" {
  while IFS='~' read -r expr message; do
    change "$expr"
    check_fails_with "$message"
  done <<'END'
.operations.create.lookup.created_at = "made"~/created_at: must match ^/; got "made"
.operations.create.lookup.match = {"label":"{name}"}~/match/label: must match ^/
.operations.avatars.paging.items = "faces"~/items: must match ^(/|$)
.operations.avatars.paging.last = "pages"~/last: must match ^/
.base_url += "/"~/base_url: must match [^/]$
END
}

@test "check: a life that no clock can count" {
  change '.operations.create |= (.idempotency.life_s = 315360000 | .headers.Key = "{idempotency_key}"
    | .answer.expires_s = 315360000)'
  run --separate-stderr av-provider check acme.json
  echo "$stderr"
  [ "$status" -eq 0 ]
  for life in 315360001 1e300; do
    change ".operations.create.idempotency.life_s = $life"
    check_fails_with "/operations/create/idempotency/life_s: must be at most 315360000"
    change ".operations.create.answer.expires_s = $life"
    check_fails_with "/operations/create/answer/expires_s: must be at most 315360000"
  done
}

@test "check: faults that a schema cannot express" {
  while IFS='~' read -r expr message; do
    change "$expr"
    echo "$expr"
    check_fails_with "$message"
    grep -qE "acme.json:[0-9]+:[0-9]+: /" <<<"$stderr"
  done <<'END'
.operations.create.repeatable = true~creating is not repeatable
.operations.create.outcomes = []~needs a rule that says ok
.operations.create.answer.states = "none"~no set of states is called 'none'
.operations.create.answer.required = ["id","size"]~'size' is required but not taken
del(.operations.create.answer.take.id) | .operations.create.answer.required = []~its answer must require id
.operations.create.answer = "none"~no answer is called 'none'
del(.operations.avatars)|del(.operations.create.lookup.operation)~no operation is called 'avatars'
.operations.create.lookup.picture = "still"~the answer of 'avatars' takes no 'still'
.operations.create.options.properties.extra = {"type":"string"}~no template sends the option
.operations.create.options.properties.style = {}~the option needs a type
.operations.create.options.properties.style.minimun = 1~unknown keyword 'minimun'
.operations.create.bodies[0].multipart.x = "{options.y}"~{options.y} is not an option of the operation
.operations.create.bodies[0].multipart.x = "{nonsense}"~{nonsense} is not a variable
.operations.create.bodies[0].multipart.x = "{kind.none}"~{kind.none}: there is no such kind
.operations.create.lookup = {"operation":"none","settle_s":1}~no operation is called 'none'
del(.operations.create.lookup.match)~a list needs match or tag to tell candidates apart
.operations.create.lookup.operation = "status"~'status' is not a list, so started is needed
.operations.create.lookup.match["/x"] = "{nonsense}"~{nonsense} is not a variable
.operations.status.answer.required = []~it asks for a state: its answer must require status
del(.operations.status.answer.states)~it asks for a state: its answer must require status
del(.operations.status) | .kinds = {} | .default_kinds = []~it must take a status
.kinds.portrait.start = ["avatars"] | .kinds.portrait.status = "status"~its first operation must require id
.kinds.portrait.start = ["create"]~a kind with start needs a status
.operations.create.answer.take.x = "/x" | .kinds.x = {"start":["create"],"result":{"operation":"create","take":"x"},"types":{"image/png":"png"}}~so it must require the name that result takes
.operations.create.answer.take.x = "/x" | .kinds.x = {"start":["create"],"status":"status","result":{"operation":"create","take":"x"},"types":{"image/png":"png"}}~its order has the file, so it has no status
.kinds.portrait.status = "avatars"~it asks for a state: its answer must require status
.kinds.portrait.result.operation = "none"~its result is not an operation
.kinds.portrait.result.take = "none"~does not take 'none'
del(.kinds.portrait.result.take) | .kinds.portrait.result.operation = "create"~the response is the file: this needs a GET
.kinds.portrait.of = "none"~no kind is called 'none'
.kinds.two = (.kinds.portrait + {"of":"portrait"})~'portrait' has no start of its own
.kinds.portrait.result.take = {"list":"/x","where":{"/y":"{kind.none}"},"pointer":"/z"}~{kind.none}: there is no such kind
.kinds.portrait.result.take = {"list":"/x","where":{"/y":"z"},"pointer":{"list":"/x","where":{"/y":"{kind.none}"},"pointer":"/z"}}~{kind.none}: there is no such kind
.operations.create.options.properties.style.file = {"audio/wav":"wav"}~file needs maxBytes
.operations.create.options.properties.style |= {"type":"array","file":{"audio/wav":"wav"},"maxBytes":9}~so its type is string
.operations.create.options.properties.style.file = ["audio/wav"]~an object of media types
.operations.create.options.properties.style |= {"type":"string","file":{"wav":""},"maxBytes":9}~'wav' is not a media type
.operations.create.bodies[0].multipart.x = "{options.style.ext}"~only a file has type, ext, base64 and data_uri
.operations.create.options.properties.style |= {"type":"string","file":{"audio/wav":"wav"},"maxBytes":9} | .operations.create.bodies[0].multipart.x = "{options.style.size}"~only a file has type
.operations.create.options.properties.style |= {"type":"string","file":{"audio/wav":"wav"},"maxBytes":9} | .operations.create.bodies[0].multipart.x = "{options.style.base64}"~{options.style.base64} does not fit here
.operations.create.options.properties.style |= {"type":"string","file":{"audio/wav":"wav"},"maxBytes":9} | .operations.create.query.x = "{options.style}"~{options.style} does not fit here
.operations.create.options.properties.style.list = "none"~no list is called 'none'
.operations.create.options.properties.style.list = "status"~no list is called 'status'
.operations.create.options.properties.style.list = "avatars" | del(.operations.avatars.answer)~the entries of the list 'avatars' have no id
.operations.create.bodies[0].multipart.x = "{each.y}"~no option is a list of objects with this member
.kinds.portrait.start = ["none"]~number 1 is not an operation
.kinds.portrait.status = "none"~its status is not an operation
.default_kinds = ["none"]~no kind is called 'none'
.kinds.portrait.value = {"type":"string"}~only -r may order it
.kinds.portrait.start = ["create"] | .kinds.portrait.status = "status"~only -r may order it
.auth.check = "none"~no operation is called 'none'
.auth.check = "create"~'create' must be a free GET or HEAD, and need no avatar
.auth.check = "status"~'status' must be a free GET or HEAD, and need no avatar
.operations.create.bodies[0].multipart.x = "{file.base64}"~{file.base64} does not fit here
.operations.create.bodies[0] = {"json":{"x":"{file}","y":"{options.style}"}}~{file} does not fit here
.operations.create.headers.Key = "{idempotency_key}"~{idempotency_key} needs idempotency
.operations.create.idempotency = {"life_s":60}~no template sends {idempotency_key}
.operations.status |= (.idempotency = {"life_s":60} | .headers.Key = "{idempotency_key}")~idempotency is for an operation that is not repeatable
.operations.create.options.properties.rate = {"type":"string","account":true}~the environment has another meaning for this name
.auth.oauth = {"token_url":"https://acme.example/t","grants":[{"name":"client_credentials","grant_type":"client_credentials"}]} | .auth.or = [{"header":"X","credential":"password"}]~oauth goes with neither credential nor or
.events = {"name":"/e","secret":"/s","kinds":{"x":{"of":"avatar","id":"/id"}}}~a secret belongs to a signature and to an operation that registers
.events = {"name":"/e","kinds":{"x":{"of":"avatar","id":"/id"}},"signature":{"header":"X","algorithm":"hmac-sha256","encoding":"hex","signed":"{time}.{body}"}}~signed: an event has no 'time'
.operations.create.cost = {}~a cost has either credits, or an amount
.operations.create.cost = {"credits":1,"amount":1,"unit":"USD"}~a cost has either credits, or an amount
.operations.create.cost = {"amount":1}~unit is the currency of amount
.operations.create.cost = {"credits":1,"by":"style"}~by and amounts belong together
.operations.create.cost = {"credits":1,"by":"size","amounts":{"x":1}}~the operation has no option 'size'
.operations.create.cost = {"credits":1,"by":"style","amounts":{"x":1}}~'x' is no value of 'style'
.operations.create.pace = "slow"~no class is called 'slow'
.pace.classes.fast = {"rate":2} | .operations.create.pace = "slow"~no class is called 'slow'
.operations.create.answer.findings = {"passed":"/ok"}~findings are for an operation that is repeatable
.operations.avatars.answer.findings = {"passed":"/ok","list":"/x"}~list and each belong together
.image.url = "("~it is not a regular expression
.id_pattern = "("~it is not a regular expression
.id_pattern = "^\\d+$"~it is a POSIX extended regular expression
.image.url = "^\\w+:"~it is a POSIX extended regular expression
.operations.create.options.properties.style.pattern = "^\\d"~which has neither
.operations.create.options.required = ["stile"]~required: the operation has no option 'stile'
.operations.create.options.oneOf = [{"required":["style"]},{"required":["stile"]}]~has no option 'stile'
END
}

# The example in short forms.
short='.answers.face = .operations.status.answer | .answers.face.take.id = "/id"
  | del(.answers.face.required)
  | .operations.create.answer = "face" | .operations.status.answer = "face"
  | .operations.create.bodies |= .[0]
  | .outcomes += .operations.create.outcomes | del(.operations.create.outcomes)
  | del(.operations.create.lookup.operation, .operations.create.lookup.settle_s)'

# long FILE: a description in its long form, without what short forms leave out.
long() {
  jq '.answers as $named | del(.answers) | .operations[] |=
    (if .answer | type == "string" then .answer = $named[.answer] else . end
    | if .bodies | type == "object" then .bodies = [.bodies] else . end)' "$1"
}

@test "check: short forms mean the same as long ones" {
  change "$short"
  run --separate-stderr av-provider check acme.json
  echo "$stderr"
  [ "$status" -eq 0 ]
  # Mistakes in a named answer are reported where it is used, and where it is written.
  change "$short | .answers.face.states = \"none\""
  check_fails_with "/operations/create: no set of states is called 'none'"
  change "$short | .answers.face.tak = {}"
  check_fails_with "/answers/face/tak: unknown member 'tak' (did you mean 'take'?)"
  change "$short | .answers.face.required = [\"size\"]"
  check_fails_with "/operations/status: answer: 'size' is required but not taken"
  for file in "$top"/lib/providers/*.json; do
    long "$file" >long.json
    run --separate-stderr av-provider check long.json
    [ "$status" -eq 0 ]
  done
}

@test "short forms take a photo all the way, and show prints them unchanged" {
  example | jq "$short" >"$dir/acme.json"
  av-provider show acme | cmp - "$dir/acme.json"
  cp "$top/tests/photos/baseline.jpg" ann.jpg
  export ACME_API_KEY=sesame XDG_STATE_HOME="$BATS_TEST_TMPDIR/state"
  unset AV_LEDGER AV_PROVIDER
  run --separate-stderr "$top/tests/servers/acme-server" bash -c 'set -o pipefail
    av-upload -p acme -O style=comic ann.jpg | av-poll --interval 20ms >done.jsonl'
  echo "$output $stderr"
  [ "$status" -eq 0 ]
  [ "$(head -1 <<<"$output")" = "POST /v2/faces sesame photo label style" ]
  jq -e '.avatar.id == "face-1" and .avatar.status == "ready"' done.jsonl
}

@test "a photo in a file hides the record's url from the body" {
  example | jq '.operations.create |= (del(.options) | .bodies[0].multipart.style = "{url}")' >"$dir/acme.json"
  cp "$top/tests/photos/baseline.jpg" ann.jpg
  export ACME_API_KEY=sesame XDG_STATE_HOME="$BATS_TEST_TMPDIR/state"
  run --separate-stderr "$top/tests/servers/acme-server" bash -c \
    'av-upload -p acme --ledger none <<<"{\"file\":\"ann.jpg\",\"url\":\"https://example.org/ann.jpg\"}" >done.jsonl'
  echo "$output $stderr"
  [ "$status" -eq 0 ]
  [ "$output" = "POST /v2/faces sesame photo label" ]
}

@test "check: a file that cannot be opened ends it before any check" {
  echo '{' >bad.json
  run --separate-stderr av-provider check bad.json none.json
  [ "$status" -eq 66 ]
  [[ "$stderr" == *"cannot open 'none.json'"* ]]
  [[ "$stderr" != *"bad.json"* ]]
}

@test "a user's file may not send a built-in provider's credentials elsewhere" {
  for change in '.base_url = "https://evil.example/v0.5"' \
    '.auth.oauth.token_url = "https://evil.example/token"' \
    '.auth.oauth.revoke_url = "https://evil.example/revoke"'; do
    jq "$change" "$top/lib/providers/loom.json" >"$dir/loom.json"
    run --separate-stderr av-provider show loom
    [ "$status" -eq 78 ]
    [ -z "$output" ]
    [[ "$stderr" == *"must go nowhere else"* ]]
    run --separate-stderr av-provider list
    [ "$status" -eq 78 ]
    [ "${#lines[@]}" -eq "$((builtin - 1))" ]
  done
  jq '.pace.rate = 2' "$top/lib/providers/loom.json" >"$dir/loom.json"
  run av-provider list
  [ "$status" -eq 0 ]
  jq -es --arg f "$dir/loom.json" '.[] | select(.name == "loom") | .file == $f' <<<"$output"
}

@test "a user's file may not use a built-in provider's name or alias" {
  for name in anam protoface; do
    example | jq --arg n "$name" '.aliases = [$n]' >"$dir/acme.json"
    run --separate-stderr av-provider show acme
    [ "$status" -eq 78 ]
    [[ "$stderr" == *"'$name' is a name of the built-in"* ]]
    run -65 --separate-stderr av-provider check "$dir/acme.json"
    [[ "$stderr" == *"acme.json: '$name' is a name of the built-in"* ]]
  done
  rm "$dir/acme.json"
  example | jq '.name = "protoface"' >"$dir/protoface.json"
  run --separate-stderr av-provider show protoface
  [ "$status" -eq 78 ]
  [[ "$stderr" == *"must go nowhere else"* ]]
  rm "$dir/protoface.json"
  # A file that replaces the provider may keep the aliases.
  cp "$top/lib/providers/avtr1.json" "$dir/avtr1.json"
  av-provider show protoface | cmp - "$dir/avtr1.json"
}

@test "a file's name must match its name member" {
  example >"$dir/other.json"
  run --separate-stderr av-provider show other
  [ "$status" -eq 78 ]
  [[ "$stderr" == *"its name is 'acme', not 'other'"* ]]
}

@test "without XDG_CONFIG_HOME user files are under HOME" {
  unset XDG_CONFIG_HOME
  export HOME="$BATS_TEST_TMPDIR/home"
  mkdir -p "$HOME/.config/avtools/providers"
  example >"$HOME/.config/avtools/providers/acme.json"
  av-provider show acme | cmp - "$HOME/.config/avtools/providers/acme.json"
}

@test "usage errors" {
  for args in "" "no" "list anam" "show" "show anam argil" "kinds" "options" "check" \
    "schema record provider" "--nonsense" "list --step"; do
    run --separate-stderr av-provider $args
    echo "$args: $status $stderr"
    [ "$status" -eq 64 ]
    [ -z "$output" ]
    [[ "$stderr" == *"usage: av-provider"* ]]
  done
  run --separate-stderr av-provider show nobody
  [ "$status" -eq 78 ]
  [[ "$stderr" == *"unknown provider 'nobody'"* ]]
  run --separate-stderr av-provider show ../../etc/passwd
  [ "$status" -eq 78 ]
}

@test "output that cannot be written" {
  run bash -c 'av-provider list >/dev/full'
  [ "$status" -eq 74 ]
  [[ "$output" == *"cannot write"* ]]
}

@test "the manual's example works from photo to picture, without C" {
  example >"$dir/acme.json"
  cp "$top/tests/photos/baseline.jpg" ann.jpg
  export ACME_API_KEY=sesame XDG_STATE_HOME="$BATS_TEST_TMPDIR/state"
  unset AV_LEDGER AV_PROVIDER
  run --separate-stderr "$top/tests/servers/acme-server" bash -c 'set -o pipefail
    av-validate -p acme -O style=comic ann.jpg | av-upload |
      av-poll --interval 20ms | av-render -o faces >done.jsonl'
  echo "$output $stderr"
  cat done.jsonl
  [ "$status" -eq 0 ]
  [ "$output" = "POST /v2/faces sesame photo label style
GET /v2/faces/face-1
GET /v2/faces/face-1
GET /v2/faces/face-1
GET /v2/portrait.png" ]
  jq -e '.avatar.id == "face-1" and .avatar.status == "ready" and .name == "ann"
    and .renderings[0].file == "faces/ann.acme.portrait.png"' done.jsonl
  [ "$(head -c 8 faces/ann.acme.portrait.png | od -An -tx1)" = " 89 50 4e 47 0d 0a 1a 0a" ]
}

@test "a user's file that others may change is refused, with the command that mends it" {
  example >"$dir/acme.json"
  av-provider show acme >/dev/null
  for mode in 0666 0622 0620 0602; do
    chmod "$mode" "$dir/acme.json"
    run -78 --separate-stderr av-validate -p acme x.jpg
    [[ $stderr == *"chmod go-w '$dir/acme.json'"* ]]
  done
  chmod 0444 "$dir/acme.json"
  for mode in 0777 0775 01777; do
    chmod "$mode" "$dir"
    run -78 --separate-stderr av-validate -p acme x.jpg
    [[ $stderr == *"chmod go-w '$dir'"* ]]
  done
  chmod 0755 "$dir"
  av-provider show acme >/dev/null
}

@test "a user's file of another user is refused, also by an alias and in place of a built-in one" {
  [ "$(id -u)" = 0 ] || skip "only root can give files away"
  example | jq '.aliases = ["also"]' >"$dir/acme.json"
  av-provider show also >/dev/null
  cp "$top/lib/providers/anam.json" "$dir/"
  chown 65534 "$dir"/*.json
  run -78 --separate-stderr av-validate -p acme x.jpg
  [[ $stderr == *acme.json*chown* ]]
  run -78 av-provider show also
  run -78 --separate-stderr av-validate -p anam x.jpg
  [[ $stderr == *anam.json*chown* ]]
  chown 0 "$dir"/*.json
  chown 65534 "$dir"
  run -78 --separate-stderr av-validate -p acme x.jpg
  [[ $stderr == *"'$dir'"*chown* ]]
}

@test "a broken file is read once, and each record of its provider has the error" {
  example | jq '.operations = 1' >"$dir/acme.json"
  cp "$top/tests/photos/baseline.jpg" ann.jpg
  for i in 1 2 3; do
    jq -nc --argjson i "$i" '{provider: "acme", file: "ann.jpg", id: "a\($i)", name: "n\($i)"}'
  done >in
  for program in "av-validate" "av-upload --dry-run" "av-poll"; do
    echo "$program"
    # shellcheck disable=SC2086
    run --separate-stderr strace -f -e trace=openat -o trace $program -q <in
    echo "$output"
    [ "$(jq -r 'select(.error.code == "bad_provider") | .error.message' <<<"$output" |
      grep -c 'acme.json:.*operations')" -eq 3 ]
    [ "$(grep -c 'acme.json"' trace)" -eq 1 ]
  done
}

@test "an experimental description: list shows it, and each program that uses it says so once" {
  example >"$dir/acme.json"
  run av-provider list
  jq -es '.[] | select(.name == "acme") | has("experimental") | not' <<<"$output"
  cp "$top/tests/photos/baseline.jpg" ann.jpg
  cp ann.jpg ben.jpg
  run --separate-stderr av-validate -p acme ann.jpg
  [ -z "$stderr" ]
  for value in true '"nobody has seen the response to create"'; do
    example | jq --argjson v "$value" '.experimental = $v' >"$dir/acme.json"
    av-provider check "$dir/acme.json"
    run --separate-stderr av-provider list
    [ -z "$stderr" ]
    jq -es --argjson v "$value" '.[] | select(.name == "acme") | .experimental == $v' <<<"$output"
    run --separate-stderr av-validate -p acme ann.jpg ben.jpg
    [ "$status" -eq 0 ]
    echo "$stderr"
    [ "$(grep -c 'the description of Acme Faces is experimental: ' <<<"$stderr")" -eq 1 ]
    run --separate-stderr av-upload -p acme --dry-run ann.jpg ben.jpg
    [ "$(grep -c 'the description of Acme Faces is experimental: ' <<<"$stderr")" -eq 1 ]
    run av-doctor --offline -p acme
    [[ $output == *$'\nwarn  acme.experimental '* ]]
  done
  [[ $stderr == *"is experimental: nobody has seen the response to create"* ]]
  for value in false '""' 1; do
    example | jq --argjson v "$value" '.experimental = $v' >"$dir/acme.json"
    run --separate-stderr av-validate -p acme ann.jpg
    [[ $stderr != *"is experimental"* ]]
  done
  change '.experimental = ""'
  check_fails_with "/experimental"
}
