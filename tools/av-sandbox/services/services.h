/*
 * services: the four contracts, the token endpoint and the media origin, a file each.
 */
#ifndef SANDBOX_SERVICES_H
#define SANDBOX_SERVICES_H

#include "core/req.h"
#include "core/state.h"

extern const struct service loom_service, anam_service, avtr1_service, argil_service;
extern const struct service oauth_service; /* counts as loom's */

/* The rest of Argil's calls. */
void argil_video_create(struct req *r);
void argil_video_render(struct req *r);
void argil_video_get(struct req *r);
void argil_video_list(struct req *r);
void argil_video_delete(struct req *r);
void argil_webhook_create(struct req *r);
void argil_webhook_list(struct req *r);
void argil_webhook_update(struct req *r);
void argil_webhook_delete(struct req *r);
/* An extras member: at most ten texts of 256 characters. Refuses otherwise. */
bool argil_extras(struct req *r, struct json_object *o);

/* A request to the media origin. */
void media_serve(struct req *r);
void media_free(void);

/* A signed address there that expires: what is "still.png", "video.mp4" and so on. The caller
 * frees it. */
char *media_url(const struct sb_item *it, const char *what);

/* The width and height of a rendering. */
int picture_size(const struct sb_item *it);

/* Whether the item fails, by --fail-match, --refuse-match and --fail-rate; the texts may be
 * NULL. */
enum fate fate_of(const struct sb_item *it, const char *name, const char *filename);

/* The credentials of this run, which follow from the seed. The caller frees it. */
char *secret_of(const char *variable);

#endif
