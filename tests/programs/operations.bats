#!/usr/bin/env bats
# Every operation of the four contracts: described, and reached by a program.

load helper

# The operations that the contracts document for this job.
contracts() {
	cat <<-'END'
	loom POST /avatars
	loom HEAD /avatars/{}
	loom GET /avatars
	loom DELETE /avatars/{}
	loom POST /avatars/{}/renderings
	loom GET /avatars/{}/renderings
	loom HEAD /avatars/{}/renderings/{}
	loom GET /avatars/{}/renderings/{}
	loom GET /avatars/{}/attachments
	loom GET /avatars/{}/attachments/{}
	anam POST /avatars
	anam GET /avatars
	anam GET /avatars/{}
	anam PUT /avatars/{}
	anam DELETE /avatars/{}
	avtr1 POST /avatars
	avtr1 GET /avatars
	avtr1 GET /avatars/{}
	avtr1 DELETE /avatars/{}
	avtr1 GET /billing/quota
	avtr1 GET /billing/plans
	argil POST /avatars
	argil GET /avatars
	argil GET /avatars/{}
	argil GET /voices
	argil GET /voices/{}
	argil POST /videos
	argil POST /videos/{}/render
	argil GET /videos
	argil GET /videos/{}
	argil DELETE /videos/{}
	argil POST /assets
	argil GET /assets
	argil GET /assets/{}
	argil DELETE /assets/{}
	argil GET /subtitles
	argil GET /subtitles/videos/{}/export
	argil POST /webhooks
	argil GET /webhooks
	argil PUT /webhooks/{}
	argil DELETE /webhooks/{}
	END
}

@test "the descriptions have each operation of the contracts, and no other" {
	"$TESTS/programs/operations" "${SERVICES[@]}" | cut -f 1,3,4 | tr '\t' ' ' | sort -u >described
	contracts | sort | diff - described
}

@test "each operation says in a few words what it does" {
	for service in "${SERVICES[@]}"; do
		is "$(av-provider operations "$service" | jq -r 'select(.description == null).operation')" ""
	done
}

# counted SERVICE METHOD PATH: how often the sandbox was asked for it
counted() {
	stat ".[\"$1\"].operations[\"$2 $3\"] // 0"
}

@test "each operation is reached by the command of the table" {
	export AV_LEDGER=none # each command does all of its work
	box --render-after 300
	photos 1 1280x720
	for service in "${SERVICES[@]}"; do
		av-upload -q -p "$service" photos/001.jpg | av-poll --interval 0.05s >"$service.ready"
		jq -c '.avatar.status = "processing"' "$service.ready" >"$service.made"
	done
	av-render --ask -r pose=hi <loom.ready >loom.asked
	av-render --ask -r video -O text=Hi <argil.ready >argil.asked
	"$TESTS/programs/operations" "${SERVICES[@]}" >table
	while IFS=$'\t' read -r service operation method path command; do
		printf '%s %s: %s\n' "$service" "$operation" "$command"
		[ "$command" != - ]
		before=$(counted "$service" "$method" "$path")
		rm -rf out
		limit 60 bash -c "$command" >records 3>&- || { cat records; return 1; }
		[ "$(counted "$service" "$method" "$path")" -gt "$before" ] || { cat records; return 1; }
	done <table
	is "$(wc -l <table)" 42
	is "$(stat '[.[] | .violations_count] | unique')" '[0]'
}

@test "filters of lists reach the service" {
	box
	photos 2 1280x720
	av-upload -q -k -p anam,avtr1,argil,loom photos/* | av-poll -q --interval 0.05s >ready.jsonl
	is "$(av-list -p anam -O search=001 | jq -r .name)" 001
	is "$(av-list -p anam -O onlyOneShot=false -O renderStyle=realistic -O tags=person | wc -l)" 2
	is "$(av-list -p avtr1 -O q="$(of ready.jsonl 'map(select(.provider == "avtr1" and .name == "002").avatar.id)[0]' | tr -d '"')" -O scope=org | jq -r .name)" 002
	is "$(av-list -p avtr1 -O scope=platform | wc -l)" 0
	is "$(av-list -p argil -O orientation=ASPECT_RATIO_16_9 -O model=ARGIL_V1 | wc -l)" 2
	is "$(av-list -p argil -O orientation=ASPECT_RATIO_9_16 | wc -l)" 0
	is "$(av-list -p argil voices -O gender=MALE -O language=FRENCH | jq -r .item.name)" Hugo
	is "$(av-list -p argil assets -O type=AUDIO | jq -r .item.name)" $'Evening\nMorning'
	is "$(av-list -p loom -O fields=image,labels | jq -c '.provider_data.labels.entries[0].name' | uniq)" '"label_a"'
	run -65 av-list -p loom -O fields=hair
	run -65 av-list -p argil voices -O gender=OTHER
	is "$(stat '[.[] | .violations_count] | unique')" '[0]'
}

@test "a wrong name is found by the list, once a run, before money is spent" {
	voice=5d3c7a1e-6b7f-4f5e-8a10-2b9d0c4e1f2
	box
	photos 4 1280x720
	run -65 --separate-stderr av-upload -p argil -O "voiceId=${voice}9" photos/*
	is "$(jq -sc 'map(.error | [.code, .created]) | unique' <<<"$output")" '[["option_invalid","no"]]'
	[[ $output == *"'${voice}9' is not in the list 'voices'; did you mean '${voice}"*"av-list -p argil voices"* ]]
	is "$(stat '.argil | [.creates, .operations["GET /voices"]]')" '[0,1]'
	av-upload -O "voiceId=${voice}2" -p argil photos/* | av-poll --interval 0.05s >ready.jsonl
	is "$(stat '.argil | [.creates, .operations["GET /voices"]]')" '[4,2]'
	run -65 av-render -r video -O text=Hi -O gestureSlug=wawe -o out <ready.jsonl
	[[ $output == *"did you mean 'wave'"*"av-list -p argil gestures"* ]]
	run -65 av-render -r video -O 'moments=[{"transcript":"Hi"},{"transcript":"Ho","voiceId":"'$voice'8"}]' -o out <ready.jsonl
	[[ $output == *"option_invalid"*"'voices'"* ]]
	run -65 av-render -r video -O text=Hi -O 'backgroundMusic={"assetId":"none"}' -o out <ready.jsonl
	[[ $output == *"assetId': 'none' is not in the list 'assets'"* ]]
	is "$(stat .argil.videos)" 0
	av-upload -q -O "voiceId=${voice}9" -p argil --ledger none photos/001.jpg >out || true
	av-upload -q -O "voiceId=${voice}2" -p argil photos/001.jpg >out
	is "$(jq -c .avatar.reused out)" true
	is "$(stat '.argil | [.creates, .operations["GET /voices"]]')" '[4,6]' # each av-render read it as well: the records have voiceId
	check_sandbox
}

@test "a list that cannot be read: a warning, and the request goes on" {
	box --fault list-404@argil=1
	photos 2 1280x720
	run -0 --separate-stderr av-upload -p argil -O voiceId=5d3c7a1e-6b7f-4f5e-8a10-2b9d0c4e1f22 photos/*
	[[ $stderr == *"values are not checked, since the list 'voices' cannot be read"* ]]
	is "$(stat .argil.creates)" 2
}

@test "a list of each avatar: a record without an avatar passes unchecked" {
	box
	photos 1 1280x720
	mkdir -p "$XDG_CONFIG_HOME/avtools/providers"
	jq '.operations.asset_create.options.properties.name.list = "gestures"' \
		"$TESTS/../lib/providers/argil.json" >"$XDG_CONFIG_HOME/avtools/providers/argil.json"
	av-upload -p argil photos/* | av-poll | jq -c '.options = {name: "x"}' >made
	jq -cn '{provider: "argil", options: {name: "y"}}' | cat - made |
		av-call -k --exit-zero asset_create -O type=IMAGE -O url=https://a.example/a.jpg >out 2>err
	is "$(jq -r '.error.code // "made"' out | xargs)" "made option_invalid"
	grep -q "values are not checked, since the list 'gestures' cannot be read" err
	end_box
	# the id stands in the message as a word of a shell
	jq -n '{"GET /avatars/a%3Bid": [{body: {gestures: [{slug: "wave"}]}}]}' >script
	serve_script
	jq -cn '{provider: "argil", avatar: {id: "a;id"}, options: {name: "x"}}' | ARGIL_API_URL=$url ARGIL_API_KEY=k av-call \
		--exit-zero asset_create -O type=IMAGE -O url=https://a.example/a.jpg >out
	[[ $(jq -r .error.message out) == *"see av-list -p argil gestures 'a;id'" ]]
}

@test "stopped while the list is read: nothing was sent, and another run goes on" {
	box --fault list-stall@argil=1 --stall-ms 60000
	photos 3 1280x720
	av-upload -k -p argil -O voiceId=5d3c7a1e-6b7f-4f5e-8a10-2b9d0c4e1f22 photos/* >out 2>err 3>&- &
	UPLOAD=$!
	until_is 1 stat '.argil.operations["GET /voices"]'
	kill -INT "$UPLOAD"
	wait "$UPLOAD" || true
	is "$(jq -sc 'map(.error | [.code, .created, .retryable]) | unique' out)" '[["interrupted","no",true]]'
	is "$(stat .argil.creates)" 0
	end_box
	box
	av-upload -k -p argil --retry-failed <out >made
	is "$(stat '.argil | [.creates, .operations["GET /voices"]]')" '[3,1]'
	check_sandbox
}

@test "a URL that is told of the end does not tell requests apart" {
	box --newer
	photos 1 1280x720
	av-upload -q -p argil -O callbackUrl=https://example.org/one photos/001.jpg >one
	av-upload -q -p argil -O callbackUrl=https://example.org/two photos/001.jpg >two
	is "$(jq -c .avatar.reused two)" true
	run -65 av-upload -p argil -O callbackUrl=http://example.org/three photos/001.jpg
	is "$(stat '.argil | [.creates, .violations_count]')" '[1,0]'
}

@test "a video, the same with subtitles, and the subtitles: one rendering" {
	box --render-after 200
	photos 1 1280x720
	av-upload -q -p argil photos/001.jpg | av-poll -q --interval 0.05s >ready.jsonl
	set -- --interval 0.05s -O 'subtitles={"enable":true}' -O extras.job=j1 -O zoom=1.5 \
		-O 'moments=[{"transcript":"One","gestureSlug":"wave"},{"audioUrl":"https://example.org/two.mp3","zoom":2}]'
	av-render "$@" -r subtitles=vtt -r subtitled -r video -O includeStyling=true \
		-O callbackUrl=https://example.org/one -o out <ready.jsonl >done
	is "$(ls out)" $'001.argil.subtitled.mp4\n001.argil.subtitles-vtt.vtt\n001.argil.video.mp4'
	is "$(grep -c -e WEBVTT -e STYLE -e One out/*.vtt)" 3
	is "$(av-list -p argil videos | jq -c '.provider_data | [(.moments | map([.transcript, .zoom.level])), .extras.job]')" \
		'[[["One",1.5],[null,2]],"j1"]'
	av-render "$@" -r subtitles=ass -o out <done >more
	grep -q 'Dialogue: .*,One' out/001.argil.subtitles-ass.ass
	av-render "$@" -r subtitles=ass -O callbackUrl=https://example.org/two -o other <ready.jsonl >again
	is "$(jq -c '.renderings[0].reused' again)" true
	is "$(stat '.argil | [.videos, .video_renders, .charges]')" '[1,1,3]'
	run -65 av-render "$@" -r video -O text=x -o out <ready.jsonl
	[[ $output == *option_invalid* ]]
	av-render -q --interval 0.05s -r video -O text=Hi -o plain <ready.jsonl >plain.jsonl
	run -65 av-render -r subtitled -O text=Hi -o plain <plain.jsonl
	[[ $output == *'"no_result"'*"no subtitled"* ]]
	check_schema done more again
	check_sandbox
}

@test "renderings of an earlier run are fetched by their ids" {
	box
	photos 2
	av-upload -q -p loom photos/* | av-poll -q --interval 0.05s >ready.jsonl
	for colour in '#fff' '#000'; do
		av-render -q --interval 0.05s -r pose=hi -r animation=dance -O background_color="$colour" --ask <ready.jsonl >asked
	done
	jq -r .avatar.id ready.jsonl | av-list -p loom renderings | av-render --interval 0.05s -o out >done
	is "$(ls out | sed 's/^[0-9]*//' | sort | uniq -c | tr -s ' ')" \
		$' 4 .loom.animation-dance.gif\n 4 .loom.pose-hi.png\n 2 .loom.preview.png'
	av-render -o out <done | cmp - done
	check_schema done
	ID=$(jq -r .avatar.id ready.jsonl | head -n 1)
	is "$(av-list -p loom attachments "$ID" | jq -r .item.type | sort | uniq -c | tr -s ' ')" \
		$' 1 gltf\n 2 renderings_animation\n 2 renderings_pose\n 1 renderings_preview'
	av-render -p loom -r attachment=gltf -r attachment=renderings_animation -o files "$ID" >done
	is "$(find files -type f | wc -l)" 2
	run -65 av-render -p loom -r attachment=none -o files "$ID"
	[[ $output == *'"no_result"'*attachment-none* ]]
	check_sandbox
}
