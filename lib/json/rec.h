/*
 * rec: the record, one JSON object a line (av-record(5)). What a program does not set is written
 * as the very bytes that came in: numbers, escapes, order, duplicates and spacing.
 *
 *	struct rec *r = rec_parse(line, len, &e);
 *	if (!rec_failed(r) && rec_str(r, "file") != NULL)
 *		json_put_str(rec_edit(r, "avatar"), "status", "ready");
 *	rec_write(r, &out);
 *
 * Members are named as in C, without escapes. Of duplicates the last is the one that is read and
 * set. A member that is `null` counts as absent when it is read. Borrowed values and strings
 * live until the same member is set or removed, or the record is slimmed or freed.
 */
#ifndef AV_JSON_REC_H
#define AV_JSON_REC_H

#include <json-c/json.h>
#include <stdbool.h>
#include <stddef.h>

#include "base/buf.h"
#include "base/err.h"

/* The longest line in bytes. */
#define REC_MAX ((size_t)16 << 20)

/* How much of a line that is no record stands in `input`, in bytes. */
#define REC_INPUT 1024

struct rec;

/* A line, without its end, as a record; or NULL: invalid_record, record_too_long, or
 * secret_in_record where a member at any depth is named access_token. The bytes are copied. A
 * line feed between members (of a NUL-separated record) becomes a blank. */
struct rec *rec_parse(const char *line, size_t len, struct err *e);

/* The record of a line that rec_parse() refused: its start as UTF-8 in `input`, and `error`. The
 * start is left out where the line mentions an access_token, even if it is no JSON; the code is
 * secret_in_record then. */
struct rec *rec_bad(const char *step, const char *line, size_t len, const struct err *e);

struct rec *rec_new(void); /* {} */
struct rec *rec_clone(struct rec *r);
void rec_free(struct rec *r);

/* A member's value, borrowed, to be read only; NULL where it is absent. */
struct json_object *rec_get(struct rec *r, const char *name);

/* A string member, borrowed; NULL where it is absent or something else. */
const char *rec_str(struct rec *r, const char *name);

/* Whether the member is there and not null. Parses nothing. */
bool rec_has(struct rec *r, const char *name);

/* Whether a string stands at a place within a member ("avatar", "/status") and is that text, or
 * with NULL any text but "". A look at the bytes that makes no tree. */
bool rec_is(struct rec *r, const char *name, const char *pointer, const char *text);

/* Sets a member where it stands, or else as the last one. Takes value over; NULL is null. */
void rec_set(struct rec *r, const char *name, struct json_object *value);
void rec_set_str(struct rec *r, const char *name, const char *value);

/* An object member to be changed in place, borrowed; a new empty one where there is none. */
struct json_object *rec_edit(struct rec *r, const char *name);

/* Takes a member, with its duplicates, out. */
void rec_remove(struct rec *r, const char *name);

/* Whether the record carries an error and is to be passed on untouched. */
bool rec_failed(struct rec *r);

/* Makes `error` anew from e: step, code, message, and retryable as the registry has it. Returns
 * it, borrowed, so that the caller can add what else is known (created, provider_code,
 * http_status, request_id, problems) or say otherwise about retryable. */
struct json_object *rec_fail(struct rec *r, const char *step, const struct err *e);

/* Appends the line with its line feed. False, with nothing appended, where the buffer's ceiling
 * is in the way. */
bool rec_write(struct rec *r, struct buf *out);

/* Gives back all memory but the line's own bytes and some 100 beside them, for a record that
 * has to wait. */
void rec_slim(struct rec *r);

#endif
