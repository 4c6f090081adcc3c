#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "base/clock.h"
#include "provider/template.h"
#include "service/match.h"
#include "json/json.h"

/* How much older than the request an entry may seem, or newer than its end: by whole
 * seconds in Date and the time on the way; by the clocks of the service's machines; by
 * time zones, or a wrong clock. */
#define SLACK_MS 5000
#define GREY_MS  60000
#define DAY_MS   86400000

/* Tells by how much a time is outside of the request's. An updated_at may be any time
 * later than the creation. */
static int64_t
time_outside(const struct match_spec *spec, int64_t ms)
{
	if (ms < spec->sent_at)
		return spec->sent_at - ms;
	return spec->created_at != NULL && ms > spec->over_at ? ms - spec->over_at : 0;
}

/* Compares the time of an entry with the time in which the request could take effect. */
static enum match
by_time(const struct match_spec *spec, struct json_object *entry)
{
	const char *at = spec->created_at != NULL ? spec->created_at : spec->updated_at;
	char *text;
	int64_t ms = 0, outside;
	bool zoned = false, readable;

	if (at == NULL)
		return MATCH;
	text = json_text(entry, at);
	readable = text != NULL && clock_read(text, &ms, &zoned);
	free(text);
	if (!readable)
		return MATCH_MAYBE;
	outside = time_outside(spec, ms);
	if (outside <= SLACK_MS)
		return MATCH;
	return outside <= (spec->clock_sure && zoned ? GREY_MS : DAY_MS) ? MATCH_MAYBE
	                                                                 : MATCH_NOT;
}

/* Compares two texts word by word, so white space at the ends and its amount between do
 * not count. */
static bool
is_same_text(const char *a, const char *b)
{
	static const char blanks[] = " \t\r\n";
	size_t n;

	do {
		a += strspn(a, blanks);
		b += strspn(b, blanks);
		n = strcspn(a, blanks);
		if (strcspn(b, blanks) != n || memcmp(a, b, n) != 0)
			return false;
		a += n;
		b += n;
	} while (n > 0);
	return true;
}

static bool
matches(struct json_object *match, struct json_object *entry)
{
	bool same = true;

	if (match == NULL)
		return false;
	json_object_object_foreach(match, pointer, value)
	{
		char *text = json_text(entry, pointer);
		same = same && text != NULL &&
		       is_same_text(text, json_object_get_string(value));
		free(text);
	}
	return same;
}

bool
match_is_marked(struct json_object *match, const char *mark)
{
	bool marked = false;

	if (match == NULL || mark == NULL)
		return false;
	json_object_object_foreach(match, pointer, value)
	{
		const char *text = json_object_get_string(value);
		size_t len = strlen(text), n = strlen(mark);

		(void)pointer;
		marked = marked || (len > n && strcmp(text + len - n, mark) == 0);
	}
	return marked;
}

/* Compares an entry without a tag. */
static enum match
by_texts(const struct match_spec *spec, struct json_object *entry, bool tagged)
{
	enum match in_time;

	if (!matches(spec->match, entry))
		return MATCH_NOT;
	in_time = by_time(spec, entry);
	if (in_time == MATCH_NOT)
		return MATCH_NOT;
	if (match_is_marked(spec->match, spec->mark))
		return MATCH;
	return spec->exclusive && !tagged ? in_time : MATCH_MAYBE;
}

enum match
match_entry(const struct match_spec *spec, struct json_object *entry)
{
	bool tagged = spec->tag != NULL && spec->tag_at != NULL;
	char *tag = tagged ? json_text(entry, spec->tag_at) : NULL;
	enum match result;

	if (tag == NULL)
		return by_texts(spec, entry, tagged);
	result = strcmp(tag, spec->tag) == 0 ? MATCH : MATCH_NOT;
	free(tag);
	return result;
}

struct json_object *
match_of_request(const struct operation *op, struct json_object *vars)
{
	struct json_object *match = json_at(op->def, "/lookup/match");
	struct json_object *filled = match != NULL ? template_fill(match, vars) : NULL;

	if (match == NULL && json_flag(op->def, "/lookup/exclusive", false))
		return json_new_object(); /* the time alone decides */
	if (filled == NULL ||
	    json_object_object_length(filled) == json_object_object_length(match))
		return filled;
	json_object_put(filled);
	return NULL;
}

struct json_object *
candidates_taken(const struct candidates *c, const char *id)
{
	struct json_object *taken = json_member(c->of[MATCH], id);

	return taken != NULL ? taken : json_member(c->of[MATCH_MAYBE], id);
}

void
candidates_add(struct candidates *c, const struct provider *p, struct json_object *taken,
    enum match match)
{
	struct json_object *list = c->of[match];
	const char *id = json_str(taken, "/id");

	if (c->many[match] || (id != NULL && candidates_taken(c, id) != NULL)) {
		json_object_put(taken);
	} else if (id == NULL || !provider_is_id(p, id)) {
		c->nameless = true;
		json_object_put(taken);
	} else if (list != NULL && json_object_object_length(list) == CANDIDATES_MAX) {
		c->many[match] = true;
		json_object_put(taken);
	} else {
		if (list == NULL)
			c->of[match] = list = json_new_object();
		json_put(list, id, taken);
	}
}

void
candidates_clear(struct candidates *c)
{
	json_object_put(c->of[MATCH_MAYBE]);
	json_object_put(c->of[MATCH]);
	*c = (struct candidates){0};
}
