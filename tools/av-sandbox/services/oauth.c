#include <json-c/linkhash.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "base/clock.h"
#include "base/err.h"
#include "base/mem.h"
#include "base/random.h"
#include "core/stats.h"
#include "services/oauth.h"
#include "services/services.h"

static const char realm_grant[] = "http://auth0.com/oauth/grant-type/password-realm";
static const char realm[] = "Username-Password-Authentication";
static const char audience[] = "https://api.loomai.com/";
static const char scopes[] =
    "offline_access openid email profile read:avatars write:avatars "
    "read:features write:features read:gltf read:renderings "
    "write:renderings";

/* An access token, or a refresh token. */
struct sb_token {
	char *text;
	bool refresh;
	bool dead;       /* used or revoked */
	int64_t expires; /* ms; 0: never */
	int64_t family;  /* the number of the grant it began with */
};

static struct lh_table *tokens;
static int64_t families;

static struct sb_token *
find(const char *text)
{
	void *t = NULL;

	if (tokens != NULL)
		lh_table_lookup_ex(tokens, text, &t);
	return t;
}

static void
add(struct sb_token *t)
{
	if (tokens == NULL)
		tokens = lh_kchar_table_new(64, NULL);
	if (t->family > families)
		families = t->family;
	lh_table_insert(tokens, t->text, t);
}

static const char *
issue(bool refresh, int64_t family)
{
	struct sb_token *t = mem_new(1, sizeof *t);
	struct json_object *o = json_object_new_object();
	uint64_t n[2];

	random_fill(n, sizeof n);
	t->text = mem_printf("%s_%016llx%016llx", refresh ? "ref" : "tok",
	    (unsigned long long)n[0], (unsigned long long)n[1]);
	t->refresh = refresh;
	t->family = family;
	t->expires = refresh ? 0 : clock_unix_ms() + opts.token_life * 1000;
	add(t);
	obj_text(o, "text", t->text);
	obj_bool(o, "refresh", t->refresh);
	obj_int(o, "expires", t->expires);
	obj_int(o, "family", t->family);
	state_note("token", o);
	return t->text;
}

static void
revoke(struct sb_token *t)
{
	struct json_object *o;

	if (t->dead)
		return;
	t->dead = true;
	o = json_object_new_object();
	obj_text(o, "text", t->text);
	state_note("dead", o);
}

static void
revoke_family(int64_t family)
{
	struct lh_entry *e;

	lh_foreach(tokens, e)
	{
		struct sb_token *t = lh_entry_v(e);

		if (t->family == family)
			revoke(t);
	}
}

static bool
restore_token(struct json_object *o)
{
	struct sb_token *t;

	if (obj_get_text(o, "text") == NULL)
		return false;
	t = mem_new(1, sizeof *t);
	t->text = mem_str(obj_get_text(o, "text"));
	t->refresh = obj_get_bool(o, "refresh");
	t->expires = obj_get_int(o, "expires");
	t->family = obj_get_int(o, "family");
	add(t);
	return true;
}

static bool
restore_dead(struct json_object *o)
{
	const char *text = obj_get_text(o, "text");
	struct sb_token *t = text != NULL ? find(text) : NULL;

	if (t != NULL)
		t->dead = true;
	return t != NULL;
}

void
tokens_open(void)
{
	state_register("token", restore_token);
	state_register("dead", restore_dead);
}

static struct sb_token *
token_of(const char *authorization)
{
	if (authorization == NULL || strncasecmp(authorization, "Bearer ", 7) != 0)
		return NULL;
	return find(authorization + 7);
}

bool
tokens_accept(const char *authorization)
{
	struct sb_token *t = token_of(authorization);

	return t != NULL && !t->refresh && !t->dead && t->expires > clock_unix_ms();
}

void
tokens_revoke(const char *authorization)
{
	struct sb_token *t = token_of(authorization);

	if (t != NULL)
		revoke(t);
}

void
tokens_free(void)
{
	struct lh_entry *e;

	if (tokens == NULL)
		return;
	lh_foreach(tokens, e)
	{
		struct sb_token *t = lh_entry_v(e);

		free(t->text);
		free(t);
	}
	lh_table_free(tokens);
	tokens = NULL;
}

/* The error of RFC 6749, 5.2; code is its member "error". */
static void
oauth_error(struct req *r, unsigned status, const char *code, const char *field,
    const char *message)
{
	struct json_object *o = json_object_new_object();

	(void)field;
	if (code == NULL)
		code = status == 401   ? "invalid_client"
		       : status >= 500 ? "server_error"
		                       : "invalid_request";
	obj_text(o, "error", code);
	obj_text(o, "error_description", message);
	req_answer_json(r, status, o);
	req_answer_header(r, "Cache-Control", "no-store");
}

/* Does the parameter have this value? Refuses any other. */
static bool
must_be(struct req *r, const struct pairs *form, const char *name, const char *wanted)
{
	const char *got = pairs_get(form, name);

	if (got != NULL && strcmp(got, wanted) == 0)
		return true;
	req_refuse(r, 400, got == NULL ? "missing_field" : "bad_value", name,
	    "'%s' is not '%s'", name, wanted);
	return false;
}

/* Is the parameter the secret of a variable? A wrong secret does not violate the
 * contract: it is answered with status and code. */
static bool
must_match(struct req *r, const struct pairs *form, const char *name,
    const char *variable, unsigned status, const char *code)
{
	const char *got = pairs_get(form, name);
	char *wanted = secret_of(variable);
	bool same = got != NULL && strcmp(got, wanted) == 0;

	free(wanted);
	if (got == NULL) {
		req_refuse(r, 400, "missing_field", name, "'%s' is required", name);
	} else if (!same) {
		stats_unauthorized(LOOM);
		oauth_error(r, status, code, name, "wrong credentials");
	}
	return same;
}

/* Are all requested scopes known? */
static bool
scopes_known(struct req *r, const struct pairs *form)
{
	const char *s = pairs_get(form, "scope");

	while (s != NULL && *s != '\0') {
		size_t n = strcspn(s, " ");
		char *one = mem_strn(s, n);
		bool known = word_in(scopes, one);

		free(one);
		if (!known) {
			stats_violation(
			    LOOM, r->method, r->url, "bad_value", "unknown scope");
			oauth_error(r, 400, "invalid_scope", "scope", "unknown scope");
			return false;
		}
		s += n + strspn(s + n, " ");
	}
	return true;
}

static void
grant(struct req *r, int64_t family, bool refresh, const char *scope)
{
	struct json_object *o = json_object_new_object();

	obj_text(o, "access_token", issue(false, family));
	obj_text(o, "token_type", "Bearer");
	obj_int(o, opts.expiry_name, opts.token_life);
	if (refresh)
		obj_text(o, "refresh_token", issue(true, family));
	if (scope != NULL)
		obj_text(o, "scope", scope);
	req_answer_json(r, 200, o);
	req_answer_header(r, "Cache-Control", "no-store");
}

static void
client_grant(struct req *r, const struct pairs *form, bool with_user)
{
	if (!req_pairs(r, form,
	        with_user ? "grant_type realm audience client_id client_secret username "
	                    "password scope"
	                  : "grant_type audience client_id client_secret scope",
	        400, "field"))
		return;
	if ((with_user && !must_be(r, form, "realm", realm)) ||
	    !must_be(r, form, "audience", audience) || !scopes_known(r, form) ||
	    !must_match(r, form, "client_id", "LOOM_CLIENT_ID", 401, "invalid_client") ||
	    !must_match(
	        r, form, "client_secret", "LOOM_CLIENT_SECRET", 401, "invalid_client"))
		return;
	if (with_user &&
	    (!must_match(r, form, "username", "LOOM_USERNAME", 400, "invalid_grant") ||
	        !must_match(r, form, "password", "LOOM_PASSWORD", 400, "invalid_grant")))
		return;
	grant(r, ++families, with_user && !opts.no_refresh_tokens,
	    pairs_get(form, "scope"));
}

static void
refresh_grant(struct req *r, const struct pairs *form)
{
	const char *text = pairs_get(form, "refresh_token");
	struct sb_token *t = text != NULL ? find(text) : NULL;

	if (!req_pairs(r, form, "grant_type client_id client_secret refresh_token", 400,
	        "field") ||
	    !must_match(r, form, "client_id", "LOOM_CLIENT_ID", 401, "invalid_client"))
		return;
	if (pairs_get(form, "client_secret") != NULL &&
	    !must_match(
	        r, form, "client_secret", "LOOM_CLIENT_SECRET", 401, "invalid_client"))
		return;
	if (text == NULL) {
		req_refuse(r, 400, "missing_field", "refresh_token",
		    "'refresh_token' is required");
	} else if (t == NULL || !t->refresh || t->dead) {
		if (t != NULL && t->refresh)
			revoke_family(t->family);
		stats_unauthorized(LOOM);
		oauth_error(r, 400, "invalid_grant", NULL,
		    "unknown, used or revoked refresh token");
	} else {
		revoke(t);
		grant(r, t->family, true, NULL);
	}
}

static void
token(struct req *r)
{
	struct pairs form;
	const char *type;

	if (!req_type_is(r, "application/x-www-form-urlencoded")) {
		req_refuse(r, 400, "wrong_content_type", NULL,
		    "the body is not application/x-www-form-urlencoded");
		return;
	}
	if (!pairs_parse(&form, r->body.data != NULL ? r->body.data : "", r->body.len))
		req_refuse(r, 400, "malformed_body", NULL,
		    "the form has a broken escape or is not UTF-8");
	else if ((type = pairs_get(&form, "grant_type")) == NULL)
		req_refuse(
		    r, 400, "missing_field", "grant_type", "'grant_type' is required");
	else if (strcmp(type, realm_grant) == 0)
		client_grant(r, &form, true);
	else if (strcmp(type, "client_credentials") == 0)
		client_grant(r, &form, false);
	else if (strcmp(type, "refresh_token") == 0)
		refresh_grant(r, &form);
	else
		oauth_error(r, 400, "unsupported_grant_type", NULL, type);
	pairs_release(&form);
}

static const struct route routes[] = {
    {"POST", "/token", TOKEN, NULL, true, token},
    {NULL, NULL, FREE, NULL, false, NULL},
};

const struct service oauth_service = {
    .no = LOOM,
    .name = "loom",
    .base = "/oauth",
    .routes = routes,
    .error = oauth_error,
    .bad_query = 400,
};
