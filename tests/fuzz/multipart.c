/* Any multipart body, its Content-Type before the first NUL: parts lie within the body.
 */
#include "core/multipart.c"

#include "json_parts.h"

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	const uint8_t *nul = memchr(data, '\0', size);
	struct buf body = {0};
	struct sb_parts parts;

	if (nul == NULL)
		return 0;
	buf_add(&body, (const char *)nul + 1, size - (size_t)(nul + 1 - data));
	if (multipart_read(&parts, (const char *)data, &body) == NULL) {
		need(parts.n <= MAX_PARTS);
		for (size_t i = 0; i < parts.n; i++)
			need(parts.at[i].name != NULL && parts.at[i].data >= body.data &&
			     parts.at[i].data + parts.at[i].len <= body.data + body.len);
	}
	multipart_release(&parts);
	buf_release(&body);
	return 0;
}
