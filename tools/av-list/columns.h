/*
 * columns: shows entries of a list as a table, for people.
 *
 * The columns are id, name, state and time of creation, as far as the entries
 * have them. The first entries decide how wide the columns are, so that a long
 * list is shown while it is read.
 */
#ifndef AV_LIST_COLUMNS_H
#define AV_LIST_COLUMNS_H

#include <json-c/json.h>
#include <stddef.h>

#include "base/buf.h"

#define COLUMNS       5
#define COLUMNS_FIRST 50

/* Zeroed is empty. */
struct columns {
	struct json_object *first[COLUMNS_FIRST];
	size_t n; /* rows so far */
	int widths[COLUMNS];
};

/* Appends the row, or keeps it until the widths are known. taken: as from
 * answer_taken; borrowed. */
void columns_row(struct columns *t, struct buf *out, struct json_object *taken);

/* Appends what was kept. To be called once, at the end. */
void columns_end(struct columns *t, struct buf *out);

#endif
