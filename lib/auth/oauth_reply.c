#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "auth/oauth_reply.h"
#include "auth/secret.h"
#include "base/mem.h"
#include "base/utf8.h"

/* Nobody means ten years; more would only overflow. */
static const int64_t max_lifetime = (int64_t)10 * 366 * 24 * 3600;

/* What the user can do about an `error` of RFC 6749, 5.2, or of a flow built on it. */
static void
advise(const struct oauth_ask *k, const char *error, char *out, size_t size)
{
	char *const *name = k->creds->name;

	out[0] = '\0';
	if (strcmp(error, "invalid_client") == 0)
		snprintf(out, size, "; check %s and %s", name[CRED_CLIENT_ID],
		    name[CRED_CLIENT_SECRET]);
	else if (strcmp(error, "invalid_grant") == 0 && k->refresh_token != NULL)
		snprintf(out, size, "; the sign-in has ended");
	else if (strcmp(error, "invalid_grant") == 0 && oauth_interactive(k->grant))
		snprintf(out, size, "; start again");
	else if (strcmp(error, "invalid_grant") == 0)
		snprintf(out, size, "; check %s and %s", name[CRED_USERNAME],
		    name[CRED_PASSWORD]);
	else if (strcmp(error, "unauthorized_client") == 0 ||
	         strcmp(error, "unsupported_grant_type") == 0)
		snprintf(out, size,
		    "; allow the grant %s for this client at the service, or choose "
		    "another with --grant",
		    k->grant->name);
	else if (strcmp(error, "invalid_scope") == 0 ||
	         strcmp(error, "invalid_target") == 0)
		snprintf(out, size,
		    "; have the provider file's scopes and audience allowed at the "
		    "service");
	else if (strcmp(error, "access_denied") == 0)
		snprintf(out, size, "; somebody or some rule at the service said no");
	else if (strcmp(error, "expired_token") == 0)
		snprintf(out, size, "; the code was not entered in time, start again");
}

/* Printable, of one line, and without any secret that was sent. */
static void
clean(const struct oauth_ask *k, char *text)
{
	const char *const secrets[] = {
	    k->creds->value[CRED_CLIENT_SECRET],
	    k->creds->value[CRED_PASSWORD],
	    k->refresh_token,
	    k->code,
	    k->code_verifier,
	    k->device_code,
	};

	for (size_t i = 0; i < sizeof secrets / sizeof secrets[0]; i++)
		secret_hide(text, secrets[i]);
	utf8_line(text, 200);
}

int
oauth_reply_refused(const struct oauth_ask *k, const struct post *p,
    struct json_object *o, struct oauth_answer *a, struct err *e)
{
	char *error = o != NULL ? secret_json_str(o, "error") : NULL;
	char *text = o != NULL ? secret_json_str(o, "error_description") : NULL;
	char advice[200];

	a->unclear = p->status >= 500;
	if (error != NULL) {
		clean(k, error);
		snprintf(a->error, sizeof a->error, "%s", error);
	}
	if (text != NULL)
		clean(k, text);
	advise(k, a->error, advice, sizeof advice);
	if (p->status == 429 || strcmp(a->error, "slow_down") == 0)
		err_set(e, CODE_RATE_LIMITED, "the %s asks to come back later", p->what);
	else if (p->status >= 500 || strcmp(a->error, "temporarily_unavailable") == 0)
		err_set(e, CODE_UNAVAILABLE, "the %s is in trouble (HTTP %ld); try later",
		    p->what, p->status);
	else if (error != NULL)
		err_set(e, CODE_TOKEN_REFUSED,
		    "the %s refused the %s request: %s%s%s%s%s", p->what, k->grant->name,
		    error, text != NULL ? " (" : "", text != NULL ? text : "",
		    text != NULL ? ")" : "", advice);
	else
		err_set(e, CODE_TOKEN_REFUSED,
		    "the %s refused the %s request with HTTP %ld and gave no reason; is "
		    "the URL right?",
		    p->what, k->grant->name, p->status);
	secret_free(error);
	secret_free(text);
	return -1;
}

int64_t
oauth_reply_seconds(struct json_object *o, const char *name)
{
	struct json_object *v;
	double d = -1;

	if (!json_object_object_get_ex(o, name, &v))
		return -1;
	if (json_object_is_type(v, json_type_int) ||
	    json_object_is_type(v, json_type_double))
		d = json_object_get_double(v);
	else if (json_object_is_type(v, json_type_string)) {
		const char *s = json_object_get_string(v);
		char *end;
		d = strtod(s, &end);
		if (end == s || *end != '\0')
			return -1;
	} else
		return -1;
	if (!isfinite(d) || d < 0)
		return 0;
	return d > (double)max_lifetime ? max_lifetime : (int64_t)d;
}

/* A token goes into a header: visible ASCII alone. */
static bool
fit_for_header(const char *s)
{
	for (; *s != '\0'; s++)
		if (*s <= 0x20 || *s >= 0x7f)
			return false;
	return true;
}

int
oauth_reply_token(
    struct json_object *o, const struct post *p, struct oauth_answer *a, struct err *e)
{
	a->access_token = secret_json_str(o, "access_token");
	a->token_type = secret_json_str(o, "token_type");
	a->scope = secret_json_str(o, "scope");
	a->refresh_token = secret_json_str(o, "refresh_token");
	a->lifetime = oauth_reply_seconds(o, "expires_in");
	if (a->lifetime < 0)
		a->lifetime = oauth_reply_seconds(o, "expiry");
	a->unclear = true;
	if (a->access_token == NULL || a->access_token[0] == '\0' ||
	    !fit_for_header(a->access_token))
		return err_set(e, CODE_BAD_ANSWER,
		    "the %s answered without a usable access_token", p->what);
	if (a->token_type != NULL && strcasecmp(a->token_type, "bearer") != 0)
		return err_set(e, CODE_BAD_ANSWER,
		    "the %s gave a token of a type other than Bearer, which cannot be used",
		    p->what);
	if (a->lifetime == 0)
		return err_set(e, CODE_BAD_ANSWER,
		    "the %s gave a token that has ended already", p->what);
	if (a->token_type == NULL)
		a->token_type = mem_str("Bearer");
	a->unclear = false;
	return 0;
}
