#include <stdlib.h>
#include <string.h>

#include "base/mem.h"
#include "base/outname.h"
#include "base/utf8.h"

/* The most bytes for one placeholder, so that two fit into a file name of 255 bytes. */
#define VALUE_MAX 100

/* Text within a string; s NULL: not known. */
struct span {
	const char *s;
	size_t len;
};

static struct span
whole(const char *s)
{
	return (struct span){s, s != NULL ? strlen(s) : 0};
}

/* The photo's path; of a URL the host and path. */
static struct span
source_of(const struct outname *n)
{
	const char *url = n->url != NULL ? strstr(n->url, "://") : NULL;

	if (n->file != NULL || url == NULL)
		return whole(n->file);
	return (struct span){url + 3, strcspn(url + 3, "?#")};
}

struct parts {
	struct span dir, stem, ext;
};

static struct parts
split(const struct outname *n)
{
	struct span source = source_of(n);
	const char *name = source.s, *end, *slash, *dot;
	struct parts parts = {{source.s, 0}, whole(n->id), {NULL, 0}};

	if (source.s == NULL)
		return parts;
	end = source.s + source.len;
	if ((slash = memrchr(source.s, '/', source.len)) != NULL) {
		parts.dir.len = (size_t)(slash - source.s);
		name = slash + 1;
	}
	dot = memrchr(name, '.', (size_t)(end - name));
	if (dot != NULL && dot > name)
		parts.ext = (struct span){dot + 1, (size_t)(end - dot) - 1};
	else
		dot = end;
	parts.stem = (struct span){name, (size_t)(dot - name)};
	return parts;
}

static bool
is_key(const char *key, const char *s, size_t len)
{
	return strlen(key) == len && strncmp(key, s, len) == 0;
}

/* The value of the placeholder key. False: there is no such placeholder. */
static bool
value_of(const struct outname *n, const char *key, size_t len, struct span *value)
{
	struct parts parts = split(n);
	const struct {
		const char *key;
		struct span value;
	} all[] = {{"dir", parts.dir}, {"stem", parts.stem}, {"source_ext", parts.ext},
	    {"provider", whole(n->provider)}, {"kind", whole(n->kind)},
	    {"name", whole(n->name)}, {"id", whole(n->id)}, {"ext", whole(n->ext)}};

	for (size_t i = 0; i < sizeof all / sizeof *all; i++)
		if (is_key(all[i].key, key, len)) {
			*value = all[i].value;
			return true;
		}
	return false;
}

/* Appends a value without slashes, control characters and a leading dot. */
static void
add_value(struct buf *path, struct span value)
{
	size_t n;

	if (value.len == 0)
		buf_chr(path, '_');
	for (size_t i = 0; i < value.len && i < VALUE_MAX; i += n) {
		unsigned char c = (unsigned char)value.s[i];

		n = utf8_char(value.s + i, value.len - i);
		if (n == 0 || c < 0x20 || c == 0x7f || c == '/' || (c == '.' && i == 0))
			buf_chr(path, '_');
		else
			buf_add(path, value.s + i, n);
		if (n == 0)
			n = 1;
	}
}

/* Appends a folder, its parts made safe one by one. Of the current folder nothing is
 * left; then the template's slash behind it has to go too. */
static bool
add_dir(struct buf *path, struct span dir)
{
	const char *end = dir.s + dir.len;
	size_t before = path->len, n;

	for (const char *s = dir.s; s < end; s += n + 1) {
		const char *slash = memchr(s, '/', (size_t)(end - s));

		n = (size_t)((slash != NULL ? slash : end) - s);
		if (n == 0 || (n == 1 && *s == '.'))
			continue;
		if (path->len > before)
			buf_chr(path, '/');
		add_value(path, (struct span){s, n});
	}
	return path->len > before;
}

void
outname_path(const char *template, const struct outname *name, struct buf *path)
{
	const char *s = template, *end;
	struct span value;

	buf_str(path, "");
	while (*s != '\0') {
		if (*s != '{' || (end = strchr(s, '}')) == NULL) {
			buf_chr(path, *s++);
			continue;
		}
		if (!value_of(name, s + 1, (size_t)(end - s) - 1, &value))
			value = (struct span){"", 0};
		if (!is_key("dir", s + 1, (size_t)(end - s) - 1) || value.s == NULL)
			add_value(path, value);
		else if (!add_dir(path, value) && end[1] == '/')
			end++;
		s = end + 1;
	}
}

char *
outname_template(const char *out, const char *usual, const char **bad)
{
	const struct outname none = {0};
	struct span value;

	if (strchr(out, '{') == NULL)
		return mem_printf("%s/%s", out, usual);
	for (const char *s = strchr(out, '{'); s != NULL; s = strchr(s + 1, '{')) {
		const char *end = strchr(s, '}');

		*bad = s;
		if (end == NULL || !value_of(&none, s + 1, (size_t)(end - s) - 1, &value))
			return NULL;
	}
	return mem_str(out);
}

/* Adds the placeholders that the template lacks to its file name, after {stem} if it has
 * that; {dir} as a folder. NULL: it lacks none. The caller frees it. */
static char *
extend(const char *template, const char *const keys[], size_t n)
{
	const char *slash = strrchr(template, '/');
	const char *file = slash != NULL ? slash + 1 : template;
	const char *stem = strstr(file, "{stem}");
	const char *at = stem != NULL ? stem + strlen("{stem}") : file;
	struct buf out = {0};

	buf_add(&out, template, (size_t)(file - template));
	for (size_t i = 0; i < n; i++) {
		if (strcmp(keys[i], "{dir}") == 0 && strstr(template, keys[i]) == NULL)
			buf_str(&out, "{dir}/");
	}
	buf_add(&out, file, (size_t)(at - file));
	for (size_t i = 0; i < n; i++) {
		if (strcmp(keys[i], "{dir}") != 0 && strstr(template, keys[i]) == NULL)
			buf_printf(&out, stem != NULL ? ".%s" : "%s.", keys[i]);
	}
	buf_str(&out, at);
	if (out.len > strlen(template))
		return buf_take(&out);
	buf_release(&out);
	return NULL;
}

int
outname_take(struct hashset *taken, const char *template, const struct outname *name,
    struct buf *path, struct err *e)
{
	static const char *const of_source[] = {"{dir}", "{stem}", "{source_ext}"};
	static const char *const of_record[] = {"{provider}", "{kind}", "{id}"};
	struct span source = source_of(name);
	char *pair, *better;
	bool fresh, same;

	outname_path(template, name, path);
	pair = mem_printf(
	    "%s\n%.*s", path->data, (int)source.len, source.s != NULL ? source.s : "");
	fresh = hashset_add_str(taken, path->data);
	same = !hashset_add_str(taken, pair);
	free(pair);
	if (fresh)
		return 0;
	better = same ? extend(template, of_record, name->id != NULL ? 3 : 2)
	              : extend(template, of_source, 3);
	err_set(e, CODE_TARGET_TAKEN, "another record of %s writes '%s'%s%s%s",
	    same ? "the same photo" : "this run", path->data,
	    better != NULL ? "; tell them apart with -o '" : "",
	    better != NULL ? better : "", better != NULL ? "'" : "");
	free(better);
	return -1;
}
