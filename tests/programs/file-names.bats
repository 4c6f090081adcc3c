#!/usr/bin/env bats
# The name of the file that is sent fits what the service's description allows.

load helper

# sent NAME: the file name that a photo of this name is sent with
sent() {
	rm -rf state
	: >sent
	cp photos/001.jpg "$1"
	av-upload -q -p acme "./$1" >record
	is "$(jq -r '.file' record)" "./$1"
	is "$(jq -r '.avatar.id' record)" face
	sed -n 's/.*name="photo"; filename="\([^"]*\)".*/\1/p' sent
}

# names RULE: the description allows these file names
names() {
	example | jq --argjson rule "$1" 'if $rule then .image.file_name = $rule else . end' >"$XDG_CONFIG_HOME/avtools/providers/acme.json"
	av-provider check "$XDG_CONFIG_HOME/avtools/providers/acme.json"
}

@test "a file name is made to fit, always in the same way; a good one stays" {
	local url
	photos 1
	mkdir -p "$XDG_CONFIG_HOME/avtools/providers"
	echo '{"POST /faces": [{"status":201,"body":{"id":"face","state":"done"}}]}' >script
	serve_script sent
	export ACME_API_URL=$url ACME_API_KEY=key
	names '{"characters":"a-zA-Z0-9._-","max":50}'
	is "$(sent 'Zoë K (2).jpg')" Zoe_K_2.jpg
	is "$(sent $'Zoe\u0308 K (2).jpg')" Zoe_K_2.jpg
	is "$(sent 'a__b-c.d.jpg')" a__b-c.d.jpg
	is "$(sent 'Straße & Œuvre.jpg')" Strasse_OEuvre.jpg
	is "$(sent '写真.jpg')" photo.jpg
	is "$(sent '写真 7.JPG')" 7.JPG
	is "$(sent 'no extension')" no_extension.jpg
	is "$(sent "$(printf 'x%.0s' {1..80}).jpg")" "$(printf 'x%.0s' {1..46}).jpg"
	names '{"characters":"a-z.","max":12}'
	is "$(sent 'Zoë K (2).jpg')" oe.jpg
	is "$(sent 'abcdefghijkl.jpg')" abcdefgh.jpg
	names null
	is "$(sent 'Zoë K (2).jpg')" 'Zoë K (2).jpg'
}

@test "the ledger's key does not change with the name that is sent" {
	local url
	photos 1
	mkdir -p "$XDG_CONFIG_HOME/avtools/providers"
	echo '{"POST /faces": [{"status":201,"body":{"id":"face","state":"done"}}]}' >script
	serve_script sent
	export ACME_API_URL=$url ACME_API_KEY=key
	names null
	cp photos/001.jpg 'Zoë.jpg'
	av-upload -q -p acme 'Zoë.jpg' >first
	names '{"characters":"a-z."}'
	av-upload -q -p acme 'Zoë.jpg' >second
	is "$(jq -c '.avatar.reused' second)" true
	is "$(grep -c POST asked)" 1
	names '{"characters":"a-z."}'
	run -65 --separate-stderr av-provider check <(example | jq '.image.file_name.characters = "a-z"')
	[[ $stderr == *"photo.jpg must be possible"* ]]
}
