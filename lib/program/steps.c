#include <string.h>

#include "base/clock.h"
#include "os/run_id.h"
#include "program/steps.h"
#include "json/json.h"

void
steps_charge(struct json_object **charges, const struct paid_charge *charge)
{
	struct json_object *entry = json_new_object(), *cost = json_new_object();

	json_put_num(cost, "amount", charge->amount);
	json_put_str(cost, "unit", charge->unit);
	json_put_str(cost, "charged", charge->charged);
	if (charge->reused)
		json_put_bool(cost, "reused", true);
	json_put(entry, "cost", cost);
	json_put_str(entry, "key", charge->key);
	if (*charges == NULL)
		*charges = json_new_array();
	json_append(*charges, entry);
}

static bool
is_text(struct json_object *o, const char *pointer, const char *text)
{
	const char *s = json_str(o, pointer);

	return s != NULL && strcmp(s, text) == 0;
}

/* The charge of the same key as the entry's, or NULL. */
static struct json_object *
same_key(struct json_object *charges, struct json_object *entry)
{
	const char *key = json_str(entry, "/key");

	for (size_t i = 0; key != NULL && i < json_len(charges); i++)
		if (is_text(json_item(charges, i), "/key", key))
			return json_item(charges, i);
	return NULL;
}

/* The entry as it stays beside the new ones: itself, changed, or NULL. The caller owns it. */
static struct json_object *
kept(struct json_object *entry, const char *step, struct json_object *charges)
{
	struct json_object *now;

	if (!is_text(entry, "/step", step) || is_text(entry, "/cost/charged", "yes"))
		return json_object_get(entry);
	if (!is_text(entry, "/cost/charged", "unknown"))
		return NULL;
	now = same_key(charges, entry);
	if (now == NULL)
		return json_object_get(entry);
	if (!json_flag(now, "/cost/reused", false))
		return NULL;
	entry = json_copy(entry); /* it was made then, and is reused now */
	json_put_str(json_at(entry, "/cost"), "charged", "yes");
	return entry;
}

/* Puts the members of a charge, or none, behind those that every entry has. */
static struct json_object *
new_entry(const char *step, int64_t started_at, struct json_object *charge)
{
	struct json_object *entry = json_new_object();
	char text[CLOCK_TEXT];

	json_put_str(entry, "step", step);
	json_put_str(entry, "run", run_id());
	json_put_str(entry, "started_at", clock_write(text, started_at));
	json_put_str(entry, "finished_at", clock_write(text, clock_unix_ms()));
	json_put(entry, "cost", json_object_get(json_at(charge, "/cost")));
	json_put(entry, "key", json_object_get(json_at(charge, "/key")));
	return entry;
}

void
steps_put(
    struct rec *rec, const char *step, int64_t started_at, struct json_object *charges)
{
	struct json_object *old = rec_get(rec, "steps"), *steps = json_new_array();
	size_t i = 0;

	for (size_t k = 0; k < json_len(old); k++) {
		struct json_object *entry = kept(json_item(old, k), step, charges);

		if (entry != NULL)
			json_append(steps, entry);
	}
	do
		json_append(steps, new_entry(step, started_at, json_item(charges, i)));
	while (++i < json_len(charges));
	json_object_put(charges);
	rec_set(rec, "steps", steps);
}

bool
steps_unknown(
    struct rec *rec, const char *step, bool (*fn)(void *arg, const char *key), void *arg)
{
	struct json_object *steps = rec_get(rec, "steps");
	bool any = false;

	for (size_t i = 0; i < json_len(steps); i++) {
		struct json_object *entry = json_item(steps, i);
		const char *key = json_str(entry, "/key");

		if (key == NULL || !is_text(entry, "/cost/charged", "unknown") ||
		    (step != NULL && !is_text(entry, "/step", step)))
			continue;
		if (!fn(arg, key))
			return false;
		any = true;
	}
	return any;
}

const char *
steps_source(struct rec *rec)
{
	const char *source = rec_str(rec, "source_file");

	return source != NULL ? source : rec_str(rec, "file");
}
