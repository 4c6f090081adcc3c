/*
 * oauth_form: the form of an OAuth request, filled from a provider's description and the
 * credentials. Inside auth/oauth.h.
 */
#ifndef AV_AUTH_OAUTH_FORM_H
#define AV_AUTH_OAUTH_FORM_H

#include "auth/oauth.h"
#include "auth/post.h"
#include "base/buf.h"

struct oauth_form {
	struct buf form, user, password; /* the latter two for HTTP Basic */
	bool basic;
};

void oauth_form_init(struct oauth_form *f);
void oauth_form_release(struct oauth_form *f);

/* All of a token request. */
void oauth_form_token(struct oauth_form *f, const struct oauth_ask *ask);

/* Who the client is. */
void oauth_form_client(struct oauth_form *f, const struct oauth_ask *ask);

/* Scope and the provider's further parameters, for authorize and device URLs. */
void oauth_form_wishes(struct buf *form, const struct oauth_ask *ask);

/* Sends it to p->url (post_send). */
int oauth_form_send(struct oauth_form *f, struct post *p, struct err *e);

#endif
