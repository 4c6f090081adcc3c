/* Mending changes no value of a text that is JSON, and reads no byte past a text's end. */
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "json/json.h"
#include "json/mend.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	char *text =
	    malloc(size + 1); /* without a NUL, so that reading past it is seen */
	struct buf out = {0};
	struct json_object *o, *mended;
	struct err e;
	bool cut;

	if (text == NULL)
		return 0;
	memcpy(text, data, size);
	if (json_mend(text, size, &out, &cut)) {
		o = json_parse(text, size, &e);
		mended = json_parse(out.data, out.len, &e);
		if (o != NULL && (cut || !json_object_equal(o, mended)))
			abort();
		json_object_put(o);
		json_object_put(mended);
	}
	buf_release(&out);
	free(text);
	return 0;
}
