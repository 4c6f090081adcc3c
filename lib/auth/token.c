#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <unistd.h>

#include "auth/oauth.h"
#include "auth/secret.h"
#include "auth/token.h"
#include "auth/token_file.h"
#include "base/base64.h"
#include "base/mem.h"
#include "base/similar.h"
#include "os/child.h"

enum { LOCK_WAIT_MS = 120000, POLL_MIN_MS = 2, POLL_MAX_MS = 50 };

/* Takes the header, scheme and credential of a way to send a key. */
static void
take_way(struct auth *a, struct json_object *way)
{
	const char *word = json_str(way, "/credential");

	a->header = json_str(way, "/header");
	a->scheme = json_str(way, "/scheme");
	a->cred = word == NULL || strcmp(word, "api_key") == 0 ? CRED_API_KEY
	          : strcmp(word, "access_token") == 0          ? CRED_ACCESS_TOKEN
	                                                       : CRED_PASSWORD;
}

void
auth_init(struct auth *a, struct json_object *description)
{
	struct json_object *oauth = json_at(description, "/oauth");

	*a = (struct auth){
	    .kind = oauth != NULL         ? AUTH_OAUTH
	            : description != NULL ? AUTH_KEY
	                                  : AUTH_NONE,
	    .description = description,
	    .oauth = oauth != NULL ? oauth_new(oauth) : NULL,
	};
	take_way(a, description);
}

/* True if the credential that it sends is set. */
static bool
is_set(const struct auth *a, const struct creds *c)
{
	return c->value[a->cred] != NULL &&
	       (a->cred != CRED_PASSWORD || c->value[CRED_USERNAME] != NULL);
}

void
auth_choose(struct auth *a, const struct creds *c)
{
	struct json_object *others = json_at(a->description, "/or");

	for (size_t i = 0; a->kind == AUTH_KEY && !is_set(a, c); i++) {
		if (i == json_len(others)) {
			take_way(a, a->description);
			return;
		}
		take_way(a, json_item(others, i));
	}
}

void
auth_release(struct auth *a)
{
	oauth_free(a->oauth);
	*a = (struct auth){.kind = AUTH_NONE};
}

/* One call of token_get for OAuth. */
struct work {
	const struct token_want *want;
	struct oauth_request q; /* by the chosen grant, without what a flow adds */
	struct oauth_urls urls;
	char *scope;
	struct token_file file;
	struct stored_token stored;
};

static int
work_init(struct work *w, const struct token_want *want, struct err *e)
{
	*w = (struct work){
	    .want = want,
	    .q = {.oauth = want->auth->oauth, .creds = want->creds, .urls = &w->urls},
	    .file = {.fd = -1},
	    .stored = {.lifetime = -1},
	};
	if (oauth_urls_init(&w->urls, w->q.oauth, w->q.creds, e) != 0)
		return -1;
	w->q.scope = w->scope = oauth_scope(w->q.oauth, w->q.creds);
	return 0;
}

static void
work_release(struct work *w)
{
	stored_token_release(&w->stored);
	token_file_close(&w->file);
	free(w->scope);
	oauth_urls_release(&w->urls);
}

/* Opens the file of the token that the chosen grant gives. */
static int
open_file(struct work *w, struct err *e)
{
	char *const *value = w->q.creds->value;
	const char *parts[] = {w->q.creds->provider, w->urls.token, value[CRED_CLIENT_ID],
	    value[CRED_USERNAME], w->scope, w->q.oauth->audience, w->q.grant->name};

	return token_file_open(&w->file, parts, sizeof parts / sizeof parts[0], e);
}

static bool
usable(const struct work *w)
{
	struct clock_stamp now;
	int64_t left, spare = w->want->min_valid;

	if (w->stored.access_token == NULL ||
	    (w->want->rejected != NULL &&
	        secret_same(w->stored.access_token, w->want->rejected)))
		return false;
	clock_stamp_now(&now);
	left = stored_token_left(&w->stored, &now);
	if (w->stored.lifetime >= 0 && spare > w->stored.lifetime / 2)
		spare = w->stored.lifetime / 2;
	return left > (spare > 0 ? spare : 0);
}

/* Reads the file. 1: it holds a token that may be used; 0: it does not; -1. */
static int
read_stored(struct work *w, struct err *e)
{
	int r;

	stored_token_release(&w->stored);
	r = token_file_read(&w->file, &w->stored, e);
	return r <= 0 ? r : usable(w);
}

/* Waits up to two minutes for the lock; with `use`, a token written meanwhile by
 * its holder ends the wait. 1: there is a token that may be used; 0: we hold the
 * lock; -1. */
static int
wait_for_lock(struct work *w, bool use, struct err *e)
{
	int64_t end = clock_monotonic_ms() + LOCK_WAIT_MS;
	int64_t delay = POLL_MIN_MS;

	for (;;) {
		int r = read_stored(w, e);
		if (r < 0 || (r == 1 && use))
			return r;
		r = token_file_lock(&w->file, e);
		if (r < 0)
			return -1;
		if (r == 1) { /* its last holder may have renewed since we read */
			r = read_stored(w, e);
			return r == 1 && !use ? 0 : r;
		}
		if (clock_monotonic_ms() >= end)
			return err_set(e, CODE_TOKEN_BUSY,
			    "another process has locked the token of %s for two minutes; "
			    "find it with: fuser '%s'",
			    w->q.creds->provider, w->file.lock);
		clock_sleep_ms(delay);
		delay = delay * 2 < POLL_MAX_MS ? delay * 2 : POLL_MAX_MS;
	}
}

/* Stores an answer. Members that a refresh leaves out stay as they were (RFC 6749,
 * sections 5.1 and 6). */
static int
store(struct work *w, struct oauth_answer *a, struct err *e)
{
	struct stored_token old = w->stored;

	w->stored = a->token;
	a->token = (struct stored_token){.lifetime = -1};
	if (w->stored.scope == NULL)
		w->stored.scope = mem_str(old.scope);
	if (w->stored.refresh_token == NULL)
		w->stored.refresh_token = mem_str(old.refresh_token);
	stored_token_release(&old);
	return token_file_write(&w->file, &w->stored, e);
}

/* Gets a token by the grant itself, from a person if the grant needs one. */
static int
obtain(struct work *w, struct err *e)
{
	struct oauth_answer a = {.token.lifetime = -1};
	int r;

	if (!oauth_interactive(w->q.grant))
		r = oauth_get_token(&w->q, &a, e);
	else if (w->want->sign_in != NULL)
		r = w->want->sign_in(&w->q, &a, e);
	else
		r = err_set(e, CODE_TOKEN_REFUSED,
		    "the sign-in to %s has ended; run av-token -p %s",
		    w->q.creds->provider, w->q.creds->provider);
	if (r == 0) {
		stored_token_release(&w->stored);
		r = store(w, &a, e);
	}
	oauth_answer_release(&a);
	return r;
}

/* After a refresh that failed. 1: the refresh token was invalid and is forgotten;
 * -1: it is kept. */
static int
refresh_failed(struct work *w, const struct oauth_answer *a, struct err *e)
{
	struct err second;

	if (strcmp(a->error, "invalid_grant") == 0) {
		note("%s", e->message);
		secret_free(w->stored.refresh_token);
		w->stored.refresh_token = NULL;
		w->stored.in_doubt = false;
		return token_file_write(&w->file, &w->stored, e) == 0 ? 1 : -1;
	}
	if (a->unclear)
		return err_prefix(e, "the renewal's outcome is not known: ");
	w->stored.in_doubt = false;
	if (token_file_write(&w->file, &w->stored, &second) != 0)
		*e = second;
	return -1;
}

/* Renews by refresh token. 0: done; 1: impossible, the grant itself is needed;
 * -1. */
static int
refresh(struct work *w, struct err *e)
{
	struct oauth_request q = w->q;
	struct oauth_answer a = {.token.lifetime = -1};
	int r;

	q.refresh_token = w->stored.refresh_token;
	q.grant = NULL;
	for (size_t i = 0; q.grant == NULL && i < q.oauth->grant_count; i++)
		if (oauth_is(&q.oauth->grants[i], "refresh_token"))
			q.grant = &q.oauth->grants[i];
	if (q.grant == NULL || q.refresh_token == NULL ||
	    (w->stored.in_doubt && !oauth_interactive(w->q.grant)))
		return 1;
	w->stored.in_doubt = true;
	if (token_file_write(&w->file, &w->stored, e) != 0)
		return -1;
	if (oauth_get_token(&q, &a, e) == 0)
		r = store(w, &a, e);
	else
		r = refresh_failed(w, &a, e);
	oauth_answer_release(&a);
	return r;
}

/* The credential that is needed first is absent. */
static int
not_set(const struct creds *c, enum cred which, struct err *e)
{
	char *command = creds_replace_by(c, which);

	err_set(e, CODE_NO_CREDENTIALS, "%s is not set; %s", c->name[which], command);
	free(command);
	return -1;
}

/* Chooses the first grant of the description that can be used; opens its file. */
static int
choose_grant(struct work *w, struct err *e)
{
	const char *wanted = w->want->grant;
	enum cred missing = CRED_COUNT;
	struct similar similar = {.word = wanted != NULL ? wanted : ""};
	bool needs_person = false;

	for (size_t i = 0; i < w->q.oauth->grant_count; i++) {
		const struct oauth_grant *g = &w->q.oauth->grants[i];
		enum cred absent = oauth_missing(g, w->q.creds);

		similar_try(&similar, g->name);
		if (oauth_is(g, "refresh_token") || oauth_is(g, "implicit") ||
		    (wanted != NULL && !oauth_is(g, wanted)))
			continue;
		if (absent != CRED_COUNT) {
			missing = missing != CRED_COUNT ? missing : absent;
			continue;
		}
		w->q.grant = g;
		if (open_file(w, e) != 0)
			return -1;
		if (!oauth_interactive(g) || w->want->sign_in != NULL ||
		    access(w->file.path, F_OK) == 0)
			return 0;
		needs_person = true;
		token_file_close(&w->file);
	}
	if (needs_person)
		return err_set(e, CODE_NO_CREDENTIALS,
		    "nobody is signed in to %s; run av-token -p %s", w->q.creds->provider,
		    w->q.creds->provider);
	if (missing != CRED_COUNT)
		return not_set(w->q.creds, missing, e);
	return err_set(e, CODE_NO_CREDENTIALS, "%s has no grant %s%s",
	    w->q.creds->provider, wanted != NULL ? wanted : "that can be used here",
	    similar.hint);
}

static int
check_grant(const struct token_want *want, struct err *e)
{
	if (want->grant != NULL && strcmp(want->grant, "implicit") == 0)
		return err_set(e, CODE_NO_CREDENTIALS,
		    "the grant implicit is not supported, since it passes the token through "
		    "the browser's address; use authorization_code, which PKCE protects");
	if (want->grant != NULL && strcmp(want->grant, "refresh_token") == 0)
		return err_set(e, CODE_NO_CREDENTIALS,
		    "the grant refresh_token only renews a token; name the grant that the "
		    "token came from");
	return 0;
}

/* Renews without a person. 0: done; 1: a person has to sign in; -1. */
static int
renew_alone(void *arg, struct err *e)
{
	struct work *w = arg;
	int r = refresh(w, e);

	return r == 1 && !oauth_interactive(w->q.grant) ? obtain(w, e) : r;
}

/* With the lock held. A child does what a kill of this process must not lose; the
 * token comes back through the file. */
static int
renew(struct work *w, struct err *e)
{
	int r = 1;

	if (!oauth_interactive(w->q.grant) || w->stored.refresh_token != NULL) {
		r = child_run_detached(renew_alone, w, w->file.fd, e);
		if (r < 0)
			return r;
		if (read_stored(w, e) < 0)
			return -1;
	}
	if (r == 1)
		return obtain(w, e);
	if (w->stored.access_token == NULL)
		return err_set(e, CODE_UNSAFE_SECRET,
		    "'%s' was removed during the renewal; run it again", w->file.path);
	return 0;
}

static int
get_oauth(const struct token_want *want, struct token *t, struct err *e)
{
	struct work w;
	const struct stored_token *k = &w.stored;
	int r;

	if (check_grant(want, e) != 0 || work_init(&w, want, e) != 0)
		return -1;
	r = choose_grant(&w, e);
	if (r == 0)
		r = wait_for_lock(&w, !want->afresh, e);
	if (r == 0)
		r = want->afresh ? obtain(&w, e) : renew(&w, e);
	if (r >= 0) {
		t->access_token = mem_str(k->access_token);
		t->token_type = mem_str(k->token_type != NULL ? k->token_type : "Bearer");
		t->scope = mem_str(k->scope);
		if (k->lifetime >= 0)
			t->expires_at = k->obtained.wall + k->lifetime;
	}
	work_release(&w);
	return r < 0 ? -1 : 0;
}

/* A credential that the user gave as it is. */
static int
get_given(const struct token_want *w, enum cred which, const char *type, struct token *t,
    struct err *e)
{
	const char *value = w->creds->value[which];

	if (value == NULL)
		return not_set(w->creds, which, e);
	if (w->rejected != NULL && secret_same(value, w->rejected))
		return err_set(e, CODE_UNAUTHORIZED,
		    "the service does not accept %s from %s, which cannot be renewed; set "
		    "another",
		    w->creds->used[which], w->creds->place[which]);
	t->access_token = mem_str(value);
	t->token_type = mem_str(type);
	return 0;
}

/* The user's name and password as RFC 7617 wants them. */
static int
get_basic(const struct token_want *w, struct token *t, struct err *e)
{
	char *const *value = w->creds->value;
	char *pair, *encoded;
	size_t len;

	if (value[CRED_USERNAME] == NULL)
		return not_set(w->creds, CRED_USERNAME, e);
	if (get_given(w, CRED_PASSWORD, "basic", t, e) != 0)
		return -1;
	pair = mem_printf("%s:%s", value[CRED_USERNAME], value[CRED_PASSWORD]);
	len = strlen(pair);
	encoded = mem_new(BASE64_LEN(len) + 1, 1);
	base64_of(encoded, pair, len);
	secret_free(pair);
	secret_free(t->access_token);
	t->access_token = encoded;
	return 0;
}

int
token_get(const struct token_want *w, struct token *t, struct err *e)
{
	*t = (struct token){0};
	if (w->auth->kind == AUTH_NONE)
		return 0;
	if (w->auth->kind == AUTH_KEY && w->auth->cred == CRED_PASSWORD)
		return get_basic(w, t, e);
	if (w->auth->kind == AUTH_KEY)
		return get_given(w, w->auth->cred,
		    w->auth->cred == CRED_API_KEY ? "api_key" : "Bearer", t, e);
	if (w->creds->value[CRED_ACCESS_TOKEN] != NULL)
		return get_given(w, CRED_ACCESS_TOKEN, "Bearer", t, e);
	return get_oauth(w, t, e);
}

int
token_look(const struct token_want *want, int64_t *left, struct err *e)
{
	struct clock_stamp now;
	struct work w;
	int r;

	if (work_init(&w, want, e) != 0)
		return -1;
	r = choose_grant(&w, e);
	if (r == 0)
		r = read_stored(&w, e);
	clock_stamp_now(&now);
	*left = w.stored.lifetime >= 0 ? stored_token_left(&w.stored, &now) : -1;
	work_release(&w);
	return r;
}

static int
revoke_tokens(struct work *w, struct err *e)
{
	int r = 0;

	if (w->urls.revoke == NULL)
		return 0;
	if (w->stored.refresh_token != NULL)
		r = oauth_revoke(&w->q, w->stored.refresh_token, "refresh_token", e);
	if (w->stored.access_token != NULL && r == 0)
		r = oauth_revoke(&w->q, w->stored.access_token, "access_token", e);
	if (r != 0)
		err_prefix(
		    e, "forgotten on this machine, but not revoked at the service: ");
	return r;
}

/* Locks first: a renewal under way would store the token again. */
static int
forget(struct work *w, struct err *e)
{
	struct err second;
	int r;

	if (access(w->file.path, F_OK) != 0)
		return 0;
	if (wait_for_lock(w, false, e) != 0)
		return -1;
	r = revoke_tokens(w, e);
	if (token_file_remove(&w->file, &second) != 0) {
		*e = second;
		r = -1;
	}
	return r;
}

int
token_logout(const struct token_want *want, struct err *e)
{
	struct work w;
	int r = 0;

	if (want->auth->kind != AUTH_OAUTH)
		return 0;
	if (work_init(&w, want, e) != 0)
		return -1;
	for (size_t i = 0; i < w.q.oauth->grant_count; i++) {
		w.q.grant = &w.q.oauth->grants[i];
		if (want->grant != NULL && !oauth_is(w.q.grant, want->grant))
			continue;
		if (open_file(&w, e) != 0 || forget(&w, e) != 0)
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
