#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "auth/oauth_form.h"
#include "auth/oauth_reply.h"
#include "auth/post.h"
#include "auth/secret.h"
#include "signin.h"

enum { MAX_WAIT_S = 900 }; /* where the service does not say */

/* What a device shows to its person. */
struct device {
	char *device_code, *user_code, *uri, *uri_complete; /* the last may be NULL */
	int64_t interval, lifetime;                         /* seconds */
};

static void
device_release(struct device *d)
{
	secret_free(d->device_code);
	secret_free(d->user_code);
	free(d->uri);
	secret_free(d->uri_complete);
	*d = (struct device){0};
}

static int
read_device(struct json_object *o, const struct post *p, struct device *d, struct err *e)
{
	d->device_code = secret_json_str(o, "device_code");
	d->user_code = secret_json_str(o, "user_code");
	d->uri = secret_json_str(o, "verification_uri");
	if (d->uri == NULL)
		d->uri = secret_json_str(o, "verification_url");
	d->uri_complete = secret_json_str(o, "verification_uri_complete");
	d->interval = oauth_reply_seconds(o, "interval");
	if (d->interval < 0)
		d->interval = 5;
	if (d->interval == 0)
		d->interval = 1;
	d->lifetime = oauth_reply_seconds(o, "expires_in");
	if (d->device_code != NULL && d->user_code != NULL && d->uri != NULL)
		return 0;
	device_release(d);
	return err_set(e, CODE_BAD_ANSWER,
	    "the %s answered without device_code, user_code or verification_uri",
	    p->what);
}

static int
device_start(const struct oauth_ask *k, struct device *d, struct err *e)
{
	struct oauth_form r;
	struct post p = {.url = k->urls->device, .what = "device URL"};
	struct json_object *o = NULL;
	struct oauth_answer a = {.lifetime = -1};
	int result = -1;

	*d = (struct device){0};
	oauth_form_init(&r);
	oauth_form_wishes(&r.form, k);
	oauth_form_client(&r, k);
	if (oauth_form_send(&r, &p, e) != 0)
		goto out;
	o = secret_json_parse(p.body.data, p.body.len);
	if (p.status != 200)
		oauth_reply_refused(k, &p, o, &a, e);
	else if (o == NULL)
		err_set(
		    e, CODE_BAD_ANSWER, "the device URL answered with no JSON object");
	else
		result = read_device(o, &p, d, e);
out:
	secret_json_free(o);
	post_release(&p);
	oauth_form_release(&r);
	return result;
}

static void
show(const struct device *d)
{
	fprintf(stderr, "Open %s\nand enter the code %s\n", d->uri, d->user_code);
	if (d->uri_complete != NULL)
		fprintf(
		    stderr, "or open %s\nwhich has the code in it.\n", d->uri_complete);
}

/* Asks until the person is done (RFC 8628, 3.5). */
static int
poll_token(const struct oauth_ask *k, const struct device *d, struct oauth_answer *a,
    struct err *e)
{
	int64_t interval = d->interval;
	struct timespec now, end;

	clock_gettime(CLOCK_BOOTTIME, &end);
	end.tv_sec += d->lifetime > 0 ? d->lifetime : MAX_WAIT_S;
	for (;;) {
		clock_nanosleep(
		    CLOCK_MONOTONIC, 0, &(struct timespec){.tv_sec = interval}, NULL);
		if (oauth_ask(k, a, e) == 0)
			return 0;
		if (strcmp(a->error, "slow_down") == 0)
			interval += 5;
		else if (e->code == CODE_NETWORK || e->code == CODE_UNAVAILABLE ||
		         e->code == CODE_RATE_LIMITED)
			interval *= 2;
		else if (strcmp(a->error, "authorization_pending") != 0)
			return -1;
		clock_gettime(CLOCK_BOOTTIME, &now);
		if (now.tv_sec >= end.tv_sec)
			return err_set(e, CODE_TOKEN_REFUSED,
			    "the code was not entered in time; start again");
		oauth_answer_release(a);
	}
}

int
signin_device(const struct oauth_ask *ask, struct oauth_answer *a, struct err *e)
{
	struct oauth_ask k = *ask;
	struct device d;
	int r;

	if (k.urls->device == NULL)
		return err_set(e, CODE_NO_CREDENTIALS,
		    "the provider file has no device URL for the grant device_code");
	if (device_start(&k, &d, e) != 0)
		return -1;
	show(&d);
	k.device_code = d.device_code;
	r = poll_token(&k, &d, a, e);
	device_release(&d);
	return r;
}
