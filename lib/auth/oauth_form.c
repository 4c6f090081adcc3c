#include <string.h>

#include "auth/oauth_form.h"
#include "auth/secret.h"
#include "http/url.h"

enum { MAX_FORM = 65536 };

static const char *
type_of(const struct oauth_grant *g)
{
	if (g->type != NULL)
		return g->type;
	if (oauth_is(g, "device_code"))
		return "urn:ietf:params:oauth:grant-type:device_code";
	return g->name;
}

static enum oauth_client_auth
client_auth(const struct oauth *o, const struct oauth_grant *g, const struct creds *c)
{
	enum oauth_client_auth a = o->client_auth;

	if (g != NULL && g->client_auth != OAUTH_CLIENT_DEFAULT)
		a = g->client_auth;
	if (a == OAUTH_CLIENT_DEFAULT)
		a = OAUTH_CLIENT_POST;
	return c->value[CRED_CLIENT_SECRET] == NULL ? OAUTH_CLIENT_NONE : a;
}

/* What a {name} stands for: NULL where that is absent, or is no such name. */
static const char *
known(const struct oauth_ask *k, const char *name, size_t len)
{
	const struct {
		const char *name, *value;
	} table[] = {
	    {"{client_id}", k->creds->value[CRED_CLIENT_ID]},
	    {"{client_secret}", k->creds->value[CRED_CLIENT_SECRET]},
	    {"{username}", k->creds->value[CRED_USERNAME]},
	    {"{password}", k->creds->value[CRED_PASSWORD]},
	    {"{audience}", k->oauth->audience},
	    {"{scope}", k->oauth->scope},
	};

	for (size_t i = 0; i < sizeof table / sizeof table[0]; i++)
		if (strlen(table[i].name) == len &&
		    strncmp(name, table[i].name, len) == 0)
			return table[i].value;
	return NULL;
}

/* Appends a parameter, or nothing where its value names what is absent. */
static void
add_param(struct buf *form, const struct oauth_ask *k, const struct oauth_param *p)
{
	struct buf value;
	bool whole = true;

	secret_buf_init(&value, MAX_FORM);
	for (const char *s = p->value; *s != '\0' && whole;) {
		size_t plain = strcspn(s, "{"), name;
		const char *found;
		buf_add(&value, s, plain);
		s += plain;
		if (*s == '\0')
			break;
		name = strcspn(s, "}") + 1;
		found = known(k, s, name);
		whole = found != NULL && buf_str(&value, found);
		if (whole)
			s += name;
	}
	if (whole)
		post_param(form, p->name, value.data);
	secret_buf_release(&value);
}

static bool
has_param(const struct oauth_param *params, size_t n, const char *name)
{
	for (size_t i = 0; i < n; i++)
		if (strcmp(params[i].name, name) == 0)
			return true;
	return false;
}

void
oauth_form_client(struct oauth_form *r, const struct oauth_ask *k)
{
	const char *id = k->creds->value[CRED_CLIENT_ID];
	const char *secret = k->creds->value[CRED_CLIENT_SECRET];

	switch (client_auth(k->oauth, k->grant, k->creds)) {
	case OAUTH_CLIENT_BASIC:
		r->basic = true;
		url_encode(&r->user, id != NULL ? id : "");
		url_encode(&r->password, secret);
		break;
	case OAUTH_CLIENT_POST:
		post_param(&r->form, "client_id", id);
		post_param(&r->form, "client_secret", secret);
		break;
	case OAUTH_CLIENT_NONE:
	case OAUTH_CLIENT_DEFAULT:
		post_param(&r->form, "client_id", id);
		break;
	}
}

void
oauth_form_init(struct oauth_form *r)
{
	*r = (struct oauth_form){0};
	secret_buf_init(&r->form, MAX_FORM);
	secret_buf_init(&r->user, MAX_FORM / 8);
	secret_buf_init(&r->password, MAX_FORM / 8);
}

void
oauth_form_release(struct oauth_form *r)
{
	secret_buf_release(&r->form);
	secret_buf_release(&r->user);
	secret_buf_release(&r->password);
}

/* The parameters that every RFC flow has need not stand in the file. */
void
oauth_form_token(struct oauth_form *r, const struct oauth_ask *k)
{
	const struct oauth_param usual[] = {
	    {"refresh_token", k->refresh_token},
	    {"code", k->code},
	    {"code_verifier", k->code_verifier},
	    {"redirect_uri", k->redirect_uri},
	    {"device_code", k->device_code},
	};

	post_param(&r->form, "grant_type", type_of(k->grant));
	for (size_t i = 0; i < k->grant->param_count; i++) {
		const struct oauth_param *p = &k->grant->params[i];
		if (strcmp(p->name, "client_id") != 0 &&
		    strcmp(p->name, "client_secret") != 0)
			add_param(&r->form, k, p);
	}
	for (size_t i = 0; i < sizeof usual / sizeof usual[0]; i++)
		if (!has_param(k->grant->params, k->grant->param_count, usual[i].name))
			post_param(&r->form, usual[i].name, usual[i].value);
	oauth_form_client(r, k);
}

int
oauth_form_send(struct oauth_form *r, struct post *p, struct err *e)
{
	if (r->form.full || r->user.full || r->password.full)
		return err_set(e, CODE_NO_CREDENTIALS, "the credentials are too long");
	p->form = &r->form;
	p->user = r->basic ? r->user.data : NULL;
	p->password = r->basic ? r->password.data : NULL;
	return post_send(p, e);
}

void
oauth_form_wishes(struct buf *form, const struct oauth_ask *k)
{
	const struct oauth *o = k->oauth;

	if (!has_param(o->authorize_params, o->authorize_param_count, "scope"))
		post_param(form, "scope", o->scope);
	for (size_t i = 0; i < o->authorize_param_count; i++)
		add_param(form, k, &o->authorize_params[i]);
}
