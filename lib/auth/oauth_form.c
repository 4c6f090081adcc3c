#include <string.h>

#include "auth/oauth_form.h"
#include "auth/secret.h"

enum { VALUE_MAX = 65536 };

/* The value of a {variable}; NULL if it is absent or there is no such variable. */
static const char *
value_of(const struct oauth_request *q, const char *variable, size_t len)
{
	const struct {
		const char *name, *value;
	} table[] = {
	    {"{client_id}", q->creds->value[CRED_CLIENT_ID]},
	    {"{client_secret}", q->creds->value[CRED_CLIENT_SECRET]},
	    {"{username}", q->creds->value[CRED_USERNAME]},
	    {"{password}", q->creds->value[CRED_PASSWORD]},
	    {"{audience}", q->oauth->audience},
	    {"{scope}", q->oauth->scope},
	};

	for (size_t i = 0; i < sizeof table / sizeof table[0]; i++)
		if (strlen(table[i].name) == len &&
		    strncmp(variable, table[i].name, len) == 0)
			return table[i].value;
	return NULL;
}

/* Appends a parameter with its variables replaced; nothing if one is absent. */
static void
add_template(struct buf *form, const struct oauth_request *q, const char *name,
    const char *template)
{
	struct buf value;
	const char *s = template, *found = "";

	secret_buf_init(&value, VALUE_MAX);
	while (found != NULL && *s != '\0') {
		size_t len = strcspn(s, "{");
		if (len > 0) {
			buf_add(&value, s, len);
		} else {
			len = strcspn(s, "}") + 1;
			found = value_of(q, s, len);
			buf_str(&value, found != NULL ? found : "");
		}
		s += len;
	}
	if (found != NULL && !value.full)
		post_param(form, name, value.data);
	secret_buf_release(&value);
}

void
oauth_form_client(struct post *p, const struct oauth_request *q)
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

void
oauth_form_token(struct post *p, const struct oauth_request *q)
{
	const struct {
		const char *name, *value;
	} of_flow[] = {
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
	oauth_form_client(p, q);
}

void
oauth_form_authorize(struct buf *form, const struct oauth_request *q)
{
	struct json_object *params = q->oauth->authorize_params;

	if (!json_object_object_get_ex(params, "scope", NULL))
		post_param(form, "scope", q->oauth->scope);
	if (params == NULL)
		return;
	json_object_object_foreach(params, name, value)
	{
		add_template(form, q, name, json_object_get_string(value));
	}
}
