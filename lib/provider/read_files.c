#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include "base/mem.h"
#include "photo/filetype.h"
#include "photo/source.h"
#include "provider/read_files.h"

#define N_KNOWN 64

struct read_files {
	struct read_file *known[N_KNOWN]; /* a ring; NULL: nothing yet */
	size_t next;
	struct filetype *types; /* NULL until a file is read */
};

struct read_files *
read_files_new(void)
{
	return mem_new(1, sizeof(struct read_files));
}

void
read_files_free(struct read_files *files)
{
	if (files == NULL)
		return;
	for (size_t i = 0; i < N_KNOWN; i++)
		free(files->known[i]);
	filetype_free(files->types);
	free(files);
}

static const struct read_file *
find(const struct read_files *files, int fd, const struct stat *st)
{
	struct err ignored;

	for (size_t i = 0; i < N_KNOWN && files->known[i] != NULL; i++)
		if (files->known[i]->st.st_ino == st->st_ino &&
		    photo_unchanged(fd, &files->known[i]->st, &ignored) == 0)
			return files->known[i];
	return NULL;
}

const struct read_file *
read_files_get(struct read_files *files, int fd, const struct stat *st, const char *path,
    struct err *e)
{
	const struct read_file *found = find(files, fd, st);
	struct read_file **place = &files->known[files->next], new = {.st = *st};
	char head[4096];
	ssize_t n;

	if (found != NULL)
		return found;
	n = TEMP_FAILURE_RETRY(pread(fd, head, sizeof head, 0));
	if (n <= 0 || !sha256_file(fd, new.sha256)) {
		err_set(e, CODE_FILE_UNREADABLE, "cannot read '%s':", path);
		return NULL;
	}
	if (photo_unchanged(fd, st, e) < 0)
		return NULL;
	if (files->types == NULL)
		files->types = filetype_new();
	snprintf(
	    new.type, sizeof new.type, "%s", filetype_of(files->types, head, (size_t)n));
	if (*place == NULL)
		*place = mem_new(1, sizeof new);
	**place = new;
	files->next = (files->next + 1) % N_KNOWN;
	return *place;
}
