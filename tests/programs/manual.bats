#!/usr/bin/env bats
# The manual agrees with the programs, the registry of error codes and the schemas.

bats_require_minimum_version 1.5.0

setup() {
  cd "$BATS_TEST_DIRNAME/../.." || return
}

@test "mandoc has no warnings" {
  for page in tools/*.[157]; do
    # The next test checks references to other pages; mandoc only looks in /usr/share/man.
    run mandoc -Tlint "$page"
    found=$(grep -F "mandoc: $page:" <<<"$output" | grep -v 'referenced manual not found' || true)
    echo "$found"
    [ -z "$found" ]
  done
}

@test "every referenced page exists" {
  while read -r name section; do
    echo "$name($section)"
    [ -f "tools/$name.$section" ]
  done < <(sed -nE 's/^\.(It )?Xr (av[a-z-]*) ([157]).*/\2 \3/p' tools/*.[157] | sort -u)
}

@test "each program has a page, and av(7) names it" {
  for source in tools/av-*.c tools/av-*.sh; do
    name=$(basename "${source%.*}")
    echo "$name"
    [ -f "tools/$name.1" ]
    grep -qx ".It Xr $name 1" tools/av.7
  done
}

@test "every file named in lib/README.md and av-hacking(7) exists" {
  {
    grep -oE '`[a-z][A-Za-z0-9_./-]*`' lib/README.md | tr -d '`'
    sed -nE 's/^\.Pa ([^ ]*).*/\1/p' tools/av-hacking.7
  } | grep / | grep -vE 'NAME|MODULE|^(bin|build)/' | sort -u >"$BATS_TEST_TMPDIR/files"
  [ "$(wc -l <"$BATS_TEST_TMPDIR/files")" -gt 30 ]
  while read -r file; do
    echo "$file"
    [ -e "$file" ] || [ -e "lib/$file" ]
  done <"$BATS_TEST_TMPDIR/files"
}

@test "each page of a program has the usual sections, in their order" {
  sections='NAME SYNOPSIS DESCRIPTION COST OPTIONS EXIT_STATUS EXAMPLES SEE_ALSO'
  for page in tools/*.1; do
    echo "$page"
    [ "$(sed -n 's/^\.Sh //p' "$page" | tr ' ' _ | grep -xF "$(tr ' ' '\n' <<<"$sections")" | xargs)" = "$sections" ]
  done
}

@test "each page of a program begins with one paragraph, which says what it does" {
  for page in tools/*.1; do
    echo "$page"
    sed -n '/^\.Sh DESCRIPTION/,/^\.S[hs] /p' "$page" | sed '1d;$d' >"$BATS_TEST_TMPDIR/first"
    [ "$(head -n 1 "$BATS_TEST_TMPDIR/first")" = .Nm ]
    run -1 grep -nE '^\.(Pp|Bl|Bd|Dl)' "$BATS_TEST_TMPDIR/first"
  done
}

@test "a program that pays nothing says so, and the others say how to see the cost first" {
  for page in tools/*.1; do
    echo "$page"
    first=$(sed -n '/^\.Sh COST/{n;p}' "$page")
    case $page in
    */av-upload.1 | */av-render.1 | */av-call.1)
      [[ $first == 'A service charges for '* ]]
      sed -n '/^\.Sh COST/,/^\.Sh OPTIONS/p' "$page" | grep -qx '\.Fl -dry-run'
      ;;
    *) [ "$first" = Nothing. ] ;;
    esac
  done
}

@test "pages and help list the same options" {
  for source in tools/av-*.c tools/av-*.sh; do
    name=$(basename "${source%.*}")
    while read -r option; do
      echo "$name $option"
      grep -E '^\.It Fl' "tools/$name.1" | grep -qE -- "(Fl (\\\\&)?|, )${option#-}( |\$)"
    done < <(tests/lint/long-options "$name" | grep -vxE -- '--(help|help-all|version)')
  done
}

@test "pages list no option that the program refuses" {
  for source in tools/av-*.c tools/av-*.sh; do
    name=$(basename "${source%.*}")
    "$name" --help-all >"$BATS_TEST_TMPDIR/help"
    while read -r option; do
      echo "$name $option"
      grep -qE -- "$option([ ,)|]|\$)" "$BATS_TEST_TMPDIR/help"
    done < <(grep -E '^\.It Fl' "tools/$name.1" |
      grep -oE -- '(Fl |, )(\\&)?-[a-z][a-z-]*' | sed -E 's/^(Fl |, )(\\&)?-/--/' | sort -u)
  done
}

# "name retryable sentence" for each code, from the registry and from the page
codes_of_registry() {
  sed -nE 's/^CODE\(([a-z0-9_]+), [A-Z0-9_]+, (true|false), "(.*)",$/\1 \2 \3./p' \
    lib/base/codes.def | awk '{ $3 = toupper(substr($3, 1, 1)) substr($3, 2); print }' | sort
}

codes_of_page() {
  awk '
    function flush() { if (name != "") print name, retryable, text; name = "" }
    /^\.Sh / { flush(); inside = ($2 == "CODES") }
    !inside { next }
    /^\.It Li / { flush(); name = $3; retryable = /Pq retryable/ ? "true" : "false"; text = ""; next }
    /^\./ { flush(); next }
    name != "" { text = text (text == "" ? "" : " ") $0 }' tools/av-record.5 | sort
}

@test "av-record(5) and the registry have the same codes with the same sentences" {
  [ "$(codes_of_registry | wc -l)" -eq "$(grep -c '^CODE(' lib/base/codes.def)" ]
  diff <(codes_of_registry) <(codes_of_page)
}

# "name hint" of each code
hints() {
  sed -nE '/^CODE\(/{N; s/^CODE\(([a-z0-9_]+),.*\n    "(.*)"\)$/\1 \2/p}' lib/base/codes.def
}

@test "each code has a hint, whose commands exist, and an anchor in av-record(5)" {
  mandoc -T html tools/av-record.5 >"$BATS_TEST_TMPDIR/page"
  [ "$(hints | wc -l)" -eq "$(grep -c '^CODE(' lib/base/codes.def)" ]
  while read -r name hint; do
    echo "$name: $hint"
    grep -q "id=\"$name\"" "$BATS_TEST_TMPDIR/page"
    [[ $hint == ?????????* ]]
    [[ $hint == *'$ '* ]] || continue
    command=${hint##*'$ '}
    bash -n <<<"$command"
    # each program is there, and has the options that follow it
    while read -r program rest; do
      command -v "$program" >/dev/null
      [[ $program == av-* ]] || continue
      for option in $(grep -oE -- '--[a-z][a-z-]*' <<<"$rest"); do
        tests/lint/long-options "$program" | grep -qx -- "$option"
      done
    done < <(tr '|' '\n' <<<"$command" | sed "s/'[^']*'//g; s/^ *//")
  done < <(hints)
}

# the members that a schema declares, at any depth
schema_members() {
  jq -r '[.. | objects | .properties? // empty | keys[]] | unique[]' "$1"
}

# the members that a page explains
page_members() {
  sed -nE 's/^\.(It )?Va //p' "$1" | tr -d '()' | tr ' ,' '\n\n' | grep -xE '[a-z][A-Za-z0-9_]*' |
    sort -u
}

@test "av-record(5) explains each member of the schema" {
  diff <(schema_members lib/schema/record.json | sort -u) \
    <(sed -nE 's/^\.It Va //p' tools/av-record.5 | tr ' ,' '\n\n' | grep . | sort -u)
}

@test "av-provider(5) explains each member of the schema" {
  # list and where have a line of their own; type is JSON Schema's.
  missing=$(comm -23 <(schema_members lib/schema/provider.json | sort -u) \
    <(page_members tools/av-provider.5))
  echo "$missing"
  [ -z "$(grep -vxE 'list|where|type' <<<"$missing")" ]
  more=$(comm -13 <(schema_members lib/schema/provider.json | sort -u) \
    <(sed -nE 's/^\.It Va //p' tools/av-provider.5 | tr ' ,' '\n\n' | grep . | sort -u))
  echo "$more"
  [ -z "$more" ]
}

@test "av(7) lists all exit statuses, most severe first" {
  statuses=$(awk '/^\.Sh /{ inside = /EXIT STATUS/ } inside && /^\.It [0-9]/ { print $2 }' tools/av.7 | xargs)
  [ "$statuses" = "74 70 78 77 75 65 0" ]
}

@test "the manual's warning about jq 1.6 is true" {
  grep -q 'jq 1.6' tools/av.7
  grep -q 'jq 1.6' tools/av-record.5
  case $(jq --version) in
  jq-1.[56]*)
    [ "$(jq -c . <<<'[12345678901234567890,1.10]')" = '[12345678901234567000,1.1]' ]
    ;;
  *) skip "this jq is another version" ;;
  esac
}

# mandoc breaks a longer one, even in the middle of a word that is to be typed.
@test "an example on a line of its own fits the page" {
  run -1 grep -nE '^\.Dl .{75,}' tools/*.[17]
}

@test "examples of the manual are valid shell" {
  for page in tools/*.1 tools/*.7; do
    while IFS= read -r -d '' example; do
      echo "$page: $example"
      bash -n <<<"$example"
    done < <(tests/lint/examples "$page")
  done
}
