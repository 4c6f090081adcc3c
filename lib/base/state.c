#include <errno.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/vfs.h>

#include "base/file.h"
#include "base/mem.h"
#include "base/state.h"

static const struct {
	unsigned long type;
	const char *name;
} network[] = {
    {0x6969, "NFS"},
    {0xff534d42, "CIFS"},
    {0xfe534d42, "SMB"},
    {0x517b, "SMB"},
    {0x65735546, "FUSE"},
    {0x01021997, "9P"},
    {0x5346414f, "AFS"},
    {0x6b414653, "AFS"},
    {0x73757245, "Coda"},
    {0x00c36400, "Ceph"},
    {0x0bd00bd0, "Lustre"},
    {0x01161970, "GFS2"},
    {0x7461636f, "OCFS2"},
    {0x47504653, "GPFS"},
    {0x19830326, "BeeGFS"},
    {0x786f4256, "vboxsf"},
    {0xbacbacbc, "VMware shared folder"},
    {0x7c7c6673, "Parallels shared folder"},
    {0xaad7aaea, "PanFS"},
    {0xbeefdead, "StorNext"},
    {0x61636673, "ACFS"},
    {0x0000564c, "NCP"},
};

const char *
state_network_fs(unsigned long f_type)
{
	for (size_t i = 0; i < sizeof network / sizeof network[0]; i++)
		if (network[i].type == (f_type & 0xffffffff))
			return network[i].name;
	return NULL;
}

int
state_check_local(const char *path, struct err *e)
{
	struct statfs fs;
	const char *name;

	if (statfs(path, &fs) < 0)
		return err_set(e, CODE_STATE_UNUSABLE, "cannot examine '%s':", path);
	name = state_network_fs((unsigned long)fs.f_type);
	if (name == NULL)
		return 0;
	return err_set(e, CODE_STATE_UNUSABLE,
	    "'%s' is on a network file system (%s), where locks cannot be relied on; "
	    "choose a file on a local disk",
	    path, name);
}

int
state_sync_name(const char *path, struct err *e)
{
	if (file_sync_name(path) < 0)
		return err_set(e, CODE_STATE_UNUSABLE,
		    "cannot write the directory of '%s' to disk:", path);
	return 0;
}

static bool
is_directory(const char *path)
{
	struct stat st;

	return stat(path, &st) == 0 && S_ISDIR(st.st_mode);
}

/* Makes every directory above the last component of path. */
static int
make_parents(char *path, struct err *e)
{
	for (char *p = path + 1; (p = strchr(p, '/')) != NULL; p++) {
		int rc, saved;

		*p = '\0';
		rc = mkdir(path, 0700);
		saved = errno == EEXIST ? ENOTDIR : errno;
		if (rc < 0 && !is_directory(path)) {
			errno = saved;
			return err_set(e, CODE_STATE_UNUSABLE,
			    "cannot make the directory '%s':", path);
		}
		if (rc == 0 && state_sync_name(path, e) < 0)
			return -1;
		*p = '/';
	}
	return 0;
}

char *
state_path(const char *name, struct err *e)
{
	const char *base = getenv("XDG_STATE_HOME");
	const char *home = getenv("HOME");
	char *path;

	if (base != NULL && base[0] == '/') {
		path = mem_printf("%s/avtools/%s", base, name);
	} else if (home != NULL && home[0] == '/') {
		path = mem_printf("%s/.local/state/avtools/%s", home, name);
	} else {
		err_set(e, CODE_STATE_UNUSABLE,
		    "neither XDG_STATE_HOME nor HOME is set, so there is no place to keep %s",
		    name);
		return NULL;
	}
	if (make_parents(path, e) < 0) {
		free(path);
		return NULL;
	}
	return path;
}
