#include <stdlib.h>
#include <string.h>

#include "base/hex.h"
#include "base/mem.h"
#include "ledger/key.h"
#include "provider/options.h"
#include "service/ask.h"
#include "json/json.h"

/* The options for the ledger's key, without those whose schemas say that another value
 * asks for the same thing; of a file, its hash. The caller frees the array. */
static struct ledger_option *
key_options(const struct ask *a, size_t *n)
{
	struct json_object *declared = json_at(a->op->def, "/options/properties"),
	                   *options = a->options;
	struct ledger_option *list;

	*n = 0;
	if (options == NULL)
		return NULL;
	list = mem_new((size_t)json_object_object_length(options), sizeof *list);
	json_object_object_foreach(options, name, value)
	{
		if (!json_flag(json_member(declared, name), "/ledger", true))
			continue;
		if (options_file(a->op, name) != NULL)
			value =
			    json_at(json_member(json_member(a->vars, "options"), name),
			        "/sha256");
		list[*n].name = name;
		list[(*n)++].json =
		    json_object_to_json_string_ext(value, JSON_C_TO_STRING_PLAIN);
	}
	return list;
}

void
ask_init(struct ask_words *w, const struct ask *a)
{
	*w = (struct ask_words){.ledger = {.key = {.operation = a->op->name,
	                                       .provider = a->account->provider->name,
	                                       .base = a->account->base_url,
	                                       .account = a->account->label,
	                                       .subject = a->subject,
	                                       .name = a->name},
	                            .again = a->again,
	                            .sent_name = a->sent_name,
	                            .file = a->file,
	                            .unit = a->unit,
	                            .amount = a->amount,
	                            .clock_offset = a->account->clock_offset}};
	w->options = key_options(a, &w->ledger.key.noptions);
	w->ledger.key.options = w->options;
	if (a->match != NULL)
		json_write(&w->match, a->match);
	w->ledger.data = w->match.data;
}

void
ask_release(struct ask_words *w)
{
	free(w->options);
	buf_release(&w->match);
}

void
ask_mark(const struct ask *a, char mark[LEDGER_KEY_MARK])
{
	unsigned char hash[LEDGER_KEY_HASH];
	const struct ledger_key *key;
	struct ask_words w;
	char *options;

	ask_init(&w, a);
	key = &w.ledger.key;
	options = ledger_key_options(key->options, key->noptions);
	ledger_key_hash(key, options, hash);
	free(options);
	ask_release(&w);
	hex_of(mark, hash, LEDGER_KEY_MARK / 2);
}

struct json_object *
ask_kept(const struct ledger_answer *answer)
{
	struct err ignored;
	const char *text = answer->data != NULL ? answer->data : "";
	struct json_object *data = json_parse(text, strlen(text), &ignored);

	if (json_object_is_type(data, json_type_object))
		return data;
	json_object_put(data);
	return NULL;
}

void
ask_seek(struct lookup_spec *sought, const struct ledger_answer *answer)
{
	struct json_object *match = ask_kept(answer);

	if (match != NULL) {
		json_object_put(sought->match);
		sought->match = match;
	}
	sought->sent_at = answer->first_at;
	/* If it was not settled, its process may have been killed just now. */
	sought->lost_at = answer->settled_at;
	sought->clock_offset = answer->clock_offset;
	sought->earlier = true;
}
