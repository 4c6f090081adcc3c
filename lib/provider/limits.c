#include <stdlib.h>
#include <string.h>

#include "base/mem.h"
#include "provider/limits.h"
#include "json/json.h"

/* NULL: any type will do. */
static const char *const *
read_types(struct json_object *types)
{
	size_t n = json_len(types);
	const char **list = n > 0 ? mem_new(n + 1, sizeof *list) : NULL;

	for (size_t i = 0; i < n; i++)
		list[i] = json_item_str(types, i);
	return list;
}

/* Reads the shapes, such as "16:9". */
static void
read_aspects(struct image_limits *l, struct json_object *aspects)
{
	struct aspect *list = mem_new(json_len(aspects), sizeof *list);

	for (size_t i = 0; i < json_len(aspects); i++) {
		const char *text = json_item_str(aspects, i),
		           *colon = text != NULL ? strchr(text, ':') : NULL;
		if (colon != NULL)
			list[l->n_aspects++] =
			    (struct aspect){(uint32_t)strtoul(text, NULL, 10),
			        (uint32_t)strtoul(colon + 1, NULL, 10)};
	}
	l->aspects = list;
	l->either_orientation = l->n_aspects > 0;
}

void
provider_limits_init(struct image_limits *l, const char *service, struct json_object *def)
{
	*l = (struct image_limits){.service = service,
	    .types = read_types(json_member(def, "types")),
	    .max_bytes = (uint64_t)json_int(def, "/max_bytes", 0),
	    .max_bytes_lenient = (uint64_t)json_int(def, "/max_bytes_upper", 0),
	    .min_width = (uint32_t)json_int(def, "/min/0", 0),
	    .min_height = (uint32_t)json_int(def, "/min/1", 0),
	    .max_width = (uint32_t)json_int(def, "/max/0", 0),
	    .max_height = (uint32_t)json_int(def, "/max/1", 0),
	    .max_pixels = (uint64_t)json_int(def, "/max_pixels", 0)};
	read_aspects(l, json_member(def, "aspects"));
}

void
provider_limits_release(struct image_limits *l)
{
	free((void *)l->types);
	free((void *)l->aspects);
	*l = (struct image_limits){0};
}
