# report.jq: av-report's output. $format is text, markdown, json, csv or tsv.

# Markdown in which nothing of a name is markup, a link or HTML.
def plain_text: shown | gsub("(?<c>[\\\\`*_{}\\[\\]()<>#+.!|~&:@$=-])"; "\\\(.c)");

def more: .photos - (.files | length) | if . > 0 then " and \(.) more" else "" end;
def what: "\(.text) (\(.providers | join(", ")))";

def padded($n): . + " " * ([$n - length, 0] | max) // .;
def columns:
  . as $rows
  | [range($rows[0] | length) as $i | $rows | map(.[$i] | length) | max] as $widths
  | $rows[] | [range(length) as $i | .[$i] | padded($widths[$i])] | join("   ") | sub(" +$"; "");

def left_out:
  (select(.replaced > 0) | "left out: \(.replaced) earlier records of the same photos"),
  (select(.unread > 0) | "left out: \(.unread) lines that are not records");

def as_text:
  (headline | shown),
  (select(.plan) | "", "plan", "  " + (.plan | plan_words | shown)),
  (.failures[] | "",
    "  \(.count) x \(what | shown)",
    "       \(.files | map(shown) | join(", "))\(more)",
    (select(.hint != "") | "       \(.hint | shown)"),
    (select(.command) | "       $ \(.command | shown)")),
  (select(.providers | length > 1) | "", "by provider",
    ([.providers[] | ["  \(.provider | shown)", "\(.ready + .checked) of \(.records)",
      (.paid | map(amount | shown) | join(", ")), (.median_seconds | if . then "median \(duration)" else "" end)]] | columns)),
  (select(.slowest != []) | "", "slowest",
    ([.slowest[] | ["  \(.seconds | duration)", (.file | shown) + " (\(.provider | shown))",
      "\(.step | shown) \(.step_seconds | duration)"]] | columns)),
  (left_out | "", .);

# A fence that the text does not close.
def fenced: "```sh", shown, "```" | "  " + .;

def as_markdown:
  "### \(headline | plain_text)",
  (select(.plan) | "", "plan: " + (.plan | plan_words | plain_text)),
  (select(.failures != []) | ""),
  (.failures[]
    | "* **\(.count)** × \(what | plain_text): \(.files | map(plain_text) | join(", "))\(more)"
      + (if .hint != "" then "  \n  \(.hint | plain_text)" else "" end),
      (select(.command) | "", (.command | fenced), "")),
  (select(.providers | length > 1) | "",
    "| provider | ready | records | paid | median |", "| --- | ---: | ---: | --- | ---: |",
    (.providers[] | "| \(.provider | plain_text) | \(.ready + .checked) | \(.records) | "
      + "\(.paid | map(amount | plain_text) | join(", ")) | \(.median_seconds | if . then duration else "" end) |")),
  (select(.slowest != []) | "", "slowest: " + ([.slowest[]
    | "\(.file | plain_text) (\(.provider | plain_text)) \(.seconds | duration), of these \(.step | plain_text) \(.step_seconds | duration)"]
    | join("; "))),
  (left_out | "", .);

# A spreadsheet takes a cell that begins so for a formula.
def cell:
  if type == "string" then shown | if test("^[=+\\-@＝＋－＠]") then "'" + . else . end
  elif type == "boolean" or type == "number" then .
  else "" end;

def header:
  ["file", "source", "url", "provider", "name", "kind", "value", "state", "status", "id",
   "result", "result_url", "type", "bytes", "step", "code", "message", "retryable", "created",
   "paid_credits", "paid_credits_per_minute", "paid_avatars", "paid_renderings", "paid_other", "reused",
   "seconds", "run", "key", "started_at", "finished_at"];

# The rows of a record: one for itself, which has the money and the times, one for each rendering.
def rows($fact):
  def start: [.file, $fact.file, .url, .provider, .name // (.avatar | object | .name)];
  def error: object | [.step, .code, .message, .retryable, .created];
  ($fact.charges | map(select(.[5] == "yes"))) as $paid
  | def paid($unit): $paid | map(select(.[3] == $unit)) | sum(.[4]);
    # money, and what is paid by another measure
    def paid_other: $paid | money | map(select(.unit | IN("credits", "credits/minute", "avatar", "rendering") | not)
      | amount) | join("; ");
  (.steps | list | map(object)) as $steps
  | (start + ["avatar", null, $fact.s]
      + (.avatar | object | [.status, .id, null, .preview_url, null, null]) + (worst_error | error)
      + [paid("credits"), paid("credits/minute"), paid("avatar"), paid("rendering"), paid_other, $fact.reused, $fact.took]
      + [($steps | last | .run), ($steps | map(.key | select(.)) | first),
         ($steps | map(.started_at | text | select(.)) | min), ($steps | map(.finished_at | text | select(.)) | max)]),
    (start as $start | .renderings | list | .[] | object
      | $start + [.kind, .value,
          (.error | if . then object | state_of_error else null end)
            // (if .status == "ready" then "ready" else "waiting" end),
          .status, .id, .file, .url, .type, .bytes] + (.error | error)
      + [null, null, null, null, null, null, null, null, null, null, null]);

def table(as_row):
  records(fact as $fact | .[1] | {n: $fact.n, id: $fact.id, rows: [rows($fact) | map(cell) | as_row]})
  | (header | as_row), (map(select(type != "number")) | latest[] | .rows[]);

if $format == "csv" then table(@csv)
elif $format == "tsv" then table(@tsv)
else
  records(fact) | report
  | if $format == "json" then {headline: headline} + del(.failures[].kind) | tojson
    elif $format == "markdown" then as_markdown
    else as_text end
end
