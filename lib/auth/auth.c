#include <stdlib.h>
#include <string.h>

#include "auth/auth.h"
#include "base/mem.h"
#include "json/json.h"

static enum oauth_client_auth
client_auth(struct json_object *o)
{
	const char *s = json_str(o, "/client_auth");

	if (s == NULL)
		return OAUTH_CLIENT_DEFAULT;
	if (strcmp(s, "client_secret_basic") == 0)
		return OAUTH_CLIENT_BASIC;
	return strcmp(s, "none") == 0 ? OAUTH_CLIENT_NONE : OAUTH_CLIENT_POST;
}

/* The members of an object, as parameters. */
static struct oauth_param *
read_params(struct json_object *o, size_t *count)
{
	struct oauth_param *params;
	size_t n = 0;

	*count = 0;
	if (o == NULL)
		return NULL;
	params = mem_new((size_t)json_object_object_length(o) + 1, sizeof *params);
	json_object_object_foreach(o, name, value)
	{
		params[n].name = name;
		params[n++].value = json_object_get_string(value);
	}
	*count = n;
	return params;
}

static void
read_grant(struct oauth_grant *g, struct json_object *o)
{
	g->name = json_str(o, "/name");
	g->type = json_str(o, "/grant_type");
	g->client_auth = client_auth(o);
	g->params = read_params(json_at(o, "/params"), &g->param_count);
}

/* "a b c" from ["a", "b", "c"]; NULL for none. */
static char *
join(struct json_object *list)
{
	struct buf b = {0};

	if (list == NULL || json_object_array_length(list) == 0)
		return NULL;
	for (size_t i = 0; i < json_object_array_length(list); i++) {
		if (i > 0)
			buf_chr(&b, ' ');
		buf_str(&b, json_object_get_string(json_object_array_get_idx(list, i)));
	}
	return buf_take(&b);
}

static struct oauth *
read_oauth(struct json_object *o)
{
	struct oauth *oauth = mem_new(1, sizeof *oauth);
	struct json_object *grants = json_at(o, "/grants");

	oauth->token_url = json_str(o, "/token_url");
	oauth->authorize_url = json_str(o, "/authorize_url");
	oauth->device_url = json_str(o, "/device_url");
	oauth->revoke_url = json_str(o, "/revoke_url");
	oauth->redirect_uri = json_str(o, "/redirect_uri");
	oauth->audience = json_str(o, "/audience");
	oauth->scope = join(json_at(o, "/scopes"));
	oauth->client_auth = client_auth(o);
	oauth->authorize_params =
	    read_params(json_at(o, "/authorize_params"), &oauth->authorize_param_count);
	if (grants == NULL)
		return oauth;
	oauth->grant_count = json_object_array_length(grants);
	oauth->grants = mem_new(oauth->grant_count, sizeof *oauth->grants);
	for (size_t i = 0; i < oauth->grant_count; i++)
		read_grant(&oauth->grants[i], json_object_array_get_idx(grants, i));
	return oauth;
}

void
auth_init(struct auth *a, const struct provider *p)
{
	struct json_object *o = json_at(p->def, "/auth");

	*a = (struct auth){.kind = AUTH_NONE};
	if (o == NULL)
		return;
	a->kind = AUTH_KEY;
	a->header = json_str(o, "/header");
	a->scheme = json_str(o, "/scheme");
	if (json_at(o, "/oauth") != NULL) {
		a->kind = AUTH_OAUTH;
		a->oauth = read_oauth(json_at(o, "/oauth"));
	}
}

void
auth_release(struct auth *a)
{
	for (size_t i = 0; a->oauth != NULL && i < a->oauth->grant_count; i++)
		free(a->oauth->grants[i].params);
	if (a->oauth != NULL) {
		free(a->oauth->grants);
		free(a->oauth->authorize_params);
		free(a->oauth->scope);
	}
	free(a->oauth);
	*a = (struct auth){.kind = AUTH_NONE};
}
