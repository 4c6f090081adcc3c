#!/usr/bin/env bats
# The schema of the record, checked by python3-jsonschema.

check() {
  "$BATS_TEST_DIRNAME/../lint/schema-check" "$BATS_TEST_DIRNAME/../../lib/schema/record.json"
}

@test "sample records are valid" {
  check <<'EOF'
{}
{"file":"photos/ann.jpg","provider":"argil","name":"Ann","options":{"voiceId":"x"},"mine":[1]}
{"url":"https://example.org/a.png","image":null,"avatar":null,"renderings":null,"error":null}
{"image":{"type":"image/jpeg","bytes":240131,"width":1920,"height":1080,"orientation":1,"sha256":"0000000000000000000000000000000000000000000000000000000000000000"}}
{"avatar":{"id":"7b0f","status":"ready","provider_status":"IDLE","created_at":"2026-01-01T00:00:00Z","preview_url":null,"reused":true}}
{"renderings":[{"kind":"pose","value":"hi","id":"61","status":"ready","file":"out/a.png","type":"image/png","bytes":90211}]}
{"error":{"step":"upload","code":"rate_limited","message":"wait","retryable":true,"created":"no","http_status":429,"request_id":"r"}}
{"error":{"step":"validate","code":"photo_refused","message":"m","retryable":false,"problems":[{"code":"too_small","message":"m","got":[1,2],"wanted":[3,4],"fix":"f"}]}}
{"input":"not a record","error":{"step":"upload","code":"invalid_record","message":"m","retryable":false}}
EOF
}

@test "malformed records are refused" {
  while IFS= read -r line; do
    echo "$line"
    run check <<<"$line"
    [ "$status" -eq 1 ]
    [ -n "$output" ]
  done <<'EOF'
[]
{"file":1}
{"file":""}
{"options":[]}
{"image":{"bytes":-1}}
{"image":{"orientation":9}}
{"image":{"sha256":"XY"}}
{"avatar":{"id":61}}
{"avatar":{"status":"done"}}
{"renderings":{}}
{"renderings":[{"value":"hi"}]}
{"error":true}
{"error":{"step":"upload","code":"x","message":"m"}}
{"error":{"step":"upload","code":"Rate limited","message":"m","retryable":true}}
{"error":{"step":"upload","code":"x","message":"m","retryable":true,"created":true}}
{"error":{"step":"upload","code":"x","message":"m","retryable":true,"problems":[{"code":"x"}]}}
EOF
}
