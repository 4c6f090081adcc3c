#include <string.h>

#include "base/clock.h"
#include "signin.h"

enum { WAIT_S = 900 }; /* if the service does not say */

static void
show(const struct oauth_device *d)
{
	say("Open %s", d->uri);
	say("and enter the code %s", d->user_code);
	if (d->uri_complete != NULL) {
		say("or open %s", d->uri_complete);
		say("which has the code in it.");
	}
}

/* Asks for the token until the person has authorized us (RFC 8628, section 3.5). */
static int
poll_token(const struct oauth_request *q, const struct oauth_device *d,
    struct oauth_answer *a, struct err *e)
{
	int64_t interval_ms = d->interval * 1000;
	int64_t lifetime = d->lifetime > 0 ? d->lifetime : WAIT_S;
	int64_t end = clock_boot_ns() / 1000000000 + lifetime;

	for (;;) {
		clock_sleep_ms(interval_ms);
		if (oauth_get_token(q, a, e) == 0)
			return 0;
		if (strcmp(a->error, "slow_down") == 0)
			interval_ms += 5000;
		else if (e->code == CODE_NETWORK || e->code == CODE_UNAVAILABLE ||
		         e->code == CODE_RATE_LIMITED)
			interval_ms *= 2;
		else if (strcmp(a->error, "authorization_pending") != 0)
			return -1;
		if (clock_boot_ns() / 1000000000 >= end)
			return err_set(e, CODE_TOKEN_REFUSED,
			    "the code was not entered in time; start again");
		oauth_answer_release(a);
	}
}

int
signin_device(const struct oauth_request *q, struct oauth_answer *a, struct err *e)
{
	struct oauth_request poll = *q;
	struct oauth_device d;
	int r;

	if (q->urls->device == NULL)
		return err_set(e, CODE_NO_CREDENTIALS,
		    "the provider file has no device_url, which the grant device_code "
		    "needs");
	if (oauth_device_start(q, &d, e) != 0)
		return -1;
	show(&d);
	poll.device_code = d.device_code;
	r = poll_token(&poll, &d, a, e);
	oauth_device_release(&d);
	return r;
}
