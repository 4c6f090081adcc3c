# Shared by the tests of av-fit and its soak. SHOTS: a directory of photos made by fit-photos.py.

# fit_service SERVICE N: N photos become acceptable, the service accepts each, and a second av-fit
# has nothing to do.
fit_service() {
	find "$SHOTS" -name '[0-9]*' | sort |
		LOOM_RATE=1000 av-sandbox --strict-exit --rate loom=0 -- sh -c '
			av-validate -p "$0" | av-fit -o "fit/$0" | tee "$0.fit" | av-validate | av-upload' \
			"$1" >"$1"
	is "$(of "$1" '[.[] | select(.error or .avatar.id == null)]')" '[]'
	is "$(of "$1" length)" "$2"
	jq -c 'del(.fit)' "$1.fit" >"$1.again"
	av-fit -k -o again <"$1.again" | cmp "$1.again" -
	[ ! -e again ]
}
