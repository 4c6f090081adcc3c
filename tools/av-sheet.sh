#!/bin/sh
# av-sheet: one HTML page of a run, with each photo beside its result.
set -u

usage='usage: av-sheet [-o FILE] [--title TEXT] [--max-mb N] [--no-pictures] [FILE...]'

misuse() {
  printf 'av-sheet: %s\n%s (-h explains)\n' "$1" "$usage" >&2
  exit 64
}

fail() {
  printf 'av-sheet: %s\n' "$2" >&2
  exit "$1"
}

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

@@ tools/av-report/read.sh

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
    echo 'av-sheet: av-fit is missing, so the page has no pictures; install it, or say --no-pictures' >&2
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
  -h | --help | --help-all)
    echo "$usage"
    help
    exit
    ;;
  -V | --version)
    echo 'av-sheet @VERSION@'
    exit
    ;;
  --)
    shift
    break
    ;;
  -?*) misuse "unknown option '$1'" ;;
  *) break ;;
  esac
  shift
done
case $megabytes in
'' | *[!0-9]* | ??????*) misuse "--max-mb: '$megabytes' is not a number of megabytes" ;;
esac
[ -n "$output" ] || [ ! -t 1 ] || misuse 'the page is HTML: say where it goes, as in -o sheet.html'
check_input "$@"

tmp=$(mktemp -d) || exit 74
trap 'rm -rf "$tmp"' EXIT
trap 'exit 129' HUP
trap 'exit 130' INT
trap 'exit 143' TERM
read_all "$@" | jq -nRr --arg base "$(base "$output")" --arg records "$name" --argjson codes "$(codes)" \
  "$(cards)" >"$tmp/all" || fail 70 'the records cannot be read'
head -n 1 "$tmp/all" >"$tmp/report"
sed 1d "$tmp/all" >"$tmp/cards"
thumbnails >"$tmp/thumbs"
small=
! grep -qx '"full"' "$tmp/thumbs" || small="Pictures beyond $megabytes MB are left out; see --max-mb."
nonce=$(sha256sum "$tmp/all" | cut -c 1-32)
jq -nr --slurpfile report "$tmp/report" --slurpfile thumbs "$tmp/thumbs" --arg nonce "$nonce" \
  --arg title "$title" --arg small "$small" --arg css "$(style)" --arg js "$(script)" \
  --arg records '' --argjson codes '{}' "$(page)" "$tmp/cards" >"$tmp/page" || fail 70 'the page cannot be made'
if [ -n "$output" ]; then
  cat "$tmp/page" >"$output" || fail 74 "cannot write '$output'"
else
  cat "$tmp/page" || exit 74
fi
