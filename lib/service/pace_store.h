/*
 * pace_store: where processes share the pace of an account: a file for those of
 * one machine, the ledger's database for those of many hosts.
 *
 * The file's times are CLOCK_BOOTTIME beside the id of the boot, so that a wall
 * clock that jumps changes nothing. A file of an earlier boot or another
 * version, or a damaged one, counts as new. Requests in flight and the turn are
 * locks, which a process that dies gives back.
 */
#ifndef AV_SERVICE_PACE_STORE_H
#define AV_SERVICE_PACE_STORE_H

#include "ledger/ledger.h"

/* Times are nanoseconds by the store's clock. */
struct pace_state {
	uint32_t jobs;  /* allowed in flight; 0: what the limits say */
	int64_t next;   /* when the bucket will be full again (GCRA's TAT) */
	int64_t pause;  /* nothing is sent before */
	int64_t halved; /* when jobs was last halved */
};

struct pace_store;

/* of: a class of operations, or NULL. ledger: that of many hosts, or NULL.
 * Never fails: if the state directory cannot be used, it warns once and keeps
 * the pace of this process alone. */
struct pace_store *pace_store_open(const char *provider, const char *base,
    const char *account, const char *of, struct ledger *ledger);
void pace_store_free(struct pace_store *store);

/* Reads the state, and *now. False: the database is out of reach. */
bool pace_store_look(
    struct pace_store *store, struct pace_state *s, int64_t *now);

/* The same, and locks it until pace_store_end has written it. */
bool pace_store_begin(
    struct pace_store *store, struct pace_state *s, int64_t *now);
void pace_store_end(struct pace_store *store, const struct pace_state *s);

/* Takes a slot for a request in flight, unless there is a pause, all processes
 * together have `most`, or as many as the state allows, or another process has
 * this one. Reads the state's jobs, and *now. */
bool pace_store_take_slot(struct pace_store *store, uint32_t slot,
    uint32_t most, struct pace_state *s, int64_t *now);
/* True if slots are counted: if one cannot be taken, none can. */
bool pace_store_counts(const struct pace_store *store);
void pace_store_leave_slot(struct pace_store *store, uint32_t slot);

/* How many of so many slots are taken by any process. ours: those of this one
 * are not 0. */
uint32_t pace_store_slots(
    struct pace_store *store, const int64_t *ours, uint32_t slots);

/* The turn of the account; see pace.h. */
bool pace_store_take_turn(struct pace_store *store);
bool pace_store_give_turn(struct pace_store *store);

/* The file, or NULL if there is none. */
const char *pace_store_file(const struct pace_store *store);

#endif
