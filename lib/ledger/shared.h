/*
 * shared: what the processes of many hosts share about an account, in the
 * database of their ledger: its pace, its requests in flight, and its turn.
 *
 * Only for a ledger with a lease (ledger_line_seconds): what a dead process
 * holds is free when its lease is over. A key is the account's, in hex. All
 * functions ask the database, and are for the loop's thread; those that return
 * false may do so because it is out of reach.
 */
#ifndef AV_LEDGER_SHARED_H
#define AV_LEDGER_SHARED_H

#include "ledger/ledger.h"

/* Times are nanoseconds by the database's clock. */
struct shared_pace {
	uint32_t jobs;
	int64_t next, pause, halved, now;
};

/* Reads the pace; zeros if there is none yet. begin locks it too, until end has
 * written it. */
bool shared_pace_look(struct ledger *l, const char *key, struct shared_pace *s);
bool shared_pace_begin(
    struct ledger *l, const char *key, struct shared_pace *s);
void shared_pace_end(
    struct ledger *l, const char *key, const struct shared_pace *s);

/* Takes a slot, whose number is this process's own, if there is no pause and
 * all processes together have fewer than `most` and than the pace's jobs. Sets
 * s->jobs and s->now. */
bool shared_slot_take(struct ledger *l, const char *key, uint32_t slot,
    uint32_t most, struct shared_pace *s);
void shared_slot_leave(struct ledger *l, const char *key, uint32_t slot);
uint32_t shared_slots(struct ledger *l, const char *key);

/* The turn: exclusive use. give returns true if another process waits. */
bool shared_turn_take(struct ledger *l, const char *key);
bool shared_turn_give(struct ledger *l, const char *key);

#endif
