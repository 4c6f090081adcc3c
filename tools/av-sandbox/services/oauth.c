#include <json-c/linkhash.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <sys/random.h>
#include <sysexits.h>

#include "base/err.h"
#include "base/mem.h"
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

/* An access or a refresh token. */
struct sb_token {
	char *text;
	bool refresh, dead;
	int64_t expires; /* ms; 0: never */
	int64_t family;  /* the grant that it goes back to */
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

	if (getrandom(n, sizeof n, 0) != sizeof n)
		die(EX_OSERR, "no random numbers:");
	t->text = mem_printf("%s_%016llx%016llx", refresh ? "ref" : "tok",
	    (unsigned long long)n[0], (unsigned long long)n[1]);
	t->refresh = refresh;
	t->family = family;
	t->expires = refresh ? 0 : wall_ms() + opts.token_life * 1000;
	add(t);
	json_object_object_add(o, "text", json_object_new_string(t->text));
	json_object_object_add(o, "refresh", json_object_new_boolean(t->refresh));
	json_object_object_add(o, "expires", json_object_new_int64(t->expires));
	json_object_object_add(o, "family", json_object_new_int64(t->family));
	state_note("token", o);
	return t->text;
}

static void
kill_token(struct sb_token *t)
{
	struct json_object *o = json_object_new_object();

	if (!t->dead) {
		t->dead = true;
		json_object_object_add(o, "text", json_object_new_string(t->text));
		state_note("dead", o);
	} else {
		json_object_put(o);
	}
}

static void
kill_family(int64_t family)
{
	struct lh_entry *e;

	lh_foreach(tokens, e)
	{
		struct sb_token *t = lh_entry_v(e);

		if (t->family == family)
			kill_token(t);
	}
}

void
tokens_restore(const char *kind, struct json_object *o)
{
	const char *text = json_object_get_string(json_object_object_get(o, "text"));
	struct sb_token *t = text != NULL ? find(text) : NULL;

	if (text == NULL)
		return;
	if (strcmp(kind, "dead") == 0) {
		if (t != NULL)
			t->dead = true;
		return;
	}
	t = mem_new(1, sizeof *t);
	t->text = mem_str(text);
	t->refresh = json_object_get_boolean(json_object_object_get(o, "refresh"));
	t->expires = json_object_get_int64(json_object_object_get(o, "expires"));
	t->family = json_object_get_int64(json_object_object_get(o, "family"));
	add(t);
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

	return t != NULL && !t->refresh && !t->dead && t->expires > wall_ms();
}

void
tokens_revoke(const char *authorization)
{
	struct sb_token *t = token_of(authorization);

	if (t != NULL)
		kill_token(t);
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

/* RFC 6749, 5.2: code is its word for what is wrong. */
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
	json_object_object_add(o, "error", json_object_new_string(code));
	json_object_object_add(o, "error_description", json_object_new_string(message));
	req_answer_json(r, status, o);
	req_answer_header(r, "Cache-Control", "no-store");
}

/* A parameter that must have this one value. */
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

/* A parameter that must be the secret of a variable; a wrong one is no breach of the
 * contract, but is not authorized. */
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

static bool
form_is(struct req *r, const struct pairs *form, const char *names)
{
	for (size_t i = 0; i < form->n; i++) {
		const char *name = form->at[i].name;

		if (!word_in(names, name))
			req_refuse(r, 400, "unknown_field", name,
			    "the grant has no parameter '%s'", name);
		else if (pairs_get(form, name) != form->at[i].value)
			req_refuse(
			    r, 400, "repeated_field", name, "'%s' comes twice", name);
		else
			continue;
		return false;
	}
	return true;
}

/* Are all the scopes that are asked for known? */
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

	json_object_object_add(
	    o, "access_token", json_object_new_string(issue(false, family)));
	json_object_object_add(o, "token_type", json_object_new_string("Bearer"));
	json_object_object_add(
	    o, opts.expiry_name, json_object_new_int64(opts.token_life));
	if (refresh)
		json_object_object_add(
		    o, "refresh_token", json_object_new_string(issue(true, family)));
	if (scope != NULL)
		json_object_object_add(o, "scope", json_object_new_string(scope));
	req_answer_json(r, 200, o);
	req_answer_header(r, "Cache-Control", "no-store");
}

static void
client_grant(struct req *r, const struct pairs *form, bool with_user)
{
	if (!form_is(r, form,
	        with_user ? "grant_type realm audience client_id client_secret username "
	                    "password scope"
	                  : "grant_type audience client_id client_secret scope"))
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
	grant(r, ++families, with_user && opts.refresh_tokens, pairs_get(form, "scope"));
}

static void
refresh_grant(struct req *r, const struct pairs *form)
{
	const char *text = pairs_get(form, "refresh_token");
	struct sb_token *t = text != NULL ? find(text) : NULL;

	if (!form_is(r, form, "grant_type client_id client_secret refresh_token") ||
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
			kill_family(t->family);
		stats_unauthorized(LOOM);
		oauth_error(r, 400, "invalid_grant", NULL,
		    "unknown, used or revoked refresh token");
	} else {
		kill_token(t);
		grant(r, t->family, true, NULL);
	}
}

static void
token(struct req *r)
{
	struct pairs form;
	const char *type;

	if (!req_type_is(r, "application/x-www-form-urlencoded")) {
		req_refuse(r, 400, "wrong_content_type", NULL, "the body is not a form");
		return;
	}
	if (!pairs_parse(&form, r->body.data != NULL ? r->body.data : "", r->body.len))
		req_refuse(
		    r, 400, "malformed_body", NULL, "the form is not well encoded");
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
    .base = "/oauth",
    .routes = routes,
    .error = oauth_error,
    .bad_query = 400,
};
