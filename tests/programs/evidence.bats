#!/usr/bin/env bats
# After a lost response: whose avatar it is. Another machine's avatar is never taken for ours.

load helper

# machine NAME COMMAND...: runs the command with a ledger of its own
machine() {
	AV_LEDGER=$PWD/$1.db "${@:2}"
}

# two_photos: different photos under the same name in the folders a and b
two_photos() {
	mkdir -p a b
	faces a/ann.jpg=1280x720 b/bob.jpg=1280x720
	mv a/ann.jpg a/IMG_0001.jpg
	mv b/bob.jpg b/IMG_0001.jpg
}

# shows FILE: the avatar in the record that is read was made of that photo
shows() {
	local id
	id=$(jq -r .avatar.id)
	is "$(jq -r --arg id "$id" 'select(.make and (.make.id | tostring) == $id) | .make.photo' journal)" \
		"$(sha256sum <"$1" | cut -d' ' -f1)"
}

# race SERVICE [OPTION...]: the machine A loses its request; before it reads the list, B makes an avatar of
# another photo with the same name
race() {
	local pid
	[ -z "${BOX:-}" ] || end_box
	two_photos
	set_lags 1
	rm -rf journal ./*.db*
	box --state journal --fault "${FAULT:-lost-before}@$1#1"
	env AV_LEDGER="$PWD/A.db" av-upload -q -p "$@" a/IMG_0001.jpg >A.out 2>A.err &
	pid=$!
	until_is 1 stat "[.$1.faults[]] | add // 0"
	kill -STOP $pid
	machine B av-upload -q -p "$@" b/IMG_0001.jpg >B.out
	kill -CONT $pid
	wait $pid || true
	shows b/IMG_0001.jpg <B.out
}

@test "the avatar of another machine's photo is not adopted, though name and time fit" {
	for service in anam avtr1; do
		race "$service"
		is "$(jq -r '.error.code + " " + .error.created' A.out)" 'outcome_unknown unknown'
		is "$(machine A av-ledger list | jq -r .state)" unknown
	done
}

@test "an avatar whose picture shows the photo is adopted" {
	faces ann.jpg=1280x720 bob.png=720x1280 cleo.jpg=900x900
	cwebp -quiet cleo.jpg -o cleo.webp
	set_lags 1
	for photo in ann.jpg bob.png cleo.webp; do
		rm -f journal
		box --state journal --fault lost-after@anam#1
		av-upload -q -p anam $photo >out
		shows $photo <out
		is "$(stat '[.anam.creates, .anam.credentials_on_media]')" '[1,0]'
		end_box
	done
}

@test "the picture tells whose avatar it is, also before the same wall" {
	mkdir -p a b
	faces a/IMG_0001.jpg=1280x720@studio ann.jpg=1280x720@studio
	mv ann.jpg b/IMG_0001.jpg
	two_photos() { :; }
	race anam
	is "$(jq -r .error.code A.out)" outcome_unknown
	FAULT=lost-after race anam
	shows a/IMG_0001.jpg <A.out
	is "$(stat .anam.creates)" 2
}

@test "two pictures that show the photo leave the outcome unknown" {
	two_photos
	cp a/IMG_0001.jpg b/
	two_photos() { :; }
	FAULT=lost-after race anam
	is "$(jq -r '.error.code + " " + .error.created' A.out)" 'outcome_unknown unknown'
}

# lost_with_picture URL: an avatar is made, its response is lost, and the list has that picture of it
lost_with_picture() {
	local config=$XDG_CONFIG_HOME/avtools/providers/anam.json
	[ -z "${BOX:-}" ] || end_box
	rm -rf state/avtools
	set_lags 1
	jq --arg url "$1" '.answers.avatar.take.still_url = {value: $url}' "$config" >new
	mv new "$config"
	box --fault lost-after@anam#1
	av-upload -v -p anam ann.jpg >out 2>err || true
	is "$(stat .anam.creates)" 1
}

# serve FOLDER: serves its files at $FILES
serve() {
	python3 -u -m http.server -b 127.0.0.1 -d "$1" 0 >server.out 2>server.err 3>&- &
	SERVER=$!
	until_is 1 grep -c 'port' server.out
	FILES=http://127.0.0.1:$(grep -oE 'port [0-9]+' server.out | tr -dc 0-9)
}

@test "a picture that cannot be compared proves nothing" {
	mkdir -p web
	faces ann.jpg=1280x720 web/other.jpg=1280x720
	cp ann.jpg web/same.jpg
	head -c 20000 ann.jpg >web/half.jpg
	echo '<p>no picture' >web/text.png
	head -c 25000000 /dev/zero | cat ann.jpg - >web/huge.jpg
	python3 - >web/bomb.png <<-'EOF'
		import struct, sys, zlib
		def chunk(tag, data):
		    return struct.pack(">I", len(data)) + tag + data + struct.pack(">I", zlib.crc32(tag + data))
		header = struct.pack(">IIBBBBB", 12000, 12000, 8, 0, 0, 0, 0)
		sys.stdout.buffer.write(b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", header) +
		    chunk(b"IDAT", zlib.compress(bytes(12000 * 12001))) + chunk(b"IEND", b""))
	EOF
	serve web
	for picture in missing.png half.jpg text.png huge.jpg bomb.png other.jpg; do
		lost_with_picture "$FILES/$picture"
		is "$picture $(jq -r '.error.code + " " + .error.created' out)" \
			"$picture outcome_unknown unknown"
		grep -q "GET $FILES/$picture" err
	done
	lost_with_picture ""
	is "$(jq -r .error.code out)" outcome_unknown
	lost_with_picture "$FILES/same.jpg"
	is "$(jq -r .avatar.name out)" ann
}

@test "a photo that is not there any more is compared with nothing" {
	for change in 'rm ann.jpg' 'faces ann.jpg=640x480' 'rm ann.jpg; mkfifo ann.jpg'; do
		rm -rf ann.jpg state/avtools
		faces ann.jpg=1280x720
		set_lags 1
		box --fault lost-after@anam#1
		av-upload -q -p anam ann.jpg >out 2>err &
		until_is 1 stat '[.anam.faults[]] | add // 0'
		eval "$change"
		wait $! || true
		is "$(jq -r .error.code out)" outcome_unknown
		end_box
	done
}

@test "a worker that is killed leaves the outcome unknown" {
	faces ann.jpg=7000x7000
	set_lags 1
	box --fault lost-after@anam#1
	av-upload -v -p anam ann.jpg >out 2>err &
	until_is 1 stat '[.anam.faults[]] | add // 0'
	until_is 1 pgrep -c -P $!
	pkill -KILL -P $!
	wait $! || true
	is "$(jq -r .error.code out)" outcome_unknown
	grep -q 'could not be decoded: it was killed' err
}

@test "--unique-names: the names tell whose avatar it is" {
	for service in anam avtr1 argil; do
		race "$service" --unique-names
		shows a/IMG_0001.jpg <A.out
		FAULT=lost-after race "$service" --unique-names
		shows a/IMG_0001.jpg <A.out
		is "$(stat ".$service.creates")" 2
	done
}

@test "--unique-names: a name within the limit, the same for the same request" {
	faces ann.jpg=64x48
	set_lags 1
	long=$(printf 'x%.0s' {1..50})
	box
	jq -nc --arg n "$long" '{file:"ann.jpg",provider:"anam",name:$n}' | av-upload -q --unique-names >out
	name=$(jq -r .avatar.name out)
	is "${#name}" 50
	[[ $name =~ ^x+\ [0-9a-f]{8}$ ]]
	jq -c 'del(.avatar)' out | av-upload -q >again
	is "$(jq -c '[.avatar.reused, .avatar.name]' again)" "[true,\"$name\"]"
	is "$(stat .anam.creates)" 1
}

@test "the tag tells whose avatar it is" {
	race argil
	shows a/IMG_0001.jpg <A.out
}

@test "after a death: another's avatar of the same name is not adopted" {
	two_photos
	set_lags 1
	box --state journal --fault lost-before@anam#1
	env AV_LEDGER="$PWD/A.db" av-upload -q -p anam a/IMG_0001.jpg &
	until_is 1 stat '[.anam.faults[]] | add // 0'
	kill -9 $!
	wait $! || true
	machine B av-upload -q -p anam b/IMG_0001.jpg >B.out
	shows b/IMG_0001.jpg <B.out
	machine A av-upload -q -p anam a/IMG_0001.jpg >A.out || true
	is "$(jq -r .error.code A.out)" outcome_unknown
}

@test "an account that nothing else uses: name and time decide" {
	for fault in lost-before lost-after; do
		two_photos
		set_lags 1
		rm -rf journal ./*.db*
		box --state journal --fault "$fault@anam#1"
		ANAM_EXCLUSIVE=1 machine A av-upload -q -p anam a/IMG_0001.jpg >A.out
		shows a/IMG_0001.jpg <A.out
		is "$(stat .anam.creates)" 1
		end_box
	done
}

@test "an account that nothing else uses: two lost requests of one name stay unknown" {
	two_photos
	set_lags 1
	box --state journal --fault lost-before@anam#1 --fault lost-after@anam#2
	ANAM_EXCLUSIVE=1 av-upload -q -p anam a/IMG_0001.jpg b/IMG_0001.jpg >out || true
	is "$(jq -r .error.code out | sort -u)" outcome_unknown
}

@test "a photo that was moved is not paid for twice under the name that was sent" {
	for service in anam argil avtr1; do
		rm -rf state/avtools
		faces x1.jpg=1280x720
		box
		av-validate -q -p "$service" x1.jpg >w
		av-upload -q <w >made
		mv x1.jpg x2.jpg
		# The record is mended, keeps its name, loses where the name came from, or begins anew.
		for edit in '.file="x2.jpg"' '.file="x2.jpg"|del(.name_from)' '{file:"x2.jpg",provider}' \
			'{file:"x2.jpg",provider,name}'; do
			is "$(jq -c "$edit" w | av-upload -q | jq .avatar.reused)" true
		done
		is "$(av-upload -q -p "$service" x2.jpg | jq .avatar.reused)" true
		is "$(stat ".$service.creates")" 1
		# Another name is another request.
		is "$(jq -c '.file="x2.jpg"|.name="Zoe"' w | av-upload -q | jq .avatar.reused)" null
		is "$(stat ".$service.creates")" 2
		end_box
	done
}

@test "one request at a time sends a name, given or not" {
	faces ann.jpg=64x48
	box --delay 200
	{
		echo '{"file":"ann.jpg","provider":"anam"}'
		echo '{"file":"./ann.jpg","provider":"anam","name":"ann","name_from":"x"}'
		echo '{"file":"ann.jpg","provider":"anam","name":"ann"}'
	} | av-upload -q -j 3 >out
	is "$(jq -r .avatar.id out | sort -u | wc -l)" 1
	is "$(stat .anam.creates)" 1
}
