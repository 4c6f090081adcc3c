#!/bin/sh
# odd-photos.sh DIR: makes sound, odd and damaged pictures in DIR with common encoders. Prints a line
# for each: its name, a tab, and the findings that --decode must have, in order ("code:severity", or
# the error's code; "-": none). Needs ImageMagick, cjpeg, jpegtran, cwebp, img2webp, gif2webp, ffmpeg,
# exiftool, pngcrush and optipng.
set -eu

cd "$1"
exec 3>&1 >/dev/null

say() { printf '%s\t%s\n' "$1" "${2:--}" >&3; }

# put FILE OFFSET BYTES: overwrites bytes, given as printf escapes
put() { printf "$3" | dd of="$1" bs=1 seek="$2" conv=notrunc status=none; }
size() { wc -c <"$1"; }
# flip FILE OFFSET: inverts the lowest bit of a byte
flip() {
  byte=$(od -An -tu1 -j "$2" -N 1 "$1")
  put "$1" "$2" "\\$(printf %03o $((byte ^ 1)))"
}
# find_bytes FILE PATTERN: the offset of the first match of a grep -P pattern
find_bytes() { LC_ALL=C grep -abom1 -P "$2" "$1" | head -n 1 | cut -d: -f1; }

# be32 NUMBER: its four bytes
be32() { printf "$(printf '\\%03o\\%03o\\%03o\\%03o' $(($1 >> 24)) $(($1 >> 16 & 255)) $(($1 >> 8 & 255)) $(($1 & 255)))"; }
# chunk TAG: a PNG's chunk with the data on standard input; the CRC is gzip's
chunk() {
  (printf %s "$1"; cat) >body
  be32 $(($(size body) - 4))
  cat body
  printf "$(gzip -c body | tail -c 8 | od -An -to1 -N 4 | awk '{ printf "\\%s\\%s\\%s\\%s", $4, $3, $2, $1 }')"
}

# The source: a picture with detail, small enough to be encoded quickly.
convert -size 61x47 -seed 7 plasma:fractal -depth 8 src.ppm
convert src.ppm -depth 8 -define png:color-type=2 -strip src.png
convert src.ppm -alpha set -channel A -evaluate set 50% +channel -strip PNG:rgba.src
convert -size 320x240 -seed 9 plasma:fractal -depth 8 large.ppm
big="$(pwd)/large.ppm"

## sound JPEG
jpeg() { name=$1; shift; cjpeg "$@" -outfile "$name" src.ppm; say "$name"; }
jpeg quality-1.jpg -quality 1
jpeg quality-100.jpg -quality 100
jpeg gray.jpg -grayscale
jpeg optimized.jpg -optimize
jpeg 444.jpg -sample 1x1
jpeg 422.jpg -sample 2x1
jpeg 440.jpg -sample 1x2
jpeg 411.jpg -sample 4x1
jpeg restarts.jpg -restart 1
jpeg restart-each.jpg -restart 1B
jpeg progressive-restarts.jpg -progressive -restart 1
jpeg progressive-gray.jpg -progressive -grayscale
jpegtran -progressive -outfile transcoded.jpg optimized.jpg; say transcoded.jpg
jpegtran -rotate 90 -trim -outfile rotated.jpg 444.jpg; say rotated.jpg
printf '0;\n1;\n2;\n' >scans
cjpeg -scans scans -outfile separate-scans.jpg src.ppm; say separate-scans.jpg
convert src.ppm -quality 92 magick.jpg; say magick.jpg
convert src.ppm -interlace JPEG magick-interlaced.jpg; say magick-interlaced.jpg
convert -size 1x1 xc:red one.jpg; say one.jpg
ffmpeg -loglevel error -y -i src.ppm -q:v 4 -pix_fmt yuvj420p ffmpeg.jpg; say ffmpeg.jpg
ffmpeg -loglevel error -y -i src.ppm -huffman default -pix_fmt yuvj444p ffmpeg-444.jpg
say ffmpeg-444.jpg
cp 444.jpg noted.jpg
exiftool -q -overwrite_original -Artist=Ann -XMP-dc:Title=Photo -Comment=hello noted.jpg
say noted.jpg

## sound PNG
png() { name=$1; shift; convert src.ppm "$@" -strip "$name"; }
png gray1.png -monochrome -define png:color-type=0 -define png:bit-depth=1; say gray1.png
png gray8.png -colorspace Gray -define png:color-type=0 -define png:bit-depth=8; say gray8.png
png gray16.png -colorspace Gray -define png:color-type=0 -define png:bit-depth=16
say gray16.png depth_16:note
png rgb16.png -define png:color-type=2 -define png:bit-depth=16; say rgb16.png depth_16:note
png colors2.png -colors 2 -define png:color-type=3; say colors2.png palette:note
png colors9.png -colors 9 -define png:color-type=3; say colors9.png palette:note
png colors200.png -colors 200 -define png:color-type=3; say colors200.png palette:note
png interlaced.png -define png:color-type=2 -interlace PNG; say interlaced.png
convert PNG:rgba.src -strip -define png:color-type=6 rgba.png; say rgba.png alpha:note
convert PNG:rgba.src -colorspace Gray -strip -define png:color-type=4 graya.png
say graya.png alpha:note
png stored.png -define png:compression-level=0 -define png:color-type=2; say stored.png
convert -size 1x1 xc:red -strip -define png:color-type=2 one.png; say one.png
convert -size 3x2 xc:red -strip -define png:color-type=2 -interlace PNG tiny-interlaced.png
say tiny-interlaced.png
ffmpeg -loglevel error -y -i src.ppm ffmpeg.png; say ffmpeg.png
pngcrush -q src.png crushed.png; say crushed.png
optipng -quiet -i1 -out optimized.png src.png; say optimized.png
cp src.png noted.png; exiftool -q -overwrite_original -Title=Photo -Artist=Ann noted.png
say noted.png

## sound WebP
webp() { name=$1; shift; cwebp -quiet "$@" -o "$name"; }
webp lossy.webp -q 80 src.png; say lossy.webp
webp lossy-partitions.webp -q 90 -segments 4 -m 6 src.png; say lossy-partitions.webp
webp lossless.webp -lossless src.png; say lossless.webp
webp near-lossless.webp -near_lossless 40 src.png; say near-lossless.webp
webp alpha.webp -q 70 rgba.png; say alpha.webp alpha:note
webp lossless-alpha.webp -lossless -exact rgba.png; say lossless-alpha.webp alpha:note
ffmpeg -loglevel error -y -i src.ppm -c:v libwebp ffmpeg.webp; say ffmpeg.webp
convert src.ppm magick.webp; say magick.webp

## odd but real
convert src.ppm -colorspace CMYK cmyk.jpg; say cmyk.jpg cmyk:risky
cjpeg -arithmetic -outfile arithmetic.jpg src.ppm; say arithmetic.jpg unusual_coding:risky
cp 444.jpg twelve.jpg # only the frame header says 12 bits
put twelve.jpg $(($(find_bytes twelve.jpg '\xff\xc0') + 1)) '\301\0\021\014'
say twelve.jpg unusual_coding:refused
cp 444.jpg lossless.jpg
put lossless.jpg $(($(find_bytes lossless.jpg '\xff\xc0') + 1)) '\303'
say lossless.jpg unusual_coding:refused
ffmpeg -loglevel error -y -f lavfi -i testsrc=size=40x30:rate=5:duration=0.6 -f apng -plays 0 \
  animated.png
say animated.png animated:risky
img2webp -loop 0 -d 100 src.png -d 100 rgba.png -o animated.webp
say animated.webp 'animated:risky alpha:note'
# one frame is a still
ffmpeg -loglevel error -y -i src.ppm -f apng -plays 0 still-apng.png; say still-apng.png
img2webp -loop 0 -d 100 src.png -o still-frame.webp; say still-frame.webp
webpmux -frame lossy.webp +100 -loop 1 -o still-mux.webp; say still-mux.webp
convert -delay 10 src.png -negate src.png moving.gif
gif2webp -quiet moving.gif -o from-gif.webp; say from-gif.webp animated:risky
for i in 1 2 3 4 5 6 7 8; do
  cp 444.jpg "turned-$i.jpg"
  exiftool -q -overwrite_original -n -Orientation=$i "turned-$i.jpg"
  if [ $i = 1 ]; then say turned-1.jpg; else say "turned-$i.jpg" turned:risky; fi
done
cp lossy.webp turned.webp; exiftool -q -overwrite_original -n -Orientation=6 turned.webp
say turned.webp turned:risky
cp src.png turned.png; exiftool -q -overwrite_original -n -Orientation=6 turned.png
say turned.png turned:risky
cp 444.jpg place.jpg
exiftool -q -overwrite_original -n -GPSLatitude=48.1 -GPSLatitudeRef=N place.jpg
say place.jpg gps:note
cp 444.jpg place-xmp.jpg; exiftool -q -overwrite_original -n -XMP-exif:GPSLatitude=48.1 place-xmp.jpg
say place-xmp.jpg gps:note
(cat 444.jpg; echo 'and something else') >after.jpg; say after.jpg bytes_after_end:risky
(cat src.png; printf 'PK\003\004payload') >after.png; say after.png bytes_after_end:risky
(cat lossy.webp; printf 'PK\003\004payload') >after.webp; say after.webp bytes_after_end:risky
(cat 444.jpg; head -c 512 /dev/zero) >zeros.jpg; say zeros.jpg bytes_after_end:note
cat 444.jpg gray.jpg >two.jpg; say two.jpg bytes_after_end:note
(cat 444.jpg; printf '\377\331') >two-ends.jpg; say two-ends.jpg bytes_after_end:risky
cp src.png png-as.jpg; say png-as.jpg extension_lies:note
cp 444.jpg jpeg-as.webp; say jpeg-as.webp extension_lies:note
cp 444.jpg capital.JPEG; say capital.JPEG
cp 444.jpg without-extension; say without-extension

## odd structure: a decoder decides
# insert FILE FROM OFFSET BYTES: FROM with bytes (printf escapes) at that offset
insert() { (head -c "$3" "$2"; printf "$4"; tail -c +$(($3 + 1)) "$2") >"$1"; }
dqt=$(find_bytes 444.jpg '\xff\xdb')
insert empty-dht.jpg 444.jpg "$dqt" '\377\304\0\002'; say empty-dht.jpg
insert empty-dqt.jpg 444.jpg "$dqt" '\377\333\0\002'; say empty-dqt.jpg
insert stray.jpg 444.jpg "$dqt" 'xyz'; say stray.jpg odd_structure:risky
insert stray-zeros.jpg 444.jpg "$dqt" '\0\0\0\0'; say stray-zeros.jpg odd_structure:risky
insert rst-between.jpg 444.jpg "$dqt" '\377\320'; say rst-between.jpg odd_structure:note
insert blank-dht.jpg 444.jpg "$dqt" \
  '\377\304\0\023\003\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0'
say blank-dht.jpg
# without_tables FILE: a JPEG without its Huffman tables, as the frames of webcams; it uses those of T.81
without_tables() {
  cp "$1" bare
  while at=$(find_bytes bare '\xff\xc4') && [ -n "$at" ]; do
    set -- $(od -An -tu1 -j $((at + 2)) -N 2 bare)
    (head -c "$at" bare; tail -c +$((at + 3 + $1 * 256 + $2)) bare) >less
    mv less bare
  done
  cat bare
}
without_tables 444.jpg >webcam.jpg; say webcam.jpg unusual_coding:risky
without_tables gray.jpg >webcam-gray.jpg; say webcam-gray.jpg unusual_coding:risky
(cat 444.jpg; tail -c 300 quality-100.jpg) >leftover.jpg; say leftover.jpg bytes_after_end:risky
n=$(size stray.jpg)
head -c $((n / 2)) stray.jpg >stray-half.jpg; say stray-half.jpg truncated:refused
(head -c $((n / 2)) stray.jpg; printf '\377\331') >stray-closed.jpg
say stray-closed.jpg damaged:refused
idat=$(find_bytes src.png IDAT)
n=$(od -An -tu1 -j $((idat - 4)) -N 4 src.png | awk '{ print (($1 * 256 + $2) * 256 + $3) * 256 + $4 }')
(head -c $((idat - 4)) src.png; (tail -c +$((idat + 5)) src.png | head -c "$n"; printf more) | chunk IDAT
  tail -c 12 src.png) >idat-more.png
say idat-more.png odd_structure:risky
(head -c -12 src.png; printf more | chunk IDAT; tail -c 12 src.png) >idat-extra.png
say idat-extra.png odd_structure:risky
# libpng passes over a chunk before IHDR that it does not know
(head -c 8 src.png; printf more | chunk prVt; tail -c +9 src.png) >chunk-first.png
say chunk-first.png odd_structure:risky
(head -c 8 src.png; printf more | chunk tEXt; tail -c +9 src.png) >text-first.png
say text-first.png damaged:refused
(head -c 8 src.png; printf more | chunk PRVT; tail -c +9 src.png) >critical-first.png
say critical-first.png damaged:refused
# libwebp takes from the next chunk what the first partition of VP8 lacks
le32() { be32 "$1" | od -An -to1 | awk '{ printf "\\%s\\%s\\%s\\%s", $4, $3, $2, $1 }'; }
n=$(size lossy.webp)
len=$(($(od -An -tu1 -j 20 -N 3 lossy.webp | awk '{ print int(($1 + $2 * 256 + $3 * 65536) / 32) }') / 2 * 2 + 8))
(printf "RIFF$(le32 $((n + n % 2)))WEBPVP8 $(le32 $len)"; tail -c +21 lossy.webp | head -c $len
  printf "JUNK$(le32 $((n - 20 - len)))"; tail -c +$((len + 21)) lossy.webp; head -c $((n % 2)) /dev/zero) >webp-short.webp
say webp-short.webp odd_structure:note
# the last chunk ends a byte behind the end that RIFF names
n=$(size lossy.webp)
(printf "RIFF$(le32 $((n + 11)))"; tail -c +9 lossy.webp; printf 'JUNK\0\0\0\0XMP \4\0\0\0text') >webp-end.webp
say webp-end.webp odd_structure:note
## which way up: tiff TYPE COUNT VALUE: Exif of one entry, the orientation
tiff() { printf "MM\\0*\\0\\0\\0\\010\\0\\001\\001\\022\\0\\00$1\\0\\0\\0\\00$2$3\\0\\0\\0\\0"; }
exif() { printf '\377\341\0\042Exif\0\0'; tiff "$@"; }
# with_exif: 444.jpg with the Exif segments on standard input
with_exif() { printf '\377\330'; cat; tail -c +3 444.jpg; }
(exif 3 1 '\0\006\0\0'; exif 3 1 '\0\001\0\0') | with_exif >exif-6-1.jpg; say exif-6-1.jpg turned:risky
(exif 3 1 '\0\001\0\0'; exif 3 1 '\0\006\0\0') | with_exif >exif-1-6.jpg; say exif-1-6.jpg
exif 4 1 '\0\0\0\006' | with_exif >exif-long.jpg; say exif-long.jpg turned:risky
exif 1 1 '\006\0\0\0' | with_exif >exif-byte.jpg; say exif-byte.jpg turned:risky
exif 2 2 '6\0\0\0' | with_exif >exif-text.jpg; say exif-text.jpg turned:risky
exif 5 1 '\0\0\0\010' | with_exif >exif-ratio.jpg; say exif-ratio.jpg orientation_unclear:risky
exif 4 1 '\0\0\0\0' | with_exif >exif-zero.jpg; say exif-zero.jpg
exif 3 1 '\0\011\0\0' | with_exif >exif-nine.jpg; say exif-nine.jpg
head -c 100000 /dev/zero | tr '\0' x >words
cp src.png long-exif.png
cp lossy.webp long-exif.webp
for type in png webp; do # more than 64 kB of Exif
  exiftool -q -overwrite_original -n -Orientation=6 "-UserComment<=words" long-exif.$type
  say long-exif.$type turned:risky
done
## what phones append
# app N TEXT: an application segment of a JPEG; the text has printf escapes
app() {
  printf "$2" >body
  printf "\\377\\$(printf '%03o\\%03o\\%03o' $((224 + $1)) $((($(size body) + 2) / 256)) $((($(size body) + 2) % 256)))"
  cat body
}
# mpf FILE FIRST SECOND: FILE with the list of two pictures (MPF), and their lengths
mpf() {
  head -c 2 "$1"
  printf '\377\342\0\130MPF\0MM\0*\0\0\0\010\0\003'
  printf '\260\0\0\007\0\0\0\0040100\260\001\0\004\0\0\0\001\0\0\0\002'
  printf '\260\002\0\007\0\0\0\040\0\0\0\062\0\0\0\0'
  printf '\040\003\0\0'; be32 "$2"; printf '\0\0\0\0\0\0\0\0'
  # from the first byte of MPF's TIFF, which is the eleventh of the file
  printf '\0\0\0\0'; be32 "$3"; be32 $(($2 - 10)); printf '\0\0\0\0'
  tail -c +3 "$1"
}
n=$(($(size 444.jpg) + 90))
(mpf 444.jpg $n "$(size gray.jpg)"; cat gray.jpg) >mpf.jpg; say mpf.jpg bytes_after_end:note
(mpf 444.jpg $((n + 99)) "$(size gray.jpg)"; head -c 99 /dev/zero; cat gray.jpg) >mpf-padded.jpg
say mpf-padded.jpg bytes_after_end:note
(mpf 444.jpg $n 8; printf 'disparit') >mpf-other.jpg; say mpf-other.jpg bytes_after_end:note
hdrgm="$(app 1 'http://ns.adobe.com/xap/1.0/\0<x:xmpmeta xmlns:x="adobe:ns:meta/"><rdf:RDF
  xmlns:rdf="http://www.w3.org/1999/02/22-rdf-syntax-ns#"><rdf:Description
  xmlns:hdrgm="http://ns.adobe.com/hdr-gain-map/1.0/" hdrgm:Version="1.0"/></rdf:RDF></x:xmpmeta>' | base64)"
gain_map() { head -c 2 "$1"; echo "$hdrgm" | base64 -d; tail -c +3 "$1"; }
gain_map 444.jpg >hdr.part
n=$(($(size hdr.part) + 90))
gain_map gray.jpg >map.part
(mpf hdr.part $n "$(size map.part)"; cat map.part) >gain-map.jpg; say gain-map.jpg bytes_after_end:note
(cat hdr.part map.part) >gain-map-plain.jpg; say gain-map-plain.jpg bytes_after_end:note
(cat 444.jpg; printf 'HDRP\002'; head -c 400 quality-1.jpg) >hdr-plus.jpg
say hdr-plus.jpg bytes_after_end:note
(cat 444.jpg; head -c 7 /dev/zero; printf '\0\0\0\024ftypqt  \0\0\0\0qt  ') >motion-padded.jpg
say motion-padded.jpg bytes_after_end:note
(head -c 2 444.jpg; app 1 'http://ns.adobe.com/xap/1.0/\0<x GCamera:MotionPhoto="1"/>'
  tail -c +3 444.jpg; printf 'a movie of another kind') >motion-listed.jpg
say motion-listed.jpg bytes_after_end:note
(cat 444.jpg; printf '\0\0\241\001\012\0\0\0nameSEFH\153\0\0\0SEFT'; head -c 99 /dev/zero) >sef.jpg
say sef.jpg bytes_after_end:note
(cat 444.jpg; printf '\0\0\0\030ftypmp42\0\0\0\0mp42isom') >motion.jpg
say motion.jpg bytes_after_end:note
(cat 444.jpg; head -c 40 /dev/zero; cat gray.jpg) >padded-two.jpg
say padded-two.jpg bytes_after_end:note

## not a JPEG, PNG or WebP
echo '<!DOCTYPE html><html><body>404 Not Found</body></html>' >html.jpg
say html.jpg 'not_a_picture:refused extension_lies:note'
echo '{"error":"expired","code":403}' >json.png
say json.png 'not_a_picture:refused extension_lies:note'
echo 'just words' >words.webp; say words.webp 'not_a_picture:refused extension_lies:note'
head -c 300 /dev/zero >zero.jpg; say zero.jpg 'not_a_picture:refused extension_lies:note'
printf '\0\0\0\030ftypheic\0\0\0\0mif1heic' >phone.heic; say phone.heic not_judged:risky
printf '\0\0\0\034ftypavif\0\0\0\0avifmif1miaf' >new.avif; say new.avif not_judged:risky
convert src.png still.gif; say still.gif not_judged:risky
convert src.png still.bmp; say still.bmp not_judged:risky
convert src.png still.tiff; say still.tiff not_judged:risky
: >empty.jpg; say empty.jpg file_empty
mkdir folder.jpg; say folder.jpg file_not_regular
mkfifo pipe.jpg; say pipe.jpg file_not_regular
say nowhere.jpg file_missing

## damaged JPEG
cjpeg -quality 90 -sample 2x2 -outfile whole.jpg "$big"
cjpeg -quality 90 -progressive -outfile whole-progressive.jpg "$big"
n=$(size whole.jpg)
sos=$(find_bytes whole.jpg '\xff\xda')
shorten() { head -c "$3" "$2" >"$1"; say "$1" truncated:refused; }
shorten jpeg-half.jpg whole.jpg $((n / 2))
shorten jpeg-200.jpg whole.jpg $((n - 200))
shorten jpeg-2.jpg whole.jpg $((n - 2))
shorten jpeg-1.jpg whole.jpg $((n - 1))
shorten jpeg-header.jpg whole.jpg 100
shorten jpeg-progressive.jpg whole-progressive.jpg $(($(size whole-progressive.jpg) / 2))
hurt() { cp "$2" "$1"; put "$1" "$3" "$4"; say "$1" "${5:-damaged:refused}"; }
hurt jpeg-planted.jpg whole.jpg $((n / 2)) '\377\331'
hurt jpeg-planted-late.jpg whole.jpg $((n - 200)) '\377\331'
hurt jpeg-planted-progressive.jpg whole-progressive.jpg $((n / 2)) '\377\331'
(head -c $((n / 2)) whole.jpg; printf '\377\331') >jpeg-closed.jpg # cut, then closed with an EOI
say jpeg-closed.jpg damaged:refused
(head -c $((n - 200)) whole.jpg; printf '\377\331') >jpeg-closed-late.jpg
say jpeg-closed-late.jpg damaged:refused
(head -c $((sos + 30)) whole.jpg; printf '\377\331') >jpeg-closed-early.jpg
say jpeg-closed-early.jpg damaged:refused
hurt jpeg-length.jpg whole.jpg 4 '\0\001' odd_structure:risky
hurt jpeg-length-long.jpg whole.jpg 4 '\0\050'
hurt jpeg-size.jpg whole.jpg $(($(find_bytes whole.jpg '\xff\xc0') + 5)) '\0\0'
hurt jpeg-taller.jpg whole.jpg $(($(find_bytes whole.jpg '\xff\xc0') + 5)) '\007\320'
hurt jpeg-marker.jpg whole.jpg $((sos + 500)) '\377\303'
hurt jpeg-huffman.jpg whole.jpg $(($(find_bytes whole.jpg '\xff\xc4') + 5)) '\377\377'
(head -c $((n / 2)) whole.jpg; head -c 64 /dev/zero; tail -c +$((n / 2 + 2000)) whole.jpg) \
  >jpeg-hole.jpg
say jpeg-hole.jpg damaged:refused
cjpeg -restart 2 -outfile whole-restarts.jpg "$big"
first=$(find_bytes whole-restarts.jpg '\xff\xd1')
hurt jpeg-restart.jpg whole-restarts.jpg $((first + 1)) '\323'
(head -c "$first" whole-restarts.jpg; tail -c +$(($(find_bytes whole-restarts.jpg '\xff\xd2') + 1)) \
  whole-restarts.jpg) >jpeg-restart-lost.jpg
say jpeg-restart-lost.jpg damaged:refused

## more pixels than are decoded by default
hurt jpeg-huge.jpg 444.jpg $(($(find_bytes 444.jpg '\xff\xc0') + 5)) '\165\060\165\060' \
  'damaged:refused too_many_pixels:refused'
hurt webp-huge.webp lossless.webp 21 '\377\377\377\017' too_many_pixels:refused

## damaged PNG
n=$(size src.png)
shorten png-half.png src.png $((n / 2))
shorten png-1.png src.png $((n - 1))
shorten png-end.png src.png $((n - 12)) # IEND is gone
for at in 9 20 29 $((n / 2)) $((n - 20)) $((n - 2)); do
  cp src.png "png-flip-$at.png"; flip "png-flip-$at.png" "$at"
  say "png-flip-$at.png" damaged:refused
done
(head -c 8 src.png; tail -c 12 src.png; tail -c +9 src.png) >png-order.png
say png-order.png damaged:refused
(head -c 33 src.png; tail -c 12 src.png) >png-empty.png; say png-empty.png damaged:refused
ffmpeg -loglevel error -y -i large.ppm -pix_fmt rgb24 chunks.png # several IDATs
idat=$(LC_ALL=C grep -abo IDAT chunks.png | sed -n 2p | cut -d: -f1)
# keeps only the first IDAT
(head -c $((idat - 4)) chunks.png; tail -c 12 chunks.png) >png-chunk-lost.png
say png-chunk-lost.png damaged:refused

## damaged WebP
cwebp -quiet -q 80 -o whole.webp large.ppm
cwebp -quiet -lossless -o whole-lossless.webp large.ppm
n=$(size whole.webp)
shorten webp-half.webp whole.webp $((n / 2))
shorten webp-1.webp whole.webp $((n - 1))
shorten webp-lossless.webp whole-lossless.webp $(($(size whole-lossless.webp) - 200))
hurt webp-riff.webp whole.webp 4 '\020\0\0\0'
hurt webp-riff-longer.webp whole.webp 6 '\077' truncated:refused
hurt webp-chunk.webp whole.webp 18 '\077'
hurt webp-start.webp whole.webp 23 '\0'
hurt webp-partition.webp whole.webp 21 '\377\377'
hurt webp-signature.webp whole-lossless.webp 20 '\0'
hurt webp-version.webp whole-lossless.webp 24 '\377'
cp whole-lossless.webp webp-pixels.webp
put webp-pixels.webp $(($(size webp-pixels.webp) / 3)) "$(printf '\\377%.0s' $(seq 400))"
say webp-pixels.webp damaged:refused
