# Shared by the tests that count on the service's side.

# make_shots N [SEED]: makes N photos; the file all gets a record of each for each service. Argil needs
# large photos.
make_shots() {
	mkdir -p small wide
	python3 "$TESTS/soak/shots.py" small "$1" 64 48 "${2:-0}"
	python3 "$TESTS/soak/shots.py" wide "$1" 1280 720 "${2:-0}"
	for file in small/*.png; do
		printf '{"file":"%s","provider":"%s"}\n' "$file" loom "$file" anam "$file" avtr1 \
			"wide/${file#*/}" argil
	done >all
}

# upload [OPTION...]: uploads the records of the file all to the file out, and repeats the retryable
# ones until none is left, RUNS (30) times at most
upload() {
	local n
	cp all out
	for n in $(seq "${RUNS:-30}"); do
		av-upload -q -j 32 --retry-failed --exit-zero "$@" <out >next || return
		mv next out
		jq -se 'any(.error.retryable)' out >/dev/null || return 0
	done
	echo "still retryable after $n runs:" "$(codes out)"
	return 1
}

# log_counts WORDS: prints its input after the test's name and the words; also to SOAK_LOG, since bats
# delays the output of tests that run side by side
log_counts() {
	sed "s/^/# $BATS_TEST_DESCRIPTION, $1: /" | tee -a "${SOAK_LOG:-/dev/null}" >&3
}

# check_outcomes [SERVICE...]: the records agree with what the sandbox made; these services may have unknown
# outcomes
check_outcomes() {
	local n
	n=$(jq -s 'group_by(.provider) | map(length) | max' all)
	python3 "$TESTS/soak/verdict.py" journal out "$n" "$@" && check_sandbox
}
