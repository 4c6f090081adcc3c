/*
 * account: a provider as this run uses it: base URL, label, credentials, pace.
 *
 * A request to the service needs credentials (account_authorize) and then its
 * turn in the account's pace (account_enter). A blocked account begins nothing
 * more in this run.
 *
 * The host of a photo's URL is an account too, without a service: it has a pace
 * and pauses, and no credentials (accounts_host).
 */
#ifndef AV_SERVICE_ACCOUNT_H
#define AV_SERVICE_ACCOUNT_H

#include <stdbool.h>
#include <stdint.h>
#include <sys/queue.h>

#include "base/config.h"
#include "os/loop.h"
#include "provider/provider.h"
#include "service/failure.h"

struct account {
	struct provider *provider;
	char *base_url;    /* as url_canonical (http/url.h) writes it */
	const char *label; /* NAME_ACCOUNT, configuration, else "default" */
	enum config_source url_from, label_from;
	bool blocked; /* nothing more is begun in this run, because of */
	struct failure why;
	bool host; /* of photos, and no service */
	/* Its service answered from a private or special address; of a host of
	 * photos: it may have one. */
	bool local;
	bool exclusive;     /* NAME_EXCLUSIVE=1: nothing else uses it */
	bool warned;        /* of a state that the description does not know */
	bool told_odd;      /* of a response that is not quite JSON */
	bool told_retry;    /* see account_tell_retry */
	int64_t told_until; /* unix ms: end of the wait that was told last */
	/* The server's clock minus ours in ms, from its Date header; whether it
	 * sent one; and when that was noted, in unix seconds. */
	int64_t clock_offset;
	bool clock_known;
	int64_t clock_at;
	struct account_rest *rest; /* account's own */
};

struct accounts;

struct account_options {
	const char *url;       /* -u: base URL of one provider, or NULL */
	const char *url_for;   /* that provider's name or alias */
	double rate;           /* --rate: requests a second, or 0 */
	char *const *given;    /* credentials (auth/creds.h), or NULL */
	struct ledger *ledger; /* of many hosts, which share paces; or NULL */
	bool private_hosts;    /* hosts of photos may have special addresses */
};

struct accounts *accounts_new(
    struct loop *loop, const struct account_options *options);
void accounts_free(struct accounts *all);

/* Returns the account of a provider, by name or alias, made at first use. NULL:
 * unknown_provider, bad_provider. */
struct account *accounts_get(
    struct accounts *all, const char *name, struct err *e);

/* The account of the host that a URL is of, in use until account_leave_host;
 * of those that are not in use, few are kept. NULL: it is no URL. */
struct account *accounts_host(struct accounts *all, const char *url);
void account_leave_host(struct account *a);

/* Begins nothing more for this account, because of f (copied). Only the first
 * reason counts. */
void account_block(struct account *a, const struct failure *f);

/* The pace of operations, by their number (provider.h): which one of the
 * provider's holds, requests a second (0: no limit), and whether the user gave
 * that rate. */
struct account_pace {
	const struct provider_pace *pace;
	double rate;
	bool given;
};
struct account_pace account_pace(const struct account *a, size_t which);

/* What a caller waits for: credentials, pace or turn. Part of the caller's
 * struct, zeroed before first use. */
typedef void account_fn(void *arg, const struct err *e);
TAILQ_HEAD(account_queue, account_wait);
struct account_wait {
	struct account *account;
	account_fn *fn;
	void *arg;
	struct account_queue *queue; /* NULL: it does not wait */
	TAILQ_ENTRY(account_wait) entry;
	int64_t *deadline; /* as in service/attempt.h */
	int64_t timeout_ms;
	size_t pace;   /* of the operation, see provider.h */
	unsigned late; /* how often the caller missed its send time */
	/* After account_enter: its slot of the account, and until when it may
	 * begin to send (clock_monotonic_ms); 0: at any time. */
	int slot;
	int64_t begin_by;
};

/* Gets credentials and calls back, perhaps at once. rejected: the header value
 * that the service refused, which is renewed once for all that ask; or NULL. */
void account_authorize(struct account *a, struct account_wait *w,
    const char *rejected, account_fn *fn, void *arg);

/* The header to send, after account_authorize called back without an error.
 * Borrowed until the next renewal; the name lives as long as the account.
 * Secret. */
const char *account_header(const struct account *a, const char **name);

/* Sets *e to unauthorized, with the credential that the account sends, where it
 * is from and how to replace it. words: the service's, " (401): ...". */
void account_refused(const struct account *a, const char *words, struct err *e);

/* Waits for the account's pace and calls back, perhaps at once, when a request
 * may be sent. Each callback without an error needs an account_leave. The
 * caller sets w->deadline, w->timeout_ms and w->pace. If a pause that the
 * service asked for, or what other processes reserved, ends after the deadline,
 * the callback gets rate_limited at once. A wait of more than ACCOUNT_TELL_MS
 * is told. */
#define ACCOUNT_TELL_MS 5000
void account_enter(
    struct account *a, struct account_wait *w, account_fn *fn, void *arg);

enum account_report { ACCOUNT_OK, ACCOUNT_CROWDED, ACCOUNT_OTHER };
void account_leave(struct account_wait *w, enum account_report report);

/* True if the account carries out this operation one at a time, since its list
 * could not tell two lost requests apart. */
bool account_takes_turns(const struct account *a, const struct operation *op);

/* Waits for the account's turn, exclusive use among all processes, for what
 * must be done one at a time. Each callback needs an account_give_turn. */
void account_take_turn(
    struct account *a, struct account_wait *w, account_fn *fn, void *arg);
void account_give_turn(struct account *a);

/* The service asked to wait so long: all requests of that pace do, of all
 * processes. */
void account_pause(struct account *a, size_t pace, int64_t ms);

/* Tells that an attempt failed because of e and that the next one is in ms;
 * once, until a request succeeds. */
void account_tell_retry(struct account *a, const struct err *e, int64_t ms);

/* Checks a URL that the service gave: https of a public host or of the API's
 * own; or http, if the API is on this machine. A host of photos has to be
 * public, unless it may be local. -1: url_refused, private_address. */
int account_check_url(const struct account *a, const char *url, struct err *e);

/* True if a URL that the service gave may lead to a private or special address:
 * the API's own is one. */
bool account_may_be_local(const struct account *a);

/* Sets *e to url_refused, of a host to private_address, and returns -1: such an
 * address was reached. */
int account_not_public(const struct account *a, struct err *e);

/* The callback will not come. */
void account_cancel(struct account_wait *w);

#endif
