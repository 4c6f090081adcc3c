#!/bin/sh
# photo-peers.sh: what other tools say of the pictures of odd-photos.sh. A line for each picture: its
# name, its sort (sound, odd, damaged), and for each tool "ok", "bad" or "-" (not its format). Then
# the number of pictures of each sort that each tool calls bad.
set -eu

here=$(cd "$(dirname "$0")" && pwd)
dir=$(mktemp -d)
trap 'rm -rf "$dir"' EXIT
sh "$here/odd-photos.sh" "$dir" 2>/dev/null >"$dir.list"
cd "$dir"

quiet() { if out=$("$@" 2>&1 >/dev/null) && [ -z "$out" ]; then echo ok; else echo bad; fi; }
status() { if "$@" >/dev/null 2>&1; then echo ok; else echo bad; fi; }
jpeg() { case $kind in *image/jpeg) if jpeginfo -c "$1" 2>&1 | grep -q '\bOK\b'; then echo ok; else echo bad; fi ;; *) echo - ;; esac; }
png() { case $kind in *image/png) status pngcheck -q "$1" ;; *) echo - ;; esac; }
webp() { case $kind in *image/webp) status webpinfo -quiet "$1" ;; *) echo - ;; esac; }
of_file() { case $kind in *image/*) echo ok ;; *) echo bad ;; esac; }

while read -r name findings; do
  [ -f "$name" ] && [ -s "$name" ] || continue
  case $findings in
    -) what=sound ;;
    *:refused*) what=damaged ;;
    *) what=odd ;;
  esac
  kind=$(file --mime-type "$name")
  printf '%-28s %-8s %-4s %-4s %-4s %-4s %-4s %-4s\n' "$name" $what "$(of_file "$name")" \
    "$(quiet identify -ping "$name")" "$(quiet identify "$name")" "$(jpeg "$name")" \
    "$(png "$name")" "$(webp "$name")"
done <"$dir.list" >table
rm "$dir.list"
printf '%-28s %-8s %-4s %-4s %-4s %-4s %-4s %-4s\n' name is file ping iden jpgi pngc webp
cat table
for what in damaged odd sound; do
  awk -v what=$what '$2 == what { n++; for (i = 3; i <= 8; i++) { bad[i] += $i == "bad"; of[i] += $i != "-" } }
    END { printf "%s: %d; called bad by file %d, identify -ping %d, identify %d, jpeginfo %d of %d, pngcheck %d of %d, webpinfo %d of %d\n",
      what, n, bad[3], bad[4], bad[5], bad[6], of[6], bad[7], of[7], bad[8], of[8] }' table
done
