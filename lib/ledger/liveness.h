/*
 * liveness: which processes of a ledger live, and what they began to send.
 *
 * In the directory FILE-live each process keeps a file, named by a number that
 * is never given twice, with an open-file-description lock, which the kernel
 * removes when the process ends, however it ends. (A child forked without exec
 * holds the lock too; programs end such children with themselves.)
 *
 * The file has marks: the numbers of the entries whose sending has begun. They
 * are written through the page cache, so they outlive the process but not the
 * machine. The boot's id stands in front; after another boot they prove
 * nothing.
 */
#ifndef AV_LEDGER_LIVENESS_H
#define AV_LEDGER_LIVENESS_H

#include <stdbool.h>
#include <stdint.h>

#include "base/err.h"

struct liveness;

/* Joins as process `number`, which no other process may have used. Makes dir if
 * it is missing. Other processes must not ask about this number before the call
 * returns. NULL with *e set; *taken if only the number was in the way. */
struct liveness *liveness_open(
    const char *dir, int64_t number, bool *taken, struct err *e);

/* Leaves. The file stays while a mark is in use: the next process reads it. */
void liveness_close(struct liveness *l);

/* The three functions for marks accept NULL, for a ledger in memory: it has
 * nothing to tell other processes. */

/* Takes a mark for an entry that is to be claimed. Its disk space is allocated,
 * so writing it cannot fail because the disk is full. -1 with *e set. */
int liveness_mark_take(struct liveness *l, struct err *e);
void liveness_mark_free(struct liveness *l, int mark);

/* Writes the mark: sending of entry n begins. False if it could not be written,
 * or this process's file was removed, so that others take it for dead. */
bool liveness_sending(struct liveness *l, int mark, int64_t n);

/* True if the process lives. This one does. */
bool liveness_alive(struct liveness *l, int64_t number);

/* True if it is proved that a dead process had not begun to send entry n. */
bool liveness_unsent(struct liveness *l, int64_t number, int64_t n);

/* The numbers of all dead processes that have a file; 0 ends the list. The
 * caller frees it. */
int64_t *liveness_dead(struct liveness *l);

/* Removes the file of a dead process that has no open entry any more. */
void liveness_remove(struct liveness *l, int64_t number);

#endif
