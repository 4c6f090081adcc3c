#include <stdio.h>
#include <sysexits.h>
#include <unistd.h>

#include "base/err.h"
#include "commands.h"
#include "os/lines.h"
#include "program/steps.h"
#include "json/rec.h"

/* The outcome that the user tells, and where it is being applied. */
struct settling {
	struct ledger *ledger;
	const char *made; /* the id, or NULL: not made */
	long line;        /* of the record; 0: a KEY of the command line */
	bool any;         /* the record had an unknown request */
	int status;
	struct buf text;
};

static void
complain(struct settling *s, const char *why)
{
	if (s->line > 0)
		warn("line %ld: %s", s->line, why);
	else
		warn("%s", why);
	s->status = EX_DATAERR;
}

/* Settles a key and prints its entry. A record's key may be settled already: by hand, or as that
 * of another record for the same. Returns true, to go on. */
static bool
settle_key(void *arg, const char *key)
{
	struct settling *s = arg;
	struct ledger_filter filter = {.key = key};
	struct err e, failed;
	int rc = ledger_settle_unknown(s->ledger, key, s->made, &failed);

	s->any = true;
	if (rc < 0 && failed.code != CODE_NOT_IN_LEDGER)
		err_die(&failed);
	if (rc < 0 && (s->line == 0 || ledger_is_settled(s->ledger, key, &e) != 1)) {
		complain(s, failed.message);
		return true;
	}
	if (rc < 0)
		warn("line %ld: settled before", s->line);
	if (ledger_each(s->ledger, &filter, entry_print, &s->text, &e) < 0)
		err_die(&e);
	return true;
}

static void
settle_record(struct settling *s, const struct line *line)
{
	struct err e;
	struct rec *rec;

	s->line++;
	if (line->len == 0)
		return;
	rec = rec_parse(line->text, line->len, &e);
	s->any = false;
	if (rec == NULL)
		complain(s, e.message);
	else if (steps_unknown(rec, NULL, settle_key, s), !s->any)
		complain(s, "the record has no request whose outcome is unknown");
	rec_free(rec);
}

static void
settle_records(struct settling *s)
{
	struct lines lines;
	struct line line;

	lines_init(&lines, STDIN_FILENO, '\n', REC_MAX);
	for (;;) {
		while (lines_next(&lines, &line))
			settle_record(s, &line);
		if (lines.eof)
			break;
		if (lines_read(&lines) < 0)
			die(EX_NOINPUT, "cannot read standard input:");
	}
	lines_release(&lines);
}

int
settle(struct ledger *l, const struct options *o, char **keys)
{
	struct settling s = {.ledger = l, .made = o->made, .status = EX_OK};

	if ((*keys != NULL && keys[1] != NULL) || (o->made != NULL) == o->not_made ||
	    (o->made != NULL && *keys == NULL))
		opt_misuse(&ledger_usage,
		    "settle takes one KEY and --made ID or --not-made, or --not-made and "
		    "records on standard input; try av-ledger settle KEY --not-made");
	if (o->made != NULL && o->made[0] == '\0')
		opt_misuse(&ledger_usage,
		    "--made takes the id that the service shows, not ''; or try --not-made");
	if (*keys == NULL && isatty(STDIN_FILENO))
		opt_misuse(&ledger_usage, "settle: give a KEY, or records, as in "
		                          "av-ledger settle --not-made <failed.jsonl");
	if (*keys != NULL)
		settle_key(&s, *keys);
	else
		settle_records(&s);
	buf_release(&s.text);
	return s.status;
}
