#include <errno.h>
#include <fcntl.h>
#include <libgen.h>
#include <stdlib.h>
#include <unistd.h>

#include "base/file.h"
#include "base/mem.h"

static int
read_all(int fd, struct buf *out)
{
	char chunk[16384];
	ssize_t n;

	while ((n = read(fd, chunk, sizeof chunk)) != 0) {
		if (n < 0 && errno == EINTR)
			continue;
		if (n < 0)
			return -1;
		if (!buf_add(out, chunk, (size_t)n)) {
			errno = EFBIG;
			return -1;
		}
	}
	return 0;
}

int
file_read(const char *path, struct buf *out, struct err *e)
{
	int fd = open(path, O_RDONLY | O_CLOEXEC), failed;

	if (fd < 0)
		return err_set(e, CODE_INPUT_UNREADABLE, "cannot open '%s':", path);
	buf_add(out, "", 0);
	failed = read_all(fd, out);
	if (failed)
		err_set(e, CODE_INPUT_UNREADABLE, "cannot read '%s':", path);
	close(fd);
	return failed;
}

char *
file_config_dir(void)
{
	const char *xdg = getenv("XDG_CONFIG_HOME"), *home = getenv("HOME");

	if (xdg != NULL && *xdg == '/')
		return mem_printf("%s/avtools", xdg);
	if (home != NULL && *home != '\0')
		return mem_printf("%s/.config/avtools", home);
	return NULL;
}

int
file_sync_name(const char *path)
{
	char *copy = mem_str(path);
	int fd = open(dirname(copy), O_RDONLY | O_DIRECTORY | O_CLOEXEC), saved;
	int result = fd < 0 ? -1 : fsync(fd);

	saved = errno;
	if (fd >= 0)
		close(fd);
	free(copy);
	errno = saved;
	return fd >= 0 && result < 0 && saved == EINVAL ? 0 : result;
}
