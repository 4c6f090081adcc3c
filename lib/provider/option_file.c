#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/mem.h"
#include "provider/option_file.h"
#include "provider/options.h"
#include "provider/read_files.h"
#include "json/json.h"

/* Compares media types, which some write with x- before the subtype. */
static bool
is_spelled(const char *a, const char *b)
{
	size_t major = strcspn(a, "/") + 1;

	if (strncmp(a, b, major) != 0)
		return false;
	a += major;
	b += major;
	return strcmp(strncmp(a, "x-", 2) == 0 ? a + 2 : a,
	           strncmp(b, "x-", 2) == 0 ? b + 2 : b) == 0;
}

/* True if a type by libmagic, which has names of its own, is a type of the schema. */
static bool
is_same_type(const char *by_magic, const char *type)
{
	static const char *const names[][2] = {
	    {"audio/x-m4a", "audio/mp4"}, {"audio/x-hx-aac-adts", "audio/aac"}};

	for (size_t i = 0; i < sizeof names / sizeof *names; i++)
		if (strcmp(by_magic, names[i][0]) == 0 && is_spelled(type, names[i][1]))
			return true;
	return is_spelled(by_magic, type);
}

/* Sets type and ext. -1: the schema does not allow the type. */
static int
put_type(struct json_object *facts, struct json_object *types, const struct read_file *s,
    const char *path, struct err *e)
{
	struct buf all = {0};

	json_object_object_foreach(types, type, ext)
	{
		buf_printf(&all, "%s%s", all.len > 0 ? ", " : "", type);
		if (!is_same_type(s->type, type))
			continue;
		json_put_str(facts, "type", type);
		json_put(facts, "ext", json_object_get(ext));
		buf_release(&all);
		return 0;
	}
	err_set(e, CODE_OPTION_INVALID, "'%s' is %s by its bytes, not %s", path, s->type,
	    all.data);
	buf_release(&all);
	return -1;
}

/* The facts of a file: a new object. NULL, with the error of photo_open() or
 * option_invalid, if it is no file that the schema allows. */
static struct json_object *
facts_of(
    struct read_files *files, struct json_object *schema, const char *path, struct err *e)
{
	int64_t max = json_int(schema, "/maxBytes", INT64_MAX);
	struct json_object *facts = json_new_object();
	const struct read_file *s = NULL;
	struct stat st;
	int fd;

	if (photo_open(path, &fd, &st, e) == 0) {
		if (st.st_size > max)
			err_set(e, CODE_OPTION_INVALID,
			    "'%s' has %jd bytes; at most %jd are accepted", path,
			    (intmax_t)st.st_size, (intmax_t)max);
		else
			s = read_files_get(files, fd, &st, path, e);
		close(fd);
	}
	if (s == NULL || put_type(facts, json_member(schema, "file"), s, path, e) < 0) {
		json_object_put(facts);
		return NULL;
	}
	json_put_str(facts, "path", path);
	json_put_int(facts, "bytes", (int64_t)st.st_size);
	json_put_str(facts, "sha256", s->sha256);
	return facts;
}

int
option_file_resolve(const struct operation *op, struct json_object *vars, struct err *e)
{
	struct json_object *declared = json_at(op->def, "/options/properties");
	struct json_object *options = json_member(vars, "options"), *facts;

	if (declared == NULL || options == NULL)
		return 0;
	json_object_object_foreach(declared, name, schema)
	{
		struct json_object *value = json_member(options, name);
		const char *path = json_str(value, "");

		if (value == NULL || !json_has(schema, "/file") ||
		    json_object_is_type(value, json_type_object))
			continue;
		if (path == NULL)
			return err_set(
			    e, CODE_OPTION_INVALID, "option '%s' is not a path", name);
		facts = facts_of(op->files, schema, path, e);
		if (facts == NULL) {
			err_prefix(e, "option '%s': ", name);
			return -1;
		}
		json_put(options, name, facts);
	}
	return 0;
}

void
option_file_check(const struct provider *p, const struct operation *op,
    struct json_object *options, struct findings *findings)
{
	json_object_object_foreach(options, name, value)
	{
		struct json_object *schema = options_schema(p, op, name), *facts;
		const char *path = json_str(value, "");
		struct err e;

		if (path == NULL || !json_has(schema, "/file"))
			continue;
		facts = facts_of(p->files, schema, path, &e);
		if (facts == NULL)
			finding_add(findings, CODE_OPTION_INVALID, SEVERITY_REFUSED, path,
			    NULL, NULL, "option '%s': %s", name, e.message);
		json_object_put(facts);
	}
}

void
option_file_init(struct option_file *f, const char *name, struct json_object *facts)
{
	*f = (struct option_file){.name = mem_str(name),
	    .filename = mem_printf("%s.%s", name, json_str(facts, "/ext")),
	    .facts = json_object_get(facts)};
}

void
option_file_release(struct option_file *f)
{
	photo_stream_close(&f->stream);
	json_object_put(f->facts);
	free(f->name);
	free(f->filename);
}

static ssize_t
read_bytes(void *arg, uint64_t offset, char *buf, size_t size)
{
	struct option_file *f = arg;
	struct photo_checked file = {.path = json_str(f->facts, "/path"),
	    .sha256 = json_str(f->facts, "/sha256"),
	    .bytes = (uint64_t)json_int(f->facts, "/bytes", 0)};

	return photo_stream_send(&f->stream, &file, offset, buf, size, &f->broken);
}

struct http_source
option_file_source(struct option_file *f)
{
	return (struct http_source){.read = read_bytes,
	    .arg = f,
	    .size = (uint64_t)json_int(f->facts, "/bytes", 0)};
}
