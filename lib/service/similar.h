/*
 * similar: looks up an open request of an earlier run that looks the same in
 * the service's list as the one to be sent.
 *
 * Once the new request were lost too, the list could not tell the two apart. So
 * an account that makes one at a time asks for this before each request, until
 * nothing is open.
 */
#ifndef AV_SERVICE_SIMILAR_H
#define AV_SERVICE_SIMILAR_H

#include "service/ask.h"

struct similar_spec {
	struct ledger *ledger;
	struct lookups *lookups;
	/* The request to be sent. Its texts are read before similar_start
	 * returns; account, op and vars must outlive it. */
	struct ask ask;
	/* As in service/attempt.h. */
	struct loop *loop;
	int64_t *deadline;
	int64_t timeout_ms;
};

enum similar_verdict {
	SIMILAR_NONE,    /* nothing is open that could be looked up */
	SIMILAR_SETTLED, /* one is settled; there may be another one */
	SIMILAR_UNKNOWN, /* its outcome stays unknown, also in another run */
	SIMILAR_FAILED,  /* *e says why */
};

typedef void similar_fn(
    void *arg, enum similar_verdict verdict, const struct err *e);

struct similar;

/* fn is called once, never from within. */
struct similar *similar_start(
    const struct similar_spec *spec, similar_fn *fn, void *arg);

/* fn will not come, and *s is gone. False: fn will come soon. */
bool similar_cancel(struct similar *s);

#endif
