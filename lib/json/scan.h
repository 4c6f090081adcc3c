/*
 * scan: JSON as the bytes it stands in. Validates a text strictly (RFC 8259: UTF-8, no control
 * character in a string, no byte-order mark, nothing after the value) and hands out slices of it,
 * in one pass, without recursion and without allocating, so that a record that is passed on
 * costs a scan and not a tree, and no digit, escape or blank of it is ever lost.
 *
 * A lone surrogate escape ("\ud800") is what the grammar allows, and is read as U+FFFD.
 */
#ifndef AV_JSON_SCAN_H
#define AV_JSON_SCAN_H

#include <stdbool.h>
#include <stddef.h>

/* Containers within containers; a text that goes deeper is refused. */
#define SCAN_DEPTH 1024

/* Bytes of a text; borrowed. */
struct slice {
	const char *at;
	size_t len;
};

/* A member of an object, or an element of an array (whose key.at is NULL). */
struct scan_member {
	struct slice key; /* between the quotes, escapes as they stand */
	struct slice
	    value; /* from its first byte to its last, without blanks around it */
};

/* What a scan found. */
struct scan {
	const char *what; /* why the text is refused, for a person; NULL: it is sound */
	size_t at;        /* the byte's offset where that became clear */
	char type;        /* the value's first byte: { [ " t f n - or a digit */
	size_t depth;     /* the deepest nesting met; 0 for a scalar */
	bool secret;      /* a member named access_token is in it, at whatever depth */
	bool odd_integer; /* an integer of 19 digits or more, or -0, is in it */
};

/* Called for each top-level member or element, in order, while the scan goes on: what it is
 * told holds only if scan_text() then returns true. */
typedef void scan_fn(void *cookie, const struct scan_member *m);

/* Validates a text, which need not end in a NUL. found may be NULL. Fills *s. */
bool scan_text(
    const char *text, size_t len, struct scan *s, scan_fn *found, void *cookie);

/* Whether a key, its escapes undone, is that name. */
bool scan_key_is(struct slice key, const char *name);

/* Whether the word stands anywhere in the bytes, written with or without escapes. For bytes
 * that are no JSON and may not be shown where they hold a secret. */
bool scan_mentions(const char *text, size_t len, const char *word);

/* Finds the place that a JSON Pointer (RFC 6901) names in a sound text; the last of duplicate
 * members, as in reading. False where there is none. */
bool scan_find(const char *text, size_t len, const char *pointer, struct scan_member *m);

/* Line and column of an offset, both from 1, the column in characters. */
void scan_place(const char *text, size_t offset, size_t *line, size_t *column);

#endif
