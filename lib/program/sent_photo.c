#include <stdlib.h>
#include <string.h>

#include "base/mem.h"
#include "photo/photo.h"
#include "program/sent_photo.h"
#include "provider/file_name.h"
#include "json/json.h"

static ssize_t
read_photo(void *arg, uint64_t offset, char *buf, size_t size)
{
	struct sent_photo *s = arg;
	struct photo_checked file = {
	    .path = s->file, .sha256 = s->sha256, .bytes = s->photo.source.size};

	return photo_stream_send(&s->stream, &file, offset, buf, size, &s->photo.broken);
}

void
sent_photo_init(struct sent_photo *s, const struct provider *p, struct rec *rec)
{
	struct json_object *image = rec_get(rec, "image");
	char *name;

	*s = (struct sent_photo){.file = mem_str(rec_str(rec, "file")),
	    .type = mem_str(json_str(image, "/type")),
	    .sha256 = mem_str(json_str(image, "/sha256"))};
	name = photo_name(s->file, s->type);
	s->filename = file_name_fit(p, name);
	free(name);
	s->photo = (struct request_photo){.type = s->type,
	    .filename = s->filename,
	    .source = {.read = read_photo,
	        .arg = s,
	        .size = (uint64_t)json_int(image, "/bytes", 0)}};
}

void
sent_photo_release(struct sent_photo *s)
{
	photo_stream_close(&s->stream);
	free(s->file);
	free(s->type);
	free(s->filename);
	free(s->sha256);
	*s = (struct sent_photo){0};
}
