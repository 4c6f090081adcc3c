#!/usr/bin/env bats
# Completions in bash, fish and zsh.

bats_require_minimum_version 1.5.0

setup() {
  cd "$BATS_TEST_DIRNAME/../.." || return
  export XDG_CONFIG_HOME="$BATS_TEST_TMPDIR/config"
  unset AV_PROVIDER
  programs=$(for source in tools/av-*.c tools/av-*.sh; do basename "${source%.*}"; done)
}

# bash_completes WORD...: bash's completions of the last word
bash_completes() {
  bash --norc -c 'source completions/av.bash
    COMP_WORDS=("$@") COMP_CWORD=$(($# - 1))
    function=$(complete -p "$1" | sed "s/.*-F \([^ ]*\).*/\1/")
    "$function" "$1" "${COMP_WORDS[COMP_CWORD]}" "${COMP_WORDS[COMP_CWORD - 1]}"
    printf "%s\n" "${COMPREPLY[@]}"' - "$@"
}

# fish_completes LINE: fish's completions at the end of the line, without descriptions
fish_completes() {
  HOME="$BATS_TEST_TMPDIR" fish --no-config -c \
    'source completions/av.fish; complete -C $argv[1]' -- "$1" | cut -f 1
}

# zsh_completes LINE: zsh's completions at the end of the line
zsh_completes() {
  HOME="$BATS_TEST_TMPDIR" tests/lint/zsh-complete completions "$1"
}

# has LINE...: each is a line of the output; hasnt LINE...: none is
has() {
  for want; do
    grep -qxF -- "$want" <<<"$output" || {
      printf 'no "%s" in:\n%s\n' "$want" "$output"
      return 1
    }
  done
}

hasnt() {
  for want; do
    if grep -qxF -- "$want" <<<"$output"; then
      printf '"%s" in:\n%s\n' "$want" "$output"
      return 1
    fi
  done
}

# av_kinds: the kinds of all services, with | between
av_kinds() {
  for service in $(av-provider list | jq -r .name); do
    av-provider kinds "$service"
  done | jq -sr 'map(.kind) | unique | join("|")'
}

# check_options SHELL: it offers the long options of each program's help, and of av-render kinds as well
check_options() {
  for program in $programs; do
    echo "$program"
    kinds=none
    [ "$program" != av-render ] || kinds=--\("$(av_kinds)"\)
    diff <(tests/lint/long-options "$program") <("$1_options" "$program" |
      grep -vxE -- "$kinds" | sort -u)
  done
}

bash_options() { bash_completes "$1" --; }
fish_options() { fish_completes "$1 --"; }
zsh_options() { zsh_completes "$1 --"; }

@test "bash: the long options of each program's help" {
  check_options bash
}

# needs_zsh: skips without zsh, or without the terminal that zsh completes in
needs_zsh() {
  command -v zsh >/dev/null || skip "no zsh"
  python3 -c 'import os; os.openpty()' 2>/dev/null || skip "no pseudo-terminal: /dev/pts is not mounted"
}

@test "fish: the long options of each program's help" {
  command -v fish >/dev/null || skip "no fish"
  check_options fish
}

@test "zsh: the long options of each program's help" {
  needs_zsh
  check_options zsh
}

@test "bash: providers, also a user's own" {
  mkdir -p "$XDG_CONFIG_HOME/avtools/providers"
  jq '.name = "mine"' lib/providers/anam.json >"$XDG_CONFIG_HOME/avtools/providers/mine.json"
  run bash_completes av-upload -p ""
  has anam argil avtr1 loom protoface mine
  run bash_completes av-upload --provider = a
  has anam argil avtr1
  hasnt loom
  run bash_completes av-token --login a
  has anam argil avtr1
  run bash_completes av-upload -p anam,lo
  [ "$output" = "anam,loom" ]
}

@test "bash: the provider's options" {
  run bash_completes av-upload -p argil -O ""
  has voiceId= extras=
  hasnt solve= text=
  run bash_completes av-validate -p loom -O sol
  has solve=
  run bash_completes av-validate -p loom -O solve = ""
  has true false
  run bash_completes av-upload --provider = loom --option ""
  has solve= random=
  AV_PROVIDER=loom run bash_completes av-upload -O ""
  has solve=
  hasnt voiceId=
}

@test "bash: the provider's kinds of rendering" {
  run bash_completes av-render -p loom -r ""
  has pose= animation= preview gltf
  hasnt video
  run bash_completes av-render -p loom -r pose = ""
  has hi kiss neutral
  run bash_completes av-render -p argil -r video -O aspectRatio = 16 :
  [ "$output" = 9 ]
  run bash_completes av-render -r ""
  has pose= video still
}

@test "bash: commands" {
  run bash_completes av-provider ""
  has list show kinds options check schema
  for command in $output; do
    run av-provider "$command" a b c
    [[ "$output" != *"no such command"* ]]
  done
  run bash_completes av-provider show ""
  has loom protoface
  run bash_completes av-provider schema ""
  has provider record report
  run bash_completes av-ledger ""
  has list export import settle forget check
  run bash_completes av-ledger list --state u
  [ "$output" = unknown ]
  run bash_completes av-sandbox --seed 1 -- av-up
  [ "$output" = av-upload ]
}

@test "fish: providers, kinds, options, commands" {
  command -v fish >/dev/null || skip "no fish"
  run fish_completes "av-upload -p "
  has anam argil avtr1 loom protoface
  run fish_completes "av-upload --provider="
  has --provider=anam
  run fish_completes "av-upload -p anam,l"
  has anam,loom
  run fish_completes "av-render -p loom -r "
  has pose=hi gltf
  hasnt video
  run fish_completes "av-upload -p loom -O "
  has solve=true random=
  hasnt voiceId=
  run fish_completes "av-provider "
  has list show kinds options check schema
  run fish_completes "av-provider show l"
  has loom
  run fish_completes "av-ledger list --state u"
  has unknown
}

@test "zsh: providers, kinds, options, commands" {
  needs_zsh
  run zsh_completes "av-upload -p "
  has anam argil avtr1 loom protoface
  run zsh_completes "av-upload --provider=a"
  has --provider=anam --provider=argil --provider=avtr1
  run zsh_completes "av-render -p loom -r "
  has pose=hi gltf
  hasnt video
  run zsh_completes "av-upload -p loom -O "
  has solve=true random=
  hasnt voiceId=
  run zsh_completes "av-provider "
  has list show kinds options check schema
  run zsh_completes "av-provider show l"
  has loom
}

@test "each shell can parse its file" {
  bash -n completions/av.bash
  if command -v zsh >/dev/null; then zsh -n completions/_av; fi
  if command -v fish >/dev/null; then fish --no-config -n completions/av.fish; fi
}
