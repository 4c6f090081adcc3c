#!/usr/bin/env bats
# What is packed works where only Debian is: the source archive builds the packages without git and
# without root, lintian accepts them, and a clean chroot installs and uses them. The tests build on
# each other. `make package-check` runs them, in four minutes on an idle machine of two cores.

bats_require_minimum_version 1.5.0

setup_file() {
  export WORK WHY=
  WORK=$(mktemp -d "${TMPDIR:-/var/tmp}/avtools-package-XXXXXX")
  chmod 755 "$WORK"
  for command in dpkg-buildpackage dh lintian debootstrap; do
    command -v "$command" >/dev/null || WHY="no $command"
  done
  [ "$(id -u)" -eq 0 ] || WHY="only root can make a chroot"
  [ -n "$WHY" ] || unshare -mpf true 2>"$WORK/err" || WHY="no mounts of its own: $(cat "$WORK/err")"
}

teardown_file() {
  rm -rf --one-file-system "$WORK"
}

setup() {
  cd "$BATS_TEST_DIRNAME/../.." || return
  [ -z "$WHY" ] || skip "$WHY"
}

# as_user COMMAND...: runs it as nobody, with the programs of the system only
as_user() {
  setpriv --reuid=nobody --regid=nogroup --clear-groups \
    env -i HOME="$WORK" LC_ALL=C.UTF-8 PATH=/usr/sbin:/usr/bin:/sbin:/bin "$@"
}

# inside COMMAND...: runs it in the chroot. Its mounts end with it.
inside() {
  unshare -mpf sh -c 'mount -t proc proc "$0/proc" && mount --bind /dev "$0/dev" && exec chroot "$0" "$@"' \
    "$WORK/chroot" env -i HOME=/root PATH=/usr/sbin:/usr/bin:/sbin:/bin LC_ALL=C.UTF-8 \
    DEBIAN_FRONTEND=noninteractive ${http_proxy:+http_proxy="$http_proxy"} "$@"
}

needs_chroot() {
  [ -x "$WORK/chroot/usr/bin/apt-get" ] || skip "no chroot: $(tail -n 1 "$WORK/debootstrap.log")"
}

@test "the source archive is the same each time" {
  rm -f build/avtools-*.tar.gz
  make dist
  mv build/avtools-*.tar.gz "$WORK/source.tar.gz"
  make dist
  cmp build/avtools-*.tar.gz "$WORK/source.tar.gz"
}

@test "it builds packages without git and root, and stops at no warning" {
  mkdir "$WORK/source"
  tar -xzf "$WORK/source.tar.gz" -C "$WORK/source" --strip-components=1
  chown -R nobody "$WORK/source"
  as_user make -C "$WORK/source" deb >"$WORK/build.log" 2>&1 || { tail -n 40 "$WORK/build.log"; false; }
  grep -q -- '-fstack-protector-strong' "$WORK/build.log"
  run -1 grep -E -- '-Werror( |$)' "$WORK/build.log"
  mv "$WORK"/source/build/avtools* "$WORK"
  [ "$(dpkg-deb -f "$WORK"/avtools_*.deb Version)" = "$(cat "$WORK/source/.version")" ]
}

@test "lintian has no error and no warning" {
  as_user lintian --fail-on error,warning --tag-display-limit 0 "$WORK"/avtools_*.changes
}

@test "each program, page and completion is in one package, av-fit's in avtools-fit" {
  for deb in "$WORK"/*.deb; do
    dpkg-deb -c "$deb" | sed -nE 's/^-.* \.(.*)/\1/p' | grep -v /usr/share/doc/ |
      sed "s|^|$(dpkg-deb -f "$deb" Package) |"
  done >"$WORK/files"
  make install DESTDIR="$WORK/installed" PREFIX=/usr GZIP_MAN=1 >/dev/null
  diff <(cd "$WORK/installed" && find . -type f | grep -v /usr/share/doc/ | sed -E '
    s|^\.||; s|zsh/site-functions|zsh/vendor-completions|
    s|^.*/av-fit.*|avtools-fit &|; s|^/|avtools /|' | sort) <(sort "$WORK/files")
  [[ $(dpkg-deb -f "$WORK"/avtools_*.deb Depends) != *vips* ]]
}

@test "a clean chroot: two commands and two minutes to the first avatar" {
  read -r mirror suite < <(apt-get indextargets --format '$(REPO_URI) $(CODENAME)' \
    'Created-By: Packages' 'Component: main' 'Origin: Debian')
  debootstrap --variant=minbase --cache-dir=/var/cache/apt/archives "$suite" "$WORK/chroot" "$mirror" \
    >"$WORK/debootstrap.log" 2>&1 || rm -rf --one-file-system "$WORK/chroot"
  needs_chroot
  cp /etc/resolv.conf "$WORK/chroot/etc"
  cp "$WORK"/*.deb tools/package/debian/tests/first-avatar "$WORK/chroot/srv"
  SECONDS=0
  inside sh -c 'apt-get install -y --no-install-recommends /srv/avtools_*.deb'
  inside setpriv --reuid=nobody --regid=nogroup --clear-groups /srv/first-avatar
  echo "$SECONDS seconds" >&3
  [ "$SECONDS" -lt $((120 * ${AV_SLOW:-1})) ]
  [ "$(inside av-validate -V)" = "av-validate $(cat "$WORK/source/.version")" ]
}

@test "av-fit comes with libvips, from its own package" {
  needs_chroot
  run -1 inside dpkg -s libvips42
  inside sh -c 'apt-get install -y --no-install-recommends /srv/avtools-fit_*.deb' >/dev/null
  inside sh -c 'cd /tmp; av-validate -p argil /usr/share/doc/avtools/examples/photos/dan.jpg |
    av-fit -o fitted | av-validate' >"$WORK/fitted"
  jq -e '.error == null and (.file | startswith("fitted/"))' "$WORK/fitted"
}

@test "purged packages leave nothing" {
  needs_chroot
  inside apt-get purge -y avtools avtools-fit
  [ -z "$(find "$WORK/chroot/usr" "$WORK/chroot/etc" -name 'av-*' -o -name '*avtools*')" ]
}

@test "the portable programs run there, with libcurl and GnuTLS" {
  make tarball >"$WORK/tarball.log" 2>&1 || { tail -n 20 "$WORK/tarball.log"; false; }
  for program in build/avtools-*-linux-*/bin/av-*; do
    objdump -p "$program" | sed -n 's/.*NEEDED *//p'
  done | grep -v '^ld-linux' | sort -u | tee /dev/stderr |
    diff - <(printf '%s\n' libc.so.6 libgnutls.so.30 libm.so.6)
  needs_chroot
  rm -rf "$WORK/chroot/opt/avtools"
  mkdir -p "$WORK/chroot/opt/avtools"
  tar -xzf build/avtools-*-linux-*.tar.gz -C "$WORK/chroot/opt/avtools" --strip-components=1
  inside sh -c 'PATH=/opt/avtools/bin:$PATH; export PATH
    /srv/first-avatar /opt/avtools/share/doc/avtools/examples/photos'
}
