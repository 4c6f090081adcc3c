/*
 * scan: JSON as bytes.
 *
 * Validates a text strictly (RFC 8259: UTF-8, no control character in a string,
 * no byte-order mark, nothing after the value) and finds slices of it, in one
 * pass, without recursion or allocation. A record that passes through costs a
 * scan, not a tree, and keeps every digit, escape and blank.
 *
 * A lone surrogate escape ("\ud800") is valid, and is read as U+FFFD.
 */
#ifndef AV_JSON_SCAN_H
#define AV_JSON_SCAN_H

#include <stdbool.h>
#include <stddef.h>

/* The deepest nesting of containers that is accepted. */
#define SCAN_DEPTH 1024

/* Bytes of a text; borrowed. */
struct slice {
	const char *at;
	size_t len;
};

/* A member of an object, or an element of an array (its key.at is NULL). */
struct scan_member {
	struct slice key;   /* between the quotes, with its escapes */
	struct slice value; /* without blanks around it */
};

/* The result of a scan. */
struct scan {
	const char *what; /* the mistake, for people; NULL: the text is valid */
	size_t at;        /* the mistake's offset */
	char type;        /* the value's first byte: { [ " t f n - or a digit */
	size_t depth;     /* the deepest nesting; 0 for a scalar */
	/* The kind of secret that a member at any depth is named after, as by
	 * scan_secret(); NULL: none. */
	const char *secret;
};

/* Called for each top-level member or element, in order, during the scan. Use
 * the slices only if scan_text() then returns true. */
typedef void scan_fn(void *cookie, const struct scan_member *m);

/* Validates a text, which need not end in a NUL, and fills *s. found may be
 * NULL. */
bool scan_text(
    const char *text, size_t len, struct scan *s, scan_fn *found, void *cookie);

/* Calls found for each top-level member or element of a text that scan_text has
 * validated; it looks for no secrets. False: the text is not valid. */
bool scan_members(const char *text, size_t len, scan_fn *found, void *cookie);

/* The parts of a text, in their order. */
enum scan_part {
	SCAN_BEGIN,  /* { or [ */
	SCAN_END,    /* } or ] */
	SCAN_NAME,   /* of a member, between the quotes, with its escapes */
	SCAN_SCALAR, /* a value; a string with its quotes and escapes */
};

typedef void scan_part_fn(
    void *cookie, enum scan_part part, struct slice bytes);

/* Validates like scan_text, but looks for no secrets, and calls `part` for each
 * part before the first mistake. */
bool scan_parts(const char *text, size_t len, struct scan *s,
    scan_part_fn *part, void *cookie);

/* The first byte from p on that is a quote, a backslash, a control character or
 * not ASCII; or end. */
const char *scan_plain(const char *p, const char *end);

/* Decodes the byte or escape at *p, which is before end, and moves *p past it.
 * Returns the number of bytes in out, UTF-8 for an escape. An invalid escape is
 * read as its backslash. */
size_t scan_char(const char **p, const char *end, char out[4]);

/* True if the key, with its escapes decoded, equals the name. */
bool scan_key_is(struct slice key, const char *name);

/* The kind of secret that a text mentions by its usual name, such as
 * "access_token": in any case, with or without escapes, in JSON, NAME=VALUE or
 * a header. NULL: none. For text that is not a record and may be shown only if
 * it holds no secret. *open: it ends after the name, so that the value may be
 * in the next line. */
const char *scan_secret(const char *text, size_t len, bool *open);

/* The kind of secret that a member of this name holds; NULL: none. */
const char *scan_secret_name(const char *name);

/* Finds the value that a JSON Pointer (RFC 6901) leads to in a valid text. Of
 * duplicate members, the last one counts. False if there is none. */
bool scan_find(
    const char *text, size_t len, const char *pointer, struct scan_member *m);

/* The value of four hex digits, as after \u; -1 if they are not there. */
long scan_hex4(const char *p, const char *end);

/* Line and column of an offset, both from 1; the column counts characters. */
void scan_place(const char *text, size_t offset, size_t *line, size_t *column);

#endif
