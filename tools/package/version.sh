#!/bin/sh
# Prints the version. It stands in the first heading of NEWS. In a checkout that is not at the tag of
# this version, the commit follows: 1.0.0+3.g490c0e1, or 1.0.0+g490c0e1 without a tag. A source
# archive has the file .version.
cd "$(dirname "$0")/../.." || exit
[ ! -f .version ] || exec cat .version
version=$(sed -n '1s/^# avtools \([0-9.]*\) .*/\1/p' tools/package/NEWS)
commit=
if [ -e .git ]; then
	commit=$(git describe --tags --match "v$version" --always --dirty 2>/dev/null) ||
		commit=unknown
	case $commit in
	"v$version") commit= ;;
	"v$version"-*) commit=${commit#"v$version-"} ;;
	unknown) ;;
	*) commit=g$commit ;;
	esac
fi
printf '%s%s\n' "$version" "${commit:+"+$commit"}" | tr - .
