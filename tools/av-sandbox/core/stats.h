/*
 * stats: what clients did, for GET /_stats. Counts of what was made follow from the state and
 * so survive a restart with it; the others begin anew with the process.
 */
#ifndef SANDBOX_STATS_H
#define SANDBOX_STATS_H

#include <json-c/json.h>

#include "core/faults.h"
#include "core/options.h"

struct sb_item;

/* A request of a service begins, and ends with that status (0: the connection was broken). */
void stats_begin(enum service_no service, enum scope scope);
void stats_end(enum service_no service, unsigned status, const char *fault);

/* A client broke the contract: what names the kind in one word, detail says it to people. */
void stats_violation(enum service_no service, const char *method, const char *url,
    const char *what, const char *detail);

/* A request of the API has left, whatever became of it. */
void stats_left(enum service_no service);

void stats_unauthorized(enum service_no service);
void stats_credentials_on_media(enum service_no service);

/* The item came to be, now or in an earlier process. */
void stats_made(const struct sb_item *it);

/* Charged operations so far. */
long stats_charges(enum service_no service);

/* The whole, as /_stats shows it; the caller puts it. */
struct json_object *stats_json(void);
void stats_reset(void);

/* Violations and leaked credentials of all services; says each on stderr. */
long stats_complain(void);

void stats_free(void);

#endif
