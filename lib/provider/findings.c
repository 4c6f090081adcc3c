#include <string.h>

#include "base/buf.h"
#include "base/utf8.h"
#include "provider/findings.h"
#include "json/json.h"

/* True at a place that is true, or the text "true". */
static bool
holds(struct json_object *value)
{
	return value != NULL && strcmp(json_object_get_string(value), "true") == 0;
}

static const char *
text_at(struct json_object *check, const char *place)
{
	return place != NULL ? json_str(check, place) : NULL;
}

/* A text of the service, safe to show. The default counts where there is none. */
static void
put_shown(struct json_object *o, const char *name, const char *text, const char *absent)
{
	char shown[224];

	if (text != NULL && *text != '\0') {
		utf8_show(shown, sizeof shown, text);
		json_put_str(o, name, shown);
	} else {
		json_put_str(o, name, absent);
	}
}

static struct json_object *
finding_of(struct json_object *check, struct json_object *rule, bool passed)
{
	struct json_object *o = json_new_object();
	const char *id = text_at(check, json_str(rule, "/id")),
	           *text = text_at(check, json_str(rule, "/text"));

	json_put_str(o, "code", code_info(CODE_CHECK_FAILED)->name);
	json_put_str(o, "severity", passed ? "risky" : "refused");
	put_shown(
	    o, "message", text, id != NULL ? id : code_info(CODE_CHECK_FAILED)->text);
	put_shown(o, "provider_code", id, NULL);
	return o;
}

bool
findings_has(const struct operation *op)
{
	return json_has(op->def, "/answer/findings");
}

struct json_object *
findings_of(const struct answer *a, const struct operation *op, bool *passed)
{
	struct json_object *def = json_at(op->def, "/answer/findings"),
	                   *rule = json_member(def, "each"), *found = NULL;
	const char *list = json_str(def, "/list");
	struct json_object *checks = list != NULL ? json_at(a->body, list) : NULL;

	*passed = holds(json_at(a->body, json_str(def, "/passed")));
	for (size_t i = 0; i < json_len(checks); i++) {
		struct json_object *check = json_item(checks, i);

		if (holds(json_at(check, json_str(rule, "/passed"))))
			continue;
		if (found == NULL)
			found = json_new_array();
		json_append(found, finding_of(check, rule, *passed));
	}
	return found;
}
