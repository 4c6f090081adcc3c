# Completion of the av programs for bash: source it, or install it for bash-completion.
#
# Options come from each program's own help, names of providers, kinds and options from
# av-provider, both when they are asked for.

# The options in a program's help, one a line.
_av_options() {
  "$1" --help-all 2>/dev/null | sed -nE '/^ {2,6}-/{s/^ +//; s/  +.*//; p}' |
    grep -oE -- '(^| )-(-[a-z][a-z-]*|[A-Za-z0-9])' | tr -d ' '
}

# The words of `av-provider "$@" --words`, without what they mean.
_av_words() {
  av-provider "$@" --words 2>/dev/null | cut -f 1
}

# Providers of the line in words, else of AV_PROVIDER, else all.
_av_chosen() {
  local i names=${AV_PROVIDER-}
  for ((i = 1; i < ${#words[@]} - 1; i++)); do
    case ${words[i]} in
    -p | --provider) names=${words[i + 1]} ;;
    --provider=*) names=${words[i]#*=} ;;
    -p*) names=${words[i]#-p} ;;
    esac
  done
  if [[ -n $names ]]; then
    tr , '\n' <<<"$names"
  else
    av-provider list --words 2>/dev/null | cut -f 1
  fi
}

# The operation that the line names.
_av_operation() {
  local i
  for ((i = 1; i < ${#words[@]} - 1; i++)); do
    [[ ${words[i]} == -* || ${words[i - 1]} == -[pOuj] ]] || { echo "${words[i]}"; return; }
  done
  echo avatars
}

# What can follow the option $1 of program $2; nothing: files, or a word of the user's own.
_av_values() {
  local name step
  case $1 in
  -p | --provider | --login)
    _av_words list
    ;;
  -r | --rendering)
    for name in $(_av_chosen); do _av_words kinds "$name"; done
    ;;
  -O | --option)
    case $2 in
    *render) step=render ;;
    *list | *call) step=$(_av_operation) ;;
    *) step=upload ;;
    esac
    for name in $(_av_chosen); do _av_words options "$name" --step "$step"; done
    ;;
  --ledger) echo none ;;
  --progress) printf '%s\n' auto plain json none ;;
  --state) [[ $2 != *ledger ]] || printf '%s\n' intended made unknown not_made failed gone ;;
  --grant) printf '%s\n' password-realm password client_credentials authorization_code device_code ;;
  --step) printf '%s\n' upload render list delete call ;;
  --*) for name in $(_av_chosen); do
    _av_words kinds "$name" | sed -n "s/^${1#--}=\(.\)/\1/p"
  done ;;
  esac
}

# What can stand alone, as in `av-ledger settle`.
_av_operands() {
  local count=0 i name
  for ((i = 1; i < ${#words[@]} - 1; i++)); do
    [[ ${words[i]} == -* || ${words[i - 1]} == -[pOuj] ]] || count=$((count + 1))
  done
  case $1:$count:${words[1]-} in
  *provider:0:*) printf '%s\n' list show kinds options operations compare check stale schema ;;
  *provider:1:show | *provider:1:kinds | *provider:1:options | *provider:1:operations | \
    *provider:*:compare | *provider:*:stale) _av_words list ;;
  *list:0:* | *call:0:*) for name in $(_av_chosen); do
    _av_words operations "$name" --step "${1##*-}"
  done ;;
  *ledger:0:*) printf '%s\n' list show spend export import settle forget check ;;
  *provider:1:schema) printf '%s\n' provider record report ;;
  esac
}

# Words as the shell's user sees them: bash splits at = and :.
_av_join() {
  local i word glue=
  words=()
  for ((i = 0; i <= COMP_CWORD; i++)); do
    word=${COMP_WORDS[i]}
    if [[ -n $glue || $word == [=:] ]] && ((${#words[@]} > 1)); then
      words[${#words[@]} - 1]+=$word
    else
      words+=("$word")
    fi
    [[ $word == [=:] ]] && glue=yes || glue=
  done
}

_av() {
  local words cur prev program=$1 lead='' list candidate
  _av_join
  cur=${words[${#words[@]} - 1]} prev=${words[${#words[@]} - 2]-}
  COMPREPLY=()
  if [[ " ${words[*]:1:${#words[@]}-2} " == *' -- '* ]]; then
    [[ $prev != -- ]] || mapfile -t COMPREPLY < <(compgen -c -- "$cur")
    return
  fi
  if [[ $cur == --*=* ]]; then
    prev=${cur%%=*} lead=$prev= cur=${cur#*=}
  fi
  if [[ -n $lead || $prev == -* ]]; then
    list=$(_av_values "$prev" "${program##*/}")
  fi
  if [[ -z $list && -z $lead ]]; then
    case $cur in
    -*) list=$(_av_options "$program")
      [[ $program != *render ]] ||
        list+=$'\n'$(for name in $(_av_chosen); do _av_words kinds "$name"; done | sed -n 's/=$//; s/^[a-z][^=]*$/--&/p')
      ;;
    *) list=$(_av_operands "${program##*/}") ;;
    esac
  fi
  # anam,ar: what is before the comma stays.
  if [[ $prev == -p || $prev == --provider ]] && [[ $cur == *,* ]]; then
    list=$(sed "s/^/${cur%,*},/" <<<"$list")
  fi
  while IFS= read -r candidate; do
    [[ -n $candidate && $candidate == "$cur"* ]] || continue
    [[ $candidate != *= ]] || compopt -o nospace 2>/dev/null
    candidate=$lead$candidate
    # Only what is behind the last = or : is bash's to replace.
    list=$lead$cur
    COMPREPLY+=("${candidate#"${list%"${list##*[=:]}"}"}")
  done < <(sort -u <<<"$list")
}

complete -o default -F _av av-fetch av-validate av-fit av-upload av-poll av-listen av-render av-list av-delete av-call \
  av-token av-ledger av-provider av-doctor av-sandbox av-report av-sheet
