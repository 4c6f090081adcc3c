#include <stdlib.h>
#include <string.h>

#include "base/mem.h"
#include "provider/limits.h"
#include "json/json.h"

static void
read_limits(struct provider_limits *l, const struct provider *p, struct json_object *def)
{
	struct json_object *types = json_member(def, "types");
	struct json_object *aspects = json_member(def, "aspects");
	size_t n = json_len(types), n_aspects = json_len(aspects);

	*l = (struct provider_limits){.types = mem_new(n + 1, sizeof *l->types),
	    .aspects = mem_new(n_aspects, sizeof *l->aspects)};
	for (size_t i = 0; i < n; i++)
		l->types[i] = json_item_str(types, i);
	for (size_t i = 0; i < n_aspects; i++) { /* "16:9": the schema's pattern */
		const char *text = json_item_str(aspects, i);
		l->aspects[i] = (struct aspect){(uint32_t)strtoul(text, NULL, 10),
		    (uint32_t)strtoul(strchr(text, ':') + 1, NULL, 10)};
	}
	l->image = (struct image_limits){.service = p->title,
	    .types = n > 0 ? l->types : NULL,
	    .max_bytes = (uint64_t)json_int(def, "/max_bytes", 0),
	    .max_bytes_lenient = (uint64_t)json_int(def, "/max_bytes_upper", 0),
	    .min_width = (uint32_t)json_int(def, "/min/0", 0),
	    .min_height = (uint32_t)json_int(def, "/min/1", 0),
	    .max_width = (uint32_t)json_int(def, "/max/0", 0),
	    .max_height = (uint32_t)json_int(def, "/max/1", 0),
	    .either_orientation = n_aspects > 0,
	    .max_pixels = (uint64_t)json_int(def, "/max_pixels", 0),
	    .aspects = l->aspects,
	    .n_aspects = n_aspects};
}

void
provider_limits_init(struct provider_limits *l, const struct provider *p)
{
	read_limits(l, p, json_at(p->def, "/image"));
}

void
provider_advice_init(struct provider_limits *l, const struct provider *p)
{
	read_limits(l, p, json_at(p->def, "/image/advice"));
	l->image.advice = true;
}

void
provider_limits_release(struct provider_limits *l)
{
	free(l->types);
	free(l->aspects);
	*l = (struct provider_limits){0};
}
