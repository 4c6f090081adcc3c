/*
 * pool: photos judged in processes that have nothing to lose.
 *
 * A pool of child processes behind a fence (os/confine.h). Each is handed an open photo over its
 * socket, judges it (photo/photo.h), decodes its pixels where asked (photo/decode.h), and answers. The
 * answer is taken as a stranger's word: its counts, enums and texts are checked before use. A
 * child that dies or does not end in time becomes the finding decoder_crashed or
 * decoder_timeout of its photo, beside what was known before the decoder began; the next photo
 * gets a new child. Children are started when there is work for them; they end with the parent.
 *
 * A child is a copy of its parent: make the cage, and submit a first photo, before secrets are
 * read, where that is possible.
 */
#ifndef AV_PHOTO_POOL_H
#define AV_PHOTO_POOL_H

#include "photo/photo.h"

struct photo_pool;
struct loop;

struct photo_pool_options {
	unsigned workers; /* processes, at most; 0: 1 */
	unsigned cpu_s;   /* processor time that one photo may take; 0: 30 s */
	unsigned wall_ms; /* time by the clock; 0: four times that */
	uint64_t
	    memory; /* bytes that a worker may allocate; 0: 1.25 GiB, which lets every
	                     format decode PHOTO_MAX_PIXELS */
	void (*decode)(
	    int fd, uint64_t memory, struct photo *photo); /* NULL: decode_pixels */
};

/* Starts no process yet. NULL with decoder_failed where there are no descriptors left. */
struct photo_pool *photo_pool_new(
    const struct photo_pool_options *options, struct err *e);

/* Ends the workers; what was submitted and is not done is forgotten without a call. */
void photo_pool_free(struct photo_pool *cage);

/* How one photo ended: status 0 and *photo, or -1 and *e, as photo_check; decoder_failed where
 * no process can be started. Both are the cage's and last for the call. */
typedef void photo_pool_fn(
    void *arg, int status, const struct photo *photo, const struct err *e);

/* Puts size bytes of fd in line. fd stays the caller's, open until done is called (from
 * photo_pool_run, never from here); there the caller may ask photo_unchanged and photo_check_name,
 * for the worker knows neither the file's times nor its name. */
void photo_pool_submit(struct photo_pool *cage, int fd, uint64_t size,
    const struct photo_options *options, photo_pool_fn *done, void *arg);

/* Photos submitted and not done. */
size_t photo_pool_pending(const struct photo_pool *cage);

/* Readable (poll, epoll) when there is something for photo_pool_run to do. */
int photo_pool_fd(const struct photo_pool *cage);

/* Starts, answers, ends what there is; with wait it first waits for something. */
void photo_pool_run(struct photo_pool *cage, bool wait);

/* Lets a loop call photo_pool_run. The loop waits for the cage while photos are pending. */
void photo_pool_attach(struct photo_pool *cage, struct loop *loop);

/* One photo, start to end, as photo_check_file. Not while others are pending. */
int photo_pool_check_file(struct photo_pool *cage, const char *path,
    const struct photo_options *options, struct photo *photo, struct err *e);

#endif
