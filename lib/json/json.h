/*
 * json: json-c behind one short header, for records, responses and data files.
 *
 * A value is json-c's `struct json_object`; its NULL is JSON's null. Numbers
 * stay as they were written, whatever their size: an integer beyond 64 bits is
 * a double that remembers its digits. A string that contains U+0000 is not a C
 * string and counts as absent.
 *
 * A pointer is a JSON Pointer (RFC 6901): "" is the value itself, "/a/b/0" goes
 * down. "Absent" means: not there, null, or of another type. A borrowed value
 * lives as long as the value that contains it stays unchanged.
 */
#ifndef AV_JSON_JSON_H
#define AV_JSON_JSON_H

#include <json-c/json.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/buf.h"
#include "base/err.h"

/* The deepest nesting that json_parse() accepts. */
#define JSON_DEPTH 64

/* Parses strictly: one value and nothing after it, UTF-8, no comments, no
 * trailing commas. The caller owns the value (json_object_put). NULL on
 * failure, also for the text `null`; the message has line and column, the code
 * is bad_answer, which the caller replaces if the text is something else. */
struct json_object *json_parse(const char *text, size_t len, struct err *e);

/* The same with another limit on nesting (up to SCAN_DEPTH). */
struct json_object *json_parse_deep(
    const char *text, size_t len, size_t depth, struct err *e);

/* The value that the pointer leads to, borrowed; NULL if there is none, if it
 * is null, or if the pointer is NULL. */
struct json_object *json_at(struct json_object *o, const char *pointer);

/* True if there is a value, even null. */
bool json_has(struct json_object *o, const char *pointer);

/* The value that the pointer leads to, or `absent`. json_str() gives NULL for
 * an absent string; the string is borrowed. json_int() takes 3.0 for 3, but not
 * 3.5, and nothing beyond 64 bits. */
const char *json_str(struct json_object *o, const char *pointer);
int64_t json_int(struct json_object *o, const char *pointer, int64_t absent);
double json_num(struct json_object *o, const char *pointer, double absent);
bool json_flag(struct json_object *o, const char *pointer, bool absent);

/* A string's value, or a number in the digits that were sent: for ids, which
 * some services send as numbers. NULL if it is absent or of another type, or
 * if json_parse() found a lone surrogate in it ("\ud800"): U+FFFD in its place
 * would make it another id. The caller frees it. */
char *json_text(struct json_object *o, const char *pointer);

/* True for a string that json_text() gives as it is. */
bool json_is_text(struct json_object *o);

/* The same as json_text(), and "true" and "false". */
char *json_scalar(struct json_object *o, const char *pointer);

/* A member by its name, without a pointer's escapes; borrowed. NULL if it is
 * absent, if o is not an object, or if the name is NULL. */
struct json_object *json_member(struct json_object *o, const char *name);

/* The elements of an array; what is not an array has none. Borrowed; NULL for
 * an element past the end or null, or one that is not a string. */
size_t json_len(struct json_object *array);
struct json_object *json_item(struct json_object *array, size_t i);
const char *json_item_str(struct json_object *array, size_t i);

/* True if the string is an element of the array. */
bool json_lists(struct json_object *array, const char *s);

/* New values, owned by the caller. Like base/mem.h they do not fail.
 * json_new_string() replaces bytes that are not UTF-8. */
struct json_object *json_new_object(void);
struct json_object *json_new_array(void);
struct json_object *json_new_string(const char *s);
struct json_object *json_copy(struct json_object *o);

/* Set a member of an object. json_put() takes ownership of v. If v or s is
 * NULL, nothing is set: an unknown member is left out. */
void json_put(struct json_object *o, const char *name, struct json_object *v);
void json_put_str(struct json_object *o, const char *name, const char *s);
void json_put_int(struct json_object *o, const char *name, int64_t n);
void json_put_bool(struct json_object *o, const char *name, bool b);
void json_put_num(struct json_object *o, const char *name, double n);

/* Appends to an array and takes ownership of v. */
void json_append(struct json_object *array, struct json_object *v);

/* Appends a string with its quotes and the escapes that JSON requires (RFC
 * 8259, section 7). The bytes are copied nowhere else, so it is fit for secrets
 * and for keys. */
void json_write_str(struct buf *out, const char *s, size_t len);

/* Appends the value on one line, without blanks and needless escapes. False if
 * it does not fit into the buffer. */
bool json_write(struct buf *out, struct json_object *o);

#endif
