#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "auth/secret.h"
#include "auth/token_file.h"
#include "base/file.h"
#include "base/mem.h"
#include "base/sha256.h"
#include "json/json.h"

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

/* The directory, made if it is missing. NULL and *e if other users can reach it. */
static char *
directory(struct err *e)
{
	char *path = file_state_path("tokens", e);
	struct stat st;

	if (path == NULL)
		return NULL;
	if (!file_make_dirs(path, 0700))
		err_set(e, CODE_STATE_UNUSABLE, "cannot make the directory '%s':", path);
	else if (lstat(path, &st) != 0)
		err_set(e, CODE_STATE_UNUSABLE, "cannot read the mode of '%s':", path);
	else if (!S_ISDIR(st.st_mode) || st.st_uid != geteuid() ||
	         (st.st_mode & 077) != 0)
		err_set(e, CODE_UNSAFE_SECRET,
		    "'%s' is not a directory that you alone can use; chmod 700 it, or "
		    "remove it",
		    path);
	else
		return path;
	free(path);
	return NULL;
}

int
token_file_open(struct token_file *f, const char *const *parts, size_t n, struct err *e)
{
	char name[SHA256_HEX];
	char *dir = directory(e);
	struct sha256 hash;

	*f = (struct token_file){.fd = -1};
	if (dir == NULL)
		return -1;
	sha256_init(&hash);
	for (size_t i = 0; i < n; i++) { /* each part with its length before it */
		char head[24];
		const char *part = parts[i] != NULL ? parts[i] : "";
		int len = snprintf(head, sizeof head, "%zu%c", strlen(part),
		    parts[i] != NULL ? ':' : '-');
		sha256_add(&hash, head, (size_t)len);
		sha256_add(&hash, part, strlen(part));
	}
	sha256_hex(&hash, name);
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

int
token_file_read(const struct token_file *f, struct stored_token *k, struct err *e)
{
	struct json_object *o = NULL;
	const char *boot;
	struct buf b;
	int r = secret_read_file(f->path, SECRET_OWN, MAX_BYTES, &b, e);

	if (r == 1)
		o = secret_json_parse(b.data, b.len);
	boot = json_str(o, "/boot_id");
	*k = (struct stored_token){
	    .access_token = mem_str(json_str(o, "/access_token")),
	    .token_type = mem_str(json_str(o, "/token_type")),
	    .scope = mem_str(json_str(o, "/scope")),
	    .refresh_token = mem_str(json_str(o, "/refresh_token")),
	    .lifetime = json_int(o, "/lifetime", -1),
	    .obtained = {.wall = json_int(o, "/obtained_at", INT64_MAX),
	        .boot = json_int(o, "/obtained_at_boot", 0)},
	    .in_doubt = json_flag(o, "/refresh_in_doubt", false),
	};
	snprintf(k->obtained.boot_id, sizeof k->obtained.boot_id, "%s",
	    boot != NULL ? boot : "");
	r = r == 1 && o == NULL ? 0 : r;
	secret_json_free(o);
	secret_buf_release(&b);
	return r;
}

int
token_file_lock(struct token_file *f, struct err *e)
{
	/* A lock of the open file, not of the process: it excludes other threads,
	 * and stays when another descriptor of the file is closed. */
	struct flock lock = {.l_type = F_WRLCK, .l_whence = SEEK_SET};

	if (f->fd < 0)
		f->fd = open(f->lock, O_RDWR | O_CREAT | O_CLOEXEC | O_NOFOLLOW, 0600);
	if (f->fd < 0)
		return err_set(e, CODE_STATE_UNUSABLE, "cannot open '%s':", f->lock);
	if (fcntl(f->fd, F_OFD_SETLK, &lock) == 0)
		return 1;
	if (errno == EAGAIN || errno == EACCES || errno == EINTR)
		return 0;
	return err_set(e, CODE_STATE_UNUSABLE, "cannot lock '%s':", f->lock);
}

int
token_file_write(const struct token_file *f, const struct stored_token *k, struct err *e)
{
	struct buf b;
	int r = 0;

	secret_buf_init(&b, MAX_BYTES);
	buf_chr(&b, '{');
	secret_json_add(&b, "access_token", k->access_token);
	secret_json_add(&b, "token_type", k->token_type);
	secret_json_add(&b, "scope", k->scope);
	secret_json_add(&b, "refresh_token", k->refresh_token);
	secret_json_add(&b, "boot_id", k->obtained.boot_id);
	buf_printf(&b,
	    ",\"obtained_at\":%" PRId64 ",\"obtained_at_boot\":%" PRId64
	    ",\"lifetime\":%" PRId64 ",\"refresh_in_doubt\":%s}\n",
	    k->obtained.wall, k->obtained.boot, k->lifetime,
	    k->in_doubt ? "true" : "false");
	if (b.full || !file_replace(f->path, f->temp, 0600, b.data, b.len))
		r = err_set(
		    e, CODE_STATE_UNUSABLE, "cannot store the token in '%s':", f->path);
	secret_buf_release(&b);
	return r;
}

int
token_file_remove(const struct token_file *f, struct err *e)
{
	unlink(f->temp);
	if (unlink(f->path) != 0 && errno != ENOENT)
		return err_set(e, CODE_STATE_UNUSABLE, "cannot remove '%s':", f->path);
	return 0;
}
