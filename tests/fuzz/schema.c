/* A schema and a value, with a NUL between them: a schema without faults can check any value, and
 * each fault has a place and a message. */
#include "json/schema.h"
#include "json_parts.h"

static void
told(void *cookie, const char *pointer, const char *message)
{
	need(*pointer == '\0' || *pointer == '/');
	need(*message != '\0');
	++*(size_t *)cookie;
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct json_object *schema = next_json(&data, &size),
	                   *value = next_json(&data, &size);
	size_t n = 0, wrong;

	if (schema != NULL) {
		wrong = schema_lint(schema, told, &n);
		need(n == wrong);
		n = 0;
		if (wrong == 0)
			need(schema_check(schema, value, told, &n) == n);
	}
	json_object_put(schema);
	json_object_put(value);
	return 0;
}
