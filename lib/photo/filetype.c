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
	int fd; /* of the database; -1: none was found, or it is loaded */
	magic_t magic;
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
	struct filetype *ft = mem_new(1, sizeof *ft);

	ft->fd = open_database();
	return ft;
}

void
filetype_free(struct filetype *ft)
{
	if (ft == NULL)
		return;
	if (ft->magic != NULL)
		magic_close(ft->magic);
	if (ft->map != NULL)
		munmap(ft->map, ft->map_len);
	if (ft->fd >= 0)
		close(ft->fd);
	free(ft);
}

static int
map_database(struct filetype *ft)
{
	off_t size = lseek(ft->fd, 0, SEEK_END);
	void *map;

	if (size <= 0)
		return -1;
	map = mmap(NULL, (size_t)size, PROT_READ | PROT_WRITE, MAP_PRIVATE, ft->fd, 0);
	if (map == MAP_FAILED)
		return -1;
	ft->map = map;
	ft->map_len = (size_t)size;
	return 0;
}

static void
load(struct filetype *ft)
{
	magic_t magic;

	if (ft->fd < 0)
		return;
	magic = magic_open(MAGIC_MIME_TYPE | MAGIC_NO_CHECK_COMPRESS |
	                   MAGIC_NO_CHECK_TAR | MAGIC_NO_CHECK_ELF | MAGIC_NO_CHECK_CDF);
	if (magic != NULL && map_database(ft) == 0 &&
	    magic_load_buffers(magic, &ft->map, &ft->map_len, 1) == 0)
		ft->magic = magic;
	else if (magic != NULL)
		magic_close(magic);
	close(ft->fd);
	ft->fd = -1;
}

const char *
filetype_of(struct filetype *ft, const void *data, size_t len)
{
	const char *type = NULL;

	if (ft->magic == NULL)
		load(ft);
	if (ft->magic != NULL)
		type = magic_buffer(ft->magic, data, len);
	return type != NULL ? type : unknown;
}
