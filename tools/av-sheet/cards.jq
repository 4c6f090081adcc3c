# cards.jq: what av-sheet shows of each record. The first output is the report, with what belongs on
# the page's top; then one card for each record, failures first.
#
# All text is made safe to show here, and each link is made of an encoded path or an https: URL, so
# that the page only has to put them into place. $base leads from the page to the records' paths.

def word($n): text | if . == null then null else shown | short($n) end;

# A path as a link. The first character is never part of a host's name or of a scheme.
def link:
  text | if . == null or . == "" then null
    else (if startswith("/") then "/" + sub("^/+"; "") else $base + . end)
      | if length > 4000 then null else split("/") | map(@uri) | join("/") end end;
def web: text | if . != null and test("^https?://[^\\x00-\\x20\"<>\\\\]+$") then . else null end;

def is_picture:
  (.type | text // "" | startswith("image/"))
  or (.type == null and (.file | text // "" | test("\\.(jpe?g|png|webp|gif|heic|avif|tiff?)$"; "i")));

# Renderings: name, link, and the path of a picture that can be shown.
def results:
  [.renderings | list | .[] | object
    | {name: ([.kind, .value] | map(word(60) | select(. != null)) | join(" ") | if . == "" then "result" else . end),
       link: (.file | link), web: (if .file then null else .url | web end),
       see: (if is_picture then .file | text else null end),
       type: (.type | word(60)), lost: (.error | if . then object | .message | word(300) // "failed" else null end)}
    | with_entries(select(.value != null))];

def paid_words:
  [(map(select(.[5] == "yes")) | money[] | amount | shown),
   (map(select(.[5] == "unknown")) | money[] | amount + " unknown" | shown)];

def card($fact):
  ($fact.file | shown) as $path
  | {path: ($path | short(600)), name: ($path | split("/") | last | if test("\\S") then short(200) else "?" end),
     link: (.file | link), web: (if .file then null else .url | web end), see: (.file | text),
     provider: ($fact.p | shown | short(60)), state: $fact.s,
     kind: (if $fact.why then $fact.why | kind else null end),
     why: ($fact.why.message | word(500)), fix: ($fact.why.fix | word(300)),
     as: (.name // (.avatar | object | .name) | word(200)), id: (.avatar | object | .id | word(200)),
     results: (results | if . == [] then null else . end),
     paid: ($fact.charges | paid_words | if . == [] then null else join(", ") end),
     reused: (if $fact.reused > 0 then true else null end),
     took: (if $fact.took then $fact.took | duration else null end)}
  | with_entries(select(.value != null));

records(fact as $fact | .[1] | $fact + {card: card($fact)})
| report as $report
| $report, (latest
  | ($report.failures | to_entries | map({key: .value.kind, value: .key}) | from_entries) as $place
  | (states | to_entries | map({key: .value, value: .key}) | from_entries) as $rank
  | map(.card.kind as $kind | {n, rank: $rank[.s], place: (if $kind then $place[$kind] else 0 end), card})
  | sort_by([.rank, .place, .n])[] | .card + (if .card.kind then {kind: .place} else {} end))
| tojson
