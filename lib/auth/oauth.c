#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "auth/oauth.h"
#include "auth/post.h"
#include "auth/secret.h"
#include "base/backoff.h"
#include "base/mem.h"
#include "base/utf8.h"
#include "http/types.h"

enum { ATTEMPTS = 4, BACKOFF_FIRST_MS = 500, WAIT_MAX_MS = 30000, VALUE_MAX = 65536 };

/* Ten years in seconds: a longer lifetime is taken for this. */
static const int64_t lifetime_max = (int64_t)10 * 366 * 24 * 3600;

struct parameter {
	const char *name, *value;
};

/* The parameters of requests, from description and credentials. */

/* The value of the {variable} that the text begins with; NULL if it is absent or there is no
 * such variable. */
static const char *
value_of(const struct oauth_request *q, const char *variable)
{
	const struct parameter table[] = {
	    {"{client_id}", q->creds->value[CRED_CLIENT_ID]},
	    {"{client_secret}", q->creds->value[CRED_CLIENT_SECRET]},
	    {"{username}", q->creds->value[CRED_USERNAME]},
	    {"{password}", q->creds->value[CRED_PASSWORD]},
	    {"{audience}", q->oauth->audience},
	    {"{scope}", q->scope},
	};

	for (size_t i = 0; i < sizeof table / sizeof table[0]; i++)
		if (strncmp(variable, table[i].name, strlen(table[i].name)) == 0)
			return table[i].value;
	return NULL;
}

/* Appends a parameter with its variables replaced; nothing if one is absent. */
static void
add_template(
    struct buf *form, const struct oauth_request *q, const char *name, const char *s)
{
	struct buf value;
	const char *found = "";

	secret_buf_init(&value, VALUE_MAX);
	while (found != NULL && *s != '\0') {
		size_t len = strcspn(s, "{");
		if (len > 0) {
			buf_add(&value, s, len);
		} else {
			len = strcspn(s, "}") + 1;
			found = value_of(q, s);
			buf_str(&value, found != NULL ? found : "");
		}
		s += len;
	}
	if (found != NULL && !value.full)
		post_param(form, name, value.data);
	secret_buf_release(&value);
}

/* Adds the client's id and its secret, as the grant wants them. */
static void
form_client(struct post *p, const struct oauth_request *q)
{
	const char *id = q->creds->value[CRED_CLIENT_ID];
	const char *secret = q->creds->value[CRED_CLIENT_SECRET];

	if (q->grant->client_auth == OAUTH_CLIENT_BASIC && secret != NULL) {
		post_basic(p, id != NULL ? id : "", secret);
		return;
	}
	post_param(&p->form, "client_id", id);
	if (q->grant->client_auth == OAUTH_CLIENT_POST)
		post_param(&p->form, "client_secret", secret);
}

/* True if this request is the one to name the scopes, because the user gave some: not if
 * the description does so, if another request named them, or at a renewal. */
static bool
asks_for_scope(const struct oauth_request *q)
{
	return q->creds->value[CRED_SCOPE] != NULL && !oauth_interactive(q->grant) &&
	       q->refresh_token == NULL && json_member(q->grant->params, "scope") == NULL;
}

/* Fills the form of a token request. */
static void
form_token(struct post *p, const struct oauth_request *q)
{
	const struct parameter of_flow[] = {
	    {"refresh_token", q->refresh_token},
	    {"code", q->code},
	    {"code_verifier", q->code_verifier},
	    {"redirect_uri", q->redirect_uri},
	    {"device_code", q->device_code},
	};
	struct json_object *params = q->grant->params;

	post_param(&p->form, "grant_type", q->grant->type);
	if (params != NULL) {
		json_object_object_foreach(params, name, value)
		{
			if (strcmp(name, "client_id") != 0 &&
			    strcmp(name, "client_secret") != 0)
				add_template(
				    &p->form, q, name, json_object_get_string(value));
		}
	}
	for (size_t i = 0; i < sizeof of_flow / sizeof of_flow[0]; i++)
		if (!json_object_object_get_ex(params, of_flow[i].name, NULL))
			post_param(&p->form, of_flow[i].name, of_flow[i].value);
	if (asks_for_scope(q))
		post_param(&p->form, "scope", q->scope);
	form_client(p, q);
}

/* Appends what authorization and device requests have in common. */
static void
form_authorize(struct buf *form, const struct oauth_request *q)
{
	struct json_object *params = q->oauth->authorize_params;

	if (!json_object_object_get_ex(params, "scope", NULL))
		post_param(form, "scope", q->scope);
	if (params == NULL)
		return;
	json_object_object_foreach(params, name, value)
	{
		add_template(form, q, name, json_object_get_string(value));
	}
}

/* What a response says. */

/* Writes what the user can do about an `error` (RFC 6749, section 5.2, and the
 * flows built on it). */
static void
advise(const struct oauth_request *q, const char *error, char *out, size_t size)
{
	char *const *name = q->creds->name;

	out[0] = '\0';
	if (strcmp(error, "invalid_client") == 0)
		snprintf(out, size, "; check %s and %s", name[CRED_CLIENT_ID],
		    name[CRED_CLIENT_SECRET]);
	else if (strcmp(error, "invalid_grant") == 0 && q->refresh_token != NULL)
		snprintf(out, size, "; the sign-in has ended");
	else if (strcmp(error, "invalid_grant") == 0 && oauth_interactive(q->grant))
		snprintf(out, size, "; start again");
	else if (strcmp(error, "invalid_grant") == 0)
		snprintf(out, size, "; check %s and %s", name[CRED_USERNAME],
		    name[CRED_PASSWORD]);
	else if (strcmp(error, "unauthorized_client") == 0 ||
	         strcmp(error, "unsupported_grant_type") == 0)
		snprintf(out, size,
		    "; allow the grant %s for this client at the service, or choose "
		    "another with --grant",
		    q->grant->name);
	else if (strcmp(error, "invalid_scope") == 0 ||
	         strcmp(error, "invalid_target") == 0)
		snprintf(out, size,
		    "; allow the scopes and the audience of the provider file at the "
		    "service");
	else if (strcmp(error, "access_denied") == 0)
		snprintf(out, size, "; a person or a rule at the service refused it");
	else if (strcmp(error, "expired_token") == 0)
		snprintf(out, size, "; the code was not entered in time, start again");
}

/* A string of the response, bounded and safe to show, without any secret that was sent;
 * NULL if it is absent. The caller ends it with secret_free. */
static char *
word_of(const struct oauth_request *q, struct json_object *o, const char *pointer)
{
	const char *const secrets[] = {
	    q->creds->value[CRED_CLIENT_SECRET],
	    q->creds->value[CRED_PASSWORD],
	    q->refresh_token,
	    q->code,
	    q->code_verifier,
	    q->device_code,
	};
	char *text = mem_str(json_str(o, pointer)), shown[201];

	if (text == NULL)
		return NULL;
	for (size_t i = 0; i < sizeof secrets / sizeof secrets[0]; i++)
		secret_hide(text, secrets[i]);
	utf8_show(shown, sizeof shown, text);
	secret_free(text);
	return mem_str(shown);
}

/* Sets *e, a->error and a->unclear from a response that is no 200; o is its JSON or NULL.
 * Returns -1. */
static int
refused(const struct oauth_request *q, const struct post *p, struct json_object *o,
    struct oauth_answer *a, struct err *e)
{
	char *error = word_of(q, o, "/error");
	char *text = word_of(q, o, "/error_description");
	char advice[200];

	a->unclear = p->status >= 500;
	snprintf(a->error, sizeof a->error, "%s", error != NULL ? error : "");
	advise(q, a->error, advice, sizeof advice);
	if (p->status == 429 || strcmp(a->error, "slow_down") == 0)
		err_set(e, CODE_RATE_LIMITED, "the %s asks to come back later", p->what);
	else if (http_is_temporary(p->status) ||
	         strcmp(a->error, "temporarily_unavailable") == 0)
		err_set(e, CODE_UNAVAILABLE,
		    "the %s cannot answer now (HTTP %d); try again later", p->what,
		    p->status);
	else if (error != NULL)
		err_set(e, CODE_TOKEN_REFUSED,
		    "the %s refused the %s request: %s%s%s%s%s", p->what, q->grant->name,
		    error, text != NULL ? " (" : "", text != NULL ? text : "",
		    text != NULL ? ")" : "", advice);
	else
		err_set(e, CODE_TOKEN_REFUSED,
		    "the %s refused the %s request with HTTP %d and gave no reason; "
		    "check the URL",
		    p->what, q->grant->name, p->status);
	secret_free(error);
	secret_free(text);
	return -1;
}

/* Sends the form. *o becomes the JSON object of the response or NULL; the caller frees it.
 * 0: it is the object of a 200; else -1, with error and unclear of *a set. */
static int
exchange(const struct oauth_request *q, struct post *p, struct json_object **o,
    struct oauth_answer *a, struct err *e)
{
	*o = NULL;
	if (post_send(p, e) != 0) {
		a->unclear = p->sent && p->status < 300;
		return -1;
	}
	*o = secret_json_parse(p->body.data, p->body.len);
	if (p->status != 200)
		return refused(q, p, *o, a, e);
	if (*o != NULL)
		return 0;
	a->unclear = true;
	return err_set(
	    e, CODE_BAD_ANSWER, "the %s answered without a JSON object", p->what);
}

/* A number of seconds, also one in quotes, within 0 and lifetime_max. -1: absent
 * or no number. */
static int64_t
seconds_of(struct json_object *o, const char *pointer)
{
	const char *s = json_str(o, pointer);
	double d = json_num(o, pointer, NAN);
	char *end;

	if (s != NULL)
		d = strtod(s, &end);
	if (isnan(d) || (s != NULL && (end == s || *end != '\0')))
		return -1;
	if (d < 0)
		return 0;
	return d > (double)lifetime_max ? lifetime_max : (int64_t)d;
}

/* A token goes into a header: visible ASCII alone. */
static bool
fits_header(const char *s)
{
	while (*s > 0x20 && *s < 0x7f)
		s++;
	return *s == '\0';
}

static int
read_token(
    struct json_object *o, const struct post *p, struct oauth_answer *a, struct err *e)
{
	struct stored_token *k = &a->token;

	k->access_token = mem_str(json_str(o, "/access_token"));
	k->token_type = mem_str(json_str(o, "/token_type"));
	k->scope = mem_str(json_str(o, "/scope"));
	k->refresh_token = mem_str(json_str(o, "/refresh_token"));
	k->lifetime = seconds_of(o, "/expires_in");
	if (k->lifetime < 0)
		k->lifetime = seconds_of(o, "/expiry");
	a->unclear = true;
	if (k->access_token == NULL || k->access_token[0] == '\0' ||
	    !fits_header(k->access_token))
		return err_set(e, CODE_BAD_ANSWER,
		    "the %s answered without a usable access_token", p->what);
	if (k->token_type != NULL && strcasecmp(k->token_type, "bearer") != 0)
		return err_set(e, CODE_BAD_ANSWER,
		    "the %s gave a token whose type is not Bearer, which cannot be used",
		    p->what);
	if (k->lifetime == 0)
		return err_set(e, CODE_BAD_ANSWER,
		    "the %s gave a token that has expired already", p->what);
	if (k->token_type == NULL)
		k->token_type = mem_str("Bearer");
	a->unclear = false;
	return 0;
}

/* One attempt. *wait_ms: the service's Retry-After; -1: none. */
static int
attempt_token(const struct oauth_request *q, struct oauth_answer *a, int64_t *wait_ms,
    struct err *e)
{
	struct post p;
	struct json_object *o;
	int r;

	*a = (struct oauth_answer){.token.lifetime = -1};
	clock_stamp_now(&a->token.obtained);
	post_init(&p, q->urls->token, "token URL");
	form_token(&p, q);
	note("asking %s for a token by %s", p.url, q->grant->name);
	r = exchange(q, &p, &o, a, e);
	if (r == 0)
		r = read_token(o, &p, a, e);
	*wait_ms = p.retry_after_ms;
	secret_json_free(o);
	post_release(&p);
	return r;
}

/* True if another attempt does no harm: the one that failed did not use up what
 * it sent. A device code is polled by the caller. */
static bool
may_retry(const struct oauth_request *q, const struct oauth_answer *a, enum code code)
{
	bool used_up = q->refresh_token != NULL || q->code != NULL;

	if (q->device_code != NULL)
		return false;
	if (code == CODE_RATE_LIMITED)
		return true;
	return (code == CODE_NETWORK || code == CODE_UNAVAILABLE) &&
	       (!used_up || !a->unclear);
}

int
oauth_get_token(const struct oauth_request *q, struct oauth_answer *a, struct err *e)
{
	for (unsigned attempt = 0;; attempt++) {
		int64_t wait_ms;
		struct err why;

		if (attempt_token(q, a, &wait_ms, &why) == 0)
			return 0;
		if (attempt + 1 >= ATTEMPTS || wait_ms > WAIT_MAX_MS ||
		    !may_retry(q, a, why.code)) {
			*e = why;
			return -1;
		}
		note("%s; trying again", why.message);
		oauth_answer_release(a);
		if (wait_ms <= 0)
			wait_ms = backoff_ms(
			    attempt, BACKOFF_FIRST_MS, WAIT_MAX_MS, arc4random());
		clock_sleep_ms(wait_ms);
	}
}

void
oauth_answer_release(struct oauth_answer *a)
{
	stored_token_release(&a->token);
	*a = (struct oauth_answer){.token.lifetime = -1};
}

char *
oauth_authorize_url(
    const struct oauth_request *q, const char *state, const char *challenge)
{
	struct buf query = {0};
	char *url;

	post_param(&query, "response_type", "code");
	post_param(&query, "client_id", q->creds->value[CRED_CLIENT_ID]);
	post_param(&query, "redirect_uri", q->redirect_uri);
	post_param(&query, "state", state);
	post_param(&query, "code_challenge", challenge);
	post_param(&query, "code_challenge_method", "S256");
	form_authorize(&query, q);
	url = mem_printf("%s%c%s", q->urls->authorize,
	    strchr(q->urls->authorize, '?') != NULL ? '&' : '?', query.data);
	buf_release(&query);
	return url;
}

int
oauth_device_start(const struct oauth_request *q, struct oauth_device *d, struct err *e)
{
	struct oauth_answer ignored = {0};
	struct json_object *o;
	struct post p;
	int r;

	*d = (struct oauth_device){0};
	post_init(&p, q->urls->device, "device URL");
	form_authorize(&p.form, q);
	form_client(&p, q);
	r = exchange(q, &p, &o, &ignored, e);
	if (r != 0)
		goto out;
	d->device_code = mem_str(json_str(o, "/device_code"));
	d->user_code = mem_str(json_str(o, "/user_code"));
	d->uri = mem_str(json_str(o, "/verification_uri"));
	if (d->uri == NULL)
		d->uri = mem_str(json_str(o, "/verification_url"));
	d->uri_complete = mem_str(json_str(o, "/verification_uri_complete"));
	d->interval = seconds_of(o, "/interval");
	if (d->interval <= 0)
		d->interval = d->interval < 0 ? 5 : 1;
	d->lifetime = seconds_of(o, "/expires_in");
	if (d->device_code == NULL || d->user_code == NULL || d->uri == NULL) {
		oauth_device_release(d);
		r = err_set(e, CODE_BAD_ANSWER,
		    "the device URL answered without device_code, user_code or "
		    "verification_uri");
	}
out:
	secret_json_free(o);
	post_release(&p);
	return r;
}

void
oauth_device_release(struct oauth_device *d)
{
	secret_free(d->device_code);
	secret_free(d->user_code);
	secret_free(d->uri);
	secret_free(d->uri_complete);
	*d = (struct oauth_device){0};
}

int
oauth_revoke(
    const struct oauth_request *q, const char *token, const char *hint, struct err *e)
{
	struct post p;
	int r;

	post_init(&p, q->urls->revoke, "revocation URL");
	post_param(&p.form, "token", token);
	post_param(&p.form, "token_type_hint", hint);
	form_client(&p, q);
	r = post_send(&p, e);
	if (r == 0 && p.status != 200)
		r = err_set(e,
		    http_is_temporary(p.status) ? CODE_UNAVAILABLE : CODE_TOKEN_REFUSED,
		    "the revocation URL answered HTTP %d", p.status);
	post_release(&p);
	return r;
}
