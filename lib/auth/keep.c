#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <unistd.h>

#include "auth/keep.h"
#include "auth/secret.h"
#include "base/file.h"
#include "base/mem.h"

enum { MAX_BYTES = 65536 };

/* The file as it is changed. */
struct edit {
	const struct creds *names;
	const char *const *values;
	const char *copied; /* the text before this is in out */
	const char *end;
	bool done[CRED_COUNT];
	struct buf out;
};

static void
copy_up_to(struct edit *edit, const char *to)
{
	buf_add(&edit->out, edit->copied, (size_t)(to - edit->copied));
	edit->copied = to;
}

/* Appends a value so that it is read back: in quotes where blanks or a quote at its ends
 * would be lost without them. False: neither quote will do. */
static bool
put_value(struct buf *out, const char *value)
{
	size_t len = strlen(value);
	bool plain =
	    strchr("\"' \t", value[0]) == NULL && strchr(" \t", value[len - 1]) == NULL;
	char quote = strchr(value, '"') == NULL ? '"' : '\'';

	if (!plain && strchr(value, quote) != NULL)
		return false;
	if (!plain)
		buf_chr(out, quote);
	buf_str(out, value);
	if (!plain)
		buf_chr(out, quote);
	return true;
}

static int
put(struct edit *edit, enum cred which, struct err *e)
{
	edit->done[which] = true;
	if (put_value(&edit->out, edit->values[which]))
		return 0;
	return err_set(e, CODE_NO_CREDENTIALS,
	    "%s begins with a quote and has the other quote in it, which the credentials file "
	    "cannot hold; use %s_FILE",
	    edit->names->name[which], edit->names->name[which]);
}

static int
edit_lines(struct edit *edit, const char *path, struct err *e)
{
	struct assign a = {.rest = edit->copied};
	int more;

	while ((more = assign_next(&a)) > 0) {
		enum cred which = creds_of_line(edit->names, &a);
		const char *value = which < CRED_COUNT ? edit->values[which] : NULL;

		if (value == NULL)
			continue;
		copy_up_to(edit, *value == '\0' || edit->done[which] ? a.line : a.begin);
		edit->copied = a.rest;
		if (*value == '\0' || edit->done[which])
			continue;
		edit->copied = a.end;
		if (put(edit, which, e) < 0)
			return -1;
	}
	if (more < 0)
		return err_set(e, CODE_NO_CREDENTIALS,
		    "%s, line %zu: this is not NAME_KEY=value; mend it, or put a # before it",
		    path, a.row);
	copy_up_to(edit, edit->end);
	return 0;
}

/* Adds lines for the values that have none. */
static int
add_lines(struct edit *edit, struct err *e)
{
	struct buf *out = &edit->out;

	for (enum cred which = 0; which < CRED_COUNT; which++) {
		const char *value = edit->values[which];

		if (value == NULL || *value == '\0' || edit->done[which])
			continue;
		if (out->len > 0 && out->data[out->len - 1] != '\n')
			buf_chr(out, '\n');
		buf_printf(out, "%s=", edit->names->name[which]);
		if (put(edit, which, e) < 0)
			return -1;
		buf_chr(out, '\n');
	}
	return 0;
}

/* Replaces the file, unless nothing changes. */
static int
change(
    const struct creds *names, const char *const *values, const char *path, struct err *e)
{
	struct edit edit = {.names = names, .values = values};
	char *temp = mem_printf("%s.%d", path, (int)getpid());
	struct buf text;
	int r = secret_read_file(path, SECRET_OWN, MAX_BYTES, &text, e);

	secret_buf_init(&edit.out, 2 * MAX_BYTES);
	edit.copied = r == 1 ? text.data : "";
	edit.end = edit.copied + text.len;
	if (r >= 0 && (edit_lines(&edit, path, e) < 0 || add_lines(&edit, e) < 0))
		r = -1;
	if (r == 0)
		r = edit.out.len > 0;
	else if (r == 1)
		r = text.len != edit.out.len ||
		    memcmp(text.data, edit.out.data, text.len) != 0;
	if (edit.out.len > MAX_BYTES)
		r = err_set(e, CODE_NO_CREDENTIALS, "'%s' would be too large", path);
	else if (r == 1 && !file_replace(path, temp, 0600, edit.out.data, edit.out.len))
		r = err_set(e, CODE_STATE_UNUSABLE, "cannot write '%s':", path);
	secret_buf_release(&edit.out);
	secret_buf_release(&text);
	free(temp);
	return r;
}

int
keep_values(
    const struct creds *names, const char *const values[static CRED_COUNT], struct err *e)
{
	char *path = creds_file(), *dir;
	int fd, r;

	if (path == NULL)
		return err_set(e, CODE_STATE_UNUSABLE,
		    "there is no directory for credentials; set HOME or XDG_CONFIG_HOME");
	dir = file_dir_of(path);
	if (!file_make_dirs(dir, 0700)) {
		r = err_set(
		    e, CODE_STATE_UNUSABLE, "cannot make the directory '%s':", dir);
	} else {
		fd = open(dir, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
		if (fd >= 0) /* some network file systems lock no directory */
			(void)TEMP_FAILURE_RETRY(flock(fd, LOCK_EX));
		r = change(names, values, path, e);
		if (fd >= 0)
			close(fd);
	}
	free(dir);
	free(path);
	return r;
}
