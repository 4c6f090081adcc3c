#!/usr/bin/env bats
# av-validate on real, odd and damaged pictures, at its three depths.
bats_require_minimum_version 1.5.0

setup_file() {
  export ODD="$BATS_FILE_TMPDIR/odd" TABLE="$BATS_FILE_TMPDIR/table"
  mkdir "$ODD"
  sh "$BATS_TEST_DIRNAME/../generators/odd-photos.sh" "$ODD" >"$TABLE" 2>"$BATS_FILE_TMPDIR/log"
  export BOMB="$BATS_FILE_TMPDIR/bomb.png"
  python3 - "$BOMB" <<'PYTHON'
import struct, sys, zlib
def chunk(tag, data):
    return struct.pack(">I", len(data)) + tag + data + struct.pack(">I", zlib.crc32(tag + data))
z = zlib.compressobj(9)
pixels = b"".join(z.compress(bytes(30001)) for _ in range(30000)) + z.flush()
with open(sys.argv[1], "wb") as f:
    f.write(b"\x89PNG\r\n\x1a\n"
            + chunk(b"IHDR", struct.pack(">IIBBBBB", 30000, 30000, 8, 0, 0, 0, 0))
            + chunk(b"IDAT", pixels) + chunk(b"IEND", b""))
PYTHON
}

setup() {
  cd "$BATS_TEST_TMPDIR"
  unset AV_PROVIDER
}

# findings: turns records into lines of the table: name, tab, findings
findings() {
  jq -r '[(.file | split("/") | last),
    (if .error then (.error.problems // [.error]) else (.image.warnings // []) end
      | map(.code + (if .severity then ":" + .severity else "" end)) | join(" ")
      | if . == "" then "-" else . end)] | join("\t")'
}

# list: writes the table's paths to the file list
list() {
  cut -f1 "$TABLE" | sed "s|^|$ODD/|" >list
}

@test "--decode: each odd or damaged picture has exactly the table's findings" {
  list
  run -65 --separate-stderr sh -c 'av-validate --decode -k <list >out'
  findings <out >got
  diff "$TABLE" got
  [ "$(wc -l <got)" -ge 60 ]
}

@test "what a phone appends is named" {
  while read -r photo words; do
    av-validate "$ODD/$photo" | jq -e --arg words "$words" \
      '.image.warnings[] | select(.code == "bytes_after_end" and .severity == "note") | .message | contains($words)'
  done <<'NAMES'
mpf.jpg (another picture)
mpf-padded.jpg (another picture)
mpf-other.jpg (what the photo's own metadata lists)
gain-map.jpg (a gain map for HDR screens)
gain-map-plain.jpg (a gain map for HDR screens)
hdr-plus.jpg (notes of Google's camera, HDR+)
motion.jpg (the movie of a Motion Photo)
motion-padded.jpg (the movie of a Motion Photo)
motion-listed.jpg (what the photo's own metadata lists)
sef.jpg (data of a Samsung phone, SEF)
NAMES
}

@test "a large PNG: the same record whichever threads and processes read it" {
  convert -size 1500x1200 -seed 1 plasma:fractal -attenuate 0.5 +noise gaussian -depth 8 -define png:color-type=2 large.png
  [ "$(stat -c %s large.png)" -gt $((3 << 20)) ]
  head -c -40000 large.png >cut.png
  # a byte of the pixel data, whose checksum tells
  { head -c 2000000 large.png; printf '\0\1\2\3'; tail -c +2000005 large.png; } >changed.png
  for photo in large cut changed; do
    for o in "" "-j 1" "--decode"; do
      av-validate --exit-zero $o $photo.png
    done >out
    av-validate --exit-zero -j 2 $photo.png $photo.png >>out
    [ "$(sort -u out | wc -l)" = 1 ]
    [ "$(jq -r '.image.sha256' out | head -n 1)" = "$(sha256sum <$photo.png | cut -d' ' -f1)" ]
  done
  jq -e '.error.problems[0].code == "damaged"' out
}

@test "one worker, many, or none: the same records" {
  list
  for o in "-j 1" "-j 2" "-j 7" ""; do
    run -65 --separate-stderr sh -c "av-validate -k $o <list >'out$o'"
    cmp "out-j 1" "out$o"
  done
}

@test "-k keeps the order; without it every record comes out" {
  list
  run -65 --separate-stderr sh -c 'av-validate -k --decode -j 3 <list >out'
  jq -r .file out | cmp list -
  run -65 --separate-stderr sh -c 'av-validate --decode -j 3 <list >out'
  sort list | cmp - <(jq -r .file out | sort)
}

@test "--quick gives type, size and orientation, but no checksum" {
  set -- "$ODD/444.jpg" "$ODD/rgb16.png" "$ODD/lossy.webp"
  av-validate -k "$@" >full
  av-validate -k --quick "$@" >quick
  diff <(jq -c '.image | del(.sha256)' full) <(jq -c .image quick)
  [ "$(jq -r .image.sha256 quick | sort -u)" = null ]
  run -64 av-validate --quick --decode "$ODD/444.jpg"
}

# variants cut|flip FILE: fills the directory all with the file cut at every offset, or with a bit
# flipped in each byte
variants() {
  python3 -c '
import os, sys
data = open(sys.argv[2], "rb").read()
os.mkdir("all")
for n in range(1 if sys.argv[1] == "cut" else 0, len(data)):
    flipped = data[:n] + bytes([data[n] ^ 1 << n % 8]) + data[n + 1:]
    open("all/%d" % n, "wb").write(data[:n] if sys.argv[1] == "cut" else flipped)
' "$@"
}

# all_refused: every file of the directory all is refused
all_refused() {
  run -65 --separate-stderr sh -c 'find all -type f | av-validate >out'
  [ "$(jq -c 'select(.error == null)' out | wc -l)" -eq 0 ]
  [ "$(wc -l <out)" -eq "$(ls all | wc -l)" ]
  rm -r all
}

@test "a JPEG, a PNG and a WebP cut at every offset are all refused" {
  for photo in baseline.jpg progressive.jpg rgb.png lossy.webp lossless.webp; do
    variants cut "$BATS_TEST_DIRNAME/../photos/$photo"
    all_refused
  done
}

@test "a PNG with any byte flipped is refused" {
  variants flip "$BATS_TEST_DIRNAME/../photos/rgb.png"
  all_refused
}

@test "what libpng refuses of 400 PNGs broken at random is refused" {
  mkdir all
  "$BATS_TEST_DIRNAME/../generators/broken-pngs.py" all 400 "$BATS_TEST_DIRNAME"/../photos/*.png >list
  grep -v 'ok$' list | cut -f1 | sort >refused
  [ "$(wc -l <refused)" -ge 200 ]
  run -65 --separate-stderr sh -c 'find all -type f | av-validate >out'
  jq -r 'select(.error == null) | .file | split("/") | last' out | sort >accepted
  [ "$(wc -l <accepted)" -ge 50 ]
  [ -z "$(comm -12 refused accepted)" ]
}

@test "a PNG of 900 million pixels is refused with 10 ms of processor time and 20 MB" {
  python3 - <<'PYTHON'
import os, subprocess
best = 1e9
for _ in range(10):
    p = subprocess.Popen(["av-validate", os.environ["BOMB"]], stdout=open("out", "w"))
    _, status, usage = os.wait4(p.pid, 0)
    best = min(best, usage.ru_utime + usage.ru_stime)
    assert os.waitstatus_to_exitcode(status) == 65
print("%.1f ms, %d kB" % (best * 1000, usage.ru_maxrss))
if "-san" not in os.environ["PATH"]:
    assert usage.ru_maxrss < 20 * 1024 and best < 0.010
PYTHON
  [ "$(jq -r .error.problems[].code out)" = too_many_pixels ]
}

@test "with --max-pixels it is decoded by a worker, not in the program's memory" {
  python3 - "$ODD/444.jpg" <<'PYTHON'
import os, resource, subprocess, sys
p = subprocess.Popen(["av-validate", "-k", "--decode", "--max-pixels", "1000000000",
                      os.environ["BOMB"], sys.argv[1]], stdout=open("out", "w"))
peak = 0
while p.poll() is None:
    with open("/proc/%d/status" % p.pid) as f:
        peak = max([peak] + [int(l.split()[1]) for l in f if l.startswith("VmHWM")])
assert p.returncode == 0 and 0 < peak
assert peak < 20 * 1024 or "-san" in os.environ["PATH"], peak
PYTHON
  [ "$(jq -c '[.image.width, .error]' out | tr '\n' ' ')" = '[30000,null] [61,null] ' ]
}

@test "finished records pass unchanged; image is always read again" {
  cp "$ODD/444.jpg" ann.jpg
  cat >in <<'RECORDS'
{"file":"ann.jpg","error":{"step":"upload","code":"network","message":"m","retryable":true}}
{ "file":"ann.jpg" , "avatar":{"id":"1"} }
RECORDS
  run -75 --separate-stderr sh -c 'av-validate -k <in >out'
  cmp in out
  echo '{"file":"ann.jpg","image":{"type":"image/png","bytes":1,"sha256":"'"$(printf '%064d' 0)"'"},"x":1}' |
    av-validate >out
  [ "$(jq -r '.image.type, .image.sha256, .x' out | tr '\n' ' ')" = \
    "image/jpeg $(sha256sum ann.jpg | cut -d' ' -f1) 1 " ]
}

@test "Ctrl-C: every record comes out, and the program dies of the signal" {
  for i in $(seq 400); do echo "$ODD/whole.jpg"; done >list
  for o in "-j 1" "-j 2 --decode"; do
    mkfifo in
    av-validate -v $o <in >out 2>err & pid=$!
    exec 7>in
    cat list >&7
    until [ -s out ]; do sleep 0.01; done
    kill -INT "$pid"
    until grep -q stopping err; do sleep 0.01; done
    exec 7>&-
    status=0; wait "$pid" || status=$?
    [ "$status" -eq 130 ]
    [ "$(wc -l <out)" -eq 400 ]
    rm in
  done
}

@test "the program links neither libcurl nor libvips" {
  run -0 ldd "$(command -v av-validate)"
  [[ $output == *libc.so* && ! $output =~ curl|vips|glib ]]
}
