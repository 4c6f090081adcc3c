/*
 * fit: what the parts of av-fit share.
 *
 *   av-fit.c   options and records
 *   pool.c     the pool of workers: an open photo out, a new photo back
 *   worker.c   what a worker does with a photo
 *   plan.c     the new shape and size, in whole numbers
 *   mend.c     the pixels, by libvips
 *   bmp.c      the pixels of a BMP, which libvips does not read itself
 *   encode.c   the highest quality that fits the limit of bytes
 *
 * Requests and replies are plain structs: a worker is a copy of the program. A
 * worker sends the facts of a photo (photo/worker.h) before it decodes, then
 * codes and numbers, then the bytes of the new photo. It sends no text.
 */
#ifndef AV_FIT_H
#define AV_FIT_H

#include "os/workers.h"
#include "photo/limits.h"
#include "photo/worker.h"

/* The provider's limits. They cross to another process, so fit_bind sets the
 * pointers in `image` to the lists beside it. */
#define FIT_TYPES   8
#define FIT_ASPECTS 16
struct fit_limits {
	struct image_limits image;
	char service[48];
	char types[FIT_TYPES][32];
	const char *type_list[FIT_TYPES + 1];
	struct aspect aspects[FIT_ASPECTS];
};

void fit_bind(struct fit_limits *l);

/* What cropping keeps. */
enum gravity {
	GRAVITY_ATTENTION, /* skin colours, detail, saturation */
	GRAVITY_ENTROPY,   /* the most detail */
	GRAVITY_CENTRE,
	GRAVITY_NORTH,
	GRAVITY_SOUTH,
	GRAVITY_EAST,
	GRAVITY_WEST,
};

struct fit_options {
	enum gravity gravity;
	bool pad; /* instead of cropping */
	/* 0 to 255; for padding, and behind transparent parts. */
	double colour[3];
	double max_upscale;
	enum image_type type; /* of the new photo; IMAGE_OTHER: any that fits */
	bool keep_metadata;
	bool always; /* also when the photo is acceptable */
	/* 1 to 8: which way up the photo is, whatever it says; 0: as it says */
	uint8_t orientation;
	/* Not 0: makes a small JPEG of any photo that decodes, also in part, of
	 * at most this width and height. */
	uint32_t thumbnail;
};

struct fit_request {
	struct photo_request photo;
	struct fit_limits limits;
	struct fit_options options;
};

/* What was done to the photo; zero: not done. */
struct fit_done {
	uint8_t orientation; /* the orientation of Exif that was applied */
	uint32_t crop[4];   /* left, top, width, height in the turned picture */
	uint32_t scaled[2]; /* width, height */
	uint32_t padded[2];
	bool rgb;        /* converted from CMYK */
	bool flat;       /* transparency removed */
	bool stripped;   /* metadata removed */
	uint8_t quality; /* 1 to 100; 0: lossless */
};

enum fit_outcome {
	FIT_MADE,    /* the bytes of the new photo follow */
	FIT_CHANGED, /* the file became shorter while it was read */
	FIT_UNREADABLE,
	FIT_UNDECODABLE,
	FIT_UNENCODABLE,
	FIT_TOO_MANY_PIXELS,
	FIT_NO_TYPE, /* the provider takes no type that av-fit can make */
	FIT_NO_SIZE, /* fit_plan says why */
	FIT_TOO_MANY_BYTES,
};

/* The longest message of a worker: a reply, or a piece of the new photo. */
#define FIT_MESSAGE_MAX 65536
struct fit_reply {
	enum fit_outcome outcome;
	enum image_type type; /* of the new photo */
	uint64_t bytes;
	/* The decoded picture, once it is known, and the last size that was
	 * tried: see fit_plan. */
	uint32_t width, height;
	double shrink;
	struct fit_done done;
};

/* What photo_check says about a photo decides alone about most of them; both
 * processes ask it. */
enum fit_need {
	FIT_NEEDED,
	FIT_NOT_NEEDED, /* the photo is acceptable */
	FIT_HOPELESS,   /* damage cannot be repaired: missing data is unknown */
	/* Which way up it is cannot be told, and a new photo would have lost
	 * the metadata that somebody may still read. */
	FIT_UNCLEAR,
};
enum fit_need fit_need(
    const struct photo *photo, const struct fit_request *request);

/* plan.c */

/* Crop, scale, then pad. */
struct fit_plan {
	uint32_t crop_w, crop_h;   /* as the picture: no crop */
	uint32_t inner_w, inner_h; /* the cropped part is scaled to this */
	uint32_t width, height;    /* of the new picture, with padding */
};

/* Finds the shape and size within the limits that keep most of the picture.
 * shrink, up to 1: makes the result smaller by that factor. -1 with cannot_fit
 * when there is none. */
int fit_plan(const struct image_limits *limits,
    const struct fit_options *options, uint32_t width, uint32_t height,
    double shrink, struct fit_plan *plan, struct err *e);

/* worker.c */

/* Runs in the child, see child_start; arg: the pool's struct filetype. */
_Noreturn void fit_worker(int sock, const void *arg);

/* mend.c */

/* Starts libvips, which starts no thread yet: the workers, as copies of this
 * process, need not start it again. -1 on an error. */
int fit_init(void);

/* Makes the new photo from the bytes of the old one, into *made (the caller
 * frees it with g_free). photo: what photo_check says about it. strict: any
 * warning of a JPEG's decoder is an error. Fills in the reply, which is zeroed
 * before. */
void fit_mend(const void *data, size_t len, const struct photo *photo,
    const struct fit_request *request, bool strict, struct fit_reply *reply,
    void **made);

/* bmp.c */

/* The pixels of a BMP, for the caller to free; NULL if it is incomplete or
 * compressed, or with *too_many. size: width, height and bands. */
void *fit_read_bmp(const void *data, size_t len, uint64_t max_pixels,
    int size[3], bool *too_many);

/* encode.c */

struct _VipsImage;

/* Encodes a picture at the highest quality, of thumbnails the lowest, that fits
 * max_bytes (0: any). Returns 0 with *made, 1 when even the lowest quality does
 * not fit, or -1. */
int fit_encode(struct _VipsImage *image, enum image_type type,
    const struct fit_request *request, void **made, size_t *len,
    uint8_t *quality);

/* pool.c */

struct fit_pool;

/* A photo at work, in the caller's memory. The pool calls on_made once and
 * on_bytes for the pieces when there is a new photo, and on_end last; then the
 * job is the caller's again. on_end gets why there is none in e, or NULL: the
 * photo was made or, if `made` is false, is fine. */
struct fit_job {
	struct worker_task task; /* the first member; the pool's own */
	struct fit_request request;
	struct photo photo;     /* what photo_check says */
	struct fit_reply reply; /* of a new photo */
	bool made;
	void (*on_made)(struct fit_job *job);
	void (*on_bytes)(struct fit_job *job, const void *data, size_t len);
	void (*on_end)(struct fit_job *job, const struct err *e);
	/* The pool's own. */
	bool checked, decoded;
	uint64_t left; /* bytes of the new photo that are still to come */
};

struct fit_pool *fit_pool_new(struct loop *loop, unsigned workers);
void fit_pool_free(struct fit_pool *pool);

/* fd is the photo, open until on_end. */
void fit_pool_submit(struct fit_pool *pool, struct fit_job *job, int fd);

#endif
