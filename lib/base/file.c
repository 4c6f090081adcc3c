#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/vfs.h>
#include <unistd.h>

#include "base/file.h"
#include "base/mem.h"

/* f_type of statfs(2) for network file systems, from <linux/magic.h> and GNU stat. */
static const struct {
	unsigned long type;
	const char *name;
} network[] = {{0x6969, "NFS"}, {0xff534d42, "CIFS"}, {0xfe534d42, "SMB"},
    {0x517b, "SMB"}, {0x65735546, "FUSE"}, {0x01021997, "9P"}, {0x5346414f, "AFS"},
    {0x6b414653, "AFS"}, {0x73757245, "Coda"}, {0x00c36400, "Ceph"},
    {0x0bd00bd0, "Lustre"}, {0x01161970, "GFS2"}, {0x7461636f, "OCFS2"},
    {0x47504653, "GPFS"}, {0x19830326, "BeeGFS"}, {0x786f4256, "vboxsf"},
    {0xbacbacbc, "VMware shared folder"}, {0x7c7c6673, "Parallels shared folder"},
    {0xaad7aaea, "PanFS"}, {0xbeefdead, "StorNext"}, {0x61636673, "ACFS"},
    {0x0000564c, "NCP"}};

int
file_read(const char *path, struct buf *out, struct err *e)
{
	int fd = open(path, O_RDONLY | O_CLOEXEC);
	char chunk[16384];
	ssize_t n;

	if (fd < 0)
		return err_set(e, CODE_INPUT_UNREADABLE, "cannot open '%s':", path);
	buf_add(out, "", 0);
	while ((n = read(fd, chunk, sizeof chunk)) != 0) {
		if (n < 0 && errno == EINTR)
			continue;
		if (n > 0 && buf_add(out, chunk, (size_t)n))
			continue;
		if (n > 0)
			errno = EFBIG;
		err_set(e, CODE_INPUT_UNREADABLE, "cannot read '%s':", path);
		break;
	}
	close(fd);
	return n == 0 ? 0 : -1;
}

bool
file_no_descriptor(void)
{
	return errno == EMFILE || errno == ENFILE;
}

int
file_too_many(struct err *e, const char *what)
{
	struct rlimit limit = {0};

	if (errno == ENFILE)
		return err_set(e, CODE_TOO_MANY_FILES,
		    "%s: this machine has too many open files (fs.file-max)", what);
	(void)getrlimit(RLIMIT_NOFILE, &limit);
	return err_set(e, CODE_TOO_MANY_FILES,
	    "%s: this process may have %ju open files; raise the limit (ulimit -n) or lower -j",
	    what, (uintmax_t)limit.rlim_cur);
}

bool
file_write_all(int fd, const void *data, size_t len)
{
	for (size_t done = 0; done < len;) {
		ssize_t n = write(fd, (const char *)data + done, len - done);
		if (n < 0 && errno != EINTR)
			return false;
		if (n > 0)
			done += (size_t)n;
	}
	return true;
}

bool
file_replace(
    const char *path, const char *temp, mode_t mode, const void *data, size_t len)
{
	int fd, saved;
	bool written;

	/* A killed process may have left temp, with another mode. */
	(void)unlink(temp);
	fd = open(temp, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC | O_NOFOLLOW, mode);
	if (fd < 0)
		return false;
	written = file_write_all(fd, data, len) && fsync(fd) == 0;
	if (close(fd) == 0 && written && rename(temp, path) == 0)
		return file_sync_name(path);
	saved = errno;
	(void)unlink(temp);
	errno = saved;
	return false;
}

/* An existing directory is a success, even if mkdir fails with EROFS or EACCES. */
static bool
make_dir(const char *path, mode_t mode)
{
	struct stat st;
	int saved;

	if (mkdir(path, mode) == 0)
		return file_sync_name(path);
	saved = errno == EEXIST ? ENOTDIR : errno;
	if (stat(path, &st) == 0 && S_ISDIR(st.st_mode))
		return true;
	errno = saved;
	return false;
}

bool
file_make_dirs(const char *path, mode_t mode)
{
	char *copy = mem_str(path);
	bool made = true;

	for (char *p = copy + 1; made && (p = strchr(p, '/')) != NULL; p++) {
		*p = '\0';
		made = make_dir(copy, mode);
		*p = '/';
	}
	made = made && make_dir(copy, mode);
	free(copy);
	return made;
}

char *
file_dir_of(const char *path)
{
	const char *slash = strrchr(path, '/');

	if (slash == NULL)
		return mem_str(".");
	return slash == path ? mem_str("/") : mem_strn(path, (size_t)(slash - path));
}

bool
file_dir_is_empty(const char *dir)
{
	DIR *d = opendir(dir);
	const struct dirent *entry;
	int saved;

	if (d == NULL)
		return errno == ENOENT;
	errno = 0;
	while ((entry = readdir(d)) != NULL)
		if (strcmp(entry->d_name, ".") != 0 && strcmp(entry->d_name, "..") != 0)
			break;
	saved = errno;
	closedir(d);
	return entry == NULL && saved == 0;
}

bool
file_sync_name(const char *path)
{
	char *dir = file_dir_of(path);
	int fd = open(dir, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	bool synced = fd >= 0 && (fsync(fd) == 0 || errno == EINVAL);

	if (fd >= 0)
		close(fd);
	free(dir);
	return synced;
}

/* "$VARIABLE/avtools", else "$HOME/FALLBACK/avtools"; NULL without both. */
static char *
xdg_dir(const char *variable, const char *fallback)
{
	const char *xdg = getenv(variable), *home = getenv("HOME");

	if (xdg != NULL && xdg[0] == '/')
		return mem_printf("%s/avtools", xdg);
	if (home != NULL && home[0] == '/')
		return mem_printf("%s/%s/avtools", home, fallback);
	return NULL;
}

char *
file_config_dir(void)
{
	return xdg_dir("XDG_CONFIG_HOME", ".config");
}

char *
file_config_path(const char *name)
{
	char *dir = file_config_dir();
	char *path = dir != NULL ? mem_printf("%s/%s", dir, name) : NULL;

	free(dir);
	return path;
}

char *
file_state_dir(void)
{
	return xdg_dir("XDG_STATE_HOME", ".local/state");
}

char *
file_state_path(const char *name, struct err *e)
{
	char *dir = file_state_dir(), *path, *parent;

	if (dir == NULL) {
		err_set(e, CODE_STATE_UNUSABLE,
		    "there is no directory for %s; set HOME or XDG_STATE_HOME", name);
		return NULL;
	}
	path = mem_printf("%s/%s", dir, name);
	free(dir);
	parent = file_dir_of(path);
	if (!file_make_dirs(parent, 0700)) {
		err_set(
		    e, CODE_STATE_UNUSABLE, "cannot make the directory '%s':", parent);
		free(path);
		path = NULL;
	}
	free(parent);
	return path;
}

int
file_check_local(const char *path, struct err *e)
{
	struct statfs fs;

	if (statfs(path, &fs) < 0)
		return err_set(e, CODE_STATE_UNUSABLE, "cannot examine '%s':", path);
	for (size_t i = 0; i < sizeof network / sizeof network[0]; i++)
		if (network[i].type == ((unsigned long)fs.f_type & 0xffffffff))
			return err_set(e, CODE_STATE_UNUSABLE,
			    "'%s' is on a network file system (%s), where locks are "
			    "unreliable; choose a file on a local disk",
			    path, network[i].name);
	return 0;
}
