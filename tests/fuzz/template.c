/* A template and variables, with a NUL between them; the template's text is also used as a path: an
 * inserted value adds no segment and no query. */
#include "provider/template.h"
#include "json_parts.h"

static size_t
count(const char *s, char c)
{
	size_t n = 0;

	for (; s != NULL && *s != '\0'; s++)
		n += *s == c;
	return n;
}

static void
path(struct json_object *template, struct json_object *vars)
{
	const char *text = json_str(template, "");
	struct buf out = {0};

	if (text == NULL)
		return;
	if (template_path(&out, text, vars)) {
		need(count(out.data, '/') <= count(text, '/'));
		need(count(out.data, '?') <= count(text, '?'));
	}
	buf_release(&out);
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct json_object *template = next_json(&data, &size),
	                   *vars = next_json(&data, &size), *names = json_new_object();

	if (template != NULL && json_object_is_type(vars, json_type_object)) {
		json_object_put(template_fill(template, vars));
		template_names(template, names);
		path(template, vars);
	}
	json_object_put(template);
	json_object_put(vars);
	json_object_put(names);
	return 0;
}
