#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sysexits.h>
#include <time.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/err.h"
#include "base/mem.h"
#include "ledger/entries.h"
#include "os/lines.h"
#include "program/opt.h"
#include "json/json.h"

enum {
	LINE_MAX_BYTES = 16 << 20,
	BATCH = 5000, /* entries imported in one transaction */
};

struct options {
	const char *file, *provider, *account, *state, *id, *made;
	bool not_made, quiet;
};

#define AT(member) offsetof(struct options, member)

static const struct opt table[] = {
    {0, "ledger", "FILE", "the ledger (AV_LEDGER, then the state directory)", OPT_STR,
        AT(file)},
    {'p', "provider", "NAME", "list, export: only entries of this provider", OPT_STR,
        AT(provider)},
    {0, "account", "LABEL", "list, export: only entries of this account", OPT_STR,
        AT(account)},
    {0, "state", "STATE",
        "list, export: in this state: intended, made,\n"
        "                              unknown, not_made, failed or gone",
        OPT_STR, AT(state)},
    {0, "id", "ID", "list, export: only entries with this id", OPT_STR, AT(id)},
    {0, "made", "ID", "settle: the service made it, with this id", OPT_STR, AT(made)},
    {0, "not-made", NULL, "settle: the service did not make it", OPT_FLAG, AT(not_made)},
    {'q', "quiet", NULL, "print only errors on stderr", OPT_FLAG, AT(quiet)},
    {0},
};

static const char *const states[] = {
    "intended", "made", "unknown", "not_made", "failed", "gone"};

static const struct opt_usage usage = {
    .synopsis = "av-ledger list|export [KEY...] | import [FILE...] | forget KEY... |\n"
                "       settle KEY --made ID|--not-made | check",
    .about = "Shows what was paid for, and settles requests whose outcome is unknown:\n"
             "  list     print the entries\n"
             "  export   the same, for another ledger\n"
             "  import   read exported entries\n"
             "  settle   say what became of an unknown request\n"
             "  forget   remove a key, so that the next run pays for it again\n"
             "  check    verify the ledger\n"
             "The first digits of a KEY are enough if they fit only one key.",
    .examples =
        "  av-ledger list --state unknown\n"
        "  av-ledger settle 3f9a2c --made 7b0f12\n"
        "  av-ledger settle 3f9a2c --not-made\n"
        "  av-ledger forget 3f9a2c >forgotten.jsonl    # the next upload makes it again\n"
        "  av-ledger import forgotten.jsonl            # undo that\n"
        "  av-ledger export | ssh other av-ledger import\n",
};

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

/* Appends the entry's line. */
static bool
add_entry(void *arg, const struct ledger_entry *entry)
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

static bool
print_entry(void *arg, const struct ledger_entry *entry)
{
	struct buf *b = arg;

	buf_clear(b);
	add_entry(b, entry);
	return fwrite(b->data, 1, b->len, stdout) == b->len;
}

static int
list(struct ledger *l, const struct options *o, char **keys)
{
	struct ledger_filter filter = {.provider = o->provider,
	    .account = o->account,
	    .state = o->state,
	    .id = o->id};
	struct buf b = {0};
	struct err e;

	do {
		filter.key = *keys;
		if (ledger_each(l, &filter, print_entry, &b, &e) < 0)
			err_die(&e);
	} while (*keys != NULL && *++keys != NULL);
	buf_release(&b);
	return 0;
}

/* Reads a time such as "2026-11-21T23:02:17.123Z" as ms since 1970; 0 if it is absent. False: the
 * value is not a time. */
static bool
get_time(struct json_object *o, const char *pointer, int64_t *at)
{
	const char *text = json_str(o, pointer), *rest;
	struct tm tm = {0};
	int ms = 0, used = 0;

	*at = 0;
	if (json_at(o, pointer) == NULL)
		return true;
	rest = text != NULL ? strptime(text, "%Y-%m-%dT%H:%M:%S", &tm) : NULL;
	if (rest == NULL)
		return false;
	if (strcmp(rest, "Z") != 0 &&
	    (sscanf(rest, ".%3dZ%n", &ms, &used) != 1 || used != 5 || rest[used] != '\0'))
		return false;
	*at = (int64_t)timegm(&tm) * 1000 + ms;
	return true;
}

/* True if the entry has every required text. */
static bool
is_complete(const struct ledger_entry *n)
{
	return n->key != NULL && n->state != NULL && n->operation != NULL &&
	       n->provider != NULL && n->base != NULL && n->account != NULL &&
	       n->subject != NULL && n->tag != NULL;
}

static int
import_line(struct ledger *l, const struct line *line, struct err *e)
{
	struct json_object *o = NULL;
	struct buf options = {0}, data = {0};
	struct ledger_entry n;
	int rc;

	if (line->too_long)
		return err_set(e, CODE_RECORD_TOO_LONG, "the line is longer than 16 MiB");
	if ((o = json_parse(line->text, line->len, e)) == NULL) {
		e->code = CODE_INVALID_RECORD;
		return -1;
	}
	json_write(&options, json_at(o, "/options"));
	if (json_at(o, "/data") != NULL)
		json_write(&data, json_at(o, "/data"));
	n = (struct ledger_entry){.key = json_str(o, "/key"),
	    .state = json_str(o, "/state"),
	    .operation = json_str(o, "/operation"),
	    .provider = json_str(o, "/provider"),
	    .base = json_str(o, "/base_url"),
	    .account = json_str(o, "/account"),
	    .subject = json_str(o, "/subject"),
	    .name = json_str(o, "/name"),
	    .sent_name = json_str(o, "/sent_name"),
	    .options = options.data,
	    .id = json_str(o, "/id"),
	    .data = data.data,
	    .tag = json_str(o, "/tag"),
	    .file = json_str(o, "/file"),
	    .unit = json_str(o, "/cost/unit"),
	    .amount = json_num(o, "/cost/amount", 0),
	    .clock_offset = json_int(o, "/clock_offset_ms", 0)};
	if (is_complete(&n) && get_time(o, "/first_at", &n.first_at) &&
	    get_time(o, "/at", &n.at) && get_time(o, "/settled_at", &n.settled_at))
		rc = ledger_import(l, &n, e);
	else
		rc = err_set(e, CODE_INVALID_RECORD,
		    "the line is not a ledger entry: a member is missing or of another type");
	buf_release(&options);
	buf_release(&data);
	json_object_put(o);
	return rc;
}

struct counts {
	long line, entered, known, refused, pending;
};

static void
import_lines(struct ledger *l, struct lines *lines, const char *name, struct counts *c)
{
	struct line line;
	struct err e;

	while (c->pending < BATCH && lines_next(lines, &line)) {
		int rc;

		c->line++;
		if (line.len == 0)
			continue;
		rc = import_line(l, &line, &e);
		if (rc < 0 && code_info(e.code)->retryable)
			err_die(&e);
		if (rc < 0)
			warn("%s:%ld: %s", name, c->line, e.message);
		c->entered += rc > 0;
		c->known += rc == 0;
		c->refused += rc < 0;
		c->pending++;
	}
}

static bool
would_block(int fd)
{
	struct pollfd p = {.fd = fd, .events = POLLIN};

	return poll(&p, 1, 0) == 0;
}

/* Imports lines in one transaction. The transaction ends before a read would block, so that other
 * processes can write meanwhile. */
static void
import_batch(struct ledger *l, struct lines *lines, const char *name, struct counts *c)
{
	struct err e;

	c->pending = 0;
	if (ledger_begin(l, &e) < 0)
		err_die(&e);
	import_lines(l, lines, name, c);
	while (c->pending < BATCH && !lines->eof && !would_block(lines->fd)) {
		if (lines_read(lines) < 0)
			die(EX_NOINPUT, "cannot read '%s':", name);
		import_lines(l, lines, name, c);
	}
	if (ledger_commit(l, &e) < 0)
		err_die(&e);
}

static void
import_file(struct ledger *l, int fd, const char *name, struct counts *c)
{
	struct lines lines;

	lines_init(&lines, fd, '\n', LINE_MAX_BYTES);
	c->line = c->pending = 0;
	while (!lines.eof || c->pending == BATCH) {
		/* A full batch may leave lines in memory. */
		if (c->pending < BATCH && lines_read(&lines) < 0)
			die(EX_NOINPUT, "cannot read '%s':", name);
		import_batch(l, &lines, name, c);
	}
	lines_release(&lines);
}

static int
import(struct ledger *l, const struct options *o, char **files)
{
	struct counts c = {0};

	(void)o;
	for (char **file = files; *file != NULL; file++)
		if (access(*file, R_OK) < 0)
			die(EX_NOINPUT, "cannot open '%s':", *file);
	if (*files == NULL)
		import_file(l, STDIN_FILENO, "stdin", &c);
	for (; *files != NULL; files++) {
		int fd = open(*files, O_RDONLY | O_CLOEXEC);
		if (fd < 0)
			die(EX_NOINPUT, "cannot open '%s':", *files);
		import_file(l, fd, *files, &c);
		close(fd);
	}
	printf("{\"entered\":%ld,\"known\":%ld,\"refused\":%ld}\n", c.entered, c.known,
	    c.refused);
	return c.refused > 0 ? EX_DATAERR : 0;
}

static int
settle(struct ledger *l, const struct options *o, char **keys)
{
	struct err e;

	if (*keys == NULL || keys[1] != NULL || (o->made != NULL) == o->not_made)
		opt_misuse(
		    &usage, "settle takes one KEY and either --made ID or --not-made");
	if (o->made != NULL && o->made[0] == '\0')
		opt_misuse(&usage, "--made: the id is empty");
	if (ledger_settle_unknown(l, *keys, o->made, &e) < 0)
		err_die(&e);
	return list(l, &(struct options){0}, keys);
}

/* Prints the removed entries, so that they can be imported again. */
static int
forget(struct ledger *l, const struct options *o, char **keys)
{
	struct buf b = {0};
	struct err e;

	(void)o;
	if (*keys == NULL)
		opt_misuse(&usage, "forget takes one KEY or more");
	for (; *keys != NULL; keys++) {
		buf_clear(&b);
		if (ledger_each(l, &(struct ledger_filter){.key = *keys}, add_entry, &b,
		        &e) < 0 ||
		    ledger_forget(l, *keys, &e) < 0)
			err_die(&e);
		fwrite(b.data, 1, b.len, stdout);
	}
	buf_release(&b);
	return 0;
}

static void
print_problem(void *arg, const char *problem)
{
	struct json_object *o = json_new_object();
	struct buf *b = arg;

	json_put_str(o, "problem", problem);
	buf_clear(b);
	json_write(b, o);
	puts(b->data);
	json_object_put(o);
}

static int
check(struct ledger *l, const struct options *o, char **operands)
{
	struct buf b = {0};
	struct err e;
	int n;

	(void)o;
	if (*operands != NULL)
		opt_misuse(&usage, "check takes no operands");
	n = ledger_check(l, print_problem, &b, &e);
	if (n < 0)
		err_die(&e);
	buf_release(&b);
	return n > 0 ? EX_DATAERR : 0;
}

static const struct command {
	const char *name;
	int (*run)(struct ledger *l, const struct options *o, char **operands);
	bool filters; /* takes -p, --account, --state and --id */
	bool settles; /* takes --made and --not-made */
	bool makes;   /* makes a missing ledger file */
} commands[] = {
    {.name = "list", .run = list, .filters = true},
    {.name = "export", .run = list, .filters = true},
    {.name = "import", .run = import, .makes = true},
    {.name = "settle", .run = settle, .settles = true},
    {.name = "forget", .run = forget},
    {.name = "check", .run = check},
};

static const struct command *
find_command(const char *name)
{
	for (size_t i = 0; name != NULL && i < sizeof commands / sizeof commands[0]; i++)
		if (strcmp(commands[i].name, name) == 0)
			return &commands[i];
	opt_misuse(&usage, "%s%s", name != NULL ? "no such command: " : "no command",
	    name != NULL ? name : "");
}

/* An option that the command would ignore is an error: the user may rely on it. */
static void
check_options(const struct command *c, const struct options *o)
{
	bool filters = o->provider != NULL || o->account != NULL || o->state != NULL ||
	               o->id != NULL;
	size_t i = 0;

	if (filters && !c->filters)
		opt_misuse(&usage, "%s takes no -p, --account, --state or --id", c->name);
	if ((o->made != NULL || o->not_made) && !c->settles)
		opt_misuse(&usage, "%s takes no --made or --not-made", c->name);
	while (o->state != NULL && i < sizeof states / sizeof states[0] &&
	       strcmp(o->state, states[i]) != 0)
		i++;
	if (i == sizeof states / sizeof states[0])
		opt_misuse(&usage,
		    "'%s' is not a state: use intended, made, unknown, not_made, failed or "
		    "gone",
		    o->state);
}

/* A mistyped file name must be an error, not an empty ledger. */
static void
check_file(const struct command *c, const char *file)
{
	const char *used = file != NULL ? file : getenv("AV_LEDGER");

	if (used != NULL && strcmp(used, "none") == 0)
		die(EX_CONFIG,
		    "the ledger 'none' is not kept in a file; name a file with --ledger or "
		    "AV_LEDGER");
	if (file != NULL && !c->makes && access(file, F_OK) < 0 && errno == ENOENT)
		die(EX_CONFIG, "there is no ledger '%s'", file);
}

int
main(int argc, char *argv[])
{
	struct options o = {0};
	char **operands = argv + opt_parse(argc, argv, &usage, table, &o);
	const struct command *command = find_command(*operands);
	struct ledger *l;
	struct err e;
	int status;

	if (o.quiet)
		err_set_level(-1);
	check_options(command, &o);
	check_file(command, o.file);
	l = ledger_open(o.file, NULL, &e);
	if (l == NULL)
		err_die(&e);
	status = command->run(l, &o, operands + 1);
	ledger_free(l);
	if (fflush(stdout) != 0 || ferror(stdout) || fclose(stdout) != 0)
		die(EX_IOERR, "cannot write the output:");
	return status;
}
