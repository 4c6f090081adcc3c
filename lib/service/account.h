/*
 * account: a provider as this run uses it: where its API is, with what credentials, at what
 * pace, and whether anything may still be sent.
 */
#ifndef AV_SERVICE_ACCOUNT_H
#define AV_SERVICE_ACCOUNT_H

#include <stdbool.h>
#include <stdint.h>

#include "os/loop.h"
#include "provider/provider.h"
#include "service/failure.h"

struct account {
	struct provider *provider;
	char *base_url;    /* without a final slash */
	const char *label; /* NAME_ACCOUNT, else "default" */
	bool blocked;      /* nothing more is begun in this run, for this reason: */
	struct failure why;
	bool exclusive; /* NAME_EXCLUSIVE=1: nothing else uses it, says the user */
	bool warned;    /* of a state that the description does not know */
	int64_t
	    clock_offset; /* the server's clock minus ours in ms, by its Date header */
	bool clock_known; /* it has sent one */
	int64_t clock_at; /* when that was noted: unix seconds */
	struct account_rest *rest;
};

struct accounts;

struct account_options {
	const char *url;     /* -u: base of the API of one provider, or NULL */
	const char *url_for; /* its name or alias: nobody else's credentials go there */
	double rate;         /* --rate: requests a second, or 0 */
};

struct accounts *accounts_new(struct loop *loop, const struct account_options *options);
void accounts_free(struct accounts *all);

/* The account of a provider, by name or alias, made at first use; NULL: unknown_provider,
 * bad_provider. */
struct account *accounts_get(struct accounts *all, const char *name, struct err *e);

/* Looks whether a key is configured where one is needed, without asking anybody: 0, or -1 and
 * no_credentials, unsafe_secret. */
int account_has_credentials(struct account *a, struct err *e);

/* Nothing more is begun for this account, because of f (copied). Only the first reason counts. */
void account_block(struct account *a, const struct failure *f);

/* Something one waits for. Zeroed before first use; belongs to the caller. */
struct account_wait {
	struct account *account;
	void (*fn)(void *arg, const struct err *e);
	void *arg;
	struct account_wait *next;
	bool waiting;
	int slot; /* after account_enter: its place among those in flight */
};

/* Sees to it that there are credentials, and calls back, perhaps at once. rejected: the
 * header value that the service refused, to be renewed once by whoever asks first; or NULL. */
void account_authorize(struct account *a, struct account_wait *w, const char *rejected,
    void (*fn)(void *arg, const struct err *e), void *arg);

/* The header to send, when account_authorize has called back without an error. Borrowed until
 * the next renewal; the name lives as long as the account. Secret. */
const char *account_header(const struct account *a, const char **name);

/* Waits for the account's pace and calls back, perhaps at once, when a request may go. Then
 * account_leave is owed. */
void account_enter(struct account *a, struct account_wait *w,
    void (*fn)(void *arg, const struct err *e), void *arg);

enum account_report { ACCOUNT_OK, ACCOUNT_CROWDED, ACCOUNT_OTHER };
void account_leave(struct account_wait *w, enum account_report report);

/* Waits until nobody else, in any process, has the account's turn, and takes it; for what must be
 * done one at a time. account_give_turn is owed. */
void account_take_turn(struct account *a, struct account_wait *w,
    void (*fn)(void *arg, const struct err *e), void *arg);
void account_give_turn(struct account *a);

/* The service asked everybody to wait so long. */
void account_pause(struct account *a, int64_t ms);

/* The callback will not come. */
void account_cancel(struct account_wait *w);

#endif
