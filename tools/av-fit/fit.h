/*
 * fit: what the parts of av-fit tell each other.
 *
 *   av-fit.c   options, records
 *   pool.c     worker processes: a photo's descriptor out, the bytes of another
 * one back worker.c   the life of a worker service/dry_run.c     the shape and
 * size to come to; whole numbers, no pixels mend.c     pixels, by libvips
 *   encode.c   the highest quality that fits the bytes
 *
 * Orders and replies are plain structs: both ends are the same program.
 */
#ifndef AV_FIT_H
#define AV_FIT_H

#include "os/workers.h"
#include "photo/limits.h"

/* Limits without pointers; fit_bind sets those of `image` to the lists here. */
#define FIT_TYPES   8
#define FIT_ASPECTS 16
struct fit_limits {
	struct image_limits image;
	char service[48];
	char types[FIT_TYPES][32];
	const char *type_list[FIT_TYPES + 1];
	struct aspect aspects[FIT_ASPECTS];
};

enum gravity {
	GRAVITY_ATTENTION, /* where people look: faces' colours, detail,
	                      saturation */
	GRAVITY_ENTROPY,   /* where most happens */
	GRAVITY_CENTRE,
	GRAVITY_NORTH,
	GRAVITY_SOUTH,
	GRAVITY_EAST,
	GRAVITY_WEST,
};

struct fit_options {
	enum gravity gravity;
	bool pad;         /* instead of cropping */
	double colour[3]; /* of padding, and behind what is transparent; 0 to
	                     255 */
	double max_upscale;
	enum image_type type; /* to come to; IMAGE_OTHER: as it fits */
	bool keep_metadata;
	bool always; /* also what is acceptable as it is */
	uint64_t max_pixels;
};

struct fit_request {
	uint64_t size; /* of the photo in bytes */
	struct fit_limits limits;
	struct fit_options options;
};

/* What was done; zero: not. */
struct fit_done {
	uint8_t orientation; /* what Exif asked for, above 1 */
	uint32_t crop[4]; /* left, top, width, height, of the turned picture */
	uint32_t scaled[2]; /* width, height */
	uint32_t padded[2];
	char from_type[64]; /* where the type is another now */
	bool rgb;           /* the colours were those of print */
	bool flat;          /* transparency is gone */
	bool stripped;      /* metadata */
	uint8_t quality;    /* 1 to 100; 0: lossless */
};

enum fit_outcome {
	FIT_UNCHANGED, /* acceptable as it is */
	FIT_MADE,      /* bytes of a new photo follow, in messages of up to
	                  FIT_MESSAGE_MAX */
	FIT_FAILED,    /* err, and the findings behind it */
};

#define FIT_MESSAGE_MAX 65536
struct fit_reply {
	enum fit_outcome outcome;
	enum image_type type; /* of the new photo */
	uint64_t bytes;
	struct err err;
	struct fit_done done;
	struct findings findings;
};

void fit_bind(struct fit_limits *l);

/* service/dry_run.c */

/* The way from a picture to its new size. */
struct fit_plan {
	uint32_t crop_w,
	    crop_h; /* of the picture as it is; its own size: no crop */
	uint32_t inner_w, inner_h; /* what that is scaled to */
	uint32_t width, height;    /* with padding: the new picture */
};

/* Finds the nearest shape and size within the limits, shrink (up to 1) times as
 * large as it could be. -1 with cannot_fit where there is none. */
int fit_plan(const struct image_limits *limits,
    const struct fit_options *options, uint32_t width, uint32_t height,
    double shrink, struct fit_plan *plan, struct err *e);

/* worker.c */

/* The life of a worker; sock is its only descriptor of use. */
_Noreturn void fit_worker(int sock);

/* mend.c */

/* Readies the library; -1 where it cannot be used. Before the fence. */
int fit_init(void);

/* Makes the new photo of the bytes, into *made (the caller frees it with
 * g_free). photo: what the readers say of it. Fills in the reply, with
 * FIT_FAILED where it cannot be. */
void fit_mend(const void *data, size_t len, const struct photo *photo,
    const struct fit_request *request, struct fit_reply *reply, void **made);

/* encode.c */

struct _VipsImage;

/* Encodes a picture at the highest quality that fits into max_bytes (0: any). 0
 * with *made; 1 where even the lowest does not fit; -1 with *e. */
int fit_encode(struct _VipsImage *image, enum image_type type,
    uint64_t max_bytes, void **made, size_t *len, uint8_t *quality,
    struct err *e);

/* Sets *e from what libvips has to say. Returns -1. */
int fit_error(struct err *e, const char *what);

/* pool.c */

struct fit_pool;

/* A photo at work. The pool calls on_reply once, on_bytes once or more for
 * FIT_MADE, and on_end always, from the loop; after that the job is the
 * caller's again. */
struct fit_job {
	struct worker_task task; /* the first member; the pool's own */
	struct fit_request request;
	void (*on_reply)(struct fit_job *job, const struct fit_reply *reply);
	void (*on_bytes)(struct fit_job *job, const void *data, size_t len);
	/* e: why the worker ended early, or NULL. */
	void (*on_end)(struct fit_job *job, const struct err *e);
	/* The pool's own. */
	bool replied;
	uint64_t left; /* bytes of the new photo that are still to come */
};

struct fit_pool *fit_pool_new(struct loop *loop, unsigned workers);
void fit_pool_free(struct fit_pool *pool);

/* fd must be open until on_end. */
void fit_pool_submit(struct fit_pool *pool, struct fit_job *job, int fd);

#endif
