#include <errno.h>
#include <fcntl.h>
#include <json-c/printbuf.h>
#include <nettle/memops.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "auth/secret.h"
#include "base/mem.h"
#include "json/json.h"

static void
wipe_json(struct json_object *o)
{
	enum json_type type = json_object_get_type(o);

	if (type == json_type_object) {
		json_object_object_foreach(o, key, value)
		{
			(void)key;
			wipe_json(value);
		}
	} else if (type == json_type_array) {
		for (size_t i = 0; i < json_object_array_length(o); i++)
			wipe_json(json_object_array_get_idx(o, i));
	} else if (type == json_type_string) {
		/* json-c lends the object's own bytes; the object is freed next. */
		explicit_bzero((void *)(uintptr_t)json_object_get_string(o),
		    (size_t)json_object_get_string_len(o));
	}
}

void
secret_free(char *s)
{
	if (s == NULL)
		return;
	explicit_bzero(s, strlen(s));
	free(s);
}

void
secret_buf_init(struct buf *b, size_t max)
{
	buf_init(b, max);
	buf_room(b, max);
	buf_add(b, "", 0);
}

void
secret_buf_release(struct buf *b)
{
	if (b->data != NULL)
		explicit_bzero(b->data, b->size);
	buf_release(b);
}

int
secret_read(int fd, size_t max, struct buf *b)
{
	ssize_t n;

	secret_buf_init(b, max);
	do { /* a full buffer is an error unless the file ends there */
		char past = 0, *to = b->len < max ? b->data + b->len : &past;

		n = TEMP_FAILURE_RETRY(read(fd, to, b->len < max ? max - b->len : 1));
		if (n > 0 && to == &past) {
			errno = EFBIG;
			return -1;
		}
		if (n > 0)
			b->len += (size_t)n;
		b->data[b->len] = '\0';
	} while (n > 0);
	return (int)n;
}

struct json_object *
secret_json_parse(const char *text, size_t len)
{
	struct json_tokener *tok;
	struct json_object *o;

	if (len >= 3 && memcmp(text, "\xef\xbb\xbf", 3) == 0) { /* a byte order mark */
		text += 3;
		len -= 3;
	}
	if (len > INT32_MAX || memchr(text, '\0', len) != NULL)
		return NULL;
	tok = mem_checked(json_tokener_new());
	json_tokener_set_flags(tok, JSON_TOKENER_STRICT | JSON_TOKENER_VALIDATE_UTF8);
	o = json_tokener_parse_ex(tok, text, (int)len);
	if (json_tokener_get_error(tok) != json_tokener_success ||
	    !json_object_is_type(o, json_type_object)) {
		secret_json_free(o);
		o = NULL;
	}
	explicit_bzero(tok->pb->buf, (size_t)tok->pb->size);
	json_tokener_free(tok);
	return o;
}

void
secret_json_free(struct json_object *o)
{
	wipe_json(o);
	json_object_put(o);
}

void
secret_json_add(struct buf *b, const char *name, const char *value)
{
	if (value == NULL)
		return;
	if (b->len > 0 && b->data[b->len - 1] != '{')
		buf_chr(b, ',');
	json_write_str(b, name, strlen(name));
	buf_chr(b, ':');
	json_write_str(b, value, strlen(value));
}

int
secret_read_file(
    const char *path, enum secret_care care, size_t max, struct buf *b, struct err *e)
{
	struct stat st;
	int no_link = care == SECRET_OWN ? O_NOFOLLOW : 0;
	int fd = open(path, O_RDONLY | O_CLOEXEC | no_link | O_NONBLOCK), r = -1;

	*b = (struct buf){0};
	if (fd < 0) {
		if (errno == ENOENT || errno == ENOTDIR)
			return 0;
		return err_set(e, CODE_UNSAFE_SECRET, "cannot open '%s':", path);
	}
	if (fstat(fd, &st) != 0)
		err_set(e, CODE_UNSAFE_SECRET, "cannot read the mode of '%s':", path);
	else if (!S_ISREG(st.st_mode))
		err_set(e, CODE_UNSAFE_SECRET, "'%s' is not a regular file", path);
	else if (care != SECRET_PLACED && st.st_uid != geteuid() && st.st_uid != 0)
		err_set(e, CODE_UNSAFE_SECRET, "'%s' belongs to another user; chown it",
		    path);
	else if (care != SECRET_PLACED && (st.st_mode & 077) != 0)
		err_set(e, CODE_UNSAFE_SECRET,
		    "other users can read or change '%s'; chmod 600 it, and replace the "
		    "secrets in it if others may have read them",
		    path);
	else if (secret_read(fd, max, b) != 0)
		err_set(e, CODE_UNSAFE_SECRET, "cannot read '%s':", path);
	else
		r = 1;
	close(fd);
	return r;
}

bool
secret_same(const char *a, const char *b)
{
	size_t len = strlen(a);

	return len == strlen(b) && memeql_sec(a, b, len);
}

void
secret_hide(char *message, const char *value)
{
	size_t len = value != NULL ? strlen(value) : 0;

	if (len < 4)
		return;
	for (char *at = message; (at = strstr(at, value)) != NULL; at += len)
		memset(at, '*', len);
}
