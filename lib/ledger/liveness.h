/*
 * liveness: which processes that share a ledger are alive, and what each began to send.
 *
 * In the directory FILE-live each process keeps a file named by a number that is never given
 * twice, and an open-file-description lock on it, which the kernel takes away when the process
 * ends, however it ends. (A child that was forked without exec holds it too; programs end such
 * children with themselves.) The file's marks hold the numbers of the entries whose sending
 * has begun: written through the page cache, they outlive the process but not the machine, so
 * the boot's id stands in front and they prove nothing after another boot.
 */
#ifndef AV_LEDGER_LIVENESS_H
#define AV_LEDGER_LIVENESS_H

#include <stdbool.h>
#include <stdint.h>

#include "base/err.h"

struct liveness;

/* Joins as process `number`, which no other process may have been. dir is made if it is not
 * there. Others must not judge this number before it returns. NULL with *e set; *taken says
 * that only the number was in the way. */
struct liveness *liveness_open(
    const char *dir, int64_t number, bool *taken, struct err *e);

/* Leaves. The file stays where a mark is in use still: the next process judges by it. */
void liveness_close(struct liveness *l);

/* A mark for an entry that is about to be claimed, on disk already, so that writing to it
 * cannot fail for want of space; -1 with *e set. */
int liveness_mark_take(struct liveness *l, struct err *e);
void liveness_mark_free(struct liveness *l, int mark);

/* Sending entry n begins. False where it cannot be noted, or this process's file was removed, so
 * that it is dead to the others. */
bool liveness_sending(struct liveness *l, int mark, int64_t n);

/* Whether the process lives. This one does. */
bool liveness_alive(struct liveness *l, int64_t number);

/* Whether a dead process provably had not begun to send entry n. */
bool liveness_unsent(struct liveness *l, int64_t number, int64_t n);

/* Calls fn with the number of every dead process whose file is there. */
void liveness_each_dead(
    struct liveness *l, void (*fn)(void *arg, int64_t number), void *arg);

/* Removes the file of a dead process that has no open entry any more. */
void liveness_remove(struct liveness *l, int64_t number);

#endif
