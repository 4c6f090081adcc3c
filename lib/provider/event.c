#include <stdlib.h>
#include <string.h>

#include "provider/event.h"
#include "json/json.h"

int
event_read(const struct provider *p, struct json_object *body, struct event *event,
    struct err *e)
{
	struct json_object *events = json_member(p->def, "events"), *about;
	char *id;

	*event = (struct event){.name = json_str(body, json_str(events, "/name"))};
	if (event->name == NULL)
		return err_set(e, CODE_BAD_ANSWER, "the event has no name");
	about = json_member(json_member(events, "kinds"), event->name);
	if (about == NULL)
		return err_set(e, CODE_BAD_ANSWER,
		    "the description of %s knows no event '%s'", p->title, event->name);
	event->of = json_str(about, "/of");
	event->kind = json_str(about, "/kind");
	id = json_text(body, json_str(about, "/id"));
	if (id == NULL || !provider_is_id(p, id)) {
		free(id);
		return err_set(e, CODE_BAD_ANSWER,
		    "the event '%s' has no id that %s makes", event->name, p->title);
	}
	event->id = id;
	return 0;
}

bool
event_is_signed(const struct provider *p)
{
	return json_has(p->def, "/events/signature");
}

int
event_check_signed(const struct provider *p, struct err *e)
{
	static const char *const known[] = {"body}", "body.sha256}", "timestamp}"};
	const char *at = json_str(p->def, "/events/signature/signed");

	for (at = at != NULL ? strchr(at, '{') : NULL; at != NULL; at = strchr(at, '{')) {
		size_t i = 0, n = sizeof known / sizeof *known;

		at++;
		while (i < n && strncmp(at, known[i], strlen(known[i])) != 0)
			i++;
		if (i == n && strncmp(at, "header.", strlen("header.")) != 0)
			return err_set(e, CODE_BAD_CONFIG,
			    "signed: an event has no '%.*s'", (int)strcspn(at, "}"), at);
	}
	return 0;
}

const char *
event_secret_place(const struct provider *p)
{
	return json_str(p->def, "/events/secret");
}

struct json_object *
event_names(const struct provider *p)
{
	struct json_object *names = json_new_array();

	json_object_object_foreach(json_at(p->def, "/events/kinds"), name, about)
	{
		(void)about;
		json_append(names, json_new_string(name));
	}
	return names;
}
