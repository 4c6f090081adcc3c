/*
 * opt: command-line options, parsed and explained from one table.
 *
 * A program's table has its own rows and those of OPT_COMMON. -h, --help-all
 * and -V are built in. --help fits a terminal of 24 x 80: it explains the
 * options that matter and only names the others. A mistake ends the program by
 * opt_misuse.
 */
#ifndef AV_PROGRAM_OPT_H
#define AV_PROGRAM_OPT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/err.h"
#include "base/strings.h"

enum opt_type {
	OPT_FLAG,  /* bool */
	OPT_COUNT, /* int: how often it was given */
	OPT_STR,   /* const char * */
	OPT_INT,   /* int64_t from 1 to INT32_MAX */
	OPT_MS,    /* int64_t in ms: "90" (seconds), "10m", "0.5s" */
	OPT_BYTES, /* int64_t from 1: "1000", "64k", "64M", "4G" */
	OPT_RATE,  /* double: "5", "5/s", "30/m" */
	OPT_LIST,  /* struct strings: every value given */
	/* Added to one of these: only --help-all explains the option. */
	OPT_RARE = 16,
};

struct opt {
	char letter;      /* 0: long only */
	const char *name; /* long */
	const char *arg;  /* name of its value in the help; NULL: no value */
	const char *help;
	enum opt_type type;
	size_t offset; /* of the member in the program's struct */
};

/* The texts of -h beside the options. */
struct opt_usage {
	const char *synopsis; /* "av-upload [options] [PHOTO...]" */
	const char *about;    /* what it does, in a sentence or two */
	const char *examples; /* lines to copy */
};

/* How to show progress: as the terminal can, as plain lines, ... */
enum opt_progress {
	PROGRESS_AUTO,
	PROGRESS_PLAIN,
	PROGRESS_JSON,
	PROGRESS_NONE,
	PROGRESS_WAYS,
};

/* The options of all programs that read records. */
struct opt_common {
	/* -p, else AV_PROVIDER, else the configuration's, else NULL */
	const char *provider;
	struct strings providers; /* the names in it */
	const char *url;
	int64_t jobs; /* of programs that wait for a service; else opt_jobs */
	bool jobs_given; /* by -j or the configuration */
	bool keep_order, quiet, nul, retry_failed, exit_zero, summary;
	bool csv; /* stdin is a table; only av-validate has the option */
	const char *progress;  /* --progress, or NULL */
	enum opt_progress way; /* --progress, else AV_PROGRESS */
	int verbose;
	int64_t timeout_ms; /* 0: the program's default */
	double rate;        /* 0: the provider's */
	/* Why the configuration's file cannot be used; CODE_NONE: it can. */
	struct err bad_config;
	char **argv; /* of the process, for opt_line */
	int first;   /* index of the first operand */
};

/* The rows below are for the table of a struct T with a `struct opt_common
 * common`. clang-format cannot lay out a list of rows, so it is off. */
/* clang-format off */
#define OPT_COMMON(T) \
	{'p', "provider", "NAME[,NAME]", \
	    "provider of records that name none (AV_PROVIDER)", \
	    OPT_STR, offsetof(T, common.provider)}, \
	{'k', "keep-order", NULL, "write records in the order of the input", \
	    OPT_FLAG | OPT_RARE, offsetof(T, common.keep_order)}, \
	{'0', "null", NULL, "input lines end in NUL, as from find -print0", \
	    OPT_FLAG | OPT_RARE, offsetof(T, common.nul)}, \
	{0, "retry-failed", NULL, \
	    "retry records that failed here and can succeed", \
	    OPT_FLAG | OPT_RARE, offsetof(T, common.retry_failed)}, \
	{0, "exit-zero", NULL, "exit with 0 even if records failed", \
	    OPT_FLAG | OPT_RARE, offsetof(T, common.exit_zero)}, \
	{0, "progress", "HOW", "auto, plain, json or none (AV_PROGRESS)", \
	    OPT_STR | OPT_RARE, offsetof(T, common.progress)}, \
	{0, "summary", NULL, "say at the end what came of it, and what to do", \
	    OPT_FLAG | OPT_RARE, offsetof(T, common.summary)}, \
	{'q', "quiet", NULL, "print only errors on stderr", \
	    OPT_FLAG | OPT_RARE, offsetof(T, common.quiet)}, \
	{'v', "verbose", NULL, "print more, such as each request, on stderr", \
	    OPT_COUNT | OPT_RARE, offsetof(T, common.verbose)}

/* For programs that talk to services. OPT_NETWORK_JOBS has a help of its own
 * for -j. */
#define OPT_NETWORK(T) OPT_NETWORK_JOBS(T, "requests in flight (4)")
#define OPT_NETWORK_JOBS(T, HELP) \
	{'u', "url", "URL", "base URL of the API, with one -p (NAME_API_URL)", \
	    OPT_STR | OPT_RARE, offsetof(T, common.url)}, \
	{'j', "jobs", "N", HELP, \
	    OPT_INT | OPT_RARE, offsetof(T, common.jobs)}, \
	{0, "rate", "N[/s]", "requests a second for an account (NAME_RATE)", \
	    OPT_RATE | OPT_RARE, offsetof(T, common.rate)}, \
	{0, "timeout", "TIME", "time limit for one record: 90s, 10m, 1h", \
	    OPT_MS | OPT_RARE, offsetof(T, common.timeout_ms)}

/* For programs that wait; T has the members watch and interval_ms too. */
#define OPT_WATCH(T) \
	{0, "watch", "N", "records at a time (100000)", \
	    OPT_INT | OPT_RARE, offsetof(T, watch)}, \
	{0, "interval", "TIME", "first poll interval; later ones are longer", \
	    OPT_MS | OPT_RARE, offsetof(T, interval_ms)}
/* clang-format on */

/* Parses argv into the struct `into`, and returns the index of the first
 * operand. The table ends with a row without a name. Closed standard streams
 * are first replaced, so that no file opened later takes their numbers; SIGXFSZ
 * is ignored, and the process leaves no core file. */
int opt_parse(int argc, char *argv[], const struct opt_usage *usage,
    const struct opt *table, void *into);

/* Sets the level of messages, sets -p and -j where they were not given
 * (base/config.h; 4 jobs) and --progress (AV_PROGRESS), and splits -p into
 * names, which are never freed. first: what opt_parse returned. All that is
 * given is borrowed. */
void opt_common_finish(struct opt_common *common, const struct opt_usage *usage,
    char *argv[], int first);

/* How many jobs a program has that computes and waits for nobody, after
 * opt_common_finish: as given by -j or the configuration, else one for each
 * core that the process may use; at most max. */
unsigned opt_jobs(const struct opt_common *common, unsigned max);

/* Writes the options of the command line, but for -0 and operands, as a shell
 * reads them: each with a blank before it. "" if they do not fit. */
void opt_line(const struct opt_common *common, char *text, size_t size);

/* Prints the message and the synopsis on stderr, and exits with EX_USAGE. */
_Noreturn void opt_misuse(const struct opt_usage *usage, const char *fmt, ...)
    __attribute__((format(printf, 2, 3)));

#endif
