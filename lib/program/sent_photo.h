/*
 * sent_photo: a record's photo as the body of requests.
 */
#ifndef AV_PROGRAM_SENT_PHOTO_H
#define AV_PROGRAM_SENT_PHOTO_H

#include "photo/source.h"
#include "provider/request.h"
#include "json/rec.h"

/* Stays in its place until it is released, as requests point to it. */
struct sent_photo {
	struct request_photo photo; /* for call_spec */
	struct photo_stream stream;
	char *file, *type, *filename, *sha256;
};

/* Takes the record's `file`, whose facts its `image` has. It is open only while
 * its bytes are read. */
void sent_photo_init(
    struct sent_photo *s, const struct provider *p, struct rec *rec);
void sent_photo_release(struct sent_photo *s);

#endif
