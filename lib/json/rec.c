#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/mem.h"
#include "base/utf8.h"
#include "json/json.h"
#include "json/rec.h"
#include "json/scan.h"

/* A member of the line: offsets into the record's bytes. */
struct member {
	uint32_t key, key_len, value, value_len;
};

/* A member that was parsed or changed. */
struct slot {
	char *name;
	struct json_object *value;
	bool changed;
	bool removed;
};

struct rec {
	char *bytes;            /* one valid JSON object */
	struct member *members; /* NULL: none, or not indexed */
	struct slot *slots;
	uint32_t len;
	uint32_t n_members;
	uint32_t n_slots;
};

static void
add_member(void *cookie, const struct scan_member *m)
{
	struct rec *r = cookie;
	uint32_t n = r->n_members;

	if (m->key.at == NULL)
		return; /* an array's element; rec_parse() refuses the array */
	if (n == 0 || (n >= 8 && (n & (n - 1)) == 0))
		r->members =
		    mem_resize(r->members, (n == 0 ? 8 : 2 * n) * sizeof *r->members);
	r->members[r->n_members++] = (struct member){
	    .key = (uint32_t)(m->key.at - r->bytes),
	    .key_len = (uint32_t)m->key.len,
	    .value = (uint32_t)(m->value.at - r->bytes),
	    .value_len = (uint32_t)m->value.len,
	};
}

static void
build_index(struct rec *r)
{
	if (r->members == NULL)
		(void)scan_members(r->bytes, r->len, add_member, r);
}

static void
drop_slots(struct rec *r)
{
	for (uint32_t i = 0; i < r->n_slots; i++) {
		free(r->slots[i].name);
		json_object_put(r->slots[i].value);
	}
	free(r->slots);
	r->slots = NULL;
	r->n_slots = 0;
}

static bool
is_named(const struct rec *r, const struct member *m, const char *name)
{
	char first = r->bytes[m->key]; /* tells most names apart, without a call */

	return (first == *name || first == '\\' || m->key_len == 0) &&
	       scan_key_is((struct slice){r->bytes + m->key, m->key_len}, name);
}

/* The last member with the name, or NULL. */
static const struct member *
find_member(struct rec *r, const char *name)
{
	build_index(r);
	for (uint32_t i = r->n_members; i > 0; i--)
		if (is_named(r, &r->members[i - 1], name))
			return &r->members[i - 1];
	return NULL;
}

/* The same, but NULL also for a member that is null. */
static const struct member *
find_value(struct rec *r, const char *name)
{
	const struct member *m = find_member(r, name);

	return m != NULL && r->bytes[m->value] != 'n' ? m : NULL;
}

static struct slot *
find_slot(const struct rec *r, const char *name)
{
	for (uint32_t i = 0; i < r->n_slots; i++)
		if (strcmp(r->slots[i].name, name) == 0)
			return &r->slots[i];
	return NULL;
}

static struct slot *
need_slot(struct rec *r, const char *name)
{
	struct slot *s = find_slot(r, name);

	if (s == NULL) {
		r->slots = mem_resize(r->slots, (r->n_slots + 1) * sizeof *r->slots);
		s = &r->slots[r->n_slots++];
		*s = (struct slot){.name = mem_str(name)};
	}
	return s;
}

int
rec_secret(const char *kind, struct err *e)
{
	return err_set(e, CODE_SECRET_IN_RECORD,
	    "the line seems to hold a secret (%s) and is not shown; remove it: programs "
	    "read credentials from the environment or the credentials file; rename a "
	    "photo if this is its path",
	    kind);
}

struct rec *
rec_parse(const char *line, size_t len, struct err *e)
{
	struct rec *r;
	struct scan s;
	size_t row, column;

	if (len > REC_MAX) {
		err_set(e, CODE_RECORD_TOO_LONG, "the line is longer than 16 MiB");
		return NULL;
	}
	r = mem_new(1, sizeof *r);
	r->bytes = mem_strn(line, len);
	r->len = (uint32_t)len;
	if (!scan_text(r->bytes, len, &s, add_member, r)) {
		scan_place(line, s.at, &row, &column);
		err_set(e, CODE_INVALID_RECORD, "not a record: column %zu: %s", column,
		    s.what);
	} else if (s.type != '{') {
		err_set(e, CODE_INVALID_RECORD, "not a record: not a JSON object");
	} else if (s.secret != NULL) {
		rec_secret(s.secret, e);
	} else {
		for (char *p = r->bytes;
		     (p = memchr(p, '\n', len - (size_t)(p - r->bytes))) != NULL; p++)
			*p = ' ';
		return r;
	}
	rec_free(r);
	return NULL;
}

/* The length of the line's start; does not cut through a character. */
static size_t
start_of(const char *line, size_t len)
{
	if (len <= REC_INPUT)
		return len;
	for (size_t cut = REC_INPUT - 3; cut < REC_INPUT; cut++)
		if (cut + utf8_char(line + cut, len - cut) > REC_INPUT)
			return cut;
	return REC_INPUT;
}

struct rec *
rec_bad(const char *step, const char *line, size_t len, const struct err *e)
{
	struct rec *r = rec_new();
	const char *kind;
	struct err secret;
	struct buf b = {0};
	bool open;

	if (e->code != CODE_SECRET_IN_RECORD &&
	    (kind = scan_secret(line, len, &open)) != NULL) {
		rec_secret(kind, &secret);
		e = &secret;
	}
	if (e->code != CODE_SECRET_IN_RECORD) {
		buf_str(&b, "");
		utf8_mend(&b, line, start_of(line, len));
		rec_set(r, "input",
		    mem_checked(json_object_new_string_len(b.data, (int)b.len)));
		buf_release(&b);
	}
	rec_fail(r, step, e);
	return r;
}

struct rec *
rec_new(void)
{
	struct rec *r = mem_new(1, sizeof *r);

	r->bytes = mem_str("{}");
	r->len = 2;
	return r;
}

/* Replaces the bytes of `to` by the line of r, without its line feed. */
static void
take_line(struct rec *to, struct rec *r)
{
	struct buf b = {0};

	rec_write(r, &b);
	free(to->bytes);
	to->bytes = mem_strn(b.data, b.len - 1);
	to->len = (uint32_t)(b.len - 1);
	buf_release(&b);
}

struct rec *
rec_clone(struct rec *r)
{
	struct rec *copy = mem_new(1, sizeof *copy);

	take_line(copy, r);
	return copy;
}

void
rec_free(struct rec *r)
{
	if (r == NULL)
		return;
	drop_slots(r);
	free(r->members);
	free(r->bytes);
	free(r);
}

struct json_object *
rec_get(struct rec *r, const char *name)
{
	struct slot *s = find_slot(r, name);
	const struct member *m;
	struct json_object *value;
	struct err ignored;

	if (s != NULL)
		return s->value;
	m = find_value(r, name);
	if (m == NULL)
		return NULL;
	value = json_parse_deep(r->bytes + m->value, m->value_len, SCAN_DEPTH, &ignored);
	need_slot(r, name)->value = value;
	return value;
}

const char *
rec_str(struct rec *r, const char *name)
{
	return json_str(rec_get(r, name), "");
}

bool
rec_has(struct rec *r, const char *name)
{
	const struct slot *s = find_slot(r, name);

	return s != NULL ? s->value != NULL : find_value(r, name) != NULL;
}

static bool
is_number(char first)
{
	return first == '-' || (first >= '0' && first <= '9');
}

/* Gives `avatar.id` as text if it is a number. */
static void
read_avatar_id(struct rec *r, const struct member *avatar)
{
	struct scan_member id;
	char *digits;

	if (!scan_find(r->bytes + avatar->value, avatar->value_len, "/id", &id) ||
	    !is_number(id.value.at[0]))
		return;
	digits = mem_strn(id.value.at, id.value.len);
	json_put_str(rec_edit(r, "avatar"), "id", digits);
	free(digits);
}

/* The one of the names that must be text and that the member has, or NULL. */
static const char *
name_of_text(struct rec *r, const struct member *m)
{
	static const char *const names[] = {"file", "url", "provider", "name"};

	for (size_t i = 0; i < sizeof names / sizeof *names; i++)
		if (is_named(r, m, names[i]))
			return find_member(r, names[i]) == m ? names[i] : NULL;
	return NULL;
}

int
rec_read_texts(struct rec *r, struct err *e)
{
	build_index(r);
	for (uint32_t i = 0; i < r->n_members; i++) {
		const struct member *m = &r->members[i];
		char first = r->bytes[m->value], *digits;
		const char *name;

		if (first == '"' || first == 'n') /* null is absent */
			continue;
		if (first == '{' && is_named(r, m, "avatar"))
			read_avatar_id(r, m);
		if ((name = name_of_text(r, m)) == NULL)
			continue;
		if (!is_number(first))
			return err_set(e, CODE_INVALID_RECORD,
			    "the member '%s' is not text; put it in quotes", name);
		digits = mem_strn(r->bytes + m->value, m->value_len);
		rec_set_str(r, name, digits);
		free(digits);
	}
	return 0;
}

static bool
is_text(const char *s, size_t len, const char *text)
{
	return text != NULL ? strlen(text) == len && memcmp(s, text, len) == 0 : len > 0;
}

bool
rec_is(struct rec *r, const char *name, const char *pointer, const char *text)
{
	const struct member *m;
	struct scan_member place;
	const char *s;

	if (find_slot(r, name) == NULL) {
		m = find_member(r, name);
		if (m == NULL ||
		    !scan_find(r->bytes + m->value, m->value_len, pointer, &place) ||
		    place.value.at[0] != '"')
			return false;
		if (memchr(place.value.at, '\\', place.value.len) == NULL)
			return is_text(place.value.at + 1, place.value.len - 2, text);
	}
	s = json_str(rec_get(r, name), pointer);
	return s != NULL && is_text(s, strlen(s), text);
}

void
rec_set(struct rec *r, const char *name, struct json_object *value)
{
	struct slot *s = need_slot(r, name);

	json_object_put(s->value);
	s->value = value;
	s->changed = true;
	s->removed = false;
}

void
rec_set_str(struct rec *r, const char *name, const char *value)
{
	rec_set(r, name, value != NULL ? json_new_string(value) : NULL);
}

struct json_object *
rec_edit(struct rec *r, const char *name)
{
	struct json_object *value = rec_get(r, name);

	if (!json_object_is_type(value, json_type_object)) {
		value = json_new_object();
		rec_set(r, name, value);
	}
	need_slot(r, name)->changed = true;
	return value;
}

void
rec_remove(struct rec *r, const char *name)
{
	rec_set(r, name, NULL);
	need_slot(r, name)->removed = true;
}

bool
rec_failed(struct rec *r)
{
	return rec_has(r, "error");
}

/* What an error's bytes tell. */
struct told {
	struct slice code, retryable;
};

static void
note_told(void *cookie, const struct scan_member *m)
{
	struct told *told = cookie;

	if (scan_key_is(m->key, "code"))
		told->code = m->value;
	else if (scan_key_is(m->key, "retryable"))
		told->retryable = m->value;
}

bool
rec_error(struct rec *r, char code[REC_CODE], bool *retryable)
{
	const struct member *m = NULL;
	struct told told = {0};
	struct json_object *error;
	const char *name;

	*code = '\0';
	*retryable = false;
	if (find_slot(r, "error") == NULL && (m = find_value(r, "error")) == NULL)
		return false;
	if (m != NULL && r->bytes[m->value] == '{')
		(void)scan_members(r->bytes + m->value, m->value_len, note_told, &told);
	if (told.code.at != NULL && told.code.at[0] == '"' && told.code.len < REC_CODE &&
	    memchr(told.code.at, '\\', told.code.len) == NULL) {
		memcpy(code, told.code.at + 1, told.code.len - 2);
		code[told.code.len - 2] = '\0';
		*retryable = told.retryable.len > 0 && told.retryable.at[0] == 't';
		return true;
	}
	error = rec_get(r, "error");
	name = json_str(error, "/code");
	snprintf(code, REC_CODE, "%s", name != NULL ? name : "");
	*retryable = json_flag(error, "/retryable", false);
	return error != NULL;
}

struct json_object *
rec_fail(struct rec *r, const char *step, const struct err *e)
{
	const struct code_info *info = code_info(e->code);
	struct json_object *error = json_new_object();

	json_put_str(error, "step", step);
	json_put_str(error, "code", info->name);
	json_put_str(error, "message", e->message);
	json_put_bool(error, "retryable", info->retryable);
	rec_set(r, "error", error);
	return error;
}

static bool
is_changed(const struct rec *r)
{
	for (uint32_t i = 0; i < r->n_slots; i++)
		if (r->slots[i].changed)
			return true;
	return false;
}

/* The changed slot that replaces the member, or NULL. */
static const struct slot *
slot_of(const struct rec *r, const struct member *m)
{
	for (uint32_t k = 0; k < r->n_slots; k++)
		if (r->slots[k].changed && is_named(r, m, r->slots[k].name))
			return &r->slots[k];
	return NULL;
}

/* Appends the members of the line, with the bytes between them, then the new members. A
 * removed member takes the comma before it along, or the comma after it if it is the
 * first. */
static void
write_changed(struct rec *r, struct buf *out)
{
	const char *rest = (char *)memchr(r->bytes, '{', r->len) + 1;
	bool any = false;

	build_index(r);
	buf_add(out, r->bytes, (size_t)(rest - r->bytes));
	for (uint32_t i = 0; i < r->n_members; i++) {
		const struct member *m = &r->members[i];
		const struct slot *s = slot_of(r, m);
		const char *key = r->bytes + m->key - 1, *value = r->bytes + m->value;
		bool kept = s == NULL || !s->removed;
		if (i == 0 || (any && kept))
			buf_add(out, rest, (size_t)(key - rest));
		if (kept)
			buf_add(out, key, (size_t)(value - key));
		if (kept && s != NULL && find_member(r, s->name) == m)
			json_write(out, s->value);
		else if (kept)
			buf_add(out, value, m->value_len);
		any = any || kept;
		rest = value + m->value_len;
	}
	for (uint32_t k = 0; k < r->n_slots; k++) {
		const struct slot *s = &r->slots[k];
		if (!s->changed || s->removed || find_member(r, s->name) != NULL)
			continue;
		if (any)
			buf_chr(out, ',');
		json_write_str(out, s->name, strlen(s->name));
		buf_chr(out, ':');
		json_write(out, s->value);
		any = true;
	}
	buf_add(out, rest, r->len - (size_t)(rest - r->bytes));
}

bool
rec_write(struct rec *r, struct buf *out)
{
	size_t start = out->len;
	bool full = out->full;

	out->full = false;
	if (is_changed(r))
		write_changed(r, out);
	else
		buf_add(out, r->bytes, r->len);
	buf_chr(out, '\n');
	if (out->full) {
		out->len = start;
		if (out->data != NULL)
			out->data[start] = '\0';
		return false;
	}
	out->full = full;
	return true;
}

void
rec_slim(struct rec *r)
{
	if (is_changed(r))
		take_line(r, r);
	drop_slots(r);
	free(r->members);
	r->members = NULL;
	r->n_members = 0;
}
