#!/usr/bin/env bats
# What the user wrote is taken, or refused aloud: lists and records from other programs.

load helper

# read_of FORMAT [OPTION...]: the file, URL, name and error code of each record of an input
read_of() {
	printf "$1" | av-validate -k -p anam --exit-zero "${@:2}" >out
	jq -c '[.file // .url, .name, .error.code]' out
}

@test "text from Windows: a byte order mark and carriage returns are dropped" {
	faces ann.jpg=64x48
	local bom='\xef\xbb\xbf' ann='["ann.jpg","ann",null]'
	is "$(read_of "$bom"'{"file":"ann.jpg"}\r\n{"file":"ann.jpg"}\r\n')" "$ann"$'\n'"$ann"
	is "$(read_of "$bom"'ann.jpg\r\n\r\n'"$bom"'ann.jpg\r\nann.jpg\r')" "$ann"$'\n'"$ann"$'\n'"$ann"
	is "$(read_of "$bom")$(read_of '\r\n')" ""
	cp ann.jpg $'cr.jpg\r'
	is "$(read_of 'cr.jpg\r\0' -0 | jq -r '.[0,2]')" $'cr.jpg\r\nnull'
	is "$(av-validate -p anam $'cr.jpg\r' | jq .error)" null
}

@test "UTF-16 is refused once, whatever it holds, and not shown" {
	local list='ann.jpg\nANAM_API_KEY=eyJSECRET\n{"file":"ann.jpg"}\n' as
	for as in UTF-16 UTF-16LE UTF-16BE; do
		is "$(read_of "$(printf "$list" | iconv -t $as | od -An -v -tx1 | tr -d '\n' | sed 's/ /\\x/g')")" \
			'[null,null,"invalid_record"]'
		grep -q UTF-16 out
		is "$(jq -c keys out)" '["error"]'
	done
	is "$(read_of 'ann.jpg\0bob.jpg\0')" '[null,null,"path_not_utf8"]'
	grep -q -e '-0' out
}

@test "a record on several lines, or an array of records, is refused once, and the rest goes on" {
	faces ann.jpg=64x48
	local ann='["ann.jpg","ann",null]' no='[null,null,"invalid_record"]'
	jq -n '{file: "a ]}\"{[", x: {y: [1, {z: "}"}]}, e: {}}' >record
	jq -n '[{file: "a"}, {file: "b", x: [[], {}]}]' >array
	is "$(read_of "$(sed 's/\\/\\\\/g' record)\nann.jpg\n")" "$no"$'\n'"$ann"
	jq -e '.error.message | contains("jq -c .")' <(head -n 1 out)
	is "$(read_of "$(sed 's/\\/\\\\/g; s/^ *//' record record)\nann.jpg\n")" "$no"$'\n'"$no"$'\n'"$ann"
	is "$(read_of "$(cat array)\n{\"file\":\"ann.jpg\"}\n")" "$no"$'\n'"$ann"
	jq -e ".error.message | contains(\"jq -c '.[]'\")" <(head -n 1 out)
	is "$(read_of "$(sed 's/^ *//' array)\r\nann.jpg\n")" "$no"$'\n'"$ann"
	is "$(read_of "$(jq -c . array)\nann.jpg\n")" "$no"$'\n'"$ann"
	is "$(read_of '[\n{"file":"a"},\n{"file":"b"}\n]\nann.jpg\n')" "$no"$'\n'"$ann"
	is "$(read_of '[{"file":"a"},\n {"file":"b"}]\nann.jpg\n')" "$no"$'\n'"$ann"
}

@test "a record that is cut swallows neither records nor paths after it" {
	faces ann.jpg=64x48
	local ann='["ann.jpg","ann",null]' no='[null,null,"invalid_record"]'
	is "$(read_of '{"file":\nann.jpg\n')" "$no"$'\n'"$ann"
	is "$(read_of '{"x":1,\n{"file":"ann.jpg"}\n')" "$no"$'\n'"$ann"
	is "$(read_of '{"x":"a\n "b"\nann.jpg\n')" "$no"$'\n''[" \"b\"",null,"file_missing"]'$'\n'"$ann"
	is "$(read_of '{\n"x":[\n{"file":"ann.jpg"}\n')" "$no"$'\n'"$ann"
	is "$(read_of '[\nann.jpg\n')" "$no"$'\n'"$ann"
	faces '[2024] a.jpg=64x48' '[1.jpg=64x48'
	is "$(read_of '[2024] a.jpg\n[1.jpg\n')" $'["[2024] a.jpg","[2024] a",null]\n["[1.jpg","[1 avatar",null]'
}

@test "a number is taken where text is wanted; anything else names the member" {
	faces ann.jpg=64x48 7=64x48
	is "$(read_of '{"file":"ann.jpg","name":1042}\n{"file":"ann.jpg","name":-1.50}\n{"file":7,"name":"Ann"}\n')" \
		$'["ann.jpg","1042",null]\n["ann.jpg","-1.50",null]\n["7","Ann",null]'
	check_schema out
	for member in name file url provider; do
		for value in true '{"a":1}' '[1]'; do
			read_of '{"'$member'":'"$value"'}\n' >/dev/null
			is "$(jq -r '.error | .code, .message' out)" \
				$'invalid_record\n'"the member '$member' is not text; put it in quotes"
		done
	done
	is "$(read_of '{"file":"ann.jpg","name":null,"x":1.0,"x":2}')" '["ann.jpg","ann",null]'
	grep -qF '"x":1.0,"x":2' out
	read_of '{"name":1e2,"error":{"step":"x","code":"refused","message":"m","retryable":false}}'
	grep -qF '"name":1e2' out
	is "$(ANAM_API_KEY=k ANAM_API_URL=http://127.0.0.1:1 av-poll -p anam --timeout 50ms --exit-zero \
		<<<'{"avatar":{"id":12345678901234567890,"n":1}}' | jq -c .avatar)" '{"id":"12345678901234567890","n":1}'
}

@test "a URL as a line is taken as one; what cannot be one is refused" {
	is "$(read_of 'https://x.example/ann.jpg?a=b\r\nhttp://x.example/bob.jpg\n' | jq -sc 'map(.[0,2])')" \
		'["https://x.example/ann.jpg?a=b",null,"http://x.example/bob.jpg",null]'
	is "$(jq -r .url out | wc -l)" 2
	for url in https:// https:///ann.jpg 'https://x.example/a b.jpg' 'https://x.example/a\tb' 'https:// x' \
		ann.jpg '' 'https://?a' 'https://:443/a' 'https://a b/c' 'https://x.example/\u007f'; do
		for provider in anam argil avtr1; do
			printf '%s\n' '{"url":"'"$url"'","provider":"'$provider'","name":"Ann Lee"}' |
				av-validate --exit-zero >out
			is "$(jq -c '.error.problems[0].code' out) $url" "\"url_refused\" $url"
		done
	done
	av-validate --exit-zero <<<'{"url":"https://"}' >out
	is "$(jq -c '.error.problems[0].code' out)" '"url_refused"'
	av-validate -p anam '{"url":"https://m\u00fcller.example/\u00e4.jpg"}' '{"url":"https://[2001:db8::1]:8443/a.jpg"}'
}
