#include "provider/vars.h"
#include "provider/options.h"
#include "json/json.h"

struct json_object *
vars_of(struct rec *rec, const struct operation *op, struct json_object *options)
{
	static const char *const members[] = {"name", "url", "avatar", "image"};
	struct json_object *vars = json_new_object();

	for (size_t i = 0; i < sizeof members / sizeof *members; i++)
		json_put(vars, members[i], json_object_get(rec_get(rec, members[i])));
	if (options != NULL)
		json_put(vars, "options", options_for(op, options));
	return vars;
}

void
vars_rendering(struct json_object *vars, const char *kind, const char *value,
    struct json_object *rendering)
{
	struct json_object *kinds = json_new_object();

	json_put_str(kinds, kind, value);
	json_put(vars, "kind", kinds);
	json_put(vars, "rendering", json_object_get(rendering));
}
