/* Reads any body as an event of Argil, and as one that is signed: what is taken must be a record
 * that is read again. The parts are the header of the signature and the body. */
#include "provider/event.h"
#include "json_parts.h"
#include "program/object.h"
#include "provider/builtin.h"
#include "provider/signature.h"

static const char *
header_of(void *arg, const char *name)
{
	return strcmp(name, "X-Time") == 0 ? "1700000000" : arg;
}

static struct provider *
load(void)
{
	static const char signature[] =
	    "{\"header\":\"X-Sign\",\"algorithm\":\"hmac-sha256\",\"encoding\":\"hex\","
	    "\"prefix\":\"sha256=\",\"signed\":\"{timestamp}.{body}\",\"timestamp\":{\"header\":\"X-Time\"}}";
	const struct builtin_file *f = builtin_find("providers", "argil");
	struct provider *p;
	struct err e;

	need(f != NULL);
	p = provider_parse(f->data, f->len, f->path, &e);
	need(p != NULL);
	json_put(json_member(p->def, "events"), "signature",
	    json_parse(signature, sizeof signature - 1, &e));
	need(event_is_signed(p));
	return p;
}

/* Writes the record of an event and reads it again. */
static void
write_record(struct json_object *body, const struct event *event)
{
	struct rec *rec = rec_new(), *again;
	struct buf line = {0};
	struct err e;

	rec_set_str(rec, "provider", event->name);
	object_put_data(rec, body);
	need(rec_write(rec, &line));
	again = rec_parse(line.data, line.len - 1, &e);
	need(again != NULL);
	rec_free(again);
	rec_free(rec);
	buf_release(&line);
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static struct provider *p;
	const uint8_t *end = size > 0 ? memchr(data, '\0', size) : NULL;
	struct json_object *body;
	struct event event;
	struct err e;

	if (p == NULL)
		p = load();
	if (end == NULL)
		return 0;
	size -= (size_t)(end - data) + 1;
	need(signature_verify(p, "secret", header_of, (void *)(uintptr_t)data, end + 1,
	         size, 1700000000, &e) <= 0);
	body = json_parse((const char *)end + 1, size, &e);
	if (json_object_is_type(body, json_type_object) &&
	    event_read(p, body, &event, &e) == 0) {
		need(provider_is_id(p, event.id));
		write_record(body, &event);
		free(event.id);
	}
	json_object_put(body);
	return 0;
}
