#include <stdio.h>
#include <string.h>

#include "base/clock.h"
#include "commands.h"
#include "json/json.h"

static void
put_time(struct json_object *o, const char *name, int64_t ms)
{
	char text[CLOCK_TEXT];

	if (ms > 0)
		json_put_str(o, name, clock_write(text, ms));
}

static void
put_json(struct json_object *o, const char *name, const char *text)
{
	struct err ignored;

	if (text != NULL)
		json_put(o, name, json_parse(text, strlen(text), &ignored));
}

static void
put_cost(struct json_object *o, const struct ledger_entry *entry)
{
	struct json_object *cost;

	if (entry->unit == NULL)
		return;
	cost = json_new_object();
	json_put_num(cost, "amount", entry->amount);
	json_put_str(cost, "unit", entry->unit);
	json_put(o, "cost", cost);
}

bool
entry_add(void *arg, const struct ledger_entry *entry)
{
	struct json_object *o = json_new_object();
	struct buf *b = arg;

	json_put_str(o, "key", entry->key);
	json_put_str(o, "state", entry->state);
	if (entry->busy)
		json_put_bool(o, "busy", true);
	json_put_str(o, "operation", entry->operation);
	json_put_str(o, "provider", entry->provider);
	json_put_str(o, "base_url", entry->base);
	json_put_str(o, "account", entry->account);
	json_put_str(o, "subject", entry->subject);
	json_put_str(o, "name", entry->name);
	json_put_str(o, "sent_name", entry->sent_name);
	put_json(o, "options", entry->options);
	json_put_str(o, "id", entry->id);
	put_json(o, "data", entry->data);
	json_put_str(o, "tag", entry->tag);
	json_put_str(o, "file", entry->file);
	put_cost(o, entry);
	put_time(o, "first_at", entry->first_at);
	put_time(o, "at", entry->at);
	put_time(o, "settled_at", entry->settled_at);
	if (entry->clock_offset != 0)
		json_put_int(o, "clock_offset_ms", entry->clock_offset);
	json_write(b, o);
	buf_chr(b, '\n');
	json_object_put(o);
	return true;
}

bool
entry_print(void *arg, const struct ledger_entry *entry)
{
	struct buf *b = arg;

	buf_clear(b);
	entry_add(b, entry);
	return fwrite(b->data, 1, b->len, stdout) == b->len;
}
