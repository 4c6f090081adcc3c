#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <unistd.h>

#include "auth/oauth.h"
#include "auth/secret.h"
#include "auth/token.h"
#include "auth/token_file.h"
#include "base/mem.h"
#include "os/child.h"

enum { LOCK_WAIT_MS = 120000, POLL_MIN_MS = 2, POLL_MAX_MS = 50 };

/* One call of token_get for OAuth. */
struct work {
	const struct token_want *want;
	const struct oauth *oauth;
	const struct creds *creds;
	const struct oauth_grant *grant;
	struct oauth_urls urls;
	struct token_file file;
	struct stored_token kept;
};

static int
open_file(struct work *w, const struct oauth_grant *g, struct err *e)
{
	const char *parts[] = {w->creds->provider, w->urls.token,
	    w->creds->value[CRED_CLIENT_ID], w->creds->value[CRED_USERNAME],
	    w->oauth->scope, w->oauth->audience, g->name};

	return token_file_open(&w->file, parts, sizeof parts / sizeof parts[0], e);
}

static bool
usable(const struct work *w)
{
	struct clock_stamp now;
	int64_t left, spare = w->want->min_valid;

	if (w->kept.access_token == NULL ||
	    (w->want->rejected != NULL &&
	        secret_same(w->kept.access_token, w->want->rejected)))
		return false;
	clock_stamp_now(&now);
	left = stored_token_left(&w->kept, &now);
	if (w->kept.lifetime >= 0 && spare > w->kept.lifetime / 2)
		spare = w->kept.lifetime / 2;
	return left > (spare > 0 ? spare : 0);
}

/* What is on disk now. 1: it may be used. 0: not. */
static int
look(struct work *w, struct err *e)
{
	int r;

	stored_token_release(&w->kept);
	r = token_file_read(&w->file, &w->kept, e);
	return r <= 0 ? r : usable(w);
}

/* Waits for the lock, for two minutes; where there is a use for it, a token that its holder
 * obtains ends the waiting too. 1: there is a usable token. 0: the lock is ours. */
static int
look_or_lock(struct work *w, bool use, struct err *e)
{
	int64_t end = clock_monotonic_ms() + LOCK_WAIT_MS;
	int64_t delay = POLL_MIN_MS;

	for (;;) {
		int r = look(w, e);
		if (r < 0 || (r == 1 && use))
			return r;
		r = token_file_lock(&w->file, e);
		if (r < 0)
			return -1;
		if (r == 1) { /* its last holder may have been quick */
			r = look(w, e);
			return r == 1 && !use ? 0 : r;
		}
		if (clock_monotonic_ms() >= end)
			return err_set(e, CODE_TOKEN_BUSY,
			    "another process has been getting a token for %s for two "
			    "minutes; see what holds '%s'",
			    w->creds->provider, w->file.lock);
		clock_sleep_ms(delay);
		delay = delay * 2 < POLL_MAX_MS ? delay * 2 : POLL_MAX_MS;
	}
}

/* Keeps an answer; what a refresh leaves unsaid stays as it was (RFC 6749, 5.1 and 6). */
static int
keep(struct work *w, struct oauth_answer *a, struct err *e)
{
	struct stored_token *k = &w->kept;

	secret_free(k->access_token);
	secret_free(k->token_type);
	k->access_token = a->access_token;
	k->token_type = a->token_type;
	if (a->scope != NULL) {
		secret_free(k->scope);
		k->scope = a->scope;
	}
	if (a->refresh_token != NULL) {
		secret_free(k->refresh_token);
		k->refresh_token = a->refresh_token;
	}
	k->lifetime = a->lifetime;
	k->obtained = a->asked;
	k->in_doubt = false;
	*a = (struct oauth_answer){.lifetime = -1};
	return token_file_write(&w->file, k, e);
}

/* The grant itself, with a person where it needs one. */
static int
obtain(struct work *w, struct err *e)
{
	const struct oauth_request ask = {
	    .oauth = w->oauth, .urls = &w->urls, .grant = w->grant, .creds = w->creds};
	struct oauth_answer a = {.lifetime = -1};
	int r;

	if (oauth_interactive(w->grant) && w->want->sign_in == NULL)
		return err_set(e, CODE_TOKEN_REFUSED,
		    "nobody is signed in to %s any more; run av-token -p %s",
		    w->creds->provider, w->creds->provider);
	if (oauth_interactive(w->grant))
		r = w->want->sign_in(&ask, &a, e);
	else
		r = oauth_get_token(&ask, &a, e);
	if (r == 0) {
		stored_token_release(&w->kept);
		r = keep(w, &a, e);
	}
	oauth_answer_release(&a);
	return r;
}

/* What a refresh that failed means for the refresh token. 1: it is gone, and another way has
 * to be found. */
static int
refresh_failed(struct work *w, const struct oauth_answer *a, struct err *e)
{
	struct err second;

	if (strcmp(a->error, "invalid_grant") == 0) {
		note("%s", e->message);
		secret_free(w->kept.refresh_token);
		w->kept.refresh_token = NULL;
		w->kept.in_doubt = false;
		return token_file_write(&w->file, &w->kept, e) == 0 ? 1 : -1;
	}
	if (a->unclear)
		return err_prefix(e, "the renewal's outcome is not known: ");
	w->kept.in_doubt = false;
	if (token_file_write(&w->file, &w->kept, &second) != 0)
		*e = second;
	return -1;
}

/* Renews by refresh token. 0: done. 1: cannot be, and the grant itself has to be used. */
static int
refresh(struct work *w, struct err *e)
{
	struct oauth_request ask = {.oauth = w->oauth,
	    .urls = &w->urls,
	    .grant = oauth_find(w->oauth, "refresh_token"),
	    .creds = w->creds,
	    .refresh_token = w->kept.refresh_token};
	struct oauth_answer a = {.lifetime = -1};
	int r;

	if (ask.grant == NULL || ask.refresh_token == NULL)
		return 1;
	if (w->kept.in_doubt && !oauth_interactive(w->grant))
		return 1;
	w->kept.in_doubt = true;
	if (token_file_write(&w->file, &w->kept, e) != 0)
		return -1;
	if (oauth_get_token(&ask, &a, e) == 0)
		r = keep(w, &a, e);
	else
		r = refresh_failed(w, &a, e);
	oauth_answer_release(&a);
	return r;
}

/* Takes the first grant, in the provider's order, that can be used; opens its file. */
static int
choose(struct work *w, struct err *e)
{
	const char *wanted = w->want->grant, *missing = NULL;
	bool alone = false;

	for (size_t i = 0; i < w->oauth->grant_count; i++) {
		const struct oauth_grant *g = &w->oauth->grants[i];
		const char *lack = oauth_missing(g, w->creds);

		if (oauth_is(g, "refresh_token") || oauth_is(g, "implicit") ||
		    (wanted != NULL && !oauth_is(g, wanted)))
			continue;
		if (lack != NULL) {
			missing = missing != NULL ? missing : lack;
			continue;
		}
		if (open_file(w, g, e) != 0)
			return -1;
		w->grant = g;
		if (!oauth_interactive(g) || w->want->sign_in != NULL ||
		    access(w->file.path, F_OK) == 0)
			return 0;
		alone = true;
		token_file_close(&w->file);
	}
	if (alone)
		return err_set(e, CODE_NO_CREDENTIALS,
		    "nobody is signed in to %s; run av-token -p %s", w->creds->provider,
		    w->creds->provider);
	if (missing != NULL)
		return err_set(e, CODE_NO_CREDENTIALS,
		    "%s is not set; put it into the environment, or into "
		    "avtools/credentials in the configuration directory",
		    missing);
	return err_set(e, CODE_NO_CREDENTIALS, "%s offers no grant %s",
	    w->creds->provider, wanted != NULL ? wanted : "that can be used here");
}

static int
check_grant(const struct token_want *want, struct err *e)
{
	if (want->grant != NULL && strcmp(want->grant, "implicit") == 0)
		return err_set(e, CODE_NO_CREDENTIALS,
		    "the implicit grant is not offered: it hands tokens through the "
		    "browser's address; use authorization_code, which is protected by PKCE");
	if (want->grant != NULL && strcmp(want->grant, "refresh_token") == 0)
		return err_set(e, CODE_NO_CREDENTIALS,
		    "refresh_token is no way to begin; name the grant that was begun with, "
		    "which is renewed by itself");
	return 0;
}

static void
work_release(struct work *w)
{
	stored_token_release(&w->kept);
	token_file_close(&w->file);
	oauth_urls_release(&w->urls);
}

/* Hands the kept token out. */
static void
hand_out(struct work *w, struct token *t)
{
	t->access_token = mem_str(w->kept.access_token);
	t->token_type =
	    mem_str(w->kept.token_type != NULL ? w->kept.token_type : "Bearer");
	t->scope = mem_str(w->kept.scope);
	if (w->kept.lifetime >= 0)
		t->expires_at = w->kept.obtained.wall + w->kept.lifetime;
}

/* All that needs no person. 1: a person has to sign in. */
static int
renew_alone(void *arg, struct err *e)
{
	struct work *w = arg;
	int r = refresh(w, e);

	return r == 1 && !oauth_interactive(w->grant) ? obtain(w, e) : r;
}

/* With the lock held. What a kill could lose is done apart and comes back through the file. */
static int
renew(struct work *w, struct err *e)
{
	int r = 1;

	if (!oauth_interactive(w->grant) || w->kept.refresh_token != NULL) {
		r = child_run_detached(renew_alone, w, w->file.fd, e);
		if (r < 0)
			return r;
		if (look(w, e) < 0)
			return -1;
	}
	if (r == 1)
		return obtain(w, e);
	if (w->kept.access_token == NULL)
		return err_set(
		    e, CODE_UNSAFE_SECRET, "'%s' has just been removed", w->file.path);
	return 0;
}

static int
get_oauth(const struct token_want *want, struct token *t, struct err *e)
{
	struct work w = {.want = want,
	    .oauth = want->auth->oauth,
	    .creds = want->creds,
	    .file = {.fd = -1},
	    .kept = {.lifetime = -1}};
	int r = -1;

	if (check_grant(want, e) != 0 ||
	    oauth_urls_init(&w.urls, w.oauth, w.creds, e) != 0)
		return -1;
	if (choose(&w, e) != 0)
		goto out;
	r = look_or_lock(&w, true, e);
	if (r == 0)
		r = renew(&w, e);
	if (r >= 0) {
		hand_out(&w, t);
		r = 0;
	}
out:
	work_release(&w);
	return r;
}

/* A credential that was given as it is. */
static int
get_given(const struct token_want *w, enum cred which, const char *type, struct token *t,
    struct err *e)
{
	const char *value = w->creds->value[which];

	if (value == NULL)
		return err_set(e, CODE_NO_CREDENTIALS,
		    "%s is not set; put it into the environment, or into "
		    "avtools/credentials in the configuration directory",
		    w->creds->name[which]);
	if (w->rejected != NULL && secret_same(value, w->rejected))
		return err_set(e, CODE_UNAUTHORIZED,
		    "the service does not accept %s, which cannot be renewed from here; set "
		    "another",
		    w->creds->name[which]);
	t->access_token = mem_str(value);
	t->token_type = mem_str(type);
	return 0;
}

int
token_get(const struct token_want *w, struct token *t, struct err *e)
{
	*t = (struct token){0};
	if (w->auth->kind == AUTH_NONE)
		return 0;
	if (w->auth->kind == AUTH_KEY)
		return get_given(w, CRED_API_KEY, "api_key", t, e);
	if (w->creds->value[CRED_ACCESS_TOKEN] != NULL)
		return get_given(w, CRED_ACCESS_TOKEN, "Bearer", t, e);
	return get_oauth(w, t, e);
}

static int
give_back(struct work *w, struct err *e)
{
	const struct oauth_request ask = {
	    .oauth = w->oauth, .urls = &w->urls, .grant = w->grant, .creds = w->creds};
	int r = 0;

	if (w->urls.revoke == NULL)
		return 0;
	if (w->kept.refresh_token != NULL)
		r = oauth_revoke(&ask, w->kept.refresh_token, "refresh_token", e);
	if (w->kept.access_token != NULL && r == 0)
		r = oauth_revoke(&ask, w->kept.access_token, "access_token", e);
	return r == 0 ? 0 : err_prefix(e, "forgotten here, but not revoked: ");
}

/* Under the lock: a renewal that is under way would bring the token back. */
static int
forget(struct work *w, struct err *e)
{
	struct err second;
	int r;

	if (access(w->file.path, F_OK) != 0)
		return 0;
	if (look_or_lock(w, false, e) != 0)
		return -1;
	r = give_back(w, e);
	if (token_file_remove(&w->file, &second) != 0) {
		*e = second;
		r = -1;
	}
	return r;
}

int
token_logout(const struct token_want *want, struct err *e)
{
	struct work w = {.want = want,
	    .oauth = want->auth->oauth,
	    .creds = want->creds,
	    .file = {.fd = -1},
	    .kept = {.lifetime = -1}};
	int r = 0;

	if (want->auth->kind != AUTH_OAUTH)
		return 0;
	if (oauth_urls_init(&w.urls, w.oauth, w.creds, e) != 0)
		return -1;
	for (size_t i = 0; i < w.oauth->grant_count; i++) {
		w.grant = &w.oauth->grants[i];
		if (want->grant != NULL && !oauth_is(w.grant, want->grant))
			continue;
		if (open_file(&w, w.grant, e) != 0 || forget(&w, e) != 0)
			r = -1;
		token_file_close(&w.file);
	}
	work_release(&w);
	return r;
}

void
token_header(const struct auth *auth, const struct token *t, struct buf *out)
{
	if (auth->kind == AUTH_NONE || t->access_token == NULL)
		return;
	buf_printf(out, "%s: %s%s%s", auth->header,
	    auth->scheme != NULL ? auth->scheme : "", auth->scheme != NULL ? " " : "",
	    t->access_token);
}

void
token_release(struct token *t)
{
	secret_free(t->access_token);
	secret_free(t->token_type);
	secret_free(t->scope);
	*t = (struct token){0};
}
