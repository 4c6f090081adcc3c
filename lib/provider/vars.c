#include "provider/vars.h"
#include "provider/options.h"
#include "json/json.h"

static void
copy(struct json_object *vars, struct rec *rec, const char *name)
{
	struct json_object *value = rec_get(rec, name);

	if (value != NULL)
		json_put(vars, name, json_object_get(value));
}

struct json_object *
vars_of(struct rec *rec, const struct operation *op, struct json_object *options)
{
	struct json_object *vars = json_new_object();

	copy(vars, rec, "name");
	copy(vars, rec, "url");
	copy(vars, rec, "avatar");
	copy(vars, rec, "image");
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
	if (rendering != NULL)
		json_put(vars, "rendering", json_object_get(rendering));
}
