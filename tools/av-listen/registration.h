/*
 * registration: registers our URL with a service, and ends that again.
 *
 * The URL has a random part, so the service's list of registrations tells which
 * one is ours: a response that was lost is looked up there, and needs no
 * ledger. Registrations that a killed run left behind have the same URL but for
 * that part; they are ended once the new one is made.
 *
 * Some services tell the secret of their signatures, once, in the response. If
 * that response was lost, the registration is of no use: another one is made,
 * and then the first one is ended.
 */
#ifndef AV_LISTEN_REGISTRATION_H
#define AV_LISTEN_REGISTRATION_H

#include "service/call.h"
#include "service/listing.h"

/* What a path begins with that is not given; 32 hex digits follow. */
#define REGISTRATION_PATH "/av-listen-"

/* failure: NULL if it is done. */
typedef void registration_fn(void *arg, const struct failure *failure);

struct registration {
	struct engine *engine;
	struct account *account;
	const char *base; /* the public URL, without a slash at the end */
	const char *url;  /* base and path */
	int64_t timeout_ms;
	registration_fn *fn;
	void *arg;
	/* its own */
	const struct operation *create, *delete, *list;
	char **old; /* ids of what is to be ended */
	size_t n_old;
	char *id;     /* of ours */
	char *secret; /* of its signatures, if the service tells it */
	/* The id that is being deleted: of ours, or the last of old. */
	const char *deleted;
	unsigned tries; /* to make it */
	bool lost;      /* its response was */
	bool ending;
	int64_t deadline; /* of the present call */
	struct deferred deferred;
	struct call *call;
	struct listing *listing;
	struct failure failure;
};

/* Can this service be asked to register a URL? */
bool registration_is_offered(const struct provider *p);

/* Registers. The caller has set the first members and calls registration_end
 * after it, also if it failed. */
void registration_start(struct registration *r);

/* Ends what is registered, also in the middle of registration_start, whose
 * function is not called then. fn: called at the end; not from within. */
void registration_end(struct registration *r, registration_fn *fn, void *arg);

/* Does not wait for the service any longer. */
void registration_stop(struct registration *r);

/* After the end. */
void registration_release(struct registration *r);

#endif
