#include <stddef.h>
#include <string.h>
#include <sysexits.h>

#include "base/codes.h"

static const struct code_info codes[CODE_COUNT] = {
#define CODE(name, upper, status, retryable, text)                                       \
	[CODE_##upper] = {#name, status, retryable, text},
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
		if (strcmp(codes[i].name, name) == 0)
			return (enum code)i;
	return CODE_NONE;
}
