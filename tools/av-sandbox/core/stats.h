/*
 * stats: what clients did, for GET /_stats.
 *
 * Counts of made items follow from the state, so they survive a restart with
 * --state; the others start at 0 with the process.
 */
#ifndef SANDBOX_STATS_H
#define SANDBOX_STATS_H

#include <json-c/json.h>

#include "core/faults.h"
#include "core/options.h"
#include "core/state.h"

/* A request begins; its answer has that status (0: the connection was broken)
 * and was hit by that fault (NULL: none); the request is over. */
void stats_begin(enum service_no service, enum scope scope);
void stats_end(enum service_no service, unsigned status, const char *fault);
void stats_left(enum service_no service, enum scope scope);

/* The fault hit something. */
void stats_fault(enum service_no service, const char *fault);

/* An event was sent to a client, who answered with 2xx, with another status, or
 * not at all. */
enum event_fate { EVENT_ACCEPTED, EVENT_REFUSED, EVENT_UNSENT, EVENT_FATES };
void stats_event(enum service_no service, enum event_fate fate);

/* The request is for this operation of the contract: its method and path, with
 * {} for a segment. */
void stats_operation(
    enum service_no service, const char *method, const char *path);

/* A client violated the contract: what is the kind in one word, detail says
 * it to people. */
void stats_violation(enum service_no service, const char *method,
    const char *url, const char *what, const char *detail);

void stats_unauthorized(enum service_no service);
void stats_credentials_on_media(enum service_no service);

/* The item was made. */
void stats_made(const struct sb_item *it);

/* Counts the items that the journal restored. */
void stats_read_state(void);

/* Paid requests that took effect. */
int64_t stats_charges(enum service_no service);

/* All counts as /_stats shows them; the caller puts the object. */
struct json_object *stats_json(void);
void stats_reset(void);

/* Reports violations and leaked credentials of all services on stderr; returns
 * how many there are. */
int64_t stats_complain(void);

void stats_free(void);

#endif
