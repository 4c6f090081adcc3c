#!/usr/bin/env bats
# av-fit with FIT_PHOTOS (200) photos for each of the four services.

load ../programs/helper
load ../programs/fit

setup_file() {
	export SHOTS=$BATS_FILE_TMPDIR/shots FIT_PHOTOS=${FIT_PHOTOS:-200}
	python3 "$TESTS/generators/fit-photos.py" "$SHOTS" "$FIT_PHOTOS" >&2
}

@test "all photos become acceptable for all services" {
	for service in "${SERVICES[@]}"; do
		fit_service "$service" "$FIT_PHOTOS"
	done
}
