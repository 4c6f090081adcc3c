/*
 * tool: what the commands of av-provider share.
 */
#ifndef AV_PROVIDER_TOOL_H
#define AV_PROVIDER_TOOL_H

#include "base/buf.h"
#include "base/strings.h"
#include "program/opt.h"
#include "provider/provider.h"
#include "json/json.h"

struct options {
	bool words, json;
	const char *step;    /* --step, or NULL */
	const char *photo;   /* --photo, or NULL */
	const char *against; /* --against, or NULL */
	const char *create;  /* --create, or NULL */
	int64_t days;        /* --days */
};

extern const struct opt_usage usage;

/* The output of a command, and its exit status. */
struct print {
	const struct options *o;
	const struct provider *provider; /* of check --against */
	struct buf out;
	int status;
};

/* Adds the object as a line, and frees it. */
void put_line(struct print *p, struct json_object *o);

/* Calls fn with each of the named providers; with all, if there is no name.
 * One that cannot be used is reported, and the status is 78. */
void each_provider(struct print *p, char **names,
    void (*fn)(struct print *p, const struct provider *provider, void *arg),
    void *arg);

/* Runs a program of avtools, argv[0], which stands beside this one or else in
 * PATH, and adds what it writes on stdout. Returns its exit status; ends this
 * program if the other one cannot be run or dies of a signal. */
int run_beside(char *const argv[], struct buf *out);

/* The commands. */
void compare(struct print *p, char **operands);
void check_against(struct print *p, char **operands);
void stale(struct print *p, char **operands);

#endif
