#!/bin/sh
# av-report: says what happened in a run, from its records.
set -u

usage='usage: av-report [--markdown|--json|--csv|--tsv] [FILE...]'

misuse() {
  printf 'av-report: %s\n%s (-h explains)\n' "$1" "$usage" >&2
  exit 64
}

help() {
  cat <<'END'

Says what happened in a run: how many avatars are ready, what was paid, and for
each kind of failure how many, why and the command to type. Reads records from
files or stdin.

      --markdown              print Markdown, as for a summary in CI
      --json                  print one JSON object
      --csv                   print a table, a row for each record and rendering
      --tsv                   the same with tabs
  -h, --help                  print this help and exit
  -V, --version               print the version and exit

examples:
  av-report done.jsonl
  av-report --markdown done.jsonl >>"$GITHUB_STEP_SUMMARY"
  av-report --csv done.jsonl again.jsonl >run.csv
END
}

codes() {
  cat <<'END'
@@ codes.json
END
}

program() {
  cat <<'END'
@@ tools/av-report/facts.jq
@@ tools/av-report/report.jq
END
}

@@ tools/av-report/read.sh

format=text
while [ $# -gt 0 ]; do
  case $1 in
  --markdown | --json | --csv | --tsv) format=${1#--} ;;
  -h | --help | --help-all)
    echo "$usage"
    help
    exit
    ;;
  -V | --version)
    echo 'av-report @VERSION@'
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
check_input "$@"

read_all "$@" | jq -nRr --arg format "$format" --arg records "$name" --argjson codes "$(codes)" "$(program)"
status=$?
[ $status -ne 2 ] || status=74
exit $status
