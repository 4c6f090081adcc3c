/*
 * options: what the command line asked for, read once, before anything runs.
 */
#ifndef SANDBOX_OPTIONS_H
#define SANDBOX_OPTIONS_H

#include <stdbool.h>
#include <stdint.h>

/* OTHER counts what came to no service. */
enum service_no { LOOM, ANAM, AVTR1, ARGIL, SERVICES, OTHER = SERVICES };

extern const char *const service_names[SERVICES + 1];

struct sb_account {
	double rate;   /* requests a second; 0: no limit */
	double burst;  /* how many at once */
	long quota;    /* paid requests that are served; -1: no limit */
	unsigned past; /* status of what comes after; 0: the service's usual one */
};

struct options {
	unsigned port, media_port; /* 0: any free one */
	uint64_t seed;
	bool seeded; /* by the user */
	/* milliseconds */
	int64_t ready_after, render_after, list_lag, delay, late, stall;
	double fail_rate;
	const char *fail_match, *refuse_match; /* NULL: none */
	long token_life, url_life;             /* seconds */
	const char *expiry_name;
	bool refresh_tokens;
	const char *retry_after; /* the header's text; NULL: no header */
	long concurrent;         /* Loom's background jobs; 0: no limit */
	struct sb_account account[SERVICES];
	const char *state, *trace, *dir; /* NULL: none */
	bool strict_exit, newer, big_ids, stay;
	char **command; /* NULL: none */
};

extern struct options opts;

/* Fills opts; ends the process with EX_USAGE on a mistake, after -h and after -V. */
void options_read(int argc, char *argv[]);

/* The number of a service's name, or -1. len is the name's length. */
int service_no(const char *name, size_t len);

#endif
