#include <stdlib.h>
#include <string.h>

#include "auth.h"
#include "json.h"
#include "mem.h"

static struct oauth_param *
read_params(struct json_object *all, size_t *n)
{
	struct oauth_param *params;

	*n = 0;
	if (all == NULL)
		return NULL;
	params = mem_new((size_t)json_object_object_length(all), sizeof *params);
	json_object_object_foreach(all, name, value)
		params[(*n)++] = (struct oauth_param){name, json_object_get_string(value)};
	return params;
}

static enum oauth_client_auth
client_auth(struct json_object *o)
{
	const char *word = json_str(o, "/client_auth");

	if (word == NULL)
		return OAUTH_CLIENT_DEFAULT;
	if (strcmp(word, "client_secret_basic") == 0)
		return OAUTH_CLIENT_BASIC;
	return strcmp(word, "none") == 0 ? OAUTH_CLIENT_NONE : OAUTH_CLIENT_POST;
}

static void
read_grants(struct oauth *o, struct json_object *all)
{
	size_t n = json_object_array_length(all);
	struct oauth_grant *grants = mem_new(n, sizeof *grants);

	for (size_t i = 0; i < n; i++) {
		struct json_object *def = json_object_array_get_idx(all, i);
		grants[i].name = json_str(def, "/name");
		grants[i].type = json_str(def, "/grant_type");
		grants[i].client_auth = client_auth(def);
		grants[i].params = read_params(json_at(def, "/params"), &grants[i].param_count);
	}
	o->grants = grants;
	o->grant_count = n;
}

/* The scopes, separated by blanks. The caller frees them. */
static char *
join_scopes(struct json_object *scopes)
{
	struct buf out = {0};

	for (size_t i = 0; i < json_object_array_length(scopes); i++) {
		buf_str(&out, i > 0 ? " " : "");
		buf_str(&out, json_object_get_string(json_object_array_get_idx(scopes, i)));
	}
	return buf_take(&out);
}

static struct oauth *
read_oauth(struct json_object *def)
{
	struct oauth *o = mem_new(1, sizeof *o);
	struct json_object *scopes = json_at(def, "/scopes");

	o->token_url = json_str(def, "/token_url");
	o->authorize_url = json_str(def, "/authorize_url");
	o->device_url = json_str(def, "/device_url");
	o->revoke_url = json_str(def, "/revoke_url");
	o->redirect_uri = json_str(def, "/redirect_uri");
	o->audience = json_str(def, "/audience");
	o->scope = scopes != NULL ? join_scopes(scopes) : NULL;
	o->client_auth = client_auth(def);
	o->authorize_params =
	    read_params(json_at(def, "/authorize_params"), &o->authorize_param_count);
	read_grants(o, json_at(def, "/grants"));
	return o;
}

void
auth_init(struct auth *auth, const struct provider *p)
{
	struct json_object *oauth = json_at(p->def, "/auth/oauth");

	*auth = (struct auth){.kind = oauth != NULL ? AUTH_OAUTH : AUTH_KEY,
	    .header = json_str(p->def, "/auth/header"),
	    .scheme = json_str(p->def, "/auth/scheme")};
	if (oauth != NULL)
		auth->oauth = read_oauth(oauth);
}

void
auth_release(struct auth *auth)
{
	/* made by read_oauth, const only for the readers */
	struct oauth *o = (struct oauth *)(uintptr_t)auth->oauth;

	for (size_t i = 0; o != NULL && i < o->grant_count; i++)
		free((void *)(uintptr_t)o->grants[i].params);
	if (o != NULL) {
		free((void *)(uintptr_t)o->grants);
		free((void *)(uintptr_t)o->authorize_params);
		free((void *)(uintptr_t)o->scope);
	}
	free(o);
	*auth = (struct auth){0};
}
