#include <fcntl.h>
#include <limits.h>
#include <magic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/mem.h"
#include "photo/filetype.h"

static const char unknown[] = "application/octet-stream";

struct filetype {
	magic_t magic; /* NULL: not loaded yet */
	/* The database. NULL: not opened yet; MAP_FAILED: none, or it cannot be loaded. */
	void *map;
	size_t map_len;
};

/* Opens the first compiled database of libmagic's path. Returns -1 when there is none. */
static int
open_database(void)
{
	char path[PATH_MAX];
	const char *p = magic_getpath(NULL, 0);

	while (p != NULL && *p != '\0') {
		size_t len = strcspn(p, ":");
		int fd;
		snprintf(path, sizeof path, "%.*s.mgc", (int)len, p);
		fd = open(path, O_RDONLY | O_CLOEXEC);
		if (fd >= 0)
			return fd;
		p += len + (p[len] == ':');
	}
	return -1;
}

struct filetype *
filetype_new(void)
{
	return mem_new(1, sizeof(struct filetype));
}

void
filetype_open(struct filetype *ft)
{
	int fd;
	off_t size;

	if (ft->map != NULL)
		return;
	fd = open_database();
	size = fd >= 0 ? lseek(fd, 0, SEEK_END) : 0;
	ft->map_len = size > 0 ? (size_t)size : 0;
	ft->map = mmap(NULL, ft->map_len, PROT_READ | PROT_WRITE, MAP_PRIVATE, fd, 0);
	if (fd >= 0)
		close(fd);
}

void
filetype_free(struct filetype *ft)
{
	if (ft == NULL)
		return;
	if (ft->magic != NULL)
		magic_close(ft->magic);
	if (ft->map != NULL && ft->map != MAP_FAILED)
		munmap(ft->map, ft->map_len);
	free(ft);
}

static void
load(struct filetype *ft)
{
	ft->magic =
	    magic_open(MAGIC_MIME_TYPE | MAGIC_NO_CHECK_COMPRESS | MAGIC_NO_CHECK_TAR |
	               MAGIC_NO_CHECK_ELF | MAGIC_NO_CHECK_CDF);
	if (ft->magic != NULL &&
	    magic_load_buffers(ft->magic, &ft->map, &ft->map_len, 1) == 0)
		return;
	if (ft->magic != NULL)
		magic_close(ft->magic);
	ft->magic = NULL;
	munmap(ft->map, ft->map_len);
	ft->map = MAP_FAILED;
}

const char *
filetype_of(struct filetype *ft, const void *data, size_t len)
{
	const char *type = NULL;

	if (ft == NULL)
		return unknown;
	filetype_open(ft);
	if (ft->magic == NULL && ft->map != MAP_FAILED)
		load(ft);
	if (ft->magic != NULL)
		type = magic_buffer(ft->magic, data, len);
	return type != NULL ? type : unknown;
}

const char *
filetype_fix(const char *type)
{
	/* as libmagic calls what the loaders in tools/av-fit/ read */
	static const char *const types[] = {"image/jpeg", "image/png", "image/webp",
	    "image/heic", "image/heif", "image/avif", "image/tiff", "image/gif",
	    "image/jp2", "image/jxl"};

	if (strcmp(type, "image/bmp") == 0 || strcmp(type, "image/x-ms-bmp") == 0)
		return "av-fit converts it, unless it is compressed";
	for (size_t i = 0; i < sizeof types / sizeof *types; i++)
		if (strcmp(type, types[i]) == 0)
			return "av-fit converts it";
	return NULL;
}
