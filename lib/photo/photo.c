#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/mem.h"
#include "photo/photo.h"

#define PIECE       (128 * 1024)
#define PIECE_QUICK 4096
#define TYPE_BYTES  4096 /* what libmagic gets to see */

static const char *const mime[] = {
    [IMAGE_JPEG] = "image/jpeg",
    [IMAGE_PNG] = "image/png",
    [IMAGE_WEBP] = "image/webp",
};

static int
open_error(struct err *e, const char *path)
{
	if (errno == ENOENT || errno == ENOTDIR)
		return err_set(e, CODE_FILE_MISSING, "cannot open '%s':", path);
	return err_set(e, CODE_FILE_UNREADABLE, "cannot open '%s':", path);
}

static int
not_regular(struct err *e, const char *path, const struct stat *st)
{
	const char *what = S_ISDIR(st->st_mode)    ? "a directory"
	                   : S_ISFIFO(st->st_mode) ? "a pipe"
	                   : S_ISSOCK(st->st_mode) ? "a socket"
	                                           : "a device";

	return err_set(e, CODE_FILE_NOT_REGULAR, "'%s' is %s, not a file", path, what);
}

int
photo_open(const char *path, int *fd, struct stat *st, struct err *e)
{
	/* opening a device can do things; so it is looked at first, and again when open */
	if (stat(path, st) != 0)
		return open_error(e, path);
	if (!S_ISREG(st->st_mode))
		return not_regular(e, path, st);
	*fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK | O_NOCTTY);
	if (*fd < 0)
		return open_error(e, path);
	if (fstat(*fd, st) != 0)
		err_set(e, CODE_FILE_UNREADABLE, "cannot look at '%s':", path);
	else if (!S_ISREG(st->st_mode))
		not_regular(e, path, st);
	else if (st->st_size == 0)
		err_set(e, CODE_FILE_EMPTY, "'%s' has no bytes", path);
	else
		return 0;
	close(*fd);
	*fd = -1;
	return -1;
}

static bool
same_time(const struct timespec *a, const struct timespec *b)
{
	return a->tv_sec == b->tv_sec && a->tv_nsec == b->tv_nsec;
}

int
photo_unchanged(int fd, const struct stat *st, struct err *e)
{
	struct stat now;

	if (fstat(fd, &now) != 0)
		return err_set(
		    e, CODE_FILE_UNREADABLE, "cannot look at the photo again:");
	if (now.st_size == st->st_size && now.st_ino == st->st_ino &&
	    now.st_dev == st->st_dev && same_time(&now.st_mtim, &st->st_mtim) &&
	    same_time(&now.st_ctim, &st->st_ctim))
		return 0;
	return err_set(e, CODE_CHANGED_WHILE_READ, "the photo changed while it was read");
}

/* Reads n bytes at that offset, all of them. */
static int
read_at(int fd, uint8_t *p, size_t n, uint64_t at, struct err *e)
{
	while (n > 0) {
		ssize_t got = pread(fd, p, n, (off_t)at);
		if (got < 0 && errno == EINTR)
			continue;
		if (got < 0)
			return err_set(e, CODE_FILE_UNREADABLE, "cannot read the photo:");
		if (got == 0)
			return err_set(e, CODE_CHANGED_WHILE_READ,
			    "the photo became shorter while it was read");
		p += got;
		n -= (size_t)got;
		at += (uint64_t)got;
	}
	return 0;
}

/* One read of a file: where it stands. */
struct pass {
	int fd;
	uint64_t size, at;
	uint8_t *piece;
	size_t n;
	struct image_reader *image; /* NULL: none of our formats */
};

static int
next_piece(struct pass *pass, size_t max, struct err *e)
{
	uint64_t left = pass->size - pass->at;

	pass->n = left < max ? (size_t)left : max;
	if (read_at(pass->fd, pass->piece, pass->n, pass->at, e) != 0)
		return -1;
	pass->at += pass->n;
	return 0;
}

/* The first piece is in: what is it? */
static void
identify(struct pass *pass, const struct photo_options *options, struct filetype *types,
    struct photo *photo)
{
	enum image_type type = image_detect(pass->piece, pass->n);
	size_t n = pass->n < TYPE_BYTES ? pass->n : TYPE_BYTES;
	const char *name =
	    type != IMAGE_OTHER ? mime[type] : filetype_of(types, pass->piece, n);

	snprintf(photo->type, sizeof photo->type, "%s", name);
	photo->facts.type = type;
	if (type != IMAGE_OTHER)
		pass->image = image_new(type, options->max_pixels);
}

static int
read_header(struct pass *pass, struct err *e)
{
	while (pass->image != NULL) {
		const struct image_facts *f = image_facts(pass->image);
		uint64_t skip;
		image_feed(pass->image, pass->piece, pass->n);
		if (f->header_end || f->state != IMAGE_OPEN)
			break;
		skip = image_skippable(pass->image);
		if (skip >= pass->size - pass->at) /* it ends before the header does */
			skip = pass->size - pass->at;
		image_skip(pass->image, skip);
		pass->at += skip;
		if (pass->at == pass->size) {
			image_finish(pass->image);
			break;
		}
		if (next_piece(pass, 8 * PIECE_QUICK, e) != 0)
			return -1;
	}
	return 0;
}

static int
read_all(struct pass *pass, char hex[SHA256_HEX], struct err *e)
{
	struct sha256 sha;

	sha256_init(&sha);
	for (;;) {
		sha256_add(&sha, pass->piece, pass->n);
		if (pass->image != NULL)
			image_feed(pass->image, pass->piece, pass->n);
		if (pass->at == pass->size)
			break;
		if (next_piece(pass, PIECE, e) != 0)
			return -1;
	}
	if (pass->image != NULL)
		image_finish(pass->image);
	sha256_hex(&sha, hex);
	return 0;
}

static int
read_photo(struct pass *pass, const struct photo_options *options, struct filetype *types,
    struct photo *photo, struct err *e)
{
	bool quick = options->depth == PHOTO_QUICK;

	if (next_piece(pass, quick ? PIECE_QUICK : PIECE, e) != 0)
		return -1;
	identify(pass, options, types, photo);
	return quick ? read_header(pass, e) : read_all(pass, photo->sha256, e);
}

int
photo_check(int fd, uint64_t size, const struct photo_options *options,
    struct filetype *types, struct photo *photo, struct err *e)
{
	struct pass pass = {.fd = fd, .size = size};
	int status;

	memset(photo, 0, sizeof *photo);
	photo->bytes = size;
	pass.piece = mem_new(PIECE, 1);
	status = read_photo(&pass, options, types, photo, e);
	if (status == 0) {
		if (pass.image != NULL)
			photo->facts = *image_facts(pass.image);
		photo->width = photo->facts.width;
		photo->height = photo->facts.height;
		photo->orientation =
		    photo->facts.orientation > 0 ? photo->facts.orientation : 1;
		photo_findings(photo, options);
	}
	image_free(pass.image);
	free(pass.piece);
	return status;
}

int
photo_check_file(const char *path, const struct photo_options *options,
    struct filetype *types, struct photo *photo, struct err *e)
{
	struct stat st;
	int fd = -1, status;

	if (photo_open(path, &fd, &st, e) != 0)
		return -1;
	status = photo_check(fd, (uint64_t)st.st_size, options, types, photo, e);
	if (status == 0)
		status = photo_unchanged(fd, &st, e);
	close(fd);
	if (status == 0)
		photo_check_name(photo, path);
	return status;
}

void
photo_display(const struct photo *photo, uint32_t *width, uint32_t *height)
{
	bool swap = photo->orientation >= 5;

	*width = swap ? photo->height : photo->width;
	*height = swap ? photo->width : photo->height;
}
