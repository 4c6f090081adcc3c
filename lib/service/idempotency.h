/*
 * idempotency: the key by which a service knows a paid request again.
 *
 * A service that takes idempotency keys does a request with a key once: to the
 * same key it answers what it answered first. So a request whose outcome is
 * unknown is sent again with its key, which settles it without any list.
 *
 * The key is made of the ledger entry's tag and of the time of its last intent:
 *
 *  - As long as the outcome is unknown, neither changes: the key is the same
 *    for each attempt, each process, and each run.
 *  - A request that is proved not made is intended anew, and gets another key.
 *    A service may have kept the refusal with the old key, and would repeat it.
 *  - --again makes another entry with a tag of its own, and so another key.
 *  - The subject, the name and the options are no part of it: two requests for
 *    the same photo, such as those of two ledgers, are two requests.
 *
 * The form is that of a UUID, which every service takes, and it tells nothing
 * of the tag.
 */
#ifndef AV_SERVICE_IDEMPOTENCY_H
#define AV_SERVICE_IDEMPOTENCY_H

#include <stdbool.h>
#include <stdint.h>

#include "provider/provider.h"

struct idempotency {
	char key[37];  /* "", if the operation has none */
	int64_t until; /* ms since 1970; when the key's life is over; or 0 */
};

/* tag and intended_at (ms since 1970) are those of the ledger's entry. Of the
 * life, which begins when the service gets the request, the last tenth is not
 * used: clocks differ, and a request takes its time. A clock that was put back
 * since the intent ends it. */
void idempotency_init(struct idempotency *i, const struct operation *op,
    const char *tag, int64_t intended_at);

/* True while the request may be sent again with the key. */
bool idempotency_lives(const struct idempotency *i);

#endif
