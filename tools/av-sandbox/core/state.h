/*
 * state: everything that the services made.
 *
 * It is in memory and, with --state, in a journal of JSON lines, which is read
 * again at the next start. A line is appended with one write(2) before the
 * answer leaves, so that kill -9 loses nothing that a client was told.
 */
#ifndef SANDBOX_STATE_H
#define SANDBOX_STATE_H

#include <json-c/json.h>
#include <stdbool.h>
#include <stdint.h>
#include <sys/queue.h>

#include "base/err.h"
#include "core/options.h"
#include "core/photo.h"
#include "core/service.h"

enum item_kind {
	AVATAR,
	RENDERING,
	VIDEO,
	VIDEO_RENDER,
	WEBHOOK,
	ASSET,
	ITEM_KINDS
};

/* What becomes of an item when its time is over. */
enum fate { FATE_READY, FATE_FAILED, FATE_REFUSED };

struct sb_item {
	enum service_no service;
	enum item_kind kind;
	char *id;
	char *name;                 /* NULL: none */
	struct json_object *params; /* what else the client sent, an object */
	struct sb_photo *photo;     /* NULL: none */
	int64_t created, updated, ready;
	enum fate fate;
	bool deleted;
	bool free_of_charge;    /* made by default, with its parent */
	struct sb_item *parent; /* avatar of a rendering, video of a render */
	TAILQ_HEAD(sb_children, sb_item) children; /* oldest first */
	TAILQ_ENTRY(sb_item) next;                 /* of the same parent */
};

struct sb_list {
	struct sb_item **at;
	size_t n;
};

/* Names the function that restores the journal's lines {"KIND": value} when
 * the journal is read. It returns false if the value is damaged. Call it
 * before state_open. */
void state_register(
    const char *kind, bool (*restore)(struct json_object *value));

/* Reads the journal if there is one. */
int state_open(struct err *e);
void state_close(void);

/* Notes the port of the API. Without --port, the next start listens on it, so
 * that URLs, which the ledger's keys are made of, stay the same. */
void state_keep_port(unsigned port);

/* Appends a line {"KIND": value} to the journal; takes the reference. */
void state_note(const char *kind, struct json_object *value);

/* A new item with an id that was never used before; it is not in the state. */
struct sb_item *sb_item_new(
    const struct service *s, enum item_kind kind, struct sb_item *parent);
void sb_item_free(struct sb_item *it);

/* Adds the item to the state, the lists and the journal. It is ready after
 * that many milliseconds, counted from when its parent is ready. */
void state_make(struct sb_item *it, int64_t ready_after);

void state_delete(struct sb_item *it);
void state_rename(struct sb_item *it, const char *name);

/* Replaces params; takes the reference. */
void state_change(struct sb_item *it, struct json_object *params);

/* The item of that id; NULL: unknown or deleted. */
struct sb_item *state_find(
    enum service_no service, enum item_kind kind, const char *id);

/* All items ever made, oldest first, with the deleted ones. */
const struct sb_list *state_list(enum service_no service, enum item_kind kind);

/* May a list show the item yet? */
bool sb_item_listed(const struct sb_item *it);

/* From 0 when the item is made to 1 when it is ready or failed. */
double sb_item_progress(const struct sb_item *it);

/* The service's items that are not ready yet. */
int64_t state_jobs(enum service_no service);

#endif
