#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sysexits.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/err.h"
#include "base/sha256.h"
#include "base/utf8.h"
#include "commands.h"

#define DIGITS_MIN 4    /* of a key: fewer fit by chance */
#define SHOWN_MAX  1024 /* bytes of a text */

struct shown {
	bool json;
	size_t n;
	struct buf line;
};

/* Prints a text from outside, so that a terminal can show it. */
static void
print_text(const char *before, const char *text)
{
	char shown[SHOWN_MAX];

	utf8_show(shown, sizeof shown, text);
	printf("%s%s", before, shown);
}

/* Prints what the request costs, and whether that was charged. */
static void
print_charge(const struct ledger_entry *n)
{
	bool free = strcmp(n->state, "not_made") == 0;
	bool open = strcmp(n->state, "unknown") == 0 || strcmp(n->state, "intended") == 0;
	bool made = !free && !open; /* failed and gone: it was made, and paid for */

	printf("  charged  %s", made ? "yes" : free ? "no" : "unknown");
	if (!free && n->unit != NULL && n->amount > 0) {
		printf("%s%.15g", made ? ": " : ", perhaps ", n->amount);
		print_text(" ", n->unit);
	} else if (made && n->unit == NULL) {
		printf(", but the cost was not noted");
	}
	print_text(" (", n->provider);
	print_text(", ", n->operation);
	printf(")\n");
}

static void
print_state(const struct ledger_entry *n)
{
	int64_t at = n->settled_at != 0 ? n->settled_at : n->at;
	char time[CLOCK_TEXT];

	printf("  state    %s since %s", n->busy ? "under way" : n->state,
	    clock_write(time, at) != NULL ? time : "an unknown time");
	if (n->id != NULL && n->id[0] != '\0')
		print_text(", id ", n->id);
	if (n->sent_name != NULL)
		print_text(", name ", n->sent_name);
	printf("\n  key      %s\n", n->key);
	if (strcmp(n->state, "unknown") == 0 && !n->busy)
		printf(
		    "  to do    see if the service has it, then: av-ledger settle %.12s "
		    "--made ID, or --not-made\n",
		    n->key);
}

static bool
show_entry(void *arg, const struct ledger_entry *entry)
{
	struct shown *s = arg;

	s->n++;
	if (s->json)
		return entry_print(&s->line, entry);
	print_text("", entry->file != NULL ? entry->file : entry->subject);
	printf("\n");
	print_charge(entry);
	print_state(entry);
	return ferror(stdout) == 0;
}

/* False: the path leads to no regular file that can be read. */
static bool
hash_file(const char *path, char hex[SHA256_HEX])
{
	int fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK);
	bool done = fd >= 0 && sha256_file(fd, hex);

	if (fd >= 0)
		close(fd);
	return done;
}

/* Shows what an operand is about: a file, its content, a URL or an id; else a key. */
static void
show_one(struct ledger *l, const char *operand, struct shown *s)
{
	struct ledger_filter about = {.about = operand}, key = {.key = operand};
	size_t digits = strspn(operand, "0123456789abcdefABCDEF");
	char hex[SHA256_HEX];
	struct err e;

	if (hash_file(operand, hex))
		about.sha256 = hex;
	s->n = 0;
	if (ledger_each(l, &about, show_entry, s, &e) < 0)
		err_die(&e);
	if (s->n == 0 && digits >= DIGITS_MIN && operand[digits] == '\0' &&
	    digits < SHA256_HEX && ledger_each(l, &key, show_entry, s, &e) < 0)
		err_die(&e);
}

int
show(struct ledger *l, const struct options *o, char **operands)
{
	struct shown s = {.json = o->json};
	int status = EX_OK;

	if (*operands == NULL)
		opt_misuse(&ledger_usage,
		    "show takes a FILE, an ID or a KEY; av-ledger list shows all");
	for (; *operands != NULL; operands++) {
		show_one(l, *operands, &s);
		if (s.n > 0)
			continue;
		warn("this ledger has no request for '%s': nothing was charged; a moved "
		     "photo is found by its content if the file is there",
		    *operands);
		status = EX_DATAERR;
	}
	buf_release(&s.line);
	return status;
}
