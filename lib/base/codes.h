/*
 * codes: the registry of every `error.code` and finding code that a record can carry.
 *
 * One line of codes.def each: name, exit status of <sysexits.h> it leads to, whether another
 * run may succeed, and one sentence for the manual. av-record(5) lists the same names; a test
 * holds the two together.
 */
#ifndef AV_BASE_CODES_H
#define AV_BASE_CODES_H

#include <stdbool.h>

enum code {
	CODE_NONE,
#define CODE(name, upper, status, retryable, text) CODE_##upper,
#include "base/codes.def"
#undef CODE
	CODE_COUNT
};

struct code_info {
	const char *name; /* "rate_limited" */
	int status;       /* EX_DATAERR, EX_TEMPFAIL, EX_NOPERM, EX_CONFIG */
	bool
	    retryable; /* worth another run, unless the place that sets it knows better */
	const char *text; /* one sentence */
};

/* The entry of a code; code must be above CODE_NONE and below CODE_COUNT. */
const struct code_info *code_info(enum code code);

/* The code of that name, or CODE_NONE. */
enum code code_find(const char *name);

#endif
