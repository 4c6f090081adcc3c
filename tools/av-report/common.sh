# What av-report and av-sheet do alike: options, mistakes and reading. The script has set program and
# usage, and has the function help.

# say MESSAGE: without characters that a terminal obeys
say() {
  case $1 in
  *[[:cntrl:]]*) set -- "$(printf %s "$1" | tr '\000-\037\177' '?')" ;;
  esac
  printf '%s: %s\n' "$program" "$1" >&2
}

# fail STATUS MESSAGE
fail() {
  say "$2"
  exit "$1"
}

misuse() {
  say "$1"
  echo "$usage (-h explains)" >&2
  exit 64
}

# similar OPTION: the option of the help that it probably means, as lib/base/similar.h finds it
similar() {
  help | grep -oE '^ .{5}--[a-z-]+' | tr -d ' ,' | sed 's/^-[a-zA-Z]--/--/' | awk -v word="${1%%=*}" '
    function least(a, b) { return a < b ? a : b }
    function mistakes(known, i, j, d) {
      for (i = 0; i <= length(word); i++)
        for (j = 0; j <= length(known); j++) {
          if (i == 0 || j == 0) { d[i, j] = i + j; continue }
          d[i, j] = least(least(d[i - 1, j], d[i, j - 1]) + 1,
            d[i - 1, j - 1] + (substr(word, i, 1) != substr(known, j, 1)))
          if (i > 1 && j > 1 && substr(word, i - 1, 2) == substr(known, j, 1) substr(known, j - 1, 1))
            d[i, j] = least(d[i, j], d[i - 2, j - 2] + 1)
        }
      return index(known, word) == 1 ? 1 : d[length(word), length(known)]
    }
    BEGIN { below = int((length(word) + 3) / 4) + 1 }
    { n = mistakes($0) }
    n < below { below = n; meant = $0 }
    END { if (meant) printf "; did you mean '\''%s'\''?", meant }'
}

# common_option OPTION: help, version or a mistake
common_option() {
  case $1 in
  -h | --help | --help-all)
    echo "$usage"
    help
    ;;
  -V | --version) echo "$program @VERSION@" ;;
  *) misuse "unknown option '$1'$(similar "$1")" ;;
  esac
  exit
}

# check_input FILE...: ends the program where its input or jq is missing; sets name, to be used in
# commands
check_input() {
  { true 3>&1; } 2>/dev/null || fail 74 'standard output is closed'
  [ $# -gt 0 ] || set -- -
  for file; do
    if [ "$file" = - ]; then
      { true 3<&0; } 2>/dev/null || fail 74 'standard input is closed; give a file'
      [ ! -t 0 ] || say "reading records from the terminal; give a file, as in: $program done.jsonl"
    elif [ ! -r "$file" ] || [ -d "$file" ]; then
      fail 66 "cannot open '$file'; check its name with: ls -l"
    fi
  done
  { true 3<&0; } 2>/dev/null || exec </dev/null
  command -v jq >/dev/null || fail 78 'jq is missing; install it with: apt-get install jq'
  name=
  [ $# -ne 1 ] || [ "$1" = - ] || name=$1
}

# read_all FILE...: each file, and a line feed in case its last line has none
read_all() {
  [ $# -gt 0 ] || set -- -
  exec 5>&1
  for file; do
    why=$(cat -- "$file" 2>&1 >&5) || {
      [ "$file" != - ] || file='standard input'
      say "cannot read '$file': ${why##*: }"
      return 74
    }
    echo
  done
}

# feed FILE...: gives the records to the function work. Its status is 74 if they cannot be read, else
# that of work, where jq's is 2 if it cannot write.
feed() {
  exec 3>&1
  statuses=$(
    exec 4>&1
    { read_all "$@" || echo $? >&4; } | { work >&3 || echo $? >&4; }
  )
  case $statuses in *74*) return 74 ;; esac
  return "${statuses:-0}"
}
