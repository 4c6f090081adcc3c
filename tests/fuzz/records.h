/* Records that are written and read again. */
#ifndef AV_FUZZ_RECORDS_H
#define AV_FUZZ_RECORDS_H

#include "json_parts.h"
#include "json/rec.h"

/* The record as read again from the one line that it is written as. The caller
 * frees it. */
static inline struct rec *
read_again(struct rec *r)
{
	struct buf out = {0};
	struct rec *again;
	struct err e;

	need(rec_write(r, &out) && out.len > 0);
	need(memchr(out.data, '\n', out.len) == out.data + out.len - 1);
	again = rec_parse(out.data, out.len - 1, &e);
	need(again != NULL);
	buf_release(&out);
	return again;
}

#endif
