#include <json-c/linkhash.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/clock.h"
#include "base/err.h"
#include "base/mem.h"
#include "core/object.h"
#include "core/stats.h"

enum { MAX_VIOLATIONS = 1000 };

/* When each request of the last second began. */
struct ring {
	int64_t *at;
	size_t size, first, n;
};

static struct counts {
	long requests, polls, lists, token_requests, media_requests;
	long creates, renderings, videos, video_renders, charges;
	long unauthorized, violations, credentials_on_media, duplicates;
	long events[EVENT_FATES];
	long in_flight, max_in_flight, max_rate;
	long status[600];
	struct json_object *violation_list, *faults, *operations;
	struct lh_table *made; /* fingerprint to an array of ids */
	struct ring ring;
} counts[SERVICES + 1];

static void
ring_add(struct ring *r, int64_t now)
{
	while (r->n > 0 && r->at[r->first] <= now - 1000) {
		r->first = (r->first + 1) % r->size;
		r->n--;
	}
	if (r->n == r->size) {
		size_t size = r->size * 2 + 64;
		int64_t *at = mem_new(size, sizeof *at);

		for (size_t i = 0; i < r->n; i++)
			at[i] = r->at[(r->first + i) % r->size];
		free(r->at);
		*r = (struct ring){at, size, 0, r->n};
	}
	r->at[(r->first + r->n++) % r->size] = now;
}

void
stats_begin(enum service_no service, enum scope scope)
{
	struct counts *c = &counts[service];

	if (scope == MEDIA) {
		c->media_requests++;
		return;
	}
	if (scope == TOKEN) {
		c->token_requests++;
		return;
	}
	c->requests++;
	c->polls += scope == POLL;
	c->lists += scope == LIST;
	if (++c->in_flight > c->max_in_flight)
		c->max_in_flight = c->in_flight;
	ring_add(&c->ring, clock_unix_ms());
	if ((long)c->ring.n > c->max_rate)
		c->max_rate = (long)c->ring.n;
}

/* Adds one to the count of that name. */
static void
count_word(struct json_object **counted, const char *name)
{
	struct json_object *n = NULL;

	if (*counted == NULL)
		*counted = json_object_new_object();
	if (json_object_object_get_ex(*counted, name, &n))
		json_object_int_inc(n, 1);
	else
		json_object_object_add(*counted, name, json_object_new_int64(1));
}

static struct json_object *
counted_json(struct json_object *counted)
{
	return counted != NULL ? json_object_get(counted) : json_object_new_object();
}

void
stats_operation(enum service_no service, const char *method, const char *path)
{
	char *name = mem_printf("%s %s", method, path);

	count_word(&counts[service].operations, name);
	free(name);
}

void
stats_end(enum service_no service, unsigned status, const char *fault)
{
	struct counts *c = &counts[service];

	if (status < 600)
		c->status[status]++;
	if (fault != NULL)
		stats_fault(service, fault);
}

void
stats_event(enum service_no service, enum event_fate fate)
{
	counts[service].events[fate]++;
}

void
stats_fault(enum service_no service, const char *fault)
{
	count_word(&counts[service].faults, fault);
}

void
stats_left(enum service_no service, enum scope scope)
{
	if (scope != MEDIA && scope != TOKEN)
		counts[service].in_flight--;
}

void
stats_violation(enum service_no service, const char *method, const char *url,
    const char *what, const char *detail)
{
	struct counts *c = &counts[service];
	struct json_object *o;

	if (c->violations++ >= MAX_VIOLATIONS)
		return;
	o = json_object_new_object();
	obj_time(o, "time", clock_unix_ms(), true);
	obj_text(o, "method", method);
	obj_text(o, "url", url);
	obj_text(o, "violation", what);
	obj_text(o, "detail", detail);
	if (c->violation_list == NULL)
		c->violation_list = json_object_new_array();
	json_object_array_add(c->violation_list, o);
}

void
stats_unauthorized(enum service_no service)
{
	counts[service].unauthorized++;
}

void
stats_credentials_on_media(enum service_no service)
{
	counts[service].credentials_on_media++;
}

/* A text that is equal for equal requests. Extras are left out: a client may send a
 * different tag in them with each attempt. */
static char *
fingerprint(const struct sb_item *it)
{
	static const char *const kinds[] = {
	    "avatar", "rendering", "video", "video_render", "", ""};
	struct buf b = {0};

	buf_printf(&b, "%s|%s|%s|%s", kinds[it->kind],
	    it->photo != NULL ? it->photo->sha256 : "",
	    it->parent != NULL ? it->parent->id : "", it->name != NULL ? it->name : "");
	json_object_object_foreach(it->params, key, value)
	{
		if (strcmp(key, "extras") != 0)
			buf_printf(&b, "|%s=%s", key,
			    json_object_to_json_string_ext(
			        value, JSON_C_TO_STRING_PLAIN));
	}
	return buf_take(&b);
}

static void
forget_made(struct lh_entry *e)
{
	free(lh_entry_k(e));
	json_object_put(lh_entry_v(e));
}

static void
count_duplicate(struct counts *c, const struct sb_item *it)
{
	char *key = fingerprint(it);
	void *ids = NULL;

	if (c->made == NULL)
		c->made = lh_kchar_table_new(1024, forget_made);
	if (lh_table_lookup_ex(c->made, key, &ids)) {
		c->duplicates++;
		free(key);
	} else {
		ids = json_object_new_array_ext(1);
		lh_table_insert(c->made, key, ids);
	}
	json_object_array_add(ids, json_object_new_string(it->id));
}

void
stats_made(const struct sb_item *it)
{
	struct counts *c = &counts[it->service];

	if (it->free_of_charge || it->kind == WEBHOOK || it->kind == ASSET)
		return;
	c->creates += it->kind == AVATAR;
	c->renderings += it->kind == RENDERING;
	c->videos += it->kind == VIDEO;
	c->video_renders += it->kind == VIDEO_RENDER;
	c->charges++;
	count_duplicate(c, it);
}

void
stats_read_state(void)
{
	for (int s = 0; s < SERVICES; s++)
		for (int k = 0; k < ITEM_KINDS; k++) {
			const struct sb_list *all =
			    state_list((enum service_no)s, (enum item_kind)k);

			for (size_t i = 0; i < all->n; i++)
				stats_made(all->at[i]);
		}
}

int64_t
stats_charges(enum service_no service)
{
	return counts[service].charges;
}

static struct json_object *
duplicates_json(struct counts *c)
{
	struct json_object *list = json_object_new_array();
	struct lh_entry *e;

	if (c->made == NULL)
		return list;
	lh_foreach(c->made, e)
	{
		struct json_object *ids = lh_entry_v(e), *o;

		if (json_object_array_length(ids) < 2)
			continue;
		o = json_object_new_object();
		obj_text(o, "what", lh_entry_k(e));
		json_object_object_add(o, "ids", json_object_get(ids));
		json_object_array_add(list, o);
	}
	return list;
}

static struct json_object *
one_json(struct counts *c)
{
	struct json_object *o = json_object_new_object(), *statuses;
	char name[12];

	obj_int(o, "requests", c->requests);
	obj_int(o, "creates", c->creates);
	obj_int(o, "renderings", c->renderings);
	obj_int(o, "videos", c->videos);
	obj_int(o, "video_renders", c->video_renders);
	obj_int(o, "charges", c->charges);
	obj_int(o, "duplicates_count", c->duplicates);
	json_object_object_add(o, "duplicates", duplicates_json(c));
	obj_int(o, "polls", c->polls);
	obj_int(o, "lists", c->lists);
	obj_int(o, "token_requests", c->token_requests);
	obj_int(o, "media_requests", c->media_requests);
	obj_int(o, "unauthorized", c->unauthorized);
	obj_int(o, "violations_count", c->violations);
	json_object_object_add(o, "violations",
	    c->violation_list != NULL ? json_object_get(c->violation_list)
	                              : json_object_new_array());
	obj_int(o, "credentials_on_media", c->credentials_on_media);
	obj_int(o, "events_accepted", c->events[EVENT_ACCEPTED]);
	obj_int(o, "events_refused", c->events[EVENT_REFUSED]);
	obj_int(o, "events_unsent", c->events[EVENT_UNSENT]);
	obj_int(o, "max_in_flight", c->max_in_flight);
	obj_int(o, "max_rate_per_second", c->max_rate);
	statuses = json_object_new_object();
	for (int i = 0; i < 600; i++) {
		if (c->status[i] == 0)
			continue;
		snprintf(name, sizeof name, "%d", i);
		obj_int(statuses, name, c->status[i]);
	}
	json_object_object_add(o, "statuses", statuses);
	json_object_object_add(o, "operations", counted_json(c->operations));
	json_object_object_add(o, "faults", counted_json(c->faults));
	return o;
}

struct json_object *
stats_json(void)
{
	struct json_object *o = json_object_new_object();

	for (int s = 0; s <= OTHER; s++)
		json_object_object_add(o, service_names[s], one_json(&counts[s]));
	return o;
}

static void
clear(struct counts *c)
{
	json_object_put(c->violation_list);
	json_object_put(c->faults);
	json_object_put(c->operations);
	if (c->made != NULL)
		lh_table_free(c->made);
	free(c->ring.at);
}

void
stats_reset(void)
{
	for (int s = 0; s <= OTHER; s++) {
		long in_flight = counts[s].in_flight;

		clear(&counts[s]);
		counts[s] = (struct counts){.in_flight = in_flight};
	}
}

int64_t
stats_complain(void)
{
	int64_t total = 0;

	for (int s = 0; s <= OTHER; s++) {
		struct counts *c = &counts[s];
		size_t n = c->violation_list != NULL
		               ? json_object_array_length(c->violation_list)
		               : 0;

		for (size_t i = 0; i < n; i++)
			warn("%s: violation: %s", service_names[s],
			    json_object_to_json_string_ext(
			        json_object_array_get_idx(c->violation_list, i),
			        JSON_C_TO_STRING_PLAIN));
		if (c->credentials_on_media > 0)
			warn("%s: %ld request(s) sent credentials to the media origin",
			    service_names[s], c->credentials_on_media);
		total += c->violations + c->credentials_on_media;
	}
	return total;
}

void
stats_free(void)
{
	for (int s = 0; s <= OTHER; s++)
		clear(&counts[s]);
}
