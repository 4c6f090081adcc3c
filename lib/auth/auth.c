#include "auth/auth.h"

void
auth_init(struct auth *a, struct json_object *description)
{
	struct json_object *oauth = json_at(description, "/oauth");

	*a = (struct auth){.kind = AUTH_NONE};
	if (description == NULL)
		return;
	a->kind = oauth != NULL ? AUTH_OAUTH : AUTH_KEY;
	a->header = json_str(description, "/header");
	a->scheme = json_str(description, "/scheme");
	if (oauth != NULL)
		a->oauth = oauth_new(oauth);
}

void
auth_release(struct auth *a)
{
	oauth_free(a->oauth);
	*a = (struct auth){.kind = AUTH_NONE};
}
