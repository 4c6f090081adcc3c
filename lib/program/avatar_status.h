/*
 * avatar_status: puts what a service says of an avatar or rendering into the
 * record, and tells the ledger what has failed or is gone.
 *
 * An entry marked failed or gone is not reused by a later run without a word.
 */
#ifndef AV_PROGRAM_AVATAR_STATUS_H
#define AV_PROGRAM_AVATAR_STATUS_H

#include "program/session.h"
#include "service/call.h"
#include "json/rec.h"

/* Updates `avatar` from the result of a status call. If the call failed, or the
 * avatar has failed or is gone, sets *f to the error of the record. */
void status_put_avatar(struct session *s, struct account *a, struct rec *rec,
    const struct call_result *result, struct failure *f);

/* The same for the entry of `renderings` at this index. */
void status_put_rendering(struct session *s, struct account *a, struct rec *rec,
    int index, const struct call_result *result, struct failure *f);

/* Marks the entry of this operation and id. ledger and id may be NULL. */
void status_mark(struct ledger *ledger, struct account *a,
    const char *operation, const char *id, enum ledger_fate fate);

/* Marks the entries of the operations that start this kind of rendering, or of
 * `create` for a kind that comes with the avatar. */
void status_mark_rendering(struct ledger *ledger, struct account *a,
    const struct kind *kind, const char *id, enum ledger_fate fate);

#endif
