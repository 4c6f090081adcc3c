/* Any line for av-ledger import: it is refused with words, or entered; then the same line
 * again changes nothing, and a check of the ledger finds nothing. */
#include "../../tools/av-ledger/import.c"

#include "json_parts.h"

static bool
count(void *arg, const struct ledger_entry *entry)
{
	need(entry->key != NULL && entry->state != NULL);
	++*(int *)arg;
	return true;
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct err e = {.code = CODE_NONE};
	struct ledger *l = ledger_open("none", NULL, &e);
	struct line line = {.text = (const char *)data, .len = size};
	static const struct ledger_filter all;
	int n = 0;

	need(l != NULL);
	if (import_line(l, &line, &e) < 0)
		need(e.message[0] != '\0');
	else
		need(import_line(l, &line, &e) >= 0);
	need(ledger_each(l, &all, count, &n, &e) == 0 && n <= 1);
	ledger_free(l);
	return 0;
}
