/* Fuzzer inputs made of several texts, separated by NULs. */
#ifndef AV_FUZZ_JSON_PARTS_H
#define AV_FUZZ_JSON_PARTS_H

#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "json/json.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static inline void
need(bool promise)
{
	if (!promise)
		abort();
}

/* The next part as JSON; NULL if it is malformed. The caller owns it. */
static inline struct json_object *
next_json(const uint8_t **data, size_t *size)
{
	const uint8_t *end = *size > 0 ? memchr(*data, '\0', *size) : NULL;
	size_t len = end != NULL ? (size_t)(end - *data) : *size;
	struct err e;
	struct json_object *o = json_parse((const char *)*data, len, &e);

	*data += end != NULL ? len + 1 : len;
	*size -= end != NULL ? len + 1 : len;
	return o;
}

#endif
