/*
 * rec: the record, one JSON object on a line (av-record(5)).
 *
 * Members that a program does not set are written as the bytes that came in:
 * numbers, escapes, order, duplicates and spacing.
 *
 *	struct rec *r = rec_parse(line, len, &e);
 *	if (!rec_failed(r) && rec_str(r, "file") != NULL)
 *		json_put_str(rec_edit(r, "avatar"), "status", "ready");
 *	rec_write(r, &out);
 *
 * Names of members are written as in C, without escapes. Of duplicates, the
 * last one is read and set. A member that is null counts as absent. Borrowed
 * values and strings live until the same member is set or removed, or until
 * rec_slim() or rec_free().
 */
#ifndef AV_JSON_REC_H
#define AV_JSON_REC_H

#include <json-c/json.h>
#include <stdbool.h>
#include <stddef.h>

#include "base/buf.h"
#include "base/err.h"

/* The longest line, in bytes. */
#define REC_MAX ((size_t)16 << 20)

/* The longest `input`, in bytes: the start of a line that is not a record. */
#define REC_INPUT 1024

struct rec;

/* Makes a record of a line without its end; copies the bytes. A line feed
 * between members (of a NUL-separated record) becomes a blank. NULL on failure:
 * invalid_record, record_too_long, or secret_in_record if a member at any depth
 * is named as secrets are (scan_secret). */
struct rec *rec_parse(const char *line, size_t len, struct err *e);

/* Makes a record of a line that rec_parse() refused, with `error` and with the
 * start of the line as UTF-8 in `input`. If the line seems to hold a secret
 * (scan_secret), the code is secret_in_record and there is no `input`. */
struct rec *rec_bad(
    const char *step, const char *line, size_t len, const struct err *e);

/* Sets secret_in_record for a line with this kind of secret. Returns -1. */
int rec_secret(const char *kind, struct err *e);

struct rec *rec_new(void); /* {} */
struct rec *rec_clone(struct rec *r);
void rec_free(struct rec *r);

/* A member's value, borrowed, for reading only; NULL if it is absent. */
struct json_object *rec_get(struct rec *r, const char *name);

/* A string member, borrowed; NULL if it is absent or not a string. */
const char *rec_str(struct rec *r, const char *name);

/* Takes a number where a text is wanted, as programs make of a CSV: file, url,
 * provider, name and avatar.id become the digits as they are written. -1 and
 * invalid_record if one of the first four is neither text nor a number. */
int rec_read_texts(struct rec *r, struct err *e);

/* True if the member is present and not null. Parses nothing. */
bool rec_has(struct rec *r, const char *name);

/* True if a place within a member ("avatar", "/status") holds the text, or, if
 * text is NULL, any string but "". Reads the bytes without parsing. */
bool rec_is(
    struct rec *r, const char *name, const char *pointer, const char *text);

/* Sets a member in its place, or as the last one. Takes ownership of value;
 * NULL writes null. */
void rec_set(struct rec *r, const char *name, struct json_object *value);
void rec_set_str(struct rec *r, const char *name, const char *value);

/* An object member to change in place, borrowed; a new empty one if there is
 * none. */
struct json_object *rec_edit(struct rec *r, const char *name);

/* Removes a member and its duplicates. */
void rec_remove(struct rec *r, const char *name);

/* True if the record has an error and must pass through unchanged. */
bool rec_failed(struct rec *r);

/* Reads what most need to know of `error`: its code, "" if it has none, and
 * whether another run may succeed. Parses nothing, as a rule. False, and these
 * as if it had neither: there is no error. */
#define REC_CODE 64
bool rec_error(struct rec *r, char code[REC_CODE], bool *retryable);

/* Sets `error` from e: step, code, message, and the code's default for
 * retryable. Returns it, borrowed: the caller may add created, provider_code,
 * http_status, request_id and problems, or change retryable. */
struct json_object *rec_fail(
    struct rec *r, const char *step, const struct err *e);

/* Appends the line with its line feed. False, with nothing appended, if it does
 * not fit into the buffer. */
bool rec_write(struct rec *r, struct buf *out);

/* Frees all memory but the line's bytes and about 100 more, for a record that
 * has to wait. */
void rec_slim(struct rec *r);

#endif
