#include <errno.h>
#include <fcntl.h>
#include <getopt.h>
#include <sched.h>
#include <signal.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sysexits.h>
#include <unistd.h>

#include "base/buf.h"
#include "base/config.h"
#include "base/err.h"
#include "base/mem.h"
#include "base/shell.h"
#include "base/similar.h"
#include "base/units.h"
#include "base/version.h"
#include "program/opt.h"

/* getopt_long returns this plus the row's index for a row without a letter. */
#define LONG_ONLY 256
#define HELP_ALL  128
#define MAX_ROWS  64

/* What an option's value has to be, and one that is right. */
static const struct {
	const char *wanted, *example;
} right[] = {
    [OPT_INT] = {"a number from 1 to 2147483647", "1"},
    [OPT_MS] = {"a time such as 90s, 10m or 1h", "10m"},
    [OPT_BYTES] = {"a number of bytes such as 1000, 64k or 4M", "64M"},
    [OPT_RATE] = {"a rate such as 5/s or 30/m", "5/s"},
};

static void
print_row(char letter, const char *name, const char *arg, const char *help)
{
	char left[64];

	snprintf(left, sizeof left, "  %c%c%s --%s%s%s", letter != 0 ? '-' : ' ',
	    letter != 0 ? letter : ' ', letter != 0 ? "," : " ", name,
	    arg != NULL ? " " : "", arg != NULL ? arg : "");
	printf(strlen(left) < 30 ? "%-30s%s\n" : "%s\n                              %s\n",
	    left, help);
}

/* Names an option that only --help-all explains; column: where the line ends. */
static void
print_name(char letter, const char *name, int *column)
{
	const char *lead = *column == 0 ? "  " : ", ";
	char text[40];
	int len = letter != 0 ? snprintf(text, sizeof text, "-%c --%s", letter, name)
	                      : snprintf(text, sizeof text, "--%s", name);

	if (*column + len > 76) {
		lead = ",\n  ";
		*column = 0;
	}
	printf("%s%s", lead, text);
	*column += 2 + len;
}

static void
print_rare(const struct opt *table)
{
	int column = 0;

	puts("others, which --help-all explains:");
	for (; table->name != NULL; table++)
		if (table->type & OPT_RARE)
			print_name(table->letter, table->name, &column);
	print_name('h', "help", &column);
	print_name('V', "version", &column);
	putchar('\n');
}

static void
print_help(const struct opt_usage *usage, const struct opt *table, bool all)
{
	bool rare = false;

	printf("usage: %s\n\n%s\n\n", usage->synopsis, usage->about);
	for (const struct opt *row = table; row->name != NULL; row++) {
		rare = rare || (row->type & OPT_RARE) != 0;
		if (all || !(row->type & OPT_RARE))
			print_row(row->letter, row->name, row->arg, row->help);
	}
	if (all || !rare)
		print_row('h', "help", NULL, "print this help and exit");
	if (all && rare)
		print_row(0, "help-all", NULL, "print this help with every option");
	if (all || !rare)
		print_row('V', "version", NULL, "print the version and exit");
	else
		print_rare(table);
	printf("\nexamples:\n%s", usage->examples);
}

void
opt_misuse(const struct opt_usage *usage, const char *fmt, ...)
{
	char message[512];
	va_list ap;

	va_start(ap, fmt);
	vsnprintf(message, sizeof message, fmt, ap);
	va_end(ap);
	say("%s: %s", program_invocation_short_name, message);
	fprintf(stderr, "usage: %s (-h explains)\n", usage->synopsis);
	exit(EX_USAGE);
}

static enum opt_type
type_of(const struct opt *row)
{
	return (enum opt_type)((unsigned)row->type % OPT_RARE);
}

/* Stores the option's value in its member. False: the value is malformed. */
static bool
set_member(const struct opt *row, void *into, const char *arg)
{
	void *member = (char *)into + row->offset;

	switch (type_of(row)) {
	case OPT_FLAG:
		*(bool *)member = true;
		return true;
	case OPT_COUNT:
		++*(int *)member;
		return true;
	case OPT_STR:
		*(const char **)member = arg;
		return true;
	case OPT_INT:
		return units_count(arg, member);
	case OPT_MS:
		return units_ms(arg, member) && *(int64_t *)member > 0;
	case OPT_BYTES:
		return units_bytes(arg, member);
	case OPT_RATE:
		return units_rate(arg, member);
	case OPT_LIST:
		strings_add(member, arg);
		return true;
	case OPT_RARE:
		break;
	}
	return false;
}

/* Makes the arguments of getopt_long from the table. */
static void
make_getopt_args(const struct opt *table, char *letters, struct option *longs)
{
	size_t n;

	*letters++ = ':';
	for (n = 0; n < MAX_ROWS - 4 && table[n].name != NULL; n++) {
		const struct opt *row = &table[n];
		longs[n] = (struct option){row->name,
		    row->arg != NULL ? required_argument : no_argument, NULL,
		    row->letter != 0 ? row->letter : LONG_ONLY + (int)n};
		if (row->letter != 0)
			*letters++ = row->letter;
		if (row->letter != 0 && row->arg != NULL)
			*letters++ = ':';
	}
	longs[n++] = (struct option){"help", no_argument, NULL, 'h'};
	longs[n++] = (struct option){"help-all", no_argument, NULL, HELP_ALL};
	longs[n++] = (struct option){"version", no_argument, NULL, 'V'};
	longs[n] = (struct option){NULL, 0, NULL, 0};
	strcpy(letters, "hV");
}

/* An option as it was typed: "-j" or "--jobs". */
struct typed {
	const struct opt *row;
	char name[64];
};

/* is_long: it was typed as a long option. NULL for row->name: it is not in the table. */
static void
find_typed(struct typed *t, const struct opt *table, int c, bool is_long)
{
	size_t i = 0;

	while (table[i].name != NULL && c != table[i].letter && c != LONG_ONLY + (int)i)
		i++;
	t->row = &table[i];
	if (is_long)
		snprintf(t->name, sizeof t->name, "--%s", t->row->name);
	else
		snprintf(t->name, sizeof t->name, "-%c", c);
}

/* Ends the program: an option is not in the table, or is a flag that has a value. arg: the
 * argument that it is in, if it is a long one. */
_Noreturn static void
refuse_option(const struct opt_usage *usage, const struct option *longs, const char *arg)
{
	int len = (int)strcspn(arg, "=");
	struct similar s = {.word = arg};

	/* optopt is 0 for an unknown long option, the value of its row for a known one. */
	for (; optopt != 0 && longs->name != NULL; longs++)
		if (longs->val == optopt)
			opt_misuse(usage, "%.*s takes no value; write only %.*s", len,
			    arg, len, arg);
	if (optopt == 0)
		similar_options(&s, longs);
	if (s.hint[0] != '\0')
		opt_misuse(usage, "unknown option '%.*s'%s", len, arg, s.hint);
	if (optopt == 0)
		opt_misuse(usage, "unknown option '%.*s'; %s --help-all lists all", len,
		    arg, program_invocation_short_name);
	opt_misuse(usage, "unknown option '-%c'; %s --help-all lists all", optopt,
	    program_invocation_short_name);
}

_Noreturn static void
refuse_value(const struct opt_usage *usage, const struct typed *t, const char *value)
{
	const char *fallback = strchr(t->row->help, '('),
	           *example = right[type_of(t->row)].example;
	int len = (int)strlen(example);

	/* The help names most defaults: "requests in flight (4)". */
	if (type_of(t->row) == OPT_INT && fallback != NULL &&
	    strspn(fallback + 1, "0123456789") == strcspn(fallback + 1, ")")) {
		example = fallback + 1;
		len = (int)strcspn(example, ")");
	}
	opt_misuse(usage, "%s takes %s, not '%s'; try %s %.*s", t->name,
	    right[type_of(t->row)].wanted, value, t->name, len, example);
}

/* Opens /dev/null for each closed standard stream: a file that the program opens later
 * would take the stream's number, and records would be written into it. /dev/null is
 * opened the wrong way round, so that reading and writing fail as before. */
static void
fill_closed_streams(void)
{
	static const int modes[] = {O_WRONLY, O_RDONLY, O_RDWR};

	for (int i = 0; i <= STDERR_FILENO; i++)
		if (fcntl(i, F_GETFD) < 0 && open("/dev/null", modes[i]) != i)
			die(EX_OSERR, "cannot open /dev/null:");
}

/* A file over the limit on its size (ulimit -f) is a failed write, not the end of the
 * process. The memory and the environment may hold keys, so no core file is left. */
static void
set_up_process(void)
{
	signal(SIGXFSZ, SIG_IGN);
	setrlimit(RLIMIT_CORE, &(struct rlimit){0});
}

int
opt_parse(int argc, char *argv[], const struct opt_usage *usage, const struct opt *table,
    void *into)
{
	char letters[2 * MAX_ROWS + 4];
	struct option longs[MAX_ROWS + 1];
	struct typed t;
	int c, is_long;

	fill_closed_streams();
	set_up_process();
	make_getopt_args(table, letters, longs);
	opterr = 0;
	while (
	    is_long = -1, (c = getopt_long(argc, argv, letters, longs, &is_long)) != -1) {
		if (c == 'h' || c == HELP_ALL)
			print_help(usage, table, c == HELP_ALL);
		if (c == 'V')
			printf("%s %s\n", program_invocation_short_name, av_version);
		if (c == 'h' || c == HELP_ALL || c == 'V')
			exit(fflush(stdout) == 0 ? EX_OK : EX_IOERR);
		if (c == '?')
			refuse_option(usage, longs, argv[optind - 1]);
		find_typed(&t, table, c == ':' ? optopt : c,
		    c == ':' ? strncmp(argv[optind - 1], "--", 2) == 0 : is_long >= 0);
		if (c == ':')
			opt_misuse(usage, "%s needs a value; write %s %s", t.name, t.name,
			    t.row->arg);
		if (!set_member(t.row, into, optarg))
			refuse_value(usage, &t, optarg);
	}
	return optind;
}

void
opt_line(const struct opt_common *common, char *text, size_t size)
{
	struct buf line = {.max = size - 1};

	for (int i = 1; i < common->first; i++) {
		const char *word = common->argv[i];

		if (strcmp(word, "--") == 0)
			break;
		if (strcmp(word, "-0") == 0 || strcmp(word, "--null") == 0)
			continue; /* what comes in another time are records */
		buf_chr(&line, ' ');
		shell_word(&line, word);
	}
	snprintf(text, size, "%s", line.data != NULL && !line.full ? line.data : "");
	buf_release(&line);
}

/* from: the option or the variable that has the name. */
static enum opt_progress
way_named(const struct opt_usage *usage, const char *name, const char *from)
{
	static const char *const names[] = {"auto", "plain", "json", "none"};

	for (size_t i = 0; i < sizeof names / sizeof *names; i++)
		if (strcmp(name, names[i]) == 0)
			return (enum opt_progress)i;
	opt_misuse(usage, "%s takes auto, plain, json or none, not '%s'; try %s%splain",
	    from, name, from, strncmp(from, "--", 2) == 0 ? " " : "=");
}

void
opt_common_finish(
    struct opt_common *common, const struct opt_usage *usage, char *argv[], int first)
{
	const char *jobs, *way = getenv("AV_PROGRESS");
	char *copy, *rest, *name;

	common->argv = argv;
	common->first = first;
	(void)config_load(&common->bad_config);
	jobs = config_get("jobs");
	common->provider = config_choose(
	    common->provider, getenv("AV_PROVIDER"), config_get("provider"), NULL, NULL);
	copy = rest = mem_str(common->provider);
	while (rest != NULL && (name = strsep(&rest, ",")) != NULL)
		if (*name != '\0')
			strings_add(&common->providers, mem_str(name));
	free(copy);
	common->jobs_given =
	    common->jobs != 0 || (jobs != NULL && units_count(jobs, &common->jobs));
	if (!common->jobs_given)
		common->jobs = 4;
	if (common->progress != NULL)
		common->way = way_named(usage, common->progress, "--progress");
	else if (way != NULL && *way != '\0')
		common->way = way_named(usage, way, "AV_PROGRESS");
	err_set_level(common->quiet ? -1 : common->verbose);
}

/* How many cores the process may run on: taskset and cpusets limit them. */
static unsigned
cores(void)
{
	cpu_set_t set;
	long online;

	if (sched_getaffinity(0, sizeof set, &set) == 0)
		return (unsigned)CPU_COUNT(&set);
	online = sysconf(_SC_NPROCESSORS_ONLN); /* more than a cpu_set_t holds */
	return online > 0 ? (unsigned)online : 1;
}

unsigned
opt_jobs(const struct opt_common *common, unsigned max)
{
	int64_t jobs = common->jobs_given ? common->jobs : cores();

	return jobs < max ? (unsigned)jobs : max;
}
