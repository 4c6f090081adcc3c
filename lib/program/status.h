/*
 * status: what was learnt of an avatar or a rendering, put into the record.
 */
#ifndef AV_PROGRAM_STATUS_H
#define AV_PROGRAM_STATUS_H

#include "program/session.h"
#include "service/call.h"
#include "json/rec.h"

/* Updates `avatar`. Where it failed or is gone the ledger is told, so that it is never reused
 * silently, and *f says why the record fails; so it does for a failed watch. */
void status_put_avatar(struct session *t, struct account *a, struct rec *rec,
    const struct call_result *result, struct failure *f);

/* Tells the ledger what became of a rendering that had to be asked for; for a kind that comes with
 * the avatar, of the avatar. */
void status_tell_ledger(struct ledger *ledger, struct account *a, const struct kind *kind,
    const char *id, enum ledger_fate fate);

/* Updates one of `renderings`, in the same way. */
void status_put_rendering(struct session *t, struct account *a, struct rec *rec,
    int index, const struct call_result *result, struct failure *f);

/* An entry of `renderings`, borrowed, to be changed; the record keeps the change. */
struct json_object *status_rendering_entry(struct rec *rec, int index);

#endif
