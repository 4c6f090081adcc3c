#include <dirent.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/mem.h"
#include "os/downstream.h"

#define HOPS 32

/* A process that reads a pipe. */
struct reader {
	pid_t pid;
	dev_t dev;
	ino_t ino;
};

struct readers {
	struct reader *list;
	size_t n;
};

/* Stats a descriptor of a process. */
static bool
stat_fd(pid_t pid, int fd, struct stat *st)
{
	char path[48];

	snprintf(path, sizeof path, "/proc/%d/fd/%d", (int)pid, fd);
	return stat(path, st) == 0;
}

/* The name of the process, as the kernel keeps it; "" if it has ended. */
static void
name_of(pid_t pid, char name[16])
{
	char path[32];
	ssize_t n;
	int fd;

	snprintf(path, sizeof path, "/proc/%d/comm", (int)pid);
	fd = open(path, O_RDONLY | O_CLOEXEC);
	n = fd >= 0 ? read(fd, name, 15) : 0;
	if (fd >= 0)
		close(fd);
	name[n > 0 ? n : 0] = '\0';
	name[strcspn(name, "\n")] = '\0';
}

static bool
is_ours(pid_t pid)
{
	char name[16];

	name_of(pid, name);
	return strncmp(name, "av-", 3) == 0 && getpgid(pid) == getpgrp();
}

bool
downstream_lives(pid_t pid)
{
	char path[32], target[8];

	/* A process that has ended, but was not waited for, has no exe. */
	snprintf(path, sizeof path, "/proc/%d/exe", (int)pid);
	return readlink(path, target, sizeof target) > 0 && is_ours(pid);
}

/* Lists the processes of this user whose stdin is a pipe. */
static void
list_readers(struct readers *all)
{
	DIR *d = opendir("/proc");
	struct dirent *entry;
	struct stat st;

	while (d != NULL && (entry = readdir(d)) != NULL) {
		pid_t pid = (pid_t)atoi(entry->d_name);
		if (pid <= 0 || pid == getpid() || !stat_fd(pid, STDIN_FILENO, &st) ||
		    !S_ISFIFO(st.st_mode))
			continue;
		all->list = mem_resize(all->list, (all->n + 1) * sizeof *all->list);
		all->list[all->n++] = (struct reader){pid, st.st_dev, st.st_ino};
	}
	if (d != NULL)
		closedir(d);
}

/* The reader of a pipe: an av program if one is among them. 0: nobody reads it. */
static pid_t
reader_of(const struct readers *all, const struct stat *pipe)
{
	pid_t found = 0;

	for (size_t i = 0; i < all->n; i++) {
		const struct reader *r = &all->list[i];
		if (r->dev != pipe->st_dev || r->ino != pipe->st_ino)
			continue;
		if (is_ours(r->pid))
			return r->pid;
		if (found == 0)
			found = r->pid;
	}
	return found;
}

/* True if the process may be a shell's child that has not become its program yet, since it
 * has the name of our parent; or if it has ended. */
static bool
is_unclear(pid_t pid)
{
	char name[16], parent[16];

	name_of(pid, name);
	name_of(getppid(), parent);
	return *name == '\0' || strcmp(name, parent) == 0;
}

void
downstream_find(struct downstream *d, const struct stat *out, dev_t term)
{
	struct readers all = {0};
	struct stat pipe = *out;

	*d = (struct downstream){0};
	if (!S_ISFIFO(out->st_mode))
		return;
	list_readers(&all);
	for (int hops = 0; hops < HOPS && S_ISFIFO(pipe.st_mode); hops++) {
		pid_t pid = reader_of(&all, &pipe);
		bool ours = pid != 0 && is_ours(pid);

		if (pid == 0 || (!ours && is_unclear(pid)))
			d->unclear = true;
		if (ours && d->next == 0)
			d->next = pid;
		d->programs += ours;
		if (pid == 0 || !stat_fd(pid, STDOUT_FILENO, &pipe))
			break;
		d->terminal = !ours && S_ISCHR(pipe.st_mode) && pipe.st_rdev == term;
	}
	free(all.list);
}
