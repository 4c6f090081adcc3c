/* Loads the input as a description, and a built-in description with one value replaced (the first
 * two bytes choose it). Whatever the loader accepts must be usable. */
#include "json_parts.h"
#include "provider/builtin.h"
#include "provider/load.h"
#include "provider/options.h"
#include "provider/request.h"

/* Walks through the values in order and replaces the chosen one with `by`, which it takes over, or
 * removes it. */
struct walk {
	size_t left;
	struct json_object *by;
	bool done;
};

static void
replace(struct json_object *o, struct walk *w)
{
	if (json_object_is_type(o, json_type_array)) {
		for (size_t i = 0; i < json_object_array_length(o) && !w->done; i++) {
			if (w->left-- == 0) {
				json_object_array_put_idx(o, i, w->by);
				w->done = true;
				return;
			}
			replace(json_object_array_get_idx(o, i), w);
		}
	} else if (json_object_is_type(o, json_type_object)) {
		json_object_object_foreach(o, name, value)
		{
			if (w->left-- == 0) {
				json_object_object_add(o, name, w->by);
				w->done = true;
				return;
			}
			replace(value, w);
			if (w->done)
				return;
		}
	}
}

static ssize_t
no_bytes(void *arg, uint64_t offset, char *buf, size_t size)
{
	(void)arg;
	(void)offset;
	(void)buf;
	(void)size;
	return 0;
}

/* Each operation's options are checked, and its request is made or refused with words. */
static void
ask(struct provider *p)
{
	const struct request_photo photo = {.source = {.read = no_bytes, .size = 1000},
	    .type = "image/jpeg",
	    .filename = "ann.jpg"};
	const char vars[] =
	    "{\"name\":\"Ann\",\"url\":\"https://example.org/a.jpg\","
	    "\"avatar\":{\"id\":\"../1\"},\"options\":{\"voiceId\":\"v\"}}";
	struct findings fs = {0};
	struct request r;
	struct err e = {.code = CODE_NONE};
	struct request_values v = {.base_url = p->base_url,
	    .vars = json_parse(vars, sizeof vars - 1, &e),
	    .photo = &photo,
	    .tag = "0123456789abcdef"};
	struct json_object *options = json_at(v.vars, "/options");

	options_check(p, NULL, options, &fs);
	for (size_t i = 0; i < p->n_operations; i++) {
		options_check_operation(&p->operations[i], options, &fs);
		if (request_init(&r, &p->operations[i], &v, &e) == 0) {
			need(r.http.url != NULL && strstr(r.http.url, "../") == NULL);
			request_release(&r);
		} else
			need(e.message[0] != '\0');
	}
	json_object_put(v.vars);
}

static void
use(struct provider *p)
{
	struct findings fs = {0};
	struct photo photo = {
	    .type = "image/jpeg", .bytes = 1000, .width = 1600, .height = 900};

	need(p->name != NULL && p->title != NULL && p->base_url != NULL);
	for (size_t i = 0; i < p->n_operations; i++)
		need(p->operations[i].name != NULL && p->operations[i].path != NULL);
	for (size_t i = 0; i < p->n_kinds; i++)
		need(provider_kind(p, p->kinds[i].name) != NULL);
	limits_check_image(&photo, &p->image, &fs);
	ask(p);
}

static void
load(const char *text, size_t len)
{
	struct err e = {.code = CODE_NONE};
	struct provider *p = provider_load_text(text, len, "fuzz.json", &e);

	if (p == NULL)
		need(e.code == CODE_BAD_PROVIDER && e.message[0] != '\0');
	else
		use(p);
	provider_free(p);
}

static const struct builtin_file *
built_in(size_t choice)
{
	const struct builtin_file *f;
	size_t n = 0;

	for (f = builtin_files; f->path != NULL; f++)
		n += strncmp(f->path, "providers/", 10) == 0;
	if (n == 0)
		abort();
	choice %= n;
	for (f = builtin_files; f->path != NULL; f++)
		if (strncmp(f->path, "providers/", 10) == 0 && choice-- == 0)
			return f;
	abort();
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	const struct builtin_file *base;
	struct json_object *o;
	struct buf text = {0};
	struct walk w = {0};
	struct err e;

	load((const char *)data, size);
	if (size < 3)
		return 0;
	base = built_in(data[0]);
	o = json_parse(base->data, base->len, &e);
	need(o != NULL);
	w.left = (size_t)data[0] / 4 * 256 % 1024 + data[1];
	data += 2;
	size -= 2;
	w.by = next_json(&data, &size);
	replace(o, &w);
	if (!w.done)
		json_object_put(w.by);
	json_write(&text, o);
	load(text.data, text.len);
	buf_release(&text);
	json_object_put(o);
	return 0;
}
