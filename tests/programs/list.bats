#!/usr/bin/env bats
# av-list: every list of a service as records, page by page, while the list may change.

load helper

# lists ARGUMENT...: starts a service that lists (servers/list-server) as Anam's
lists() {
	rm -f url
	mkfifo url
	"$TESTS/servers/list-server" "$@" >url 3>&- &
	SERVER=$!
	read -r url <url
	export ANAM_API_URL=$url ANAM_API_KEY=key
}

@test "help and version on stdout; usage errors on stderr, exit status 64" {
	check_usage av-list --limit --nonsense "--limit 0" "-p argil nonsense" "-p argil avatars x"
}

@test "a list that the service does not have: its lists are named" {
	run -64 --separate-stderr av-list -p argil vidos
	[[ $stderr == *"no list 'vidos'"*"did you mean 'videos'"*avatars,*videos* ]]
}

@test "avatars of each service come out as records that av-poll and av-render take" {
	box
	photos 3 1280x720
	av-upload -k -p anam,avtr1,argil -j 8 photos/* | av-poll >made
	for provider in anam avtr1 argil; do
		av-list -p "$provider" >listed
		is "$(of listed 'map(.avatar.id) | sort')" "$(of made "map(select(.provider == \"$provider\") | .avatar.id) | sort")"
		is "$(of listed 'map([.provider, .avatar.status, .list, (.provider_data | type)]) | unique')" \
			"[[\"$provider\",\"ready\",null,\"object\"]]"
		check_schema listed
		av-poll <listed | cmp - listed
	done
	av-list -p anam | av-render -o out >rendered
	is "$(codes rendered)" "3 ready"
	is "$(ls out | wc -l)" 3
	check_sandbox
}

@test "videos become renderings, which av-render fetches by their ids" {
	box
	photos 2 1280x720
	av-upload -p argil photos/* | av-poll | av-render -r video -O text=Hello -o first >made
	av-list -p argil videos >listed
	is "$(of listed 'map([.list, .renderings[0].kind, .renderings[0].status]) | unique')" '[["videos","video","ready"]]'
	is "$(of listed 'map(.avatar.id) | sort')" "$(of made 'map(.avatar.id) | sort')"
	av-poll <listed | av-render -o second >fetched
	is "$(of fetched 'map(.renderings[] | select(.kind == "video") | .sha256) | unique')" \
		"$(of made 'map(.renderings[0].sha256) | unique')"
	is "$(stat .argil.duplicates_count)" 0
	check_schema listed fetched
}

@test "filters, --limit, --table, several accounts" {
	box
	photos 3 1280x720
	av-upload -q -p anam,avtr1 photos/* >made
	is "$(av-list -p anam,avtr1 --limit 2 | jq -r .provider | sort | uniq -c | xargs)" "2 anam 2 avtr1"
	av-list -p avtr1 --table >table
	[[ $(head -n 1 table) == ID*NAME*STATE*MADE* ]]
	is "$(wc -l <table)" 4
	run -65 --separate-stderr av-list -p anam -O serch=x
	[[ $stderr == *serch* ]]
}

@test "--table: wide characters take two columns, hostile ones are shown" {
	jq -n '{"GET /avatars": [{body: {data: [{id: "a\u001b[2J", displayName: "日本語"}, {id: "b", displayName: "Ann"}],
		meta: {total: 2, lastPage: 1}}}]}' >script
	serve_script
	is "$(ANAM_API_URL=$url ANAM_API_KEY=k av-list -p anam --table)" 'ID        NAME    STATE
a\x1b[2J  日本語  ready
b         Ann     ready'
}

@test "no member of a secret's name is written" {
	lists 2
	av-list -p anam >listed
	is "$(wc -l <listed)" 2
	run -1 grep -qi sk_never_shown listed
	av-poll <listed >/dev/null
}

@test "a long list: each page is written before the next one is read" {
	rm -f url
	mkfifo url go
	"$TESTS/servers/list-server" held <go >url 3>&- &
	SERVER=$!
	exec 7>go
	read -r url <url
	ANAM_API_URL=$url ANAM_API_KEY=key av-list -p anam >listed 3>&- 7>&- &
	list=$!
	until_is 100 sh -c 'wc -l <listed'
	echo >&7
	until_is 200 sh -c 'wc -l <listed'
	echo >&7
	wait "$list"
	is "$(wc -l <listed)" 300
	exec 7>&-
}

# order ARGUMENT...: what av-list sends and writes, in its order
order() {
	ASAN_OPTIONS=detect_leaks=0 strace -qq -o calls -s 8 -e trace=sendto,write av-list -q -p anam "$@" >listed 3>&-
	sed -n 's/^sendto.*"GET .*/ask/p; s/^write(1, .*/write/p' calls | tr '\n' ' '
}

@test "the next page is asked for while one is read, if it is needed for sure" {
	lists 250
	[[ $(order) == "ask ask write "*ask* ]]
	is "$(order --limit 101 | grep -o ask | wc -l)" 2
	is "$(order --limit 100 | grep -o ask | wc -l)" 1
}

@test "20,000 avatars in the memory of a page and their ids" {
	lists 20000
	command time -f %M -o kb av-list -p anam >listed
	is "$(wc -l <listed)" 20000
	[ -n "${AV_SANITIZED:-}" ] || [ "$(cat kb)" -lt 30000 ]
}

@test "avatars that are made while the list is read: none is missing, none comes twice" {
	lists 500 3:+7
	av-list -p anam >listed
	is "$(jq -r .avatar.id listed | sort | uniq -d | wc -l)" 0
	is "$(of listed 'map(select(.name | ltrimstr("n") | tonumber <= 500)) | length')" 500
}

@test "avatars that are deleted while the list is read: it is read again, so none is missing" {
	lists 500 3:7
	av-list -p anam >listed
	is "$(of listed 'map(select(.name | ltrimstr("n") | tonumber <= 493) | .name) | unique | length')" 493
	is "$(jq -r .avatar.id listed | sort | uniq -d | wc -l)" 0
}

@test "a reader that ends early ends the list" {
	lists 100000
	av-list -p anam | head -n 3 >first
	is "$(wc -l <first)" 3
}

@test "two lists at once and a slow reader: each goes on where it was held" {
	lists 3000
	mkdir -p "$XDG_CONFIG_HOME/avtools/providers"
	av-provider show anam | jq '.name = "twin" | .base_url = "https://twin.example.org/v1"' \
		>"$XDG_CONFIG_HOME/avtools/providers/twin.json"
	export TWIN_API_URL=$url TWIN_API_KEY=key
	limit 60 av-list -p anam,twin | python3 -c '
import os, sys, time
while data := os.read(0, 16384):
    time.sleep(0.02)
    sys.stdout.buffer.write(data)' >listed
	is "$(of listed 'group_by(.provider) | map([.[0].provider, length, (map(.error) | unique)])')" \
		'[["anam",3000,[null]],["twin",3000,[null]]]'
}
