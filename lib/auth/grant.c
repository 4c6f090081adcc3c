#include <stdlib.h>
#include <string.h>

#include "auth/grant.h"
#include "base/mem.h"
#include "http/url.h"

static enum oauth_client_auth
read_client_auth(struct json_object *o, enum oauth_client_auth absent)
{
	const char *s = json_str(o, "/client_auth");

	if (s == NULL)
		return absent;
	if (strcmp(s, "client_secret_basic") == 0)
		return OAUTH_CLIENT_BASIC;
	return strcmp(s, "none") == 0 ? OAUTH_CLIENT_NONE : OAUTH_CLIENT_POST;
}

/* "a b c" from ["a", "b", "c"]; NULL for none. */
static char *
join(struct json_object *list)
{
	struct buf b = {0};

	for (size_t i = 0; i < json_len(list); i++)
		buf_printf(&b, i > 0 ? " %s" : "%s", json_item_str(list, i));
	return b.len > 0 ? buf_take(&b) : NULL;
}

struct oauth *
oauth_new(struct json_object *description)
{
	struct oauth *o = mem_new(1, sizeof *o);
	struct json_object *grants = json_at(description, "/grants");
	enum oauth_client_auth client_auth =
	    read_client_auth(description, OAUTH_CLIENT_POST);

	*o = (struct oauth){
	    .token_url = json_str(description, "/token_url"),
	    .authorize_url = json_str(description, "/authorize_url"),
	    .device_url = json_str(description, "/device_url"),
	    .revoke_url = json_str(description, "/revoke_url"),
	    .redirect_uri = json_str(description, "/redirect_uri"),
	    .audience = json_str(description, "/audience"),
	    .scope = join(json_at(description, "/scopes")),
	    .authorize_params = json_at(description, "/authorize_params"),
	    .grant_count = json_len(grants),
	    .grants = mem_new(json_len(grants), sizeof *o->grants),
	};
	for (size_t i = 0; i < o->grant_count; i++) {
		struct json_object *grant = json_item(grants, i);
		o->grants[i] = (struct oauth_grant){
		    .name = json_str(grant, "/name"),
		    .type = json_str(grant, "/grant_type"),
		    .client_auth = read_client_auth(grant, client_auth),
		    .params = json_at(grant, "/params"),
		};
	}
	return o;
}

void
oauth_free(struct oauth *o)
{
	if (o == NULL)
		return;
	free(o->grants);
	free(o->scope);
	free(o);
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

enum cred
oauth_missing(const struct oauth_grant *g, const struct creds *c)
{
	if (c->value[CRED_CLIENT_ID] == NULL)
		return CRED_CLIENT_ID;
	/* A native client has no secret (RFC 8252, section 8.5): the person who
	 * signs in takes its place. */
	if (g->client_auth != OAUTH_CLIENT_NONE && !oauth_interactive(g) &&
	    c->value[CRED_CLIENT_SECRET] == NULL)
		return CRED_CLIENT_SECRET;
	if (g->params == NULL)
		return CRED_COUNT;
	json_object_object_foreach(g->params, name, param)
	{
		const char *template = json_object_get_string(param);

		(void)name;
		if (c->value[CRED_USERNAME] == NULL && strstr(template, "{username}"))
			return CRED_USERNAME;
		if (c->value[CRED_PASSWORD] == NULL && strstr(template, "{password}"))
			return CRED_PASSWORD;
	}
	return CRED_COUNT;
}

char *
oauth_scope(const struct oauth *o, const struct creds *c)
{
	const char *more = c->value[CRED_SCOPE];

	if (o->scope == NULL || more == NULL)
		return mem_str(more != NULL ? more : o->scope);
	return mem_printf("%s %s", o->scope, more);
}

/* The length of scheme, host and port at the beginning of a URL. */
static size_t
origin_length(const char *url)
{
	const char *host = strstr(url, "://");

	return host == NULL ? strlen(url)
	                    : (size_t)(host - url) + 3 + strcspn(host + 3, "/?#");
}

/* Another URL of the description, moved to the origin of the user's token URL,
 * if it has one, together with the description's token URL. */
static char *
move(const char *url, const struct oauth *o, const char *to)
{
	if (url == NULL || to == NULL || !url_same_origin(url, o->token_url))
		return mem_str(url);
	return mem_printf("%.*s%s", (int)origin_length(to), to, url + origin_length(url));
}

int
oauth_urls_init(
    struct oauth_urls *u, const struct oauth *o, const struct creds *c, struct err *e)
{
	const char *own = c->value[CRED_TOKEN_URL];
	const char *names[] = {own != NULL ? c->name[CRED_TOKEN_URL] : "token URL",
	    "authorize URL", "device URL", "revocation URL"};

	*u = (struct oauth_urls){
	    .token = mem_str(own != NULL ? own : o->token_url),
	    .authorize = move(o->authorize_url, o, own),
	    .device = move(o->device_url, o, own),
	    .revoke = move(o->revoke_url, o, own),
	};
	const char *urls[] = {u->token, u->authorize, u->device, u->revoke};
	for (int i = 0; i < 4; i++)
		if (urls[i] != NULL && url_check(urls[i], e) != 0) {
			oauth_urls_release(u);
			e->code = CODE_UNSAFE_SECRET;
			return err_prefix(e, "%s: ", names[i]);
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
