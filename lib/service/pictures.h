/*
 * pictures: finds the candidates whose picture shows the photo that was sent.
 *
 * The list or object of a service may name a picture of each avatar. Each is
 * fetched into a private file, at most 20 MB of it, and compared with the photo
 * by its SHA-256 or else by a thumbnail (photo/thumbnail.h). That another
 * picture differs proves nothing: a service may have cut or coloured it.
 */
#ifndef AV_SERVICE_PICTURES_H
#define AV_SERVICE_PICTURES_H

#include "os/workers.h"
#include "service/account.h"
#include "service/attempt.h"

struct pictures_spec {
	struct account *account;
	struct workers *workers; /* thumbnail_workers */
	/* The photo's path, and the SHA-256 that its bytes must still have;
	 * both outlive the call of fn. */
	const char *photo, *sha256;
	struct json_object *candidates; /* id -> taken; retained */
	const char *member;             /* of taken: the picture's URL */
};

struct pictures;

/* same: those candidates that show the photo, borrowed. NULL: the photo is no
 * longer there, or one of the pictures could not be compared, so another could
 * be the right one. */
typedef void pictures_fn(void *arg, struct json_object *same);

/* fn is called once, on the loop, never from within. Pictures that are not
 * there after 45 seconds count as missing. */
struct pictures *pictures_start(struct engine *engine,
    const struct pictures_spec *spec, pictures_fn *fn, void *arg);

/* Ends it soon, with NULL. */
void pictures_stop(struct pictures *p);

/* The above as lookups call it. Only a program that hands it to lookups_new
 * links, and loads, the decoders. */
struct pictures_calls {
	struct workers *(*workers_new)(struct loop *loop);
	void (*workers_free)(struct workers *workers);
	struct pictures *(*start)(struct engine *engine,
	    const struct pictures_spec *spec, pictures_fn *fn, void *arg);
	void (*stop)(struct pictures *p);
};
extern const struct pictures_calls pictures_calls;

#endif
