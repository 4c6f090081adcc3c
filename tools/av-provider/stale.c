/* stale: the facts of descriptions that were checked too long ago. */
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>
#include <sysexits.h>

#include "base/clock.h"
#include "base/mem.h"
#include "tool.h"

#define DAYS   90
#define DAY_MS ((int64_t)24 * 60 * 60 * 1000)

static void
put_fact(struct print *p, const struct provider *provider, const char *place,
    const char *checked, int64_t age)
{
	struct json_object *o;

	p->status = EX_DATAERR;
	if (!p->o->json) {
		buf_printf(&p->out, "%s: %s was checked on %s, %" PRId64 " days ago\n",
		    provider->name, *place != '\0' ? place : "the description", checked,
		    age);
		return;
	}
	o = json_new_object();
	json_put_str(o, "name", provider->name);
	json_put_str(o, "place", place);
	json_put_str(o, "checked", checked);
	json_put_int(o, "days", age);
	json_put(o, "sources", json_object_get(json_at(provider->def, "/sources")));
	put_line(p, o);
}

/* Looks for days of a check in a value and all within it; place: a JSON Pointer to it. */
static void
look(struct print *p, const struct provider *provider, struct json_object *value,
    const char *place)
{
	int64_t days = p->o->days > 0 ? p->o->days : DAYS, then, age;
	const char *checked = json_str(value, "/checked");
	char *time = mem_printf("%sT00:00:00Z", checked != NULL ? checked : "");
	bool zoned;

	if (clock_read(time, &then, &zoned) &&
	    (age = (clock_unix_ms() - then) / DAY_MS) > days)
		put_fact(p, provider, place, checked, age);
	free(time);
	if (!json_object_is_type(value, json_type_object))
		return;
	json_object_object_foreach(value, name, within)
	{
		char *at = mem_printf("%s/%s", place, name);

		look(p, provider, within, at);
		free(at);
	}
}

static void
look_at(struct print *p, const struct provider *provider, void *arg)
{
	(void)arg;
	look(p, provider, provider->def, "");
}

void
stale(struct print *p, char **operands)
{
	each_provider(p, operands, look_at, NULL);
}
