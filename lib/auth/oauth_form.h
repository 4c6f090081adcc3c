/*
 * oauth_form: the parameters of OAuth requests, from description and
 * credentials. For auth/oauth.c alone.
 */
#ifndef AV_AUTH_OAUTH_FORM_H
#define AV_AUTH_OAUTH_FORM_H

#include "auth/grant.h"
#include "auth/post.h"

/* Fills the form of a token request. */
void oauth_form_token(struct post *p, const struct oauth_request *q);

/* Adds the client's id and its secret, as the grant wants them. */
void oauth_form_client(struct post *p, const struct oauth_request *q);

/* Appends what authorization and device requests have in common: scope and
 * authorize_params. */
void oauth_form_authorize(struct buf *form, const struct oauth_request *q);

#endif
