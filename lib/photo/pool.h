/*
 * cage: photos judged in processes that have nothing to lose.
 *
 * A pool of child processes behind a fence (fence.h). Each is handed an open photo over its
 * socket, judges it (photo.h), decodes its pixels where asked (decode.h), and answers. The
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

struct cage;
struct loop;

struct cage_options {
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
struct cage *cage_new(const struct cage_options *options, struct err *e);

/* Ends the workers; what was submitted and is not done is forgotten without a call. */
void cage_free(struct cage *cage);

/* How one photo ended: status 0 and *photo, or -1 and *e, as photo_judge; decoder_failed where
 * no process can be started. Both are the cage's and last for the call. */
typedef void cage_done_fn(
    void *arg, int status, const struct photo *photo, const struct err *e);

/* Puts size bytes of fd in line. fd stays the caller's, open until done is called (from
 * cage_run, never from here); there the caller may ask photo_unchanged and photo_judge_name,
 * for the worker knows neither the file's times nor its name. */
void cage_submit(struct cage *cage, int fd, uint64_t size,
    const struct photo_options *options, cage_done_fn *done, void *arg);

/* Photos submitted and not done. */
size_t cage_pending(const struct cage *cage);

/* Readable (poll, epoll) when there is something for cage_run to do. */
int cage_fd(const struct cage *cage);

/* Starts, answers, ends what there is; with wait it first waits for something. */
void cage_run(struct cage *cage, bool wait);

/* Lets a loop call cage_run. The loop waits for the cage while photos are pending. */
void cage_attach(struct cage *cage, struct loop *loop);

/* One photo, start to end, as photo_examine. Not while others are pending. */
int cage_examine(struct cage *cage, const char *path, const struct photo_options *options,
    struct photo *photo, struct err *e);

#endif
