/*
 * codes: the registry of every `error.code` and finding code in a record.
 *
 * codes.def has one entry for each code: its name, whether another run may
 * succeed, one sentence, and a hint. av-record(5) lists the same codes with the
 * same sentences; a test compares the two.
 *
 * A hint says what a person can do. What follows "$ " is a command to type, for
 * records that are in the file done.jsonl. PROVIDER and NAME (in capitals, as
 * in NAME_API_KEY) stand for the provider.
 */
#ifndef AV_BASE_CODES_H
#define AV_BASE_CODES_H

#include <stdbool.h>

enum code {
	CODE_NONE,
#define CODE(name, upper, retryable, text, hint) CODE_##upper,
#include "base/codes.def"
#undef CODE
	CODE_COUNT
};

struct code_info {
	const char *name; /* "rate_limited" */
	bool retryable;   /* the usual value of error.retryable */
	const char *text; /* one sentence */
	const char *hint; /* what to do */
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
