/*
 * worker: the two kinds of processes of photo/pool.h: one checks photos, the
 * other decodes pixels.
 *
 * Each confines itself (os/workers.h) and then answers each request with one
 * message: the facts of the photo, or what the decoder says (struct decoded).
 * No text of a decoder crosses: the parent makes the findings from codes and
 * numbers. A process that decodes makes no facts, so a decoder that was taken
 * over cannot change them.
 */
#ifndef AV_PHOTO_WORKER_H
#define AV_PHOTO_WORKER_H

#include <stddef.h>

#include "photo/decode.h"
#include "photo/photo.h"

struct photo_worker_options {
	uint64_t memory;        /* bytes that it may allocate */
	struct filetype *types; /* opened before the fork */
	/* As decode_pixels. */
	void (*decode)(int fd, const struct photo *photo, struct decoded *d);
};

/* To the worker, with the photo's descriptor. */
struct photo_request {
	uint64_t size;
	struct photo_options options;
};

/* What is known of a photo is sent up to the findings. */
#define PHOTO_KNOWN offsetof(struct photo, findings)

/* From the worker; sent up to the findings. */
struct photo_reply {
	enum code failed; /* CODE_NONE; else photo_check's error code */
	int error;        /* and errno */
	struct photo photo;
};

/* For the child: runs photo_check and sends the reply. False when the photo
 * cannot be read. */
bool photo_reply_send(int sock, int fd, const struct photo_request *request,
    struct filetype *types, struct photo *photo);

/* For the parent: checks a reply, which is not trusted, and sets *photo with
 * its findings, or *status to -1 and *e. False when a sound worker cannot have
 * sent it. */
bool photo_reply_take(const void *message, size_t len,
    const struct photo_request *request, struct photo *photo, int *status,
    struct err *e);

/* Run in the child, see child_start; options: struct photo_worker_options. The
 * decoder's request is PHOTO_KNOWN bytes of a struct photo. */
_Noreturn void photo_worker(int sock, const void *options);
_Noreturn void photo_decoder(int sock, const void *options);

#endif
