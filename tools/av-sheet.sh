#!/bin/sh
# av-sheet: one HTML page of a run, with each photo beside its result.
set -u

program=av-sheet
usage='usage: av-sheet [-o FILE] [--title TEXT] [--max-mb N] [--no-pictures] [FILE...]'

help() {
  cat <<'END'

Makes one HTML page of a run: what happened, which command mends it, and each
photo beside its result, failures first. Reads records from files or stdin.
The page needs no network and no other file.

  -o, --output FILE           write the page here (stdout)
      --title TEXT            a title for the page
      --max-mb N              at most this many megabytes of pictures (20)
      --no-pictures           names and reasons only
  -h, --help                  print this help and exit
  -V, --version               print the version and exit

examples:
  av-sheet -o sheet.html done.jsonl
  av-sheet -o sheet.html done.jsonl again.jsonl
  av-sheet --no-pictures <done.jsonl >sheet.html
END
}

codes() {
  cat <<'END'
@@ codes.json
END
}

cards() {
  cat <<'END'
@@ tools/av-report/facts.jq
@@ tools/av-sheet/cards.jq
END
}

page() {
  cat <<'END'
@@ tools/av-report/facts.jq
@@ tools/av-sheet/page.jq
END
}

style() {
  cat <<'END'
@@ tools/av-sheet/page.css
END
}

script() {
  cat <<'END'
@@ tools/av-sheet/page.js
END
}

@@ tools/av-report/common.sh

# The way from the page's folder to the records' paths, which start here.
base() {
  case $1 in
  */*) to=$(realpath --relative-to="${1%/*}/" . 2>/dev/null) || to=$PWD ;;
  *) to=. ;;
  esac
  [ "$to" = . ] || printf '%s/' "$to"
}

# [path, data URL] of each picture on the cards, until they are $megabytes large. The photos may come
# from anywhere: only av-fit's confined workers decode them.
thumbnails() {
  [ "$megabytes" -gt 0 ] || return 0
  command -v av-fit >/dev/null || {
    say 'av-fit is missing, so the page has no pictures; install it, or say --no-pictures'
    return 0
  }
  jq -c '(.see, (.results // [] | .[].see)) // empty | {file: .}' "$tmp/cards" | awk '!seen[$0]++' |
    av-fit -kq --exit-zero --thumbnail 320 |
    jq -nc --argjson max "${megabytes}000000" 'label $full
      | foreach (inputs | select(.thumbnail)) as $one (0; . + ($one.thumbnail | length);
        if . > $max then "full", break $full else [$one.file, $one.thumbnail] end)'
}

output='' title='' megabytes=20
while [ $# -gt 0 ]; do
  case $1 in
  -o | --output | --title | --max-mb)
    [ $# -gt 1 ] || misuse "$1 needs a value"
    case $1 in
    --title) title=$2 ;;
    --max-mb) megabytes=$2 ;;
    *) output=$2 ;;
    esac
    shift
    ;;
  --output=*) output=${1#*=} ;;
  --title=*) title=${1#*=} ;;
  --max-mb=*) megabytes=${1#*=} ;;
  --no-pictures) megabytes=0 ;;
  -o?*) output=${1#-o} ;;
  --)
    shift
    break
    ;;
  -?*) common_option "$1" ;;
  *) break ;;
  esac
  shift
done
case $megabytes in
'' | *[!0-9]* | ??????*) misuse "--max-mb: '$megabytes' is not a number of megabytes" ;;
esac
[ -n "$output" ] || [ ! -t 1 ] || misuse 'the page is HTML: say where it goes, as in -o sheet.html'
check_input "$@"

[ ! -d "$output" ] || misuse "-o: '$output' is a directory; name a file in it, as in: $output/sheet.html"

part=
tmp=$(mktemp -d 2>/dev/null) ||
  fail 74 "cannot make a directory in '${TMPDIR:-/tmp}'; name another one: TMPDIR=/var/tmp av-sheet ..."
trap 'rm -rf -- "$tmp" ${part:+"$part"}' EXIT
trap 'exit 129' HUP
trap 'exit 130' INT
trap 'exit 143' TERM

# stop STATUS: a step ended so (feed)
stop() {
  case $1 in
  74) exit 74 ;;
  2) fail 74 "no room for the page; name another place: TMPDIR=/var/tmp av-sheet ..." ;;
  *) fail 70 'the page cannot be made; this is a bug' ;;
  esac
}

work() {
  jq -nRr --arg base "$(base "$output")" --arg records "$name" --argjson codes "$(codes)" "$(cards)"
}
feed "$@" >"$tmp/all" || stop $?
head -n 1 "$tmp/all" >"$tmp/report" && sed 1d "$tmp/all" >"$tmp/cards" || stop 2
thumbnails >"$tmp/thumbs" || stop $?
small=
if grep -qx '"full"' "$tmp/thumbs"; then small="Pictures beyond $megabytes MB are left out; see --max-mb."; fi
nonce=$(sha256sum "$tmp/all" | cut -c 1-32)

# A file is replaced when its page is complete; a device or pipe is written to.
page=$tmp/page
if [ -n "$output" ] && { [ ! -e "$output" ] || [ -f "$output" ]; }; then
  part=$(mktemp -- "$output.XXXXXX" 2>/dev/null) || fail 74 "cannot write a file beside '$output'; check its directory"
  page=$part
fi
jq -nr --slurpfile report "$tmp/report" --slurpfile thumbs "$tmp/thumbs" --arg nonce "$nonce" \
  --arg title "$title" --arg small "$small" --arg css "$(style)" --arg js "$(script)" \
  --arg records '' --argjson codes '{}' "$(page)" "$tmp/cards" >"$page" || stop $?
if [ -n "$part" ]; then
  chmod +rw "$part" && mv -fT -- "$part" "$output" || fail 74 "cannot write '$output'"
elif [ -n "$output" ]; then
  { cat "$page" >"$output"; } 2>/dev/null || fail 74 "cannot write '$output'"
else
  cat "$page" || exit 74
fi
