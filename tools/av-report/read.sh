# check_input FILE...: ends the program where its input or jq is missing; sets name, to be used in
# commands
check_input() {
  program=${0##*/}
  for file; do
    [ "$file" = - ] || { [ -r "$file" ] && [ ! -d "$file" ]; } || {
      printf "%s: cannot open '%s'; check its name with: ls -l\n" "$program" "$file" >&2
      exit 66
    }
  done
  command -v jq >/dev/null || {
    echo "$program: jq is missing; install it with: apt-get install jq" >&2
    exit 78
  }
  [ $# -gt 0 ] || [ ! -t 0 ] ||
    echo "$program: reading records from the terminal; give a file, as in: $program done.jsonl" >&2
  name=
  [ $# -ne 1 ] || [ "$1" = - ] || name=$1
}

# read_all FILE...: each file, and a line feed in case its last line has none
read_all() {
  [ $# -gt 0 ] || set -- -
  for file; do
    cat -- "$file"
    echo
  done
}
