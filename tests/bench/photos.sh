#!/bin/sh
# photos.sh [N]: photos a second of av-validate at each depth, and of other tools on the same N (200)
# files: one process for all files, in the page cache, best of three runs. Then the time of one
# process for one photo. Programs come from PATH.
set -eu

n=${1:-200}
dir=$(mktemp -d)
trap 'rm -rf "$dir"' EXIT
cd "$dir"

convert -size 480x270 -seed 3 plasma:fractal -resize 1920x1080! -attenuate 0.5 +noise gaussian -depth 8 \
  -quality 85 photo.jpg
convert photo.jpg -resize 960x540 -define png:color-type=2 photo.png
for type in jpg png; do
  mkdir $type
  for i in $(seq "$n"); do cp photo.$type $type/$i.$type; done
done

# best RUNS COMMAND...: the shortest time of the runs, in seconds
best() {
  python3 -c '
import subprocess, sys, time
best = 1e9
for _ in range(int(sys.argv[1])):
    start = time.perf_counter()
    code = subprocess.run(sys.argv[2:], stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL).returncode
    best = min(best, time.perf_counter() - start)
if code != 0:
    sys.exit("%s ended with %d" % (sys.argv[2], code))
print("%.6f" % best)' "$@"
}

rate() {
  label=$1
  shift
  seconds=$(best 3 "$@")
  awk -v label="$label" -v n="$n" -v s="$seconds" 'BEGIN { printf "  %-28s %9.0f photos/s\n", label, n / s }'
}

# Debian's Python has Pillow, another one in PATH may not.
pillow() { rate "$1" /usr/bin/python3 -c "
import sys
from PIL import Image
for name in sys.argv[1:]:
    with Image.open(name) as image:
        $2" "$type"/*; }

printf '%s cores, %s photos of each kind\n' "$(nproc)" "$n"
for type in jpg png; do
  printf '%s, %s, %s bytes\n' $type "$(identify -format %wx%h photo.$type)" "$(wc -c <photo.$type)"
  echo ' header'
  rate 'av-validate --quick' av-validate --quick -p loom $type/*
  rate 'identify -ping' identify -ping $type/*
  rate identify identify $type/* # without -verbose it reads only the header
  rate vipsheader vipsheader $type/*
  rate exiftool exiftool -q -ImageSize -Orientation $type/*
  pillow 'Pillow, open' 'image.size'
  echo ' every byte'
  rate 'av-validate -j 1' av-validate -j 1 -p loom $type/*
  rate av-validate av-validate -p loom $type/*
  rate sha256sum sha256sum $type/*
  pillow 'Pillow, verify' 'image.verify()'
  echo ' every pixel'
  rate 'av-validate --decode -j 1' av-validate --decode -j 1 -p loom $type/*
  rate 'av-validate --decode' av-validate --decode -p loom $type/*
  if [ $type = jpg ]; then rate 'jpeginfo -c' jpeginfo -c $type/*; fi
  if [ $type = png ]; then rate 'pngcheck' pngcheck -q $type/*; fi
  pillow 'Pillow, load' 'image.load()'
done

one() {
  label=$1
  shift
  awk -v label="$label" -v s="$(best 40 "$@")" 'BEGIN { printf "  %-28s %9.2f ms\n", label, s * 1000 }'
}
echo 'one process, one photo'
one 'av-validate' av-validate -p loom photo.jpg
one 'av-validate --quick' av-validate --quick -p loom photo.jpg
one 'av-validate --decode' av-validate --decode -p loom photo.jpg
one 'identify -ping' identify -ping photo.jpg
one 'curl -V' curl -V
