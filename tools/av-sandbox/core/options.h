/*
 * options: what the command line asked for, read once, before anything runs.
 */
#ifndef SANDBOX_OPTIONS_H
#define SANDBOX_OPTIONS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* OTHER counts requests that belong to no service. */
enum service_no { LOOM, ANAM, AVTR1, ARGIL, SERVICES, OTHER = SERVICES };

extern const char *const service_names[SERVICES + 1];

struct sb_account {
	double rate;   /* requests a second; 0: no limit */
	double burst;  /* requests at once */
	int64_t quota; /* paid requests that are served; -1: no limit */
	unsigned past; /* status past the quota; 0: the service's usual one */
};

struct options {
	unsigned port, media_port; /* 0: any free one */
	bool port_kept;            /* port is that of the journal */
	uint64_t seed;
	bool seeded; /* by the user */
	/* milliseconds */
	int64_t ready_after, render_after, list_lag, delay, late, stall;
	double fail_rate;
	const char *fail_match, *refuse_match; /* NULL: none */
	int64_t token_life, url_life;          /* seconds */
	const char *expiry_name;
	bool no_refresh_tokens;
	const char *retry_after; /* the header's text; NULL: no header */
	int64_t concurrent;      /* background jobs; 0: no limit */
	struct sb_account account[SERVICES];
	const char **faults; /* as given; faults.c reads them */
	size_t faults_n;
	const char *state, *trace, *dir; /* NULL: none */
	bool strict_exit, newer, big_ids, stay, plain_callbacks;
	char **command; /* NULL: none */
};

extern struct options opts;

/* Fills opts. Ends the process with EX_USAGE on a mistake, with EX_OK after -h
 * and -V. */
void options_read(int argc, char *argv[]);

/* Says that an option's value is not what was wanted, and exits: EX_USAGE. */
_Noreturn void options_wrong(
    const char *option, const char *value, const char *wanted);

/* The number of a service's name of len bytes, or -1. */
int service_no(const char *name, size_t len);

#endif
