#!/bin/sh
# run.sh PROGRAMS LIMIT...: runs each libFuzzer program of the directory PROGRAMS on real files and
# the kept corpus (tests/fuzz/corpus/NAME), with limits such as -runs=20000 or -max_total_time=600.
# Crashing inputs go to PROGRAMS/found, new inputs to PROGRAMS/corpus.
set -eu

programs=$1
shift
status=0
mkdir -p "$programs/found"
TMPDIR=$(mktemp -d -p /dev/shm 2>/dev/null || mktemp -d)
export TMPDIR
trap 'rm -rf "$TMPDIR"' EXIT
for source in tests/fuzz/*.c; do
  name=$(basename "$source" .c)
  work=$programs/corpus/$name
  mkdir -p "$work"
  case $name in
    jpeg) cp tests/photos/*.jpg "$work" ;;
    png) cp tests/photos/*.png "$work" ;;
    webp) cp tests/photos/*.webp "$work" ;;
    oracle) cp tests/photos/* "$work" ;;
    provider) cp lib/providers/*.json "$work" ;;
    schema) for f in lib/schema/*.json; do { cat "$f"; printf '\0{}'; } >"$work/$(basename "$f")"; done ;;
    answer) jq -c '.operations[].take // empty' lib/providers/*.json | split -l 1 - "$work/take" ;;
    template) jq -c '[.. | .bodies? // empty]' lib/providers/*.json | split -l 1 - "$work/bodies" ;;
    scan | rec) jq -c . lib/providers/*.json | split -l 1 - "$work/json" ;;
    exif) exiftool -b -Exif tests/photos/exif.jpg >"$work/exif" 2>/dev/null || : ;;
  esac
  kept=
  if [ -d "tests/fuzz/corpus/$name" ]; then kept=tests/fuzz/corpus/$name; fi
  if "$programs/$name" -seed=1 -timeout=10 -max_len=16384 -print_final_stats=1 \
    -artifact_prefix="$programs/found/$name-" "$@" "$work" $kept >"$programs/$name.log" 2>&1; then
    printf 'ok fuzz %s: %s\n' "$name" "$(sed -n 's/^Done \(.*\)/\1/p' "$programs/$name.log")"
  else
    printf 'not ok fuzz %s: see %s\n' "$name" "$programs/$name.log"
    status=1
  fi
done
exit $status
