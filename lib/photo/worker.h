/* worker: what a cage and its workers say to each other, one message each. For photo/pool.c and
 * photo_worker.c. Both ends are the same program, so the messages are plain structs. */
#ifndef AV_PHOTO_WORKER_H
#define AV_PHOTO_WORKER_H

#include <stddef.h>

#include "photo/pool.h"

/* To the worker, with the photo's descriptor. */
struct pool_request {
	uint64_t size;
	struct photo_options options;
};

/* From the worker; sent up to the last finding. */
struct pool_reply {
	bool last; /* false: known so far, the decoder begins now */
	int status;
	struct err err;
	struct photo photo; /* ends with its findings */
};

/* The length of a reply with n findings. */
static inline size_t
pool_reply_len(unsigned n)
{
	return offsetof(struct pool_reply, photo.findings.list) +
	       n * sizeof(struct finding);
}

/* The life of a worker; sock is its only descriptor of use, arg its struct photo_pool_options. */
_Noreturn void photo_worker(int sock, const void *arg);

#endif
