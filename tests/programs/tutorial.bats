#!/usr/bin/env bats
# av-tutorial(7): each command of its lessons, in order, with what the page says that it prints.

load helper

# lessons: the literal blocks of the page, a line each: "$ COMMAND" or what is printed
lessons() {
  awk '/^\.Bd -literal/ { inside = 1; next } /^\.Ed/ { inside = 0 } inside' "$TESTS/../tools/av-tutorial.7" |
    sed 's/\\e/\\/g; s/\\&//g; s/\\-/-/g'
}

# script: a shell script that runs the commands, and its output as the page has it
split_lessons() {
  lessons | awk '
    here { print >"script"; if ($0 == "END") here = 0; next }
    /^\$ / { sub(/^\$ /, ""); print >"script"; here = /<<.END.$/; next }
    { print >"wanted" }'
}

@test "the tutorial prints what its page says" {
  command -v convert >/dev/null || skip "ImageMagick is not installed"
  cd "$BATS_TEST_TMPDIR"
  split_lessons
  [ "$(wc -l <wanted)" -gt 25 ]
  unset AV_LEDGER AV_PROVIDER
  sh script >got
  diff -u wanted got
}
