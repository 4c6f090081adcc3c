#!/usr/bin/env bats
# Lists by page, offset and link: each is read to its end, and a damaged page is asked for again.

load helper

# lists STYLE PAGING N [FAULT...]: starts a service with N faces (servers/paging-server) and describes it
lists() {
	local url
	[ -z "${SERVER:-}" ] || end_server
	rm -f url
	mkfifo url
	"$TESTS/servers/paging-server" "$1" "${@:3}" >url 3>&- &
	SERVER=$!
	read -r url <url
	export ACME_API_URL=$url ACME_API_KEY=key
	mkdir -p "$XDG_CONFIG_HOME/avtools/providers"
	example | jq --arg style "$1" --argjson paging "$2" '.operations.avatars |= (.answer.take.created_at = "/made"
		| .query = (if $style == "page" then {page: "{page}"} else {offset: "{offset}"} end + {limit: "{page_size}"})
		| .paging = ({size: 10, items: "/items", style: $style} + $paging))' \
		>"$XDG_CONFIG_HOME/avtools/providers/acme.json"
	av-provider check "$XDG_CONFIG_HOME/avtools/providers/acme.json"
}

# check_whole N: the list has all N faces, each once
check_whole() {
	av-list -q -p acme >listed
	is "$(jq -r .avatar.id listed | sort -u | wc -l)" "$1"
	is "$(wc -l <listed)" "$1"
}

@test "a list by offset or page ends as its description says" {
	local style paging n
	for style in offset page; do
		for paging in '{"total":"/count"}' '{"more":"/more"}' '{"next":"/next"}' '{"end":"empty"}' '{"end":"short"}'; do
			for n in 0 9 10 25; do
				echo "$style $paging $n"
				lists "$style" "$paging" "$n"
				check_whole "$n"
			done
		done
	done
}

@test "a service that sends fewer than were asked for is read to the end" {
	lists offset '{"total":"/count"}' 25 cap=4
	check_whole 25
	lists offset '{"end":"empty"}' 25 cap=4
	check_whole 25
}

@test "a 404 past the last page ends the list where the description says so; else the message does" {
	for style in offset page; do
		lists "$style" '{"empty_status":404}' 30 past=404
		check_whole 30
		lists "$style" '{"end":"empty"}' 30 past=404
		run -65 --separate-stderr av-list -p acme
		is "$(jq -r 'select(.error) | .error.code' <<<"$output")" refused
		[[ $output == *'page 4 of the list'*'\"empty_status\": 404'* ]]
	done
	# The count says that there is more: the 404 is no end.
	lists page '{"empty_status":404,"total":"/count"}' 30 past=404 cap=4
	jq '.operations.avatars.paging.first = 3' "$XDG_CONFIG_HOME/avtools/providers/acme.json" >changed
	mv changed "$XDG_CONFIG_HOME/avtools/providers/acme.json"
	run -65 av-list -q -p acme
}

@test "the next page's URL is in the Link header, or in the body; another host gets nothing" {
	for n in 0 10 25; do
		lists link '{}' "$n"
		check_whole "$n"
	done
	lists url '{"style":"link","next":"/next"}' 25
	check_whole 25
	lists link '{}' 25 away=1
	run -75 --separate-stderr av-list -q -p acme
	is "$(jq -r 'select(.error) | .error.code' <<<"$output")" bad_answer
}

@test "a list that leads in a circle, or whose pages stay empty, is not read for ever" {
	lists url '{"style":"link","next":"/next"}' 1
	end_server
	jq -n '{"GET /faces": [{body: {items: [{id: "a"}], next: "?p=1"}}],
		"GET /faces?p=1": [{body: {items: [{id: "b"}], next: "?p=2"}}],
		"GET /faces?p=2": [{body: {items: [{id: "c"}], next: "?p=1"}}]}' >script
	serve_script
	run -75 av-list -q -p acme -u "$url" --timeout 10s
	is "$(jq -r .error.code <<<"${lines[3]}")" bad_answer
	is "$(wc -l <asked)" 3
	end_server
	jq -n '{"GET /faces": [{body: {items: [], next: "?p=@n@"}}]}' >script
	serve_script
	run -75 av-list -q -p acme -u "$url" --timeout 60s --rate 1000
	is "$(jq -r .error.code <<<"$output")" bad_answer
	is "$(wc -l <asked)" 1001
}

@test "a page that is garbled or cut is asked for again, not for ever" {
	for fault in garbled=1 cut=2 garbled=2,3,4; do
		lists offset '{"total":"/count"}' 25 $fault
		check_whole 25
	done
	lists offset '{"total":"/count"}' 25 cut=2,3,4,5
	run -75 av-list -q -p acme
}

@test "Unix times, in s and in ms, become RFC 3339 in records" {
	lists offset '{"total":"/count"}' 2
	check_whole 2
	is "$(of listed 'map(.avatar.created_at)')" '["2026-01-01T00:00:00.000Z","2026-01-01T00:00:01.000Z"]'
}

@test "check wants what ends a list, and what asks for the next page" {
	example | jq 'del(.operations.avatars.paging.last)' >a.json
	run -65 --separate-stderr av-provider check a.json
	[[ $stderr == *"say what ends the list"* ]]
	example | jq '.operations.avatars.paging |= (.style = "offset" | .end = "empty")' >a.json
	run -65 --separate-stderr av-provider check a.json
	[[ $stderr == *"nothing sends {offset}"* ]]
	example | jq '.operations.avatars |= (.query.page = "{cursor}" | .paging.style = "cursor")' >a.json
	run -65 --separate-stderr av-provider check a.json
	[[ $stderr == *"a cursor needs next or item_cursor"* ]]
}
