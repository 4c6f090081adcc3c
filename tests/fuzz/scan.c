/* json-c in strict mode reads whatever the scanner accepts, with the same members; the scanner
 * accepts whatever json-c writes. */
#include <stdint.h>
#include <stdlib.h>

#include "json/json.h"
#include "json/scan.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void
count(void *cookie, const struct scan_member *m)
{
	(void)m;
	++*(size_t *)cookie;
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
	if (!scan_text(out.data, out.len, &s, NULL, NULL))
		abort();
	buf_release(&out);
	json_object_put(o);
	return 0;
}
