#include <curl/curl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/random.h>
#include <time.h>

#include "auth/oauth.h"
#include "auth/oauth_form.h"
#include "auth/oauth_reply.h"
#include "auth/post.h"
#include "auth/secret.h"
#include "base/mem.h"
#include "http/http.h"
#include "http/url.h"

enum { ATTEMPTS = 4, MAX_WAIT_S = 30 };

/* One request and its answer. *wait: what the service asks for, in seconds. */
static int
ask_once(const struct oauth_ask *k, struct oauth_answer *a, int64_t *wait, struct err *e)
{
	struct oauth_form r;
	struct post p = {.url = k->urls->token, .what = "token URL"};
	struct json_object *o = NULL;
	int result = -1;

	*a = (struct oauth_answer){.lifetime = -1};
	clock_stamp_now(&a->asked);
	oauth_form_init(&r);
	oauth_form_token(&r, k);
	note("asking %s for a token by %s", p.url, k->grant->name);
	if (oauth_form_send(&r, &p, e) != 0) {
		a->unclear = p.sent && (p.status == 0 || p.status < 300);
		goto out;
	}
	*wait = p.retry_after;
	o = secret_json_parse(p.body.data, p.body.len);
	if (p.status != 200)
		oauth_reply_refused(k, &p, o, a, e);
	else if (o == NULL) {
		a->unclear = true;
		err_set(e, CODE_BAD_ANSWER, "the token URL answered with no JSON object");
	} else
		result = oauth_reply_token(o, &p, a, e);
out:
	secret_json_free(o);
	post_release(&p);
	oauth_form_release(&r);
	return result;
}

/* Whether asking again does no harm: what is sent is not used up by being sent. */
static bool
again(const struct oauth_ask *k, const struct oauth_answer *a, enum code code)
{
	bool used_up =
	    k->refresh_token != NULL || k->code != NULL || k->device_code != NULL;

	if (code == CODE_RATE_LIMITED)
		return k->device_code == NULL;
	if (code != CODE_NETWORK && code != CODE_UNAVAILABLE)
		return false;
	return !used_up || (!a->unclear && k->device_code == NULL);
}

static void
pause_for(int attempt, int64_t asked)
{
	uint16_t jitter = 0;
	int64_t ms = (int64_t)250 << attempt;
	struct timespec t;

	if (getrandom(&jitter, sizeof jitter, GRND_NONBLOCK) < 0)
		jitter = 0;
	ms += ms * jitter / 65536;
	if (asked > 0)
		ms = (asked > MAX_WAIT_S ? MAX_WAIT_S : asked) * 1000;
	t = (struct timespec){.tv_sec = ms / 1000, .tv_nsec = ms % 1000 * 1000000};
	clock_nanosleep(CLOCK_MONOTONIC, 0, &t, NULL);
}

int
oauth_ask(const struct oauth_ask *k, struct oauth_answer *a, struct err *e)
{
	for (int attempt = 0;; attempt++) {
		int64_t wait = 0;
		struct err why;

		if (ask_once(k, a, &wait, &why) == 0)
			return 0;
		if (attempt + 1 >= ATTEMPTS || wait > MAX_WAIT_S ||
		    !again(k, a, why.code)) {
			*e = why;
			return -1;
		}
		note("%s; trying again", why.message);
		oauth_answer_release(a);
		pause_for(attempt, wait);
	}
}

void
oauth_answer_release(struct oauth_answer *a)
{
	secret_free(a->access_token);
	secret_free(a->token_type);
	secret_free(a->scope);
	secret_free(a->refresh_token);
	*a = (struct oauth_answer){.lifetime = -1};
}

/* Gives the URL the scheme, host and port of another one. */
static bool
move_to(CURLU *url, CURLU *to)
{
	static const CURLUPart parts[] = {
	    CURLUPART_SCHEME, CURLUPART_HOST, CURLUPART_PORT};

	for (size_t i = 0; i < sizeof parts / sizeof parts[0]; i++) {
		char *part = NULL;
		bool ok =
		    curl_url_get(to, parts[i], &part, CURLU_DEFAULT_PORT) == CURLUE_OK &&
		    curl_url_set(url, parts[i], part, 0) == CURLUE_OK;
		curl_free(part);
		if (!ok)
			return false;
	}
	return true;
}

/* A further URL of the file, moved to where the token URL went. */
static char *
moved(const char *url, const struct oauth *o, const char *to)
{
	CURLU *from, *dest;
	char *text = NULL, *copy = NULL;

	if (url == NULL || to == NULL || !url_same_origin(url, o->token_url))
		return mem_str(url);
	from = curl_url();
	dest = curl_url();
	if (from != NULL && dest != NULL &&
	    curl_url_set(from, CURLUPART_URL, url, 0) == CURLUE_OK &&
	    curl_url_set(dest, CURLUPART_URL, to, 0) == CURLUE_OK &&
	    move_to(from, dest) &&
	    curl_url_get(from, CURLUPART_URL, &text, 0) == CURLUE_OK)
		copy = mem_str(text);
	curl_free(text);
	curl_url_cleanup(from);
	curl_url_cleanup(dest);
	return copy;
}

int
oauth_urls_init(
    struct oauth_urls *u, const struct oauth *o, const struct creds *c, struct err *e)
{
	const char *own = c->value[CRED_TOKEN_URL];

	*u = (struct oauth_urls){
	    .token = mem_str(own != NULL ? own : o->token_url),
	    .authorize = moved(o->authorize_url, o, own),
	    .device = moved(o->device_url, o, own),
	    .revoke = moved(o->revoke_url, o, own),
	};
	if (post_url_ok(
	        u->token, own != NULL ? c->name[CRED_TOKEN_URL] : "token URL", e) != 0 ||
	    (u->authorize != NULL &&
	        post_url_ok(u->authorize, "authorize URL", e) != 0) ||
	    (u->device != NULL && post_url_ok(u->device, "device URL", e) != 0) ||
	    (u->revoke != NULL && post_url_ok(u->revoke, "revocation URL", e) != 0)) {
		oauth_urls_release(u);
		return -1;
	}
	return 0;
}

void
oauth_urls_release(struct oauth_urls *u)
{
	free(u->token);
	free(u->authorize);
	free(u->device);
	free(u->revoke);
	*u = (struct oauth_urls){0};
}

bool
oauth_is(const struct oauth_grant *g, const char *name)
{
	return strcmp(g->name, name) == 0;
}

bool
oauth_interactive(const struct oauth_grant *g)
{
	return oauth_is(g, "authorization_code") || oauth_is(g, "device_code");
}

const char *
oauth_missing(const struct oauth *o, const struct oauth_grant *g, const struct creds *c)
{
	enum oauth_client_auth a =
	    g->client_auth != OAUTH_CLIENT_DEFAULT ? g->client_auth : o->client_auth;

	if (c->value[CRED_CLIENT_ID] == NULL)
		return c->name[CRED_CLIENT_ID];
	/* A native client has no secret (RFC 8252, 8.5); a person takes its place. */
	if (a != OAUTH_CLIENT_NONE && !oauth_interactive(g) &&
	    c->value[CRED_CLIENT_SECRET] == NULL)
		return c->name[CRED_CLIENT_SECRET];
	for (size_t i = 0; i < g->param_count; i++) {
		const char *value = g->params[i].value;
		if (strstr(value, "{username}") != NULL &&
		    c->value[CRED_USERNAME] == NULL)
			return c->name[CRED_USERNAME];
		if (strstr(value, "{password}") != NULL &&
		    c->value[CRED_PASSWORD] == NULL)
			return c->name[CRED_PASSWORD];
	}
	return NULL;
}

char *
oauth_authorize_url(const struct oauth_ask *k, const char *state, const char *challenge)
{
	struct buf query = {0};
	char *url;

	post_param(&query, "response_type", "code");
	post_param(&query, "client_id", k->creds->value[CRED_CLIENT_ID]);
	post_param(&query, "redirect_uri", k->redirect_uri);
	post_param(&query, "state", state);
	post_param(&query, "code_challenge", challenge);
	post_param(&query, "code_challenge_method", "S256");
	oauth_form_wishes(&query, k);
	url = mem_printf("%s%c%s", k->urls->authorize,
	    strchr(k->urls->authorize, '?') != NULL ? '&' : '?', query.data);
	buf_release(&query);
	return url;
}

int
oauth_revoke(
    const struct oauth_ask *k, const char *token, const char *hint, struct err *e)
{
	struct oauth_form r;
	struct post p = {.url = k->urls->revoke, .what = "revocation URL"};
	int result;

	oauth_form_init(&r);
	post_param(&r.form, "token", token);
	post_param(&r.form, "token_type_hint", hint);
	oauth_form_client(&r, k);
	result = oauth_form_send(&r, &p, e);
	if (result == 0 && p.status != 200)
		result =
		    err_set(e, p.status >= 500 ? CODE_UNAVAILABLE : CODE_TOKEN_REFUSED,
		        "the revocation URL answered HTTP %ld", p.status);
	post_release(&p);
	oauth_form_release(&r);
	return result;
}
