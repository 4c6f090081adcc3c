/*
 * state: all that the services made, in memory and, with --state, in a journal of JSON lines
 * that is read again at the next start. A line is appended with one write before the answer
 * leaves, so kill -9 loses nothing that a client was told.
 */
#ifndef SANDBOX_STATE_H
#define SANDBOX_STATE_H

#include <json-c/json.h>
#include <stdbool.h>
#include <stdint.h>

#include "base/err.h"
#include "core/options.h"
#include "core/photo.h"

enum item_kind { AVATAR, RENDERING, VIDEO, VIDEO_RENDER, WEBHOOK, ITEM_KINDS };

enum fate { FATE_READY, FATE_FAILED, FATE_REFUSED };

struct sb_item {
	enum service_no service;
	enum item_kind kind;
	char *id;
	char *name;                 /* NULL where the service has none */
	struct json_object *params; /* what the client sent besides, an object */
	struct sb_photo *photo;     /* NULL: none */
	int64_t created, updated, ready;
	enum fate fate;
	bool deleted;
	bool free_of_charge;    /* made by default, with its parent */
	size_t place;           /* in its list */
	struct sb_item *parent; /* avatar of a rendering, video of its render */
	struct sb_item *first, *last, *next; /* children, in order of their making */
};

struct sb_list {
	struct sb_item **at;
	size_t n;
};

/* Reads the journal, if there is one. */
int state_open(struct err *e);
void state_close(void);

/* A new item with an id that the state has never used; it is not in the state yet. */
struct sb_item *sb_item_new(
    enum service_no service, enum item_kind kind, struct sb_item *parent);
void sb_item_free(struct sb_item *it);

/* Takes effect: the item is found, listed and written down from now on, and is ready after
 * that many milliseconds. */
void state_make(struct sb_item *it, int64_t ready_after);

void state_delete(struct sb_item *it);
void state_rename(struct sb_item *it, const char *name);
/* Replaces params; takes the reference. */
void state_change(struct sb_item *it, struct json_object *params);

/* The item of that id, or NULL: unknown or deleted. */
struct sb_item *state_find(enum service_no service, enum item_kind kind, const char *id);

/* All that were made, in order, deleted ones too. */
const struct sb_list *state_list(enum service_no service, enum item_kind kind);

/* May a list show it yet? */
bool sb_item_listed(const struct sb_item *it);

/* 0 at its making, 1 when it is ready or failed. */
double sb_item_progress(const struct sb_item *it);

/* Loom's items have further ids of their own: the id plus n, as a decimal. */
int64_t sb_item_number(const struct sb_item *it, int n);

/* Loom's jobs that still run. */
long state_jobs(void);

/* Facts of the OAuth server, kept in the journal: kind is "token" or "dead". Replayed
 * through tokens_restore. */
void state_note(const char *kind, struct json_object *o);

#endif
