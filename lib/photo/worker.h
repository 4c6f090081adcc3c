/*
 * worker: the process of photo/pool.h that checks photos and decodes pixels.
 *
 * It confines itself (os/confine.h) and then answers requests. It sends one
 * message for each photo; before it decodes pixels it sends one more, with
 * what is known so far.
 */
#ifndef AV_PHOTO_WORKER_H
#define AV_PHOTO_WORKER_H

#include <stddef.h>

#include "photo/photo.h"

struct photo_worker_options {
	uint64_t memory; /* bytes that it may allocate */
	void (*decode)(int fd, struct photo *photo); /* as decode_pixels */
};

/* To the worker, with the photo's descriptor. */
struct photo_request {
	uint64_t size;
	struct photo_options options;
};

/* From the worker. Sent up to the last finding. */
struct photo_reply {
	bool last;  /* false: decoding starts now, and one more reply follows */
	int status; /* of photo_check */
	struct err err;
	struct photo photo; /* ends with its findings */
};

/* The length of a reply with n findings. */
static inline size_t
photo_reply_len(unsigned n)
{
	return offsetof(struct photo_reply, photo.findings.list) +
	       n * sizeof(struct finding);
}

/* Runs in the child, see child_start; options: struct photo_worker_options. */
_Noreturn void photo_worker(int sock, const void *options);

#endif
