#!/usr/bin/env bats
# Tables in CSV, as spreadsheets write them.

load helper

# rows_of FORMAT [OPTION...]: what the rows of a table became
rows_of() {
	printf "$1" | av-validate -k -p anam --exit-zero --csv "${@:2}" >out
	jq -c '[.file // .url, .name, .error.code]' out
}

# message_of FORMAT: the message of the last row
message_of() {
	rows_of "$1" >/dev/null
	tail -n 1 out | jq -r .error.message
}

@test "rows become records, from Excel, LibreOffice and by hand; cells are text" {
	local bom='\xef\xbb\xbf' sep
	faces ann.jpg=64x48 bob.jpg=64x48
	cp ann.jpg 'a, "b".jpg'
	for sep in , ';' '\t'; do
		is "$(rows_of "${bom}file${sep}name${sep}shoe\r\nann.jpg${sep}1042${sep}\r\n\r\n${sep}${sep}\r\nbob.jpg${sep}${sep}44\r\n")" \
			$'["ann.jpg","1042",null]\n["bob.jpg","bob",null]'
		is "$(jq -c .shoe out)" $'null\n"44"'
		is "$(jq -c 'has("shoe")' out)" $'false\ntrue'
	done
	is "$(rows_of 'name,file\n"Lee, Ann","a, ""b"".jpg"\n"Ann\r\nLee",ann.jpg\n5" wide,bob.jpg')" \
		$'["a, \\"b\\".jpg","Lee, Ann",null]\n["ann.jpg","Ann\\r\\nLee",null]\n["bob.jpg","5\\" wide",null]'
	is "$(rows_of ' FILE , Name,Note\nann.jpg,Ann Lee,x\n')" '["ann.jpg","Ann Lee",null]'
	is "$(jq -c .Note out)" '"x"'
	check_schema out
	is "$(rows_of 'url\nhttps://example.com/ann.jpg\n' | jq -c .[0])" '"https://example.com/ann.jpg"'
	is "$(rows_of '')$(rows_of 'file,name\n')$(rows_of '\n\nfile\n')" ""
}

@test "headers with dots are members of members; options get the type that the provider declares" {
	faces ann.jpg=1920x1080
	printf '%s\n' file,provider,options.zoom,options.hard,options.extras.job,a.b.c,a.b.d,a.e \
		ann.jpg,argil,1.5,,j1,1,2,3 ann.jpg,anam,,true,,,, ann.jpg,argil,1042,,,,, ann.jpg,argil,big,,,,, ann.jpg,,9,,,,, |
		av-validate -k --csv --exit-zero >out
	is "$(jq -c .a out | head -n 1)" '{"b":{"c":"1","d":"2"},"e":"3"}'
	is "$(jq -c .options out)" '{"zoom":1.5,"extras":{"job":"j1"}}
{"hard":true}
{"zoom":1042}
{"zoom":"big"}
{"zoom":"9"}'
	is "$(jq -r '.error.problems[]?.message | select(contains("big") or contains("number"))' out)" $'option \'zoom\' must be of type number; got "big"'
}

@test "a row that cannot be a record is named, and the others go on" {
	local ann='["ann.jpg","Ann",null]' no='[null,null,"invalid_record"]'
	faces ann.jpg=64x48
	for bad in 'ann.jpg' 'ann.jpg,a,b' '\xff.jpg,a' 'a\0.jpg,a' '"a"b,c'; do
		is "$(rows_of "file,name\n$bad\nann.jpg,Ann\n")" "$no"$'\n'"$ann"
		is "$(head -n 1 out | jq -r .error.message | cut -c 1-5)" "row 2"
		check_schema out
	done
	is "$(head -n 1 out | jq -r .input)" '"a"b,c'
	[[ $(message_of 'file,name\n\nann.jpg,"A\nB"\nann.jpg\n') == "row 4 has 1 cells instead of 2"* ]]
	[[ $(message_of 'file,\nann.jpg,x\n') == "row 2 has text in column 2, which has no header" ]]
	[[ $(message_of 'file,name\nann.jpg,"Ann\nann.jpg,Bob\n') == "a quote is opened in row 2 and not closed"* ]]
	is "$(rows_of 'file,name\nann.jpg,"Ann\nann.jpg,Bob\n')" "$no"
	printf 'file\n"x' | run -65 av-validate --csv
}

@test "headers that cannot be used are one error, whatever follows" {
	for head in 'ann.jpg,Ann' '{"file":"a"}' 'name' 'file,file' 'file,FILE' 'file,a,a.b' 'file,"a' '\xff,file' \
		"file,$(printf 'x%.0s' {1..300})" "file$(printf ',%s' {1..1000})"; do
		is "$(rows_of "$head\nann.jpg,Ann\nx\n" | cut -c 1-)" '[null,null,"invalid_record"]'
	done
	[[ $(message_of 'ann.jpg,Ann\n') == *"has no header 'file' or 'url'"* ]]
	is "$(rows_of 'file,api_key\nann.jpg,SECRETSECRET\nann.jpg,SECRETSECRET\n')" '[null,null,"secret_in_record"]'
	run -1 grep SECRETSECRET out
	is "$(printf 'file,name\nann.jpg,Ann\n' | iconv -t UTF-16 | av-validate --csv --exit-zero | jq -c .error.code)" '"invalid_record"'
}

@test "a row of more than 16 MiB is refused, in bounded memory" {
	faces ann.jpg=64x48
	{ printf 'file,name\n'; head -c 20000000 /dev/zero | tr '\0' x; printf '\nann.jpg,Ann\n'; } >long.csv
	is "$(av-validate -k -p anam --csv --exit-zero <long.csv | jq -c '[.file, .error.code]')" \
		$'[null,"record_too_long"]\n["ann.jpg",null]'
	{ printf 'file,name\nann.jpg,Ann\n"'; yes | head -c 40000000; } >open.csv
	is "$(av-validate -k -p anam --csv --exit-zero <open.csv | jq -c '[.file, .error.code]')" \
		$'["ann.jpg",null]\n[null,"record_too_long"]'
	(ulimit -v 400000; av-validate -j 1 -p anam --csv --exit-zero <open.csv) | wc -l | grep -qx 2
}

@test "--csv reads standard input, without operands and -0" {
	run -64 av-validate --csv people.csv
	[[ $output == *"--csv <FILE.csv"* ]]
	run -64 av-validate --csv -0 </dev/null
}
