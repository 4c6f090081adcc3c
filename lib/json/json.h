/*
 * json: json-c behind one short header, for our own members, the services' answers and our
 * data files. Values are json-c's `struct json_object`, whose NULL is JSON's null.
 *
 * Numbers stay as they were written, whatever their size: an integer beyond 64 bits is a double
 * that remembers its digits. Strings that hold U+0000 are no C strings and count as absent.
 *
 * Places are named by JSON Pointers (RFC 6901): "" is the value itself, "/a/b/0" goes down.
 * "Absent" below means: not there, null, or of another type. Borrowed values live as long as
 * the value they were found in stays unchanged.
 */
#ifndef AV_JSON_JSON_H
#define AV_JSON_JSON_H

#include <json-c/json.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/buf.h"
#include "base/err.h"

/* The nesting that json_parse() takes. */
#define JSON_DEPTH 64

/* Strict: one value and nothing behind it, UTF-8, no comments, no trailing commas. The caller
 * owns what comes back (json_object_put). On failure NULL, and the message says line and
 * column; the code is bad_answer, which the caller replaces where the text is something else. A
 * text that is no more than `null` is a failure too. */
struct json_object *json_parse(const char *text, size_t len, struct err *e);

/* The same with another limit on nesting (up to SCAN_DEPTH). */
struct json_object *json_parse_deep(
    const char *text, size_t len, int depth, struct err *e);

/* The value at a place (RFC 6901), borrowed; NULL where there is none or null. A pointer that is NULL
 * leads nowhere. */
struct json_object *json_at(struct json_object *o, const char *pointer);

/* Whether the place exists, be it null. */
bool json_has(struct json_object *o, const char *pointer);

/* The value at a place, or what is given for an absent one. json_int takes 3.0 for 3, not
 * 3.5, and nothing beyond 64 bits. The string is borrowed; json_str gives NULL. */
const char *json_str(struct json_object *o, const char *pointer);
int64_t json_int(struct json_object *o, const char *pointer, int64_t absent);
double json_num(struct json_object *o, const char *pointer, double absent);
bool json_flag(struct json_object *o, const char *pointer, bool absent);

/* A scalar as text: a string's value, a number in the very digits that were sent, true or
 * false. NULL where it is absent or a container. For ids, which some services send as numbers.
 * The caller frees it. */
char *json_text(struct json_object *o, const char *pointer);

/* New values, the caller's; like base/mem.h they do not fail. json_new_string mends what is not UTF-8. */
struct json_object *json_new_object(void);
struct json_object *json_new_array(void);
struct json_object *json_new_string(const char *s);
struct json_object *json_copy(struct json_object *o);

/* Set a member of an object. json_put takes v over. A NULL (v or s) sets nothing, so that a
 * member that is not known is left out. */
void json_put(struct json_object *o, const char *name, struct json_object *v);
void json_put_str(struct json_object *o, const char *name, const char *s);
void json_put_int(struct json_object *o, const char *name, int64_t n);
void json_put_bool(struct json_object *o, const char *name, bool b);

/* Appends to an array, taking v over. */
void json_append(struct json_object *array, struct json_object *v);

/* Appends a string with its quotes and the escapes that JSON requires (RFC 8259,
 * section 7). The bytes are not copied anywhere else, so it is fit for secrets
 * and for keys. */
void json_write_str(struct buf *out, const char *s, size_t len);

/* Appends the value on one line, without blanks and without needless escapes. False where the
 * buffer's ceiling is in the way. */
bool json_write(struct buf *out, struct json_object *o);

#endif
