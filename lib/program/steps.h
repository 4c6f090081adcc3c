/*
 * steps: what programs did for a record, when, and what it cost: the member
 * `steps` (av-record(5)).
 *
 * The array has an entry for each paid operation of a step, or one entry for a
 * step without any. So the sum over all entries is what the record cost.
 */
#ifndef AV_PROGRAM_STEPS_H
#define AV_PROGRAM_STEPS_H

#include <json-c/json.h>
#include <stdint.h>

#include "service/paid.h"
#include "json/rec.h"

/* Appends what a paid operation cost to *charges, which is NULL at first. */
void steps_charge(
    struct json_object **charges, const struct paid_charge *charge);

/* Replaces the step's entries. Those that cost money stay, and those whose
 * outcome is unknown, unless one of the charges tells it. Takes charges, which
 * may be NULL. */
void steps_put(struct rec *rec, const char *step, int64_t started_at,
    struct json_object *charges);

/* Calls fn with the key of each of the step's operations whose outcome is
 * unknown, until fn returns false. False if fn did, or if there is none. */
bool steps_unknown(struct rec *rec, const char *step,
    bool (*fn)(void *arg, const char *key), void *arg);

/* The photo's path as first given, borrowed; NULL if there is none. */
const char *steps_source(struct rec *rec);

#endif
