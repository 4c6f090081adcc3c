/*
 * services: the contracts and what they share.
 *
 * The four services, the token endpoint and the media origin have a file each.
 */
#ifndef SANDBOX_SERVICES_H
#define SANDBOX_SERVICES_H

#include "core/object.h"
#include "core/req.h"
#include "core/state.h"

extern const struct service loom_service, anam_service, avtr1_service,
    argil_service;
extern const struct service oauth_service; /* counts as loom's */
extern const struct service media_service; /* all of the media origin */

/* The services of the API's origin, ending with NULL. */
extern const struct service *const api_services[];

/* Where Argil's other files have their calls. */
void argil_video_create(struct req *r);
void argil_video_render(struct req *r);
void argil_video_get(struct req *r);
void argil_video_list(struct req *r);
void argil_video_delete(struct req *r);
void argil_asset_create(struct req *r);
void argil_asset_get(struct req *r);
void argil_asset_list(struct req *r);
void argil_asset_delete(struct req *r);
void argil_style_list(struct req *r);
void argil_subtitles(struct req *r);
void argil_webhook_create(struct req *r);
void argil_webhook_list(struct req *r);
void argil_webhook_update(struct req *r);
void argil_webhook_delete(struct req *r);

/* Sends an event when the item is ready or has failed. */
void argil_made(struct sb_item *it);

/* The same for items that the journal restored. */
void argil_resume(void);

/* The item of the id in the path; NULL: answered with 404. */
struct sb_item *argil_item(
    struct req *r, enum item_kind kind, const char *missing);

/* What a client may name: a voice, a gesture, an asset that is ready, a style
 * of subtitles. */
bool argil_voice_exists(const char *id);
bool argil_gesture_exists(const char *slug);
bool argil_asset_is_ready(const char *id);
bool argil_style_exists(const char *id);

/* Checks the member extras: at most ten texts of 256 characters; false:
 * refused. */
bool argil_extras(struct req *r, struct json_object *o);

/* Sets a member to the signed URL, which expires, of the item's file of that
 * name ("still.png", "video.mp4" ...). NULL: the member becomes null. */
void media_url(struct json_object *o, const char *name,
    const struct sb_item *it, const char *what);

void media_free(void);

/* Whether the item fails, by --fail-match, --refuse-match and --fail-rate. The
 * texts may be NULL. */
enum fate fate_of(
    const struct sb_item *it, const char *name, const char *filename);

/* The credential of this variable, which follows from the seed; the caller
 * frees it. */
char *secret_of(const char *variable);

/* Is the header Authorization "Bearer SECRET" with the secret of this
 * variable? */
bool bears_secret(const struct req *r, const char *variable);

/* The variables that a client needs, URLs and credentials; the caller puts the
 * object. */
struct json_object *services_env(void);

#endif
