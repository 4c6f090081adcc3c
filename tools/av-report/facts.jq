# facts.jq: what a record says, and what many say together. av-report and av-sheet share it.
# $codes is the table made of lib/base/codes.def: {code: {text, hint}}. $records is the name of the
# records' file for commands, or "".
#
# Records come from a file that anybody may have written, so each member is checked before use.
# jq 1.6 copies an object that is changed below its top level: lists are collected, then grouped.

def text: if type == "string" and . != "" then . elif type == "number" then tostring else null end;
def object: if type == "object" then . else {} end;
def list: if type == "array" then . else [] end;
def sum(f): reduce (.[] | f) as $n (0; . + $n);
def millis: . * 1000 | round / 1000;
def short($n): if length > $n then .[:$n - 1] + "…" else . end;
def count(f): reduce (.[] | select(f)) as $x (0; . + 1);

# Characters that a terminal obeys or nobody sees, as escapes; the same as in lib/base/utf8.c.
def shown:
  if type != "string" then .
  elif test("[\\x00-\\x1f\\x7f-\\x9f\\x{ad}\\x{61c}\\x{180e}\\x{200b}-\\x{200f}\\x{2028}-\\x{202e}"
    + "\\x{2060}-\\x{206f}\\x{feff}\\x{fff9}-\\x{fffb}\\x{e0000}-\\x{e007f}]") | not then .
  else
    def hex: if . < 16 then "0123456789abcdef"[.:. + 1] else (. / 16 | floor | hex) + (. % 16 | hex) end;
    def hidden: . < 32 or (. >= 127 and . < 160) or . == 173 or . == 1564 or . == 6158
      or (. >= 8203 and . <= 8207) or (. >= 8232 and . <= 8238) or (. >= 8288 and . <= 8303)
      or . == 65279 or (. >= 65529 and . <= 65531) or (. >= 917504 and . <= 917631);
    [explode[] | if . == 10 then "\\n"
      elif hidden | not then [.] | implode
      elif . < 128 then "\\x" + (hex | "0" + .)[-2:]
      else "\\u" + (hex | "00" + .)[-([4, (hex | length)] | max):] end] | join("")
  end;

# Seconds since 1970 of a time in UTC, or null.
def seconds:
  try ((.[:19] + "Z" | fromdateiso8601)
    + (.[19:] | rtrimstr("Z") | if . == "" then 0 else "0" + . | tonumber end)) catch null;

# 4.2 s, 44 s, 3 min 12 s, 2 h 5 min
def duration:
  if . < 9.95 then "\(. * 10 | round / 10) s"
  elif . < 59.5 then "\(round) s"
  elif . < 3599.5 then round | "\(. / 60 | floor) min \(. % 60) s"
  else . / 60 | round | "\(. / 60 | floor) h \(. % 60) min" end;

# The state that an error puts a record into, and all states in the order of a page.
def states: ["failed", "decide", "retry", "waiting", "ready", "checked"];
def state_of_error:
  if .code == "outcome_unknown" or .created == "unknown" then "decide"
  elif .retryable == true then "retry" else "failed" end;

# The error that decides: the first of the worst.
def worst_error:
  [.error, (.renderings | list | .[] | object | .error)]
  | map(select(. != null) | object) | map({rank: (state_of_error as $s
      | ["decide", "failed", "retry"] | index($s)), error: .}) | min_by(.rank) | .error;

def state:
  worst_error as $e
  | if $e then $e | state_of_error
    elif .avatar | object | .status == "ready" then
      if .renderings | list | any(.[]; object | .status | . == "processing" or . == "needs_action") then "waiting" else "ready" end
    elif .avatar | object | .status | . == "processing" or . == "needs_action" then "waiting"
    elif .avatar | object | .status == "failed" then "failed"
    elif .avatar | object | .id then "waiting"
    else "checked" end;

# Why the record failed. Of several findings the one that av-fit does
# not mend, as it would stay.
def cause:
  worst_error | object
  | . as $e | [.problems | list | .[] | object | select(.severity == "refused")]
  | (if $e.code == "photo_refused" then
      first(.[] | select($codes[.code // "" | tostring].hint // "" | contains("av-fit") | not)) // .[0]
    else null end) as $p
  | {code: ($p.code // $e.code | text // "unknown"), step: ($e.step | text),
     message: ($p.message // $e.message | text // ""), wanted: ($p.wanted | text),
     fix: ($p.fix | text), refused: ($e.code == "photo_refused" or $e.code == "refused")};

# The photo, as it was first given.
def source: .source_file // (.fit | object | .from) // .file // .url | text;

# What makes two records the same: a later one replaces an earlier one.
def identity:
  [(.provider | text), source // (.avatar | object | .id) // .input, if .name_from then null else .name end, .options];

# The entries of `steps`, each once: an operation has an entry of its own, with the same times.
def steps:
  .steps | list | map(object | {step: (.step | text // "?"), run: (.run | text // ""),
    from: (.started_at | seconds), to: (.finished_at | seconds),
    cost: (.cost | if type == "object" then . else null end), key: (.key | text)});

# A paid operation: [what makes it one, key, provider, unit, amount, charged].
def charges($p; $id):
  [.[] | select(.cost) | ["\(.key // $id) \(.run) \(.step)", .key, $p,
    (.cost.unit | text // "operations"), (.cost.amount | if type == "number" then . else 0 end),
    (.cost.charged | text)]];

# What a dry run planned: each operation and each of its steps, as [provider, main, state, cost, pace].
def planned($p):
  [.plan | list | .[] | object | [true, .], (.steps | list | .[] | object | [false, .])
    | [$p, .[0]] + (.[1]
      | [if .already_made == true then "made" elif .unknown == true then "unknown" else "create" end,
         (.cost | object | [(.unit | text // "credits") + (.per | text | if . then "/" + . else "" end),
           (.credits // .amount | if type == "number" then . else 0 end)]),
         (.pace | object | [(.class | text), (.rate | if type == "number" and . > 0 then . else null end),
           (.burst | if type == "number" and . > 1 then . else 1 end)])])];

# What a report needs of a record, from [its line's number, the record].
def fact:
  .[0] as $n | .[1]
  | (identity | if .[1] == null then $n else . end | tojson) as $id
  | (.provider | text // "no provider") as $p
  | state as $s
  | (if $s | IN("failed", "decide", "retry") then cause + {state: $s, provider: $p} else null end) as $why
  | steps as $steps
  | ($steps | map(select(.from and .to and .to >= .from)) | unique_by([.step, .run, .from])) as $timed
  | {n: $n, id: $id, p: $p, s: $s, file: (source // (.avatar | object | .id | text) // (.input | text) // "?"),
     a: (.avatar != null), why: $why,
     charges: ($steps | charges($p; $id)), plan: planned($p),
     reused: (if $steps == [] then [.avatar, (.renderings | list | .[])] | count(object | .reused == true)
       else $steps | count(.cost.reused == true) end),
     spans: ($timed | group_by(.run) | map([.[0].run, (map(.from) | min), (map(.to) | max)])),
     took: (if $timed == [] then null else $timed | sum(.to - .from) | millis end),
     slow: ($timed | max_by(.to - .from) | if . then {step, seconds: (.to - .from | millis)} else null end)};

# What f makes of each record of the input, from [its line's number, the record]. A line that is not a
# record becomes its number.
def records(f):
  [foreach inputs as $line (0; . + 1; . as $n | $line | ltrimstr("\ufeff")
    | if test("^[ \\t\\r]*$") then empty else (try fromjson catch null) end
    | if type == "object" then [$n, .] | f else $n end)];

# The last of those that are the same, in the order of the input.
def latest: map(select(type != "number")) | group_by(.id) | map(last) | sort_by(.n);

# The seconds that something was at work: of times that overlap, one counts.
def covered:
  sort | reduce .[] as [$from, $to] ({sum: 0, end: -1};
    .sum += ([$to - ([$from, .end] | max), 0] | max) | .end = ([.end, $to] | max)) | .sum;

# The money of a list of charges: [{provider, unit, amount}].
def money: group_by(.[2:4]) | map({provider: .[0][2], unit: .[0][3], amount: sum(.[4])} | select(.amount > 0));

# The plan of a list of `planned`; null if there is none.
def plan:
  if . == [] then null else
    map(select(.[2] == "create")) as $new
    | map(select(.[1])) as $main
    | {create: ($main | count(.[2] == "create")), already_made: ($main | count(.[2] == "made")),
       unknown: ($main | count(.[2] == "unknown")), requests: ($new | length),
       costs: ($new | map([null, null, .[0]] + .[3]) | money),
       paces: ($new | map(select(.[4][1])) | group_by([.[0], .[4]]) | map(.[0] as $one | length as $n
         | {provider: $one[0], class: $one[4][0], rate: $one[4][1], requests: $n, seconds: ([$n - $one[4][2], 0] | max / $one[4][1] | millis)}))}
  end;

def median: sort | if . == [] then null else .[length / 2 | floor] end;

# How many there are in each state.
def counts:
  (group_by(.s) | map({key: .[0].s, value: length}) | from_entries) as $of
  | {records: length} + (states | map({key: ., value: ($of[.] // 0)}) | from_entries)
  + {refused: count(.s == "failed" and .why.refused)};

# A word for a shell; null if it would not be plain.
def plain: if type == "string" and test("^[A-Za-z0-9][A-Za-z0-9_.-]{0,63}$") then . else null end;
def replaced($from; $to): if $to then split($from) | join($to) else . end;
def meant($p):
  ($p | plain) as $p
  | replaced("PROVIDER"; $p)
  | replaced("NAME"; $p | if . then ascii_upcase | gsub("[^A-Z0-9]"; "_") else null end)
  # last, as the name of a file may hold the other words
  | replaced("done.jsonl"; if $records == "" then null
      elif $records | test("^[A-Za-z0-9_./-]+$") then $records else $records | @sh end);

def retries: contains(" --retry-failed");

# A command that retries begins with the step that failed, as in lib/program/hint.c.
def from_step($step):
  if (retries and ($step | IN("fetch", "validate", "fit", "upload", "poll", "render"))) | not then . else
    "av-\($step) --retry-failed" as $begin
    | sub(" <done.jsonl"; "") | split(" | ")
    | .[([.[] | startswith($begin)] | index(true)) // length:] as $rest
    | (if $rest == [] then [$begin] + . else $rest end)
    | .[0] += " <done.jsonl" | join(" | ")
  end;

# {hint, command} for a cause
def advice:
  .provider as $p | ($codes[.code].hint // "") as $hint
  | ($hint | index("$ ")) as $at
  | {hint: ((if $at then $hint[:$at] else $hint end) | sub(" +$"; "") | meant($p)),
     command: (if $at then .step as $step | $hint[$at + 2:] | from_step($step) | meant($p) else null end)};

# The kind of a failure, from its cause. Providers share one, unless its command names the provider;
# steps do, unless its command begins with the step.
def kind:
  ($codes[.code].hint // "" | [test("PROVIDER|NAME"), retries]) as [$provider, $step]
  | [.state, .code, .wanted, (if $provider then .provider else null end), (if $step then .step else null end)] | tojson;

# The kinds of failure, most first.
def failures:
  map(select(.why)) | group_by(.why | kind) | sort_by(-length)
  | map(.[0] as $one | (map(.why.message) | unique) as $messages
    | {kind: ($one.why | kind), state: $one.s, code: $one.why.code, count: length, providers: (map(.p) | unique),
       text: ((if $messages | length == 1 and . != [""] then $messages[0] else null end)
         // $codes[$one.why.code].text // $one.why.code),
       wanted: $one.why.wanted}
      + ($one.why | advice) + (map(.file) | unique | {photos: length, files: .[:3]}));

# The whole report, from facts.
def report:
  map(select(type == "number")) as $unread
  | (map(select(type != "number"))) as $all
  | ($all | latest) as $facts
  | ($all | map(.charges[])
    | if $all | length == ($facts | length) then . else group_by(.[0]) | map(last) end) as $charges
  | ($charges | map(select(.[5] == "yes"))) as $paid
  | ($paid | money) as $money
  | ($charges | map(select(.[5] == "unknown")) | money) as $open
  | ($all | map(.spans[])) as $spans
  | ($facts | counts)
  + {avatars: ($facts | count(.a)), replaced: ($all | length - ($facts | length)), unread: ($unread | length),
     started_at: ($spans | map(.[1]) | min | if . then floor | todate else null end),
     seconds: (if $spans == [] then null else $spans | map(.[1:]) | covered | millis end),
     runs: ($spans | map(.[0]) | unique | length),
     plan: ($all | group_by(.id) | map(select(last.plan != []) | max_by(.plan | count(.[2] == "create")).plan[]) | plan),
     paid: $money, unknown: $open,
     paid_twice: (if $charges == [] then null
       else $paid | map(.[1] | select(.)) | length - (unique | length) end),
     reused: ($facts | sum(.reused)),
     failures: ($facts | failures),
     slowest: ($facts | map(select(.took)) | sort_by(-.took) | .[:3]
       | map({file, provider: .p, seconds: .took, step: .slow.step, step_seconds: .slow.seconds})),
     providers: ($facts | group_by(.p) | map({provider: .[0].p} + counts
       + {median_seconds: (map(.took | select(.)) | median), paid: (.[0].p as $p | $money | map(select(.provider == $p)))}))};

def amount: "\(.amount * 1000000 | round / 1000000) "
  + if .amount == 1 then .unit | sub("s(?=$|/)"; "") else .unit | if IN("avatar", "rendering") then . + "s" else . end end;

# Money in words: a list.
def money_words:
  (.paid[] | amount + " (\(.provider))"), (.unknown[] | amount + " (\(.provider)) unknown"),
  if .paid_twice == null then empty else
    if .paid == [] and .unknown == [] then "nothing paid" else empty end,
    "\(.paid_twice) paid twice" + (if .reused > 0 then " (\(.reused) reused)" else "" end) end;

# A plan in words.
def plan_words:
  ["\(.create) to create, \(.already_made) already made, \(.unknown) unknown", "\(.requests) request\(if .requests == 1 then "" else "s" end)",
     (.costs[] | amount + " (\(.provider))"),
     (.paces[] | "\(.seconds | duration) at least for \(.requests) at \(.rate) a second (\(.provider))")]
  | join(" · ");

def headline:
  [(if .avatars == 0 and .checked > 0 then "\(.checked) of \(.records) accepted"
    else "\(.ready) of \(.records) ready" end) + (if .seconds then " in \(.seconds | duration)" else "" end),
   money_words,
   (.failed - .refused) as $failed
   | [[.refused, "refused"], [$failed, "failed"], [.retry, "to retry"], [.decide, "to decide"], [.waiting, "waiting"]][]
   | select(.[0] > 0) | "\(.[0]) \(.[1])"]
  | join(" · ");
