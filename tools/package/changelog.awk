# Writes NEWS as a changelog of Debian's. VERSION is that of the first entry, MAINTAINER signs.
# Lines of an entry are "* " and its continuation.

function sign() {
	if (date != "") {
		("date -R -u -d " date) | getline stamp
		printf "\n -- %s  %s\n", MAINTAINER, stamp
	}
}

/^# / {
	sign()
	printf "%savtools (%s) unstable; urgency=medium\n\n", date == "" ? "" : "\n",
		date == "" ? VERSION : $3
	date = substr($4, 2, 10)
	next
}
NF { print "  " $0 }
END { sign() }
