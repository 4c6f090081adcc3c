# What the tests share that count on the service's side.

# shots N: N photos for each service as records, in the file all; Argil wants its sizes
shots() {
	mkdir -p small wide
	python3 "$TESTS/soak/shots.py" small "$1"
	python3 "$TESTS/soak/shots.py" wide "$1" 1280 720
	for file in small/*.png; do
		printf '{"file":"%s","provider":"%s"}\n' "$file" loom "$file" anam "$file" avtr1 \
			"wide/${file#*/}" argil
	done >all
}

# upload [OPTION...]: the records of the file all, and those again that are worth it, until none
# is, RUNS (30) times at most; they end up in the file out
upload() {
	local n
	cp all out
	for n in $(seq "${RUNS:-30}"); do
		av-upload -q -j 32 --retry-failed --exit-zero "$@" <out >next || return
		mv next out
		jq -se 'any(.error.retryable)' out >/dev/null || return 0
	done
	echo "worth another run after $n of them:" "$(codes out)"
	return 1
}

# tell WORDS: says the lines of its input, led by the test's name and the words; at once in SOAK_LOG,
# as bats shows the output of tests that run side by side only when all before them have ended
tell() {
	sed "s/^/# $BATS_TEST_DESCRIPTION, $1: /" | tee -a "${SOAK_LOG:-/dev/null}" >&3
}

# honest [SERVICE...]: each record tells what became of it; unknown is allowed to these services
honest() {
	local n
	n=$(jq -s 'group_by(.provider) | map(length) | max' all)
	python3 "$TESTS/soak/verdict.py" journal out "$n" "$@" && clean
}
