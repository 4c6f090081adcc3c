#!/usr/bin/env bats
# Installation, the version, and the examples for systemd, cron and GitHub. `make package-check` tests
# the packages themselves.

load helper

setup() {
  TOP=$(cd "$BATS_TEST_DIRNAME/../.." && pwd)
  P=$TOP/tools/package
  cd "$BATS_TEST_TMPDIR" || return
}

# makes TARGET...: runs make in the top folder; the programs are built already
makes() {
  env -u MAKEFLAGS -u MAKELEVEL make -C "$TOP" -s -o all -o faces DESTDIR="$PWD/root" "$@"
}

@test "uninstall removes what install installed" {
  makes install
  diff <(cd root/usr/local/bin && ls) <(cd "$TOP/bin" && ls)
  for page in "$TOP"/tools/av*.[157]; do
    [ -e "root/usr/local/share/man/man${page##*.}/${page##*/}" ]
  done
  for shell in bash-completion/completions/av-poll fish/vendor_completions.d/av-poll.fish \
    zsh/site-functions/_av doc/avtools/NEWS doc/avtools/examples/avtools.timer; do
    [ -s "root/usr/local/share/$shell" ]
  done
  echo mine >root/usr/local/bin/mine
  makes uninstall
  is "$(cd root && find . -type f)" ./usr/local/bin/mine
  is "$(cd root && find . -type d -empty | sort | xargs)" "./usr/local/share/doc ./usr/local/share/man"
}

@test "the version is NEWS' first; a checkout that is not at its tag adds the commit" {
  mkdir -p tools/package
  cp "$P/version.sh" "$P/NEWS" tools/package
  version=$(sed -n '1s/^# avtools \([0-9]*\.[0-9]*\.[0-9]*\) (20[0-9][0-9]-[0-9][0-9]-[0-9][0-9])$/\1/p' "$P/NEWS")
  is "$(sh tools/package/version.sh)" "$version"
  export GIT_AUTHOR_NAME=a GIT_AUTHOR_EMAIL=a GIT_COMMITTER_NAME=a GIT_COMMITTER_EMAIL=a
  git init -q .
  git add tools
  git commit -qm first
  is "$(sh tools/package/version.sh)" "$version+g$(git rev-parse --short HEAD)"
  git tag "v$version"
  is "$(sh tools/package/version.sh)" "$version"
  echo >>tools/package/version.sh
  is "$(sh tools/package/version.sh)" "$version+dirty"
  git commit -qam second
  is "$(sh tools/package/version.sh)" "$version+1.g$(git rev-parse --short HEAD)"
  echo 1.2.3 >.version
  is "$(sh tools/package/version.sh)" 1.2.3
  [[ $(av-validate -V) == "av-validate $version"* ]]
}

@test "systemd accepts the units, also the one in av-batch(7)" {
  command -v systemd-analyze >/dev/null || skip "no systemd-analyze"
  sed -n '/^\[Service]/,/^\.Ed/{/^\.Ed/d;p}' "$TOP/tools/av-batch.7" >avatars.service
  grep -q ^WorkingDirectory avatars.service
  is "$(systemd-analyze verify --man=no "$P"/systemd/* ./avatars.service 2>&1)" ""
}

@test "cron's line makes avatars" {
  mkdir -p avatars/photos
  faces avatars/photos/ann.jpg=1280x720
  run -1 grep % "$P/crontab"
  sed -nE 's/^17 \* \* \* \* +//p' "$P/crontab" >line
  limit 60 av-sandbox --ready-after 50 -- env "$(grep ^AV_PROVIDER "$P/crontab")" sh ./line
  is "$(of avatars/records.jsonl '[.[] | [.avatar.status, .error]]')" '[["ready",null]]'
}

@test "the GitHub action makes avatars, pays once, and writes a summary" {
  python3 -c 'import yaml' 2>/dev/null || skip "no python3-yaml"
  python3 - "$P/github/action.yml" >step <<'END'
import sys, yaml
action = yaml.safe_load(open(sys.argv[1]))
assert set(action["inputs"]) == {"provider", "photos", "output", "state"}
[run] = [s["run"] for s in action["runs"]["steps"] if s.get("name") == "Make avatars"]
assert "${{" not in run
print(run)
END
  mkdir photos
  faces photos/ann.jpg=1280x720
  echo '<html>' >photos/dan.jpg
  export PHOTOS=photos OUTPUT=out STATE=state GITHUB_STEP_SUMMARY=summary
  echo 'for n in 1 2; do bash -eo pipefail step; status=$?; done
    curl -s "$AV_SANDBOX_STATS" >stats; exit $status' >twice
  run -65 limit 60 av-sandbox --ready-after 50 --render-after 50 -- env AV_PROVIDER=anam sh twice
  is "$(of out/records.jsonl '[.[] | [.file, .avatar.reused, .error.code]]')" \
    '[["photos/ann.jpg",true,null],["photos/dan.jpg",null,"photo_refused"]]'
  is "$(jq .anam.creates stats)" 1
  is "$(grep -c '^### 1 of 2 ready' summary)" 2
  grep -qF 'photos/dan\.jpg' summary
}
