/* json-c's own parser in strict mode reads whatever the scanner accepts, as the same tree; the
 * scanner accepts whatever json-c writes. */
#include <ctype.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "json/json.h"
#include "json/scan.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void
count(void *cookie, const struct scan_member *m)
{
	(void)m;
	++*(size_t *)cookie;
}

/* False for what json-c's parser changes: integers beyond 64 bits, -0, and lone surrogates. */
static bool
json_c_keeps(const char *text, size_t size)
{
	for (size_t i = 0, digits = 0; i < size; i++) {
		digits = isdigit((unsigned char)text[i]) ? digits + 1 : 0;
		if (digits == 19 || (i > 0 && text[i] == '0' && text[i - 1] == '-') ||
		    (i > 1 && tolower((unsigned char)text[i]) == 'd' &&
		        text[i - 1] == 'u' && text[i - 2] == '\\'))
			return false;
	}
	return true;
}

static void
compare(const char *text, size_t size, const char *ours)
{
	struct json_tokener *t = json_tokener_new_ex(SCAN_DEPTH + 1);
	char *copy = calloc(size + 1, 1);
	struct json_object *theirs;
	struct buf out = {0};

	if (t == NULL || copy == NULL)
		abort();
	memcpy(copy, text, size);
	json_tokener_set_flags(t, JSON_TOKENER_STRICT | JSON_TOKENER_VALIDATE_UTF8);
	theirs = json_tokener_parse_ex(t, copy, (int)size + 1);
	if (theirs == NULL)
		abort();
	json_write(&out, theirs);
	if (strcmp(out.data, ours) != 0)
		abort();
	buf_release(&out);
	json_object_put(theirs);
	json_tokener_free(t);
	free(copy);
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	const char *text = (const char *)data;
	size_t members = 0;
	struct buf out = {0};
	struct json_object *o;
	struct scan s;
	struct err e;
	bool open;

	scan_secret(text, size, &open);
	if (!scan_text(text, size, &s, count, &members)) {
		if (s.at > size)
			abort();
		return 0;
	}
	if (s.type == 'n')
		return 0;
	o = json_parse_deep(text, size, SCAN_DEPTH, &e);
	if (o == NULL)
		abort();
	if (json_object_is_type(o, json_type_array) &&
	    json_object_array_length(o) != members)
		abort();
	if (json_object_is_type(o, json_type_object) &&
	    (size_t)json_object_object_length(o) > members)
		abort();
	json_write(&out, o);
	if (json_c_keeps(text, size))
		compare(text, size, out.data);
	if (!scan_text(out.data, out.len, &s, NULL, NULL))
		abort();
	buf_release(&out);
	json_object_put(o);
	return 0;
}
