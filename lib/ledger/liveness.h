/*
 * ledger_live: which processes that share a ledger are alive, and what each began to send.
 *
 * In the directory FILE-live each process keeps a file named by a number that is never given
 * twice, and an open-file-description lock on it, which the kernel takes away when the process
 * ends, however it ends. (A child that was forked without exec holds it too; programs end such
 * children with themselves.) The file's slots hold the numbers of the entries whose sending
 * has begun: written through the page cache, they outlive the process but not the machine, so
 * the boot's id stands in front and they prove nothing after another boot.
 */
#ifndef AV_LEDGER_LIVENESS_H
#define AV_LEDGER_LIVENESS_H

#include <stdbool.h>
#include <stdint.h>

#include "base/err.h"

struct live;

/* Joins as process `number`, which no other process may have been. dir is made if it is not
 * there. Others must not judge this number before it returns. NULL with *e set; *taken says
 * that only the number was in the way. */
struct live *live_open(const char *dir, int64_t number, bool *taken, struct err *e);

/* Leaves. The file stays where a slot is in use still: the next process judges by it. */
void live_close(struct live *l);

/* A slot for an entry that is about to be claimed, on disk already, so that writing to it
 * cannot fail for want of space; -1 with *e set. */
int live_slot(struct live *l, struct err *e);
void live_slot_free(struct live *l, int slot);

/* Sending entry n begins. False where it cannot be noted, or this process's file was removed, so
 * that it is dead to the others. */
bool live_sending(struct live *l, int slot, int64_t n);

/* Whether the process lives. This one does. */
bool live_is(struct live *l, int64_t number);

/* Whether a dead process provably had not begun to send entry n. */
bool live_unsent(struct live *l, int64_t number, int64_t n);

/* Calls fn with the number of every dead process whose file is there. */
void live_dead(struct live *l, void (*fn)(void *arg, int64_t number), void *arg);

/* Removes the file of a dead process that has no open entry any more. */
void live_remove(struct live *l, int64_t number);

#endif
