#!/bin/sh
# av-report: says what happened in a run, from its records.
set -u

program=av-report
usage='usage: av-report [--markdown|--json|--csv|--tsv] [FILE...]'

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

report() {
  cat <<'END'
@@ tools/av-report/facts.jq
@@ tools/av-report/report.jq
END
}

@@ tools/av-report/common.sh

format=text
while [ $# -gt 0 ]; do
  case $1 in
  --markdown | --json | --csv | --tsv) format=${1#--} ;;
  --)
    shift
    break
    ;;
  -?*) common_option "$1" ;;
  *) break ;;
  esac
  shift
done
check_input "$@"

work() {
  jq -nRr --arg format "$format" --arg records "$name" --argjson codes "$(codes)" "$(report)"
}
feed "$@"
status=$?
[ $status -ne 2 ] || status=74
exit $status
