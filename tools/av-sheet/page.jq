# page.jq: the page, in pieces. Input: the cards, one a line. $report and $thumbs ([path, data URL])
# are lists from files.
#
# Every word passes `html`. The script and the style carry a nonce, made of a hash of the records, so
# that no name in a record can hold it: even markup that got through would do nothing.

def html: shown | @html;
def glyph: {failed: "✕", decide: "?", retry: "↻", waiting: "…", ready: "✓", checked: "○"}[.];
def said: {failed: "failed", decide: "for you to decide", retry: "can be retried", waiting: "waiting",
  ready: "ready", checked: "accepted"}[.];

def title:
  if .avatars == 0 and .checked > 0 then "\(.checked) of \(.records) photos accepted"
  else "\(.ready) of \(.records) avatars ready" end;

def day: fromdate | strftime("%e %B %Y, %H:%M UTC") | ltrimstr(" ");
# A table tells what each of several providers was paid.
def about:
  [(.started_at | select(.) | day), (.seconds | select(.) | duration),
   ((.providers | length > 1) as $several | [money_words]
     | if $several then .[-1:] else . end | .[])]
  | map(html) | join(" · ");

def head:
  "<!doctype html>",
  "<html lang=\"en\"><head><meta charset=\"utf-8\">",
  "<meta http-equiv=\"Content-Security-Policy\" content=\"default-src 'none'; img-src data:; style-src 'nonce-\($nonce)'; script-src 'nonce-\($nonce)'; base-uri 'none'; form-action 'none'\">",
  "<meta name=\"viewport\" content=\"width=device-width, initial-scale=1\">",
  "<meta name=\"referrer\" content=\"no-referrer\"><meta name=\"color-scheme\" content=\"light dark\">",
  "<title>\(if $title == "" then title else $title + ": " + title end | html)</title>",
  "<style nonce=\"\($nonce)\">\($css)</style></head>";

def tile($state):
  "<button type=\"button\" class=\"tile \(if .[$state] > 0 then $state else "none" end)\" data-state=\"\($state)\" aria-pressed=\"false\">"
  + "<b><span aria-hidden=\"true\">\($state | glyph)</span> \(.[$state])</b> \($state | said)</button>";

# A command that breaks between words alone.
def words: split(" ") | map("<span>\(html)</span>") | join(" ");

def row($number):
  "<tr role=\"row\"><td role=\"cell\" class=\"count \(.state)\"><b>\(.count)</b> <span><span aria-hidden=\"true\">\(.state | glyph)</span> \(.state | said)</span></td>",
  "<td role=\"cell\"><p>\(.text | short(600) | html)</p><p class=\"minor\">\(.providers | map(short(60) | html) | join(", ")) · "
    + "\(.files | map(split("/") | last | short(60) | html) | join(", "))"
    + (.photos - (.files | length) | if . > 0 then " and \(.) more" else "" end) + "</p></td>",
  "<td role=\"cell\">" + (if .hint != "" then "<p>\(.hint | html)</p>" else "" end)
    + (if .command then "<code>\(.command | words)</code>"
      + "<button type=\"button\" data-copy>Copy<span class=\"unseen\"> the command for: \(.text | short(80) | html)</span></button> " else "" end)
    + "<button type=\"button\" class=\"plain\" data-kind=\"\($number)\">Show \(.count) below"
    + "<span class=\"unseen\">: \(.text | short(80) | html)</span></button></td></tr>";

def happened:
  select(.failures != [])
  | "<section aria-labelledby=\"happened\"><h2 id=\"happened\">What happened</h2>",
    "<table role=\"table\" class=\"happened\"><thead role=\"rowgroup\"><tr role=\"row\"><th role=\"columnheader\" scope=\"col\">Records</th>"
      + "<th role=\"columnheader\" scope=\"col\">Why</th><th role=\"columnheader\" scope=\"col\">What to do</th></tr></thead><tbody role=\"rowgroup\">",
    (.failures | to_entries[] | .key as $number | .value | row($number)),
    "</tbody></table></section>";

def providers:
  . as $report | select(.providers | length > 1)
  | "<section aria-labelledby=\"providers\"><h2 id=\"providers\">By provider</h2>",
    "<table role=\"table\" class=\"providers\"><thead role=\"rowgroup\"><tr role=\"row\"><th role=\"columnheader\" scope=\"col\">Provider</th>"
      + "<th role=\"columnheader\" scope=\"col\">Ready</th><th role=\"columnheader\" scope=\"col\">Paid</th>"
      + "<th role=\"columnheader\" scope=\"col\">Median time</th></tr></thead><tbody role=\"rowgroup\">",
    (.providers[] | "<tr role=\"row\"><th role=\"rowheader\" scope=\"row\">\(.provider | short(60) | html)</th>"
      + "<td role=\"cell\">\(.ready + .checked) of \(.records)</td><td role=\"cell\">\(.paid | map(amount | html) | if . == [] then "nothing" else join(", ") end)"
      + "\(.provider as $p | $report.unknown | map(select(.provider == $p) | ", perhaps " + amount | html) | join(""))</td>"
      + "<td role=\"cell\">\(.median_seconds | if . then duration else "unknown" end)</td></tr>"),
    "</tbody></table></section>";

def select_of($id; $name; options):
  "<label for=\"\($id)\">\($name)</label><select id=\"\($id)\"><option value=\"\">all</option>"
  + ([options | "<option value=\"\(.[0] | @html)\">\(.[1] | @html)</option>"] | join("")) + "</select>";

def photos:
  . as $report
  | "<section aria-labelledby=\"photos\"><h2 id=\"photos\" tabindex=\"-1\">Photos</h2>",
    "<noscript><p>To show and filter the photos, this page needs JavaScript. It runs no other script than its own.</p></noscript>",
    "<form role=\"search\" class=\"filters\" aria-label=\"Filter the photos\">",
    "<div><label for=\"words\">Search</label><input id=\"words\" type=\"search\" autocomplete=\"off\" spellcheck=\"false\" placeholder=\"name, id or reason\"></div>",
    "<div>" + select_of("state"; "State"; states[] | select($report[.] > 0) | [., said]) + "</div>",
    "<div>" + select_of("provider"; "Provider"; $report.providers[].provider | shown | short(60) | [., .]) + "</div>",
    "<button type=\"reset\" class=\"plain\" id=\"all\">Show all</button></form>",
    "<p id=\"count\" role=\"status\" aria-live=\"polite\"></p>",
    "<ul id=\"cards\" class=\"cards\" role=\"list\"></ul>",
    "<p class=\"more\"><button type=\"button\" id=\"more\" hidden>Show more</button></p></section>";

def body:
  "<body><a class=\"skip\" href=\"#photos\">Skip to the photos</a><main>",
  "<header>" + (if $title == "" then "" else "<p class=\"title\">\($title | html)</p>" end),
  "<h1>\(title)</h1><p class=\"minor\">\(about)</p></header>",
  ("<div class=\"tiles\" role=\"group\" aria-label=\"Show only\">",
   (. as $report | ["ready", "retry", "decide", "failed", "waiting", "checked"][]
     | select($report[.] > 0 or IN("ready", "retry", "decide", "failed")) | . as $state | $report | tile($state)),
   "</div>"),
  happened, providers, photos,
  "</main><footer class=\"minor\"><p>"
    + ([(.replaced | select(. > 0) | "\(.) earlier records of the same photos are left out."),
      (.unread | select(. > 0) | "\(.) lines that are not records are left out."),
      (if $small == "" then empty else $small end),
      "Made by av-sheet @VERSION@. The page loads nothing: pictures are small copies inside it, names lead to the files."] | join(" ")) + "</p></footer>";

# No `<` is left, so that nothing ends the element.
def inside: tojson | split("<") | join("\\u003c");

def data:
  ($thumbs | map(arrays)) as $thumbs
  | (reduce $thumbs[] as [$path] ({}; .[$path] = length)) as $at
  | def thumb: (if .see then $at[.see] else null end) as $n | del(.see) + (if $n == null then {} else {thumb: $n} end);
  "<script type=\"application/json\" id=\"data\">{\"cards\":[",
    (foreach inputs as $card (0; . + 1;
      (if . == 1 then "" else "," end) + ($card
        | thumb | (if .results then .results |= map(thumb) else . end)
        | inside))),
    "],\"thumbs\":[",
    ($thumbs | to_entries[] | (if .key == 0 then "" else "," end) + (.value[1] | inside)),
    "]}</script>",
    "<script nonce=\"\($nonce)\">\($js)</script></body></html>";

$report[0] | head, body, data
