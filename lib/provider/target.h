/*
 * target: what an operation acts on, and what its response describes.
 *
 * Both are one of three words, which are members of a record with an `id`:
 * "avatar", "rendering" (an entry of `renderings`), and "item", which is
 * anything else that a service keeps, such as a voice.
 */
#ifndef AV_PROVIDER_TARGET_H
#define AV_PROVIDER_TARGET_H

#include "provider/provider.h"

/* Whose id the operation's templates name: the last one of the path, else one
 * of the query or the body. NULL: it needs no record. */
const char *target_needed(const struct operation *op);

/* What the response describes; of a list, each entry. */
const char *target_described(const struct operation *op);

/* True if the operation reads a list. */
bool target_is_list(const struct operation *op);

/* True if the operation sends a photo, or has a body for one. */
bool target_is_photo(const struct operation *op);

/* The kind that this operation helps to order; NULL: none. */
const struct kind *target_kind(
    const struct provider *p, const struct operation *op);

/* The operation that deletes an entry of this list. NULL: the service's
 * description has none. list NULL: the list of avatars. */
const struct operation *target_delete(
    const struct provider *p, const struct operation *list);

/* The first list whose entries this operation deletes. NULL: there is none. */
const struct operation *target_list_of(
    const struct provider *p, const struct operation *delete);

/* True if a sound response may lack what is taken by this name: why an avatar
 * failed, or the URL of a kind that is not there by default. */
bool target_may_lack(const struct provider *p, const char *name);

/* The variables that the operation's templates name, as members of a new
 * object, which the caller owns. */
struct json_object *target_variables(const struct operation *op);

#endif
