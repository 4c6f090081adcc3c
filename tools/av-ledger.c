/*
 * av-ledger: lists, exports, imports and settles paid requests. The larger commands are in
 * av-ledger/.
 */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sysexits.h>
#include <unistd.h>

#include "av-ledger/commands.h"
#include "base/err.h"
#include "base/similar.h"
#include "json/json.h"

#define AT(member) offsetof(struct options, member)

static const struct opt table[] = {
    {0, "ledger", "FILE",
        "file, or postgresql://... (AV_LEDGER, then the state directory)",
        OPT_STR | OPT_RARE, AT(file)},
    {'p', "provider", "NAME", "list, spend: only entries of this provider",
        OPT_STR | OPT_RARE, AT(provider)},
    {0, "account", "LABEL", "list: only entries of this account", OPT_STR | OPT_RARE,
        AT(account)},
    {0, "state", "STATE", "list: made, unknown, not_made, failed, gone ...", OPT_STR,
        AT(state)},
    {0, "id", "ID", "list: only entries with this id", OPT_STR | OPT_RARE, AT(id)},
    {0, "since", "WHEN", "spend: a date, a day (monday), an age (7d)", OPT_STR | OPT_RARE,
        AT(since)},
    {0, "until", "WHEN", "spend: the same; a day is included", OPT_STR | OPT_RARE,
        AT(until)},
    {0, "lease", "SECONDS",
        "init: a process that is silent for so long counts as dead (60)",
        OPT_INT | OPT_RARE, AT(lease)},
    {0, "json", NULL, "show, spend: print JSON lines", OPT_FLAG | OPT_RARE, AT(json)},
    {0, "made", "ID", "settle: the service made it, with this id", OPT_STR, AT(made)},
    {0, "not-made", NULL, "settle: the service did not make it", OPT_FLAG, AT(not_made)},
    {'q', "quiet", NULL, "print only errors on stderr", OPT_FLAG | OPT_RARE, AT(quiet)},
    {0},
};

static const char *const states[] = {
    "intended", "made", "unknown", "not_made", "failed", "gone"};

const struct opt_usage ledger_usage = {
    .synopsis = "av-ledger list|export [KEY...] | show FILE|ID|KEY... | spend |\n"
                "       import [FILE...] | settle [KEY] --made ID|--not-made |\n"
                "       forget KEY... | check | init",
    .about = "Shows what was paid for, and settles requests whose outcome is unknown:\n"
             "  list     print the entries; export: the same, for another ledger\n"
             "  show     was this photo, avatar or request charged?\n"
             "  spend    sum up the cost by provider\n"
             "  import   read exported entries\n"
             "  settle   say what became of unknown requests: of a KEY, or of records\n"
             "  forget   remove a key, so that the next run pays for it again\n"
             "  check    verify the ledger; init: make one in PostgreSQL",
    .examples = "  av-ledger list --state unknown\n"
                "  av-ledger settle 3f9a2c --made 7b0f12\n",
};

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
		if (ledger_each(l, &filter, entry_print, &b, &e) < 0)
			err_die(&e);
	} while (*keys != NULL && *++keys != NULL);
	buf_release(&b);
	return 0;
}

/* Prints the removed entries, so that they can be imported again. */
static int
forget(struct ledger *l, const struct options *o, char **keys)
{
	struct buf b = {0};
	struct err e;

	(void)o;
	if (*keys == NULL)
		opt_misuse(&ledger_usage,
		    "forget takes one KEY or more; av-ledger list shows them");
	for (; *keys != NULL; keys++) {
		buf_clear(&b);
		if (ledger_each(l, &(struct ledger_filter){.key = *keys}, entry_add, &b,
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
		opt_misuse(&ledger_usage,
		    "check takes no operands; for another ledger: av-ledger check --ledger FILE");
	n = ledger_check(l, false, print_problem, &b, &e);
	if (n < 0)
		err_die(&e);
	buf_release(&b);
	return n > 0 ? EX_DATAERR : 0;
}

/* Runs without a ledger, which it makes. */
static int
init(struct ledger *l, const struct options *o, char **operands)
{
	int made, lease = (int)o->lease;
	struct err e;

	(void)l;
	if (*operands != NULL)
		opt_misuse(&ledger_usage,
		    "init takes no operands; name the ledger: av-ledger init --ledger postgresql://HOST/DATABASE");
	made = ledger_init(o->file, &lease, &e);
	if (made < 0)
		err_die(&e);
	if (lease == 0)
		warn(
		    "a ledger in a file needs no init; one for many machines: av-ledger init --ledger postgresql://HOST/DATABASE");
	else
		warn(
		    "the ledger %s %s; a process that is silent for %d seconds counts as dead",
		    ledger_choose(o->file, NULL), made ? "is made" : "was there already",
		    lease);
	return 0;
}

/* Options that only some commands take. */
enum {
	TAKES_PROVIDER = 1,
	TAKES_FILTERS = 2,
	TAKES_OUTCOME = 4,
	TAKES_PERIOD = 8,
	TAKES_JSON = 16
};

static const struct command {
	const char *name;
	int (*run)(struct ledger *l, const struct options *o, char **operands);
	int takes;
	bool makes; /* makes a missing ledger file */
} commands[] = {
    {.name = "list", .run = list, .takes = TAKES_PROVIDER | TAKES_FILTERS},
    {.name = "show", .run = show, .takes = TAKES_JSON},
    {.name = "spend", .run = spend, .takes = TAKES_PROVIDER | TAKES_PERIOD | TAKES_JSON},
    {.name = "export", .run = list, .takes = TAKES_PROVIDER | TAKES_FILTERS},
    {.name = "import", .run = import_entries, .makes = true},
    {.name = "settle", .run = settle, .takes = TAKES_OUTCOME},
    {.name = "forget", .run = forget},
    {.name = "check", .run = check},
    {.name = "init", .run = init, .makes = true},
};

static const struct command *
find_command(const char *name)
{
	struct similar similar = {.word = name};

	if (name == NULL)
		opt_misuse(&ledger_usage, "no command is given; try av-ledger list");
	for (size_t i = 0; i < sizeof commands / sizeof commands[0]; i++) {
		if (strcmp(commands[i].name, name) == 0)
			return &commands[i];
		similar_try(&similar, commands[i].name);
	}
	opt_misuse(&ledger_usage, "no such command: %s%s", name,
	    similar.hint[0] != '\0' ? similar.hint : "; try av-ledger list");
}

/* An option that the command would ignore is an error: the user may rely on it. */
static void
check_options(const struct command *c, const struct options *o)
{
	const struct {
		int takes;
		bool given;
		const char *names;
	} groups[] = {
	    {TAKES_PROVIDER, o->provider != NULL, "-p"},
	    {TAKES_FILTERS, o->account != NULL || o->state != NULL || o->id != NULL,
	        "--account, --state or --id"},
	    {TAKES_OUTCOME, o->made != NULL || o->not_made, "--made or --not-made"},
	    {TAKES_PERIOD, o->since != NULL || o->until != NULL, "--since or --until"},
	    {TAKES_JSON, o->json, "--json"},
	};
	struct similar similar = {.word = o->state};
	size_t i = 0;

	for (size_t k = 0; k < sizeof groups / sizeof groups[0]; k++)
		if (groups[k].given && (c->takes & groups[k].takes) == 0)
			opt_misuse(&ledger_usage, "%s takes no %s; leave it out", c->name,
			    groups[k].names);
	for (; o->state != NULL && i < sizeof states / sizeof states[0] &&
	       strcmp(o->state, states[i]) != 0;
	     i++)
		similar_try(&similar, states[i]);
	if (i == sizeof states / sizeof states[0])
		opt_misuse(&ledger_usage,
		    "--state takes intended, made, unknown, not_made, failed or gone, not "
		    "'%s'%s",
		    o->state,
		    similar.hint[0] != '\0' ? similar.hint : "; try --state unknown");
}

/* A mistyped file name must be an error, not an empty ledger. */
static void
check_file(const struct command *c, const char *file)
{
	if (!ledger_lasts(file))
		die(EX_CONFIG,
		    "the ledger 'none' is not kept in a file; name a file with --ledger, "
		    "AV_LEDGER or ledger in avtools/config");
	if (file != NULL && !c->makes && !ledger_is_remote(file) &&
	    access(file, F_OK) < 0 && errno == ENOENT)
		die(EX_CONFIG, "there is no ledger '%s'", file);
}

int
main(int argc, char *argv[])
{
	struct options o = {0};
	char **operands = argv + opt_parse(argc, argv, &ledger_usage, table, &o);
	const struct command *command = find_command(*operands);
	struct ledger *l;
	struct err e;
	int status;

	if (o.quiet)
		err_set_level(-1);
	check_options(command, &o);
	check_file(command, o.file);
	if (command->run == init)
		return init(NULL, &o, operands + 1);
	l = ledger_open(o.file, NULL, &e);
	if (l == NULL)
		err_die(&e);
	status = command->run(l, &o, operands + 1);
	ledger_free(l);
	if (fflush(stdout) != 0 || ferror(stdout) || fclose(stdout) != 0)
		die(EX_IOERR, "cannot write the output: %s; %s", strerror(errno),
		    err_after_write(errno));
	return status;
}
