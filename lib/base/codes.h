/*
 * codes: the registry of every `error.code` and finding code in a record.
 *
 * codes.def has one line for each code: its name, whether another run may
 * succeed, and one sentence. av-record(5) lists the same codes with the same
 * sentences; a test compares the two.
 */
#ifndef AV_BASE_CODES_H
#define AV_BASE_CODES_H

#include <stdbool.h>

enum code {
	CODE_NONE,
#define CODE(name, upper, retryable, text) CODE_##upper,
#include "base/codes.def"
#undef CODE
	CODE_COUNT
};

struct code_info {
	const char *name; /* "rate_limited" */
	bool retryable;   /* the usual value of error.retryable */
	const char *text; /* one sentence */
};

/* The entry of a code above CODE_NONE and below CODE_COUNT. */
const struct code_info *code_info(enum code code);

/* The code of that name, or CODE_NONE. */
enum code code_find(const char *name);

/* The exit status of a program for an error with this code: EX_CONFIG (78) or
 * EX_NOPERM (77) where the user has to change something first, otherwise
 * EX_TEMPFAIL (75) if another run may succeed, or EX_DATAERR (65). */
int code_exit_status(enum code code, bool retryable);

#endif
