#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <openssl/evp.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "auth/secret.h"
#include "auth/token_file.h"
#include "base/file.h"
#include "base/hex.h"
#include "base/mem.h"

enum { MAX_BYTES = 262144 };

int64_t
stored_token_left(const struct stored_token *k, const struct clock_stamp *now)
{
	int64_t age = clock_stamp_age(&k->obtained, now);

	if (k->access_token == NULL || age < 0)
		return 0;
	if (k->lifetime < 0)
		return INT64_MAX;
	return age < k->lifetime ? k->lifetime - age : 0;
}

void
stored_token_release(struct stored_token *k)
{
	secret_free(k->access_token);
	secret_free(k->token_type);
	secret_free(k->scope);
	secret_free(k->refresh_token);
	*k = (struct stored_token){.lifetime = -1};
}

/* The directory, made where it is missing. NULL and *e where it is not ours alone. */
static char *
directory(struct err *e)
{
	struct err why;
	char *path = file_state_path("tokens", &why);
	struct stat st;

	if (path == NULL) {
		err_set(e, CODE_UNSAFE_SECRET, "%s", why.message);
		return NULL;
	}
	if (!file_make_dirs(path, 0700))
		err_set(e, CODE_UNSAFE_SECRET, "cannot make the directory '%s':", path);
	else if (lstat(path, &st) != 0)
		err_set(e, CODE_UNSAFE_SECRET, "cannot look at '%s':", path);
	else if (!S_ISDIR(st.st_mode) || st.st_uid != geteuid() ||
	         (st.st_mode & 077) != 0)
		err_set(e, CODE_UNSAFE_SECRET,
		    "'%s' is not a directory of this user alone; chmod 700 it, or remove it",
		    path);
	else
		return path;
	free(path);
	return NULL;
}

/* SHA-256 in hex over the parts, each with its length before it. */
static bool
hash(const char *const *parts, size_t n, char out[65])
{
	unsigned char digest[EVP_MAX_MD_SIZE];
	EVP_MD_CTX *md = EVP_MD_CTX_new();
	bool ok = md != NULL && EVP_DigestInit_ex(md, EVP_sha256(), NULL) == 1;

	for (size_t i = 0; ok && i < n; i++) {
		char head[24];
		const char *part = parts[i] != NULL ? parts[i] : "";
		int len = snprintf(head, sizeof head, "%zu%c", strlen(part),
		    parts[i] != NULL ? ':' : '-');
		ok = EVP_DigestUpdate(md, head, (size_t)len) == 1 &&
		     EVP_DigestUpdate(md, part, strlen(part)) == 1;
	}
	ok = ok && EVP_DigestFinal_ex(md, digest, NULL) == 1;
	EVP_MD_CTX_free(md);
	if (ok)
		hex_of(out, digest, 32);
	return ok;
}

int
token_file_open(struct token_file *f, const char *const *parts, size_t n, struct err *e)
{
	char name[65];
	char *dir;

	*f = (struct token_file){.fd = -1};
	if (!hash(parts, n, name))
		return err_set(e, CODE_UNSAFE_SECRET, "libcrypto has no SHA-256");
	dir = directory(e);
	if (dir == NULL)
		return -1;
	f->path = mem_printf("%s/%s", dir, name);
	f->lock = mem_printf("%s.lock", f->path);
	f->temp = mem_printf("%s.new", f->path);
	free(dir);
	return 0;
}

void
token_file_close(struct token_file *f)
{
	if (f->fd >= 0)
		close(f->fd);
	free(f->path);
	free(f->lock);
	free(f->temp);
	*f = (struct token_file){.fd = -1};
}

static int64_t
number(struct json_object *o, const char *name, int64_t absent)
{
	struct json_object *v;

	if (!json_object_object_get_ex(o, name, &v) ||
	    !json_object_is_type(v, json_type_int))
		return absent;
	return json_object_get_int64(v);
}

static void
parse(struct json_object *o, struct stored_token *k)
{
	struct json_object *doubt;
	char *boot = secret_json_str(o, "boot_id");

	k->access_token = secret_json_str(o, "access_token");
	k->token_type = secret_json_str(o, "token_type");
	k->scope = secret_json_str(o, "scope");
	k->refresh_token = secret_json_str(o, "refresh_token");
	k->lifetime = number(o, "lifetime", -1);
	k->obtained.wall = number(o, "obtained_at", INT64_MAX);
	k->obtained.boot = number(o, "obtained_at_boot", 0);
	if (boot != NULL)
		snprintf(k->obtained.boot_id, sizeof k->obtained.boot_id, "%s", boot);
	secret_free(boot);
	k->in_doubt = json_object_object_get_ex(o, "refresh_in_doubt", &doubt) &&
	              json_object_get_boolean(doubt);
}

int
token_file_read(const struct token_file *f, struct stored_token *k, struct err *e)
{
	int fd = secret_open(f->path, e);
	struct json_object *o = NULL;
	struct buf b;
	int r = -1;

	*k = (struct stored_token){.lifetime = -1};
	if (fd < 0)
		return fd == -2 ? 0 : -1;
	secret_buf_init(&b, MAX_BYTES);
	if (secret_read(fd, &b) != 0)
		err_set(e, CODE_UNSAFE_SECRET, "cannot read '%s':", f->path);
	else {
		o = secret_json_parse(b.data, b.len);
		if (o != NULL)
			parse(o, k);
		r = o != NULL ? 1 : 0;
	}
	secret_json_free(o);
	secret_buf_release(&b);
	close(fd);
	return r;
}

int
token_file_lock(struct token_file *f, struct err *e)
{
	/* Of the open file, not of the process: threads exclude each other as well, and
	 * closing another descriptor of the file does not give it back. */
	struct flock lock = {.l_type = F_WRLCK, .l_whence = SEEK_SET};

	if (f->fd < 0)
		f->fd = open(f->lock, O_RDWR | O_CREAT | O_CLOEXEC | O_NOFOLLOW, 0600);
	if (f->fd < 0)
		return err_set(e, CODE_UNSAFE_SECRET, "cannot open '%s':", f->lock);
	if (fcntl(f->fd, F_OFD_SETLK, &lock) == 0)
		return 1;
	if (errno == EAGAIN || errno == EACCES || errno == EINTR)
		return 0;
	return err_set(e, CODE_UNSAFE_SECRET, "cannot lock '%s':", f->lock);
}

static void
format(struct buf *b, const struct stored_token *k)
{
	buf_chr(b, '{');
	secret_json_add(b, "access_token", k->access_token);
	secret_json_add(b, "token_type", k->token_type);
	secret_json_add(b, "scope", k->scope);
	secret_json_add(b, "refresh_token", k->refresh_token);
	secret_json_add(b, "boot_id", k->obtained.boot_id);
	buf_printf(b,
	    ",\"obtained_at\":%" PRId64 ",\"obtained_at_boot\":%" PRId64
	    ",\"lifetime\":%" PRId64 ",\"refresh_in_doubt\":%s}\n",
	    k->obtained.wall, k->obtained.boot, k->lifetime,
	    k->in_doubt ? "true" : "false");
}

int
token_file_write(const struct token_file *f, const struct stored_token *k, struct err *e)
{
	struct buf b;
	int result = 0;

	secret_buf_init(&b, MAX_BYTES);
	format(&b, k);
	if (b.full || !file_replace(f->path, f->temp, 0600, b.data, b.len))
		result = err_set(
		    e, CODE_UNSAFE_SECRET, "cannot keep the token in '%s':", f->path);
	secret_buf_release(&b);
	return result;
}

int
token_file_remove(const struct token_file *f, struct err *e)
{
	unlink(f->temp);
	if (unlink(f->path) != 0 && errno != ENOENT)
		return err_set(e, CODE_UNSAFE_SECRET, "cannot remove '%s':", f->path);
	return 0;
}
