#include <stddef.h>
#include <string.h>
#include <sysexits.h>

#include "base/codes.h"

static const struct code_info codes[CODE_COUNT] = {
#define CODE(name, upper, retryable, text, hint)                                         \
	[CODE_##upper] = {#name, retryable, text, hint},
#include "base/codes.def"
#undef CODE
};

const struct code_info *
code_info(enum code code)
{
	return &codes[code];
}

enum code
code_find(const char *name)
{
	for (int i = CODE_NONE + 1; i < CODE_COUNT; i++)
		if (codes[i].name[0] == name[0] && strcmp(codes[i].name, name) == 0)
			return (enum code)i;
	return CODE_NONE;
}

int
code_exit_status(enum code code, bool retryable)
{
	switch (code) {
	case CODE_BAD_CONFIG:
	case CODE_BAD_PROVIDER:
	case CODE_UNKNOWN_PROVIDER:
	case CODE_NO_CREDENTIALS:
	case CODE_STATE_UNUSABLE:
	case CODE_UNSAFE_SECRET:
	case CODE_UNTRUSTED:
		return EX_CONFIG;
	case CODE_UNAUTHORIZED:
	case CODE_TOKEN_REFUSED:
		return EX_NOPERM;
	default:
		return retryable ? EX_TEMPFAIL : EX_DATAERR;
	}
}
