#!/usr/bin/env bats
# av-fit: photos of all shapes and types become acceptable to each service, or the error says why not.

load helper
load fit

setup_file() {
	export SHOTS=$BATS_FILE_TMPDIR/shots
	python3 "$TESTS/generators/fit-photos.py" "$SHOTS" 19 >&2
	cd "$SHOTS" || return
	convert -size 1700x1301 -seed 5 plasma: -quality 90 plain.jpg
	convert plain.jpg -crop 1600x900+0+0 +repage wide.jpg
	exiftool -q -o turned.jpg -n -Orientation=6 -GPSLatitude=48.1 -GPSLatitudeRef=N \
		-Artist=Ann wide.jpg
}

sizes() {
	identify -format '%wx%h\n' "$1"
}

@test "loom: all photos become acceptable, in av-validate and in the sandbox" {
	fit_service loom 19
}

@test "anam: all photos become acceptable, in av-validate and in the sandbox" {
	fit_service anam 19
}

@test "avtr1: all photos become acceptable, in av-validate and in the sandbox" {
	fit_service avtr1 19
}

@test "argil: all photos become acceptable, in av-validate and in the sandbox" {
	fit_service argil 19
}

@test "aspect ratios are exact, sizes within the range" {
	find "$SHOTS" -name '[0-9]*' | av-fit -p argil -o fit >out
	jq -r 'select(.fit) | .file' out | while read -r file; do
		identify -format '%w %h %[orientation]\n' "$file"
	done >got
	awk '{ if (!($1 * 9 == $2 * 16 && $1 >= 1280 && $1 <= 3840 || $1 * 16 == $2 * 9 && $2 >= 1280 && $2 <= 3840)) { print; bad = 1 } }
		END { exit bad }' got
	[ "$(wc -l <got)" -ge 17 ]
}

@test "an acceptable photo is left alone, its record unchanged" {
	printf '{ "file" : "%s/wide.jpg" ,"provider":"argil", "n":1.10}\n' "$SHOTS" >in
	before=$(sha256sum "$SHOTS/wide.jpg")
	av-fit -o fit <in | cmp in -
	[ ! -e fit ]
	is "$(sha256sum "$SHOTS/wide.jpg")" "$before"
	av-fit --always -o fit <in >out
	is "$(of out '.[0] | [.file, .fit.quality, .n]')" '["fit/wide.argil.fit.jpg",95,1.1]'
}

@test "rotated as Exif says, then upright; without metadata, with the profile" {
	icc=$(find /usr/share/color -name 'sRGB*.ic[cm]' 2>/dev/null | head -n 1)
	cp "$SHOTS/turned.jpg" t.jpg
	[ -z "$icc" ] || exiftool -q -overwrite_original "-icc_profile<=$icc" t.jpg
	av-fit -p argil -o fit t.jpg >out
	is "$(of out '.[0].fit | [.turned, .stripped, .cropped]')" '[6,true,null]'
	is "$(sizes fit/t.argil.fit.jpg)" 900x1600
	is "$(exiftool -n -s3 -FileType -Orientation -GPSLatitude -Artist fit/t.argil.fit.jpg | xargs)" 'JPEG 1'
	[ -z "$icc" ] || [ -n "$(exiftool -s3 -ProfileDescription fit/t.argil.fit.jpg)" ]
	# The same picture as one rotated by ImageMagick.
	convert "$SHOTS/turned.jpg" -auto-orient upright.ppm
	convert fit/t.argil.fit.jpg got.ppm
	run compare -metric PSNR upright.ppm got.ppm null:
	awk -v psnr="${output%% *}" 'BEGIN { exit !(psnr == "inf" || psnr > 35) }'
	av-fit -p argil -o kept --keep-metadata t.jpg >out
	is "$(exiftool -s3 -Artist kept/t.argil.fit.jpg)" Ann
	is "$(exiftool -n -s3 -FileType -Orientation kept/t.argil.fit.jpg | xargs)" 'JPEG 1'
}

@test "--orientation decides where the photo does not, and against it" {
	# Exif whose directory is cut off: no program can tell
	{ printf '\377\330\377\341\0\022Exif\0\0MM\0*\0\0\0\010'; tail -c +3 "$SHOTS/wide.jpg"; } >unclear.jpg
	run -65 --separate-stderr sh -c 'av-fit -p anam -o fit unclear.jpg >out'
	[[ $(of out '.[0].error.message') == *--orientation* ]]
	[ ! -e fit ]
	for spec in 1:1600x900:null 2:1600x900:2 3:1600x900:3 6:900x1600:6 8:900x1600:8; do
		IFS=: read -r n size turned <<<"$spec"
		av-fit -p anam -o "said.$n" --type jpeg --always --orientation "$n" unclear.jpg >out
		file=$(jq -r .file out)
		is "$n $(identify -format '%wx%h' "$file") $(jq .fit.turned out)" "$n $size $turned"
		is "$(exiftool -n -s3 -FileType -Orientation "$file" | xargs)" 'JPEG 1'
	done
	# as others turn it, and against what its Exif says
	convert "$SHOTS/wide.jpg" -rotate 270 want.ppm
	convert said.8/*.jpg got.ppm
	run compare -metric PSNR want.ppm got.ppm null:
	awk -v psnr="${output%% *}" 'BEGIN { exit !(psnr == "inf" || psnr > 30) }'
	av-fit -p anam -o stored --always --orientation 1 "$SHOTS/turned.jpg" >out
	is "$(sizes "$(jq -r .file out)")" 1600x900
	for bad in 0 9 -1 x; do
		run -64 av-fit -p anam -o o --orientation "$bad" unclear.jpg
	done
}

@test "HEIC, AVIF, JPEG 2000, CMYK and 16 bits show the same picture" {
	for from in heic avif jp2; do
		convert "$SHOTS/wide.jpg" -define heic:speed=9 "a.$from"
	done
	convert "$SHOTS/wide.jpg" -depth 16 -attenuate 0.1 +noise gaussian -crop 1590x900+0+0 +repage \
		-define png:bit-depth=16 a.png
	for from in heic avif jp2 png; do
		av-fit -p argil -o "out-$from" "a.$from" >out
		is "$(of out '.[0] | [.error, .fit.from, .source_file]')" "[null,\"a.$from\",\"a.$from\"]"
		file=$(jq -r .file out)
		is "$(identify -format '%z' "$file")" 8
		box=$(jq -r '.fit.cropped // [0,0,1600,900] | "\(.[2])x\(.[3])+\(.[0])+\(.[1])"' out)
		convert "a.$from" -depth 8 -crop "$box" +repage a.ppm
		convert "$file" b.ppm
		run compare -metric PSNR a.ppm b.ppm null:
		awk -v psnr="${output%% *}" 'BEGIN { exit !(psnr == "inf" || psnr > 30) }' || { echo "$from $output"; false; }
	done
	convert -size 1600x900 xc:'rgb(200,60,40)' -colorspace CMYK red.jpg
	av-fit -p argil -o fit red.jpg >out
	is "$(of out '.[0].fit.colours')" '"cmyk"'
	is "$(identify -format %[colorspace] fit/red.argil.fit.jpg)" sRGB
	# The conversion from ink is not exact, but red stays red.
	convert fit/red.argil.fit.jpg -format '%[fx:mean.r>0.5 && mean.r>mean.g+0.2 && mean.r>mean.b+0.2]' info: >red
	is "$(cat red)" 1
}

@test "the file fits the byte limit at the highest quality" {
	convert -size 3200x2400 -seed 1 xc:gray +noise random -quality 100 noise.jpg
	[ "$(wc -c <noise.jpg)" -gt 4500000 ]
	run -0 --separate-stderr sh -c 'av-fit -p anam -o fit noise.jpg >out'
	file=$(jq -r .file out)
	[ "$(wc -c <"$file")" -le 4500000 ]
	quality=$(jq .fit.quality out)
	[ "$quality" -ge 70 ]
	# A higher quality would not have fitted.
	size=$(jq -r '.fit.scaled // [3200,2400] | "\(.[0])x\(.[1])"' out)
	is "$(sizes "$file")" "$size"
	[ "$(wc -c <"$file")" -gt 3000000 ]
}

@test "--gravity: crops on the side asked for" {
	convert -size 1280x2000 gradient:red-blue g.png
	convert -size 2600x1280 gradient:red-blue w.png
	# A user's description of a service that only takes 16:9.
	mkdir -p config/avtools/providers
	jq '.name = "wide" | .aliases = [] | .image.aspects = ["16:9"]' "$TESTS/../lib/providers/argil.json" \
		>config/avtools/providers/wide.json
	for want in 'north [0,0,1280,720]' 'south [0,1280,1280,720]' 'centre [0,640,1280,720]'; do
		run -0 --separate-stderr av-fit -p wide -o "o-${want% *}" --gravity "${want% *}" g.png
		is "$(jq -c .fit.cropped <<<"$output")" "${want#* }"
	done
	for want in 'west [0,0,2272,1278]' 'east [328,0,2272,1278]'; do
		run -0 --separate-stderr av-fit -p wide -o "o-${want% *}" --gravity "${want% *}" w.png
		is "$(jq -c '.fit.cropped | .[1] = 0' <<<"$output")" "${want#* }"
	done
	run -64 av-fit -p wide -o o --gravity up g.png
}

@test "attention keeps the part that people look at" {
	# A plain wall with an object in the lower third.
	convert -size 1280x2200 xc:'#cfd2d6' \( -size 500x500 -seed 3 plasma:tomato-steelblue \) \
		-geometry +390+1600 -composite wall.png
	mkdir -p config/avtools/providers
	jq '.name = "wide" | .aliases = [] | .image.aspects = ["16:9"]' "$TESTS/../lib/providers/argil.json" \
		>config/avtools/providers/wide.json
	av-fit -p wide -o fit wall.png >out
	is "$(of out '.[0].fit.cropped | .[1] >= 1300 and .[1] + .[3] >= 2020')" true
}

@test "--pad keeps the whole picture" {
	convert -size 1300x1300 xc:red square.png
	av-fit -p argil -o fit --pad '#00ff00' square.png >out
	is "$(of out '.[0].fit | [.cropped, .padded]')" '[null,[2320,1305]]'
	is "$(convert fit/square.argil.fit.png -format '%[pixel:p{5,5}] %[pixel:p{1160,650}]' info:)" 'srgb(0,255,0) srgb(255,0,0)'
	av-fit -p argil -o small --pad black -k "$SHOTS/plain.jpg" | av-validate >out
	is "$(of out '.[0].error')" null
	run -64 av-fit -p argil -o o --pad mauve square.png
}

@test "enlarges only with --max-upscale" {
	convert -size 700x500 -seed 2 plasma: -quality 90 small.jpg
	run -65 --separate-stderr sh -c 'av-validate -p argil small.jpg | av-fit -o fit >out'
	is "$(of out '.[0].error | [.step, .code]')" '["fit","cannot_fit"]'
	jq -e '.error.message | test("enlarged 1\\.8.*--max-upscale")' out
	[ ! -e fit ]
	av-validate -p argil small.jpg | av-fit -o fit --max-upscale 2 | av-validate >out
	is "$(of out '.[0] | [.error, .fit.scaled]')" '[null,[1280,720]]'
	for bad in 0.5 2x -1 nan; do
		run -64 av-fit -p argil -o o --max-upscale "$bad" small.jpg
	done
}

@test "a photo that cannot be fitted says why; other records pass unchanged" {
	head -c 20000 "$SHOTS/plain.jpg" >cut.jpg
	echo '<html>404</html>' >page.jpg
	(head -c 60000 "$SHOTS/plain.jpg"; printf '\377\331') >closed.jpg
	cat >in <<-EOF
		{"file":"cut.jpg","provider":"argil"}
		{"file":"page.jpg","provider":"argil"}
		{"file":"closed.jpg","provider":"argil"}
		{"file":"nowhere.jpg","provider":"argil"}
		{"file":"cut.jpg"}
	EOF
	run -65 --separate-stderr sh -c 'av-fit -k -o fit <in >out'
	is "$(of out 'map(.error.code)')" '["cannot_fit","cannot_fit","cannot_fit","file_missing","no_provider"]'
	is "$(of out '[.[0,1].error.problems[0].code]')" '["truncated","not_a_picture"]'
	[ ! -e fit ] || [ -z "$(ls -A fit)" ]
	av-validate -p argil -k cut.jpg >refused || true
	cat >>refused <<-EOF
		{"file":"x.jpg","provider":"argil","error":{"step":"upload","code":"network","message":"m","retryable":true}}
		{"file":"x.jpg","provider":"argil","error":{"step":"validate","code":"photo_refused","message":"m","retryable":false,"problems":[{"code":"name_too_long","severity":"refused","message":"m"},{"code":"too_large","severity":"refused","message":"m"}]}}
		{"url":"https://example.org/a.png","provider":"argil"}
		{"file":"x.jpg","provider":"argil","avatar":{"id":"1"}}
	EOF
	run -75 --separate-stderr sh -c 'av-fit -k -o fit <refused >out'
	cmp refused out
}

@test "files are complete or absent, replace no other, stay in the directory" {
	convert -size 1300x1300 xc:red red.jpg
	mkdir a b
	cp red.jpg a/ann.jpg
	convert -size 1300x1300 xc:blue b/ann.jpg
	run -65 --separate-stderr sh -c 'av-fit -k -j 1 -p argil -o fit a/ann.jpg b/ann.jpg >out'
	is "$(of out 'map(.error.code)')" '[null,"target_taken"]'
	[[ $(of out '.[1].error.message') == *"-o 'fit/{dir}/{stem}.{source_ext}.{provider}.{kind}.{ext}'"* ]]
	cp red.jpg a/ann.jpeg
	av-fit -k -p argil -o 'apart/{dir}/{stem}.{source_ext}.{ext}' a/ann.jpg b/ann.jpg a/ann.jpeg "$PWD/../${PWD##*/}/red.jpg" >out
	is "$(of out 'map(.file) | .[:3]')" '["apart/a/ann.jpg.jpg","apart/b/ann.jpg.jpg","apart/a/ann.jpeg.jpg"]'
	[[ $(of out '.[3].file') == '"apart/'*'/_./'*'/red.jpg.jpg"' ]]
	run -65 --separate-stderr sh -c 'av-fit -p argil -o fit b/ann.jpg >out'
	is "$(of out '.[0].error.code')" '"target_taken"'
	av-fit -p argil -o fit a/ann.jpg >out # the same bytes are no conflict
	av-fit --force -p argil -o fit b/ann.jpg >out
	is "$(of out '.[0].error')" null
	echo '{"file":"red.jpg","provider":"argil","name":"../../evil"}' | av-fit -o 'fit/{name}.{ext}' >out
	is "$(of out '.[0].file')" '"fit/_._.._evil.jpg"'
	is "$(find . -name '*.part')" ""
	echo 'in the way' >file
	run -75 --separate-stderr sh -c 'av-fit -p argil -o file/x red.jpg >out'
	is "$(of out '.[0].error.code')" '"target_unwritable"'
	run -64 av-fit -p argil red.jpg
	run -64 av-fit -p argil -o '{nothing}' red.jpg
}

@test "the file name comes from the original's" {
	convert -size 1300x1300 xc:red ann.jpg
	av-fit -p argil -o fit ann.jpg | av-validate >out
	is "$(of out '.[0].name')" "$(av-validate -p argil "$SHOTS/wide.jpg" | jq -c '.name' | sed 's/wide/ann/')"
}

@test "records match the schema" {
	find "$SHOTS" -name '[0-9]*' | head -n 8 | av-fit -p argil -o fit --pad white |
		"$TESTS/lint/schema-check" "$TESTS/../lib/schema/record.json"
	cp "$SHOTS/turned.jpg" t.jpg
	av-fit -p loom -o fit t.jpg "$SHOTS/009.png" "$SHOTS/002.jpg" | "$TESTS/lint/schema-check" "$TESTS/../lib/schema/record.json"
}

@test "a dead worker is the error of its photo; the others are fitted" {
	mkfifo in
	av-fit -j 1 -p argil -o fit <in >out & pid=$!
	exec 7>in
	convert -size 1300x1300 xc:red one.jpg
	convert -size 6000x6000 -seed 3 xc:gray +noise random -quality 95 long.jpg
	echo one.jpg >&7
	until [ -s out ]; do sleep 0.01; done
	echo long.jpg >&7
	until worker=$(pgrep -P "$pid") && [ "$(ps -o state= -p "$worker")" = R ]; do sleep 0.01; done
	kill -SEGV "$worker"
	cp one.jpg two.jpg
	echo two.jpg >&7
	exec 7>&-
	status=0; wait "$pid" || status=$?
	is "$status" 65
	is "$(of out 'sort_by(.fit.from // .file) | map(.error.code)')" '["decoder_crashed",null,null]'
}

@test "a BMP is converted, pixel for pixel; not one that is cut or compressed" {
	convert -size 97x61 gradient:red-blue -alpha set rgba.bmp
	convert -size 97x61 gradient:red-blue -alpha off rgb.bmp
	convert -size 97x61 gradient:red-blue BMP2:old.bmp
	convert -size 97x61 gradient:red-blue -flip rgb.png
	# rows from top to bottom: a negative height
	{ head -c 22 rgb.bmp; printf '\303\377\377\377'; tail -c +27 rgb.bmp; } >down.bmp
	for f in rgba rgb old down; do
		av-fit -p anam -o "fit.$f" --type png $f.bmp >out
		is "$(jq -c '[.error, .fit.converted]' out)" '[null,"image/bmp"]'
		[ $f != down ] || convert rgb.bmp -flip down.bmp
		is "$(compare -metric AE $f.bmp "$(jq -r .file out)" null: 2>&1)" 0
	done
	convert -size 97x61 xc:red -type Palette -compress RLE BMP3:rle.bmp
	for cut in 40 60 1000 $(($(wc -c <rgb.bmp) - 1)); do head -c "$cut" rgb.bmp >"cut.$cut.bmp"; done
	av-fit --exit-zero -p anam -o fit rle.bmp cut.*.bmp >out
	is "$(codes out)" "5 cannot_fit"
	is "$(av-fit --exit-zero -p anam -o fit --max-pixels 100 rgb.bmp | jq -r .error.code)" too_many_pixels
}

@test "where av-validate says that av-fit converts a type, av-fit does" {
	convert -size 64x64 xc:red a.tiff
	for to in gif bmp jp2 heic avif xpm pcx tga psd pgm ico; do convert a.tiff "a.$to" || true; done
	printf '\0\0\0\030ftypmsf1\0\0\0\0msf1hevc' >b.heic
	av-validate --exit-zero -p anam a.[!m]* b.heic >out
	jq -c 'select(any(.error.problems[]; .fix // "" | test("av-fit")))' out >hinted
	[ "$(wc -l <hinted)" -ge 5 ]
	av-fit --exit-zero -p anam -o 'fit/{stem}.{kind}.{ext}' --force <hinted >fitted
	is "$(of fitted 'map(select(.error and .error.code != "target_taken"))')" '[]'
	# and where it does, it says so
	jq -c 'select(any(.error.problems[]; .fix // "" | test("av-fit")) | not)' out | jq -r .file |
		av-fit --exit-zero -p anam -o fit.other >out.other
	is "$(of out.other 'map(select(.error == null))')" '[]'
}

# thumbnails OPTION... PHOTO...: small copies as thumb.1.jpg and so on; the records go to out
thumbnails() {
	local n=0 url
	av-fit -k --thumbnail 80 "$@" >out
	while read -r url; do
		n=$((n + 1))
		base64 -d <<<"${url#data:image/jpeg;base64,}" >"thumb.$n.jpg"
	done < <(jq -r '.thumbnail // ""' out)
}

@test "--thumbnail: small upright JPEGs in the records, without metadata; files stay as they are" {
	convert -size 640x480 gradient:red-blue a.png
	vips icc_transform a.png p3.jpg p3
	exiftool -q -overwrite_original -n -Orientation=6 -GPSLatitude=1 p3.jpg
	convert -size 60x40 xc:red small.png
	head -c 3000 p3.jpg >cut.jpg
	convert a.png a.heic
	local before
	before=$(ls -l)
	thumbnails a.png p3.jpg small.png cut.jpg a.heic
	is "$(identify -format '%wx%h ' thumb.?.jpg)" "80x60 60x80 60x40 60x80 80x60 "
	is "$(exiftool -q -s3 -n -Orientation -GPSLatitude -ICC_Profile:all thumb.?.jpg | grep -v === | xargs)" "1 1 1 1 1"
	[ "$(compare -metric RMSE \( thumb.2.jpg -rotate -90 \) thumb.1.jpg null: 2>&1 | grep -oE '^[0-9]+')" -lt 2000 ]
	rm thumb.?.jpg out
	is "$(ls -l)" "$before"
	check_schema <(av-fit --thumbnail 80 a.png)
	is "$(av-fit --thumbnail 80 <<<'{"file":"a.png","x":1.10}' | sed 's/,"thumb.*//')" '{"file":"a.png","x":1.10'
	echo text >text.jpg
	is "$(av-fit --exit-zero --thumbnail 80 text.jpg none.jpg | jq -r .error.code | sort | xargs)" "cannot_fit file_missing"
	run -64 av-fit --thumbnail 80 -o out a.png
	run -64 av-fit --thumbnail 4000 a.png
}

@test "only av-fit links libvips" {
	for program in "${PROGRAM_DIR:-$(dirname "$(command -v av-fit)")}"/av-*; do
		case $program in
		*/av-fit) ldd "$program" | grep -q libvips ;;
		*) ! ldd "$program" | grep -q libvips || { echo "$program"; false; } ;;
		esac
	done
}
