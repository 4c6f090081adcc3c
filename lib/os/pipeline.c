#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/mem.h"
#include "base/utf8.h"
#include "os/downstream.h"
#include "os/pipeline.h"

enum {
	/* Where locks are: behind the bytes of the file. */
	LOCK_JOINING = 1 << 24,
	LOCK_DRAWING,
	LOCK_SEATS, /* one byte for each */
	TRIES = 3,
	PATIENCE_MS = 100, /* for others that join or leave */
	NEXT_MS = 1000,    /* after the start: for the next program to join */
	UNCLEAR_MS = 500,  /* the same, if its name is not known yet */
	LOOK_MS = 5,
};

/* In front of the seats. */
struct header {
	char magic[32];
	uint32_t seat_size;
	int32_t used; /* seats before this one may be used */
};

static const char magic[32] = "avtools pipeline 1\n";

static struct {
	int fd, dir;
	char name[24];
	int place; /* of the seat */
	bool drawing;
	bool looked, unclear; /* for the next program; look again */
	struct stat out;      /* the pipe that is written */
	dev_t term;
	struct seat seat;
	pthread_t thread; /* that joined */
	/* What pipeline_wait was told, by any thread. */
	char wait[96];
	int64_t wait_until;
} * mine;

/* Held by any thread to use the last three, and to make and free mine. */
static pthread_mutex_t guard = PTHREAD_MUTEX_INITIALIZER;

struct seat *
pipeline_seat(void)
{
	return mine != NULL ? &mine->seat : NULL;
}

/* Locks belong to the process, so that its workers do not inherit them. No other code opens
 * the file: closing any descriptor of it would drop them. */
static bool
lock(off_t at, short type)
{
	struct flock fl = {
	    .l_type = type, .l_whence = SEEK_SET, .l_start = at, .l_len = 1};

	return fcntl(mine->fd, F_SETLK, &fl) == 0;
}

/* True if another process has a lock on one of these bytes. */
static bool
is_locked(off_t at, off_t len)
{
	struct flock fl = {
	    .l_type = F_WRLCK, .l_whence = SEEK_SET, .l_start = at, .l_len = len};

	return fcntl(mine->fd, F_GETLK, &fl) == 0 && fl.l_type != F_UNLCK;
}

/* Takes the lock for joining and leaving. False: somebody who was stopped has it. */
static bool
enter(void)
{
	for (int ms = 0; ms < PATIENCE_MS; ms++) {
		if (lock(LOCK_JOINING, F_WRLCK))
			return true;
		clock_sleep_ms(1);
	}
	return false;
}

/* Opens a directory of our own, closed to others; -1 if it is none. */
static int
open_dir(const char *path)
{
	struct stat st;
	int fd;

	(void)mkdir(path, 0700);
	fd = open(path, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
	if (fd >= 0 &&
	    (fstat(fd, &st) != 0 || st.st_uid != geteuid() || (st.st_mode & 077) != 0)) {
		close(fd);
		fd = -1;
	}
	return fd;
}

static int
open_runtime_dir(void)
{
	const char *runtime = getenv("XDG_RUNTIME_DIR");
	char path[256];
	struct stat st;
	int fd = -1;

	/* Not in another user's directory: root would lock its owner out. */
	if (runtime != NULL && *runtime == '/' && stat(runtime, &st) == 0 &&
	    st.st_uid == geteuid() && strlen(runtime) < sizeof path - 16) {
		snprintf(path, sizeof path, "%s/avtools", runtime);
		fd = open_dir(path);
	}
	if (fd < 0) {
		snprintf(path, sizeof path, "/tmp/avtools-%u", (unsigned)geteuid());
		fd = open_dir(path);
	}
	return fd;
}

/* Opens the file of the process group, and enters. */
static bool
open_file(void)
{
	struct stat st;

	for (int i = 0; i < TRIES; i++) {
		mine->fd = openat(mine->dir, mine->name,
		    O_RDWR | O_CREAT | O_NOFOLLOW | O_NONBLOCK | O_CLOEXEC, 0600);
		if (mine->fd >= 0 && fstat(mine->fd, &st) == 0 && S_ISREG(st.st_mode) &&
		    st.st_uid == geteuid() && (st.st_mode & 077) == 0) {
			if (!enter())
				return false;
			/* The last program may have removed it meanwhile. */
			if (fstat(mine->fd, &st) == 0 && st.st_nlink == 1)
				return true;
		} else {
			unlinkat(mine->dir, mine->name, 0);
		}
		if (mine->fd >= 0)
			close(mine->fd);
		mine->fd = -1;
	}
	return false;
}

static off_t
offset_of(int place)
{
	return (off_t)(sizeof(struct header) + (size_t)place * sizeof(struct seat));
}

static bool
write_at(const void *data, size_t len, off_t at)
{
	return pwrite(mine->fd, data, len, at) == (ssize_t)len;
}

static bool
write_seat(int place, const struct seat *seat)
{
	return write_at(seat, sizeof *seat, offset_of(place));
}

/* Reads the number of seats that may be used; -1 if the file is another program's. */
static int
read_used(void)
{
	struct header h;

	if (pread(mine->fd, &h, sizeof h, 0) != (ssize_t)sizeof h ||
	    memcmp(h.magic, magic, sizeof magic) != 0 ||
	    h.seat_size != sizeof(struct seat) || h.used < 0 || h.used > PIPELINE_SEATS)
		return -1;
	return h.used;
}

static bool
write_used(int used)
{
	struct header h = {.seat_size = sizeof(struct seat), .used = used};

	memcpy(h.magic, magic, sizeof magic);
	return write_at(&h, sizeof h, 0);
}

/* Reads a seat; a free one if there is none. A program that has ended without leaving is
 * shown as one that left. */
static void
read_seat(int place, struct seat *s)
{
	if (place == mine->place) {
		*s = mine->seat;
		return;
	}
	if (pread(mine->fd, s, sizeof *s, offset_of(place)) != (ssize_t)sizeof *s)
		s->state = SEAT_FREE;
	seat_mend(s);
	if (s->state == SEAT_LIVE && !is_locked(LOCK_SEATS + place, 1)) {
		/* It may have left just now. */
		if (pread(mine->fd, s, sizeof *s, offset_of(place)) != (ssize_t)sizeof *s)
			s->state = SEAT_FREE;
		seat_mend(s);
		if (s->state != SEAT_LIVE)
			return;
		s->state = SEAT_LEFT;
		s->killed++;
	}
}

static bool
others_live(void)
{
	return is_locked(LOCK_SEATS, PIPELINE_SEATS);
}

/* Writes a seat that was left: into one of the same line, or where it is. */
static void
write_left(int place, struct seat *left, int used)
{
	static const struct seat nobody;
	struct seat s;

	for (int i = 0; i < used; i++) {
		if (i == place || i == mine->place)
			continue;
		read_seat(i, &s);
		if (s.state != SEAT_LEFT || !seat_is_same_line(&s, left))
			continue;
		seat_add(&s, left);
		if (write_seat(i, &s))
			write_seat(place, &nobody);
		return;
	}
	write_seat(place, left);
}

/* Joins a file that is entered: takes the first free seat. */
static bool
take_seat(void)
{
	int used = read_used(), place;
	struct seat s;

	if (!others_live() && ftruncate(mine->fd, 0) == 0)
		used = 0; /* what is in it is of an earlier pipe */
	if (used < 0)
		return false;
	for (place = 0; place < used; place++) {
		read_seat(place, &s);
		if (s.state == SEAT_FREE)
			break;
	}
	if (place == PIPELINE_SEATS || !lock(LOCK_SEATS + place, F_WRLCK))
		return false;
	mine->place = place;
	return write_seat(place, &mine->seat) && (place < used || write_used(place + 1));
}

static void
forget(void)
{
	if (mine->fd >= 0)
		close(mine->fd);
	if (mine->dir >= 0)
		close(mine->dir);
	pthread_mutex_lock(&guard);
	free(mine);
	mine = NULL;
	pthread_mutex_unlock(&guard);
}

bool
pipeline_join(const char *step)
{
	struct stat st;

	pthread_mutex_lock(&guard);
	mine = mem_new(1, sizeof *mine);
	mine->thread = pthread_self();
	pthread_mutex_unlock(&guard);
	mine->fd = mine->place = -1;
	mine->seat = (struct seat){.state = SEAT_LIVE,
	    .pid = getpid(),
	    .processes = 1,
	    .began = clock_monotonic_ms(),
	    .total = -1};
	snprintf(mine->seat.step, sizeof mine->seat.step, "%s", step);
	snprintf(mine->name, sizeof mine->name, "pipe-%d", (int)getpgrp());
	if (fstat(STDOUT_FILENO, &mine->out) != 0)
		mine->out = (struct stat){0};
	if (fstat(STDERR_FILENO, &st) == 0 && S_ISCHR(st.st_mode))
		mine->term = st.st_rdev;
	mine->dir = open_runtime_dir();
	if (mine->dir < 0 || !open_file() || !take_seat()) {
		forget();
		return false;
	}
	lock(LOCK_JOINING, F_UNLCK);
	return true;
}

void
pipeline_publish(void)
{
	if (mine == NULL)
		return;
	pthread_mutex_lock(&guard);
	memcpy(mine->seat.wait, mine->wait, sizeof mine->wait);
	mine->seat.wait_until = mine->wait_until;
	pthread_mutex_unlock(&guard);
	write_seat(mine->place, &mine->seat);
}

void
pipeline_wait(int64_t until, const char *fmt, ...)
{
	char text[sizeof mine->wait] = "";
	bool here = false;
	va_list ap;

	va_start(ap, fmt);
	vsnprintf(text, sizeof text, fmt, ap);
	va_end(ap);
	utf8_cut(text);
	pthread_mutex_lock(&guard);
	if (mine != NULL) {
		memcpy(mine->wait, text, sizeof text);
		mine->wait_until = until;
		here = pthread_equal(pthread_self(), mine->thread) != 0;
	}
	pthread_mutex_unlock(&guard);
	if (here)
		pipeline_publish();
}

void
pipeline_paid(const char *provider, double amount, const char *unit, bool reused)
{
	struct seat_cost cost = {
	    .amount = reused ? 0 : amount, .n = !reused, .reused = reused};

	if (mine == NULL)
		return;
	memcpy(cost.step, mine->seat.step, sizeof cost.step);
	snprintf(cost.provider, sizeof cost.provider, "%s", provider);
	snprintf(cost.unit, sizeof cost.unit, "%s", unit);
	seat_add_cost(&mine->seat, &cost);
}

bool
pipeline_draws(bool want)
{
	if (mine == NULL)
		return false;
	if (mine->drawing != want)
		mine->drawing = lock(LOCK_DRAWING, want ? F_WRLCK : F_UNLCK) && want;
	return mine->drawing;
}

/* The order of the pipe: who has more programs behind it, or began earlier. */
static int
by_place(const void *a, const void *b)
{
	const struct seat *x = a, *y = b;

	if (x->level != y->level)
		return x->level > y->level ? -1 : 1;
	return (x->began > y->began) - (x->began < y->began);
}

size_t
pipeline_look(struct seat *lines)
{
	int used = mine != NULL ? read_used() : -1;
	size_t n = 0, same;

	for (int i = 0; i < used; i++) {
		read_seat(i, &lines[n]);
		if (lines[n].state == SEAT_FREE)
			continue;
		for (same = 0; !seat_is_same_line(&lines[same], &lines[n]);)
			same++;
		if (same < n)
			seat_add(&lines[same], &lines[n]);
		else
			n++;
	}
	qsort(lines, n, sizeof *lines, by_place);
	return n;
}

static void
find_next(void)
{
	struct downstream d;

	downstream_find(&d, &mine->out, mine->term);
	/* The others may have ended already. */
	if (d.unclear && mine->looked &&
	    (!mine->unclear || d.programs < mine->seat.level))
		return;
	mine->looked = true;
	mine->unclear = d.unclear;
	mine->seat.next = d.next;
	mine->seat.level = d.programs;
	mine->seat.foreign = d.terminal;
}

void
pipeline_find_next(void)
{
	if (mine != NULL)
		find_next();
}

void
pipeline_find_next_at_end(void)
{
	while (mine != NULL && (!mine->looked || mine->unclear)) {
		find_next();
		if (!mine->unclear ||
		    clock_monotonic_ms() - mine->seat.began > UNCLEAR_MS)
			return;
		clock_sleep_ms(LOOK_MS);
	}
}

/* True if the next program of the pipe has not joined yet, but soon may. */
static bool
is_awaited(int used)
{
	struct seat s;

	if (clock_monotonic_ms() - mine->seat.began > NEXT_MS)
		return false;
	for (int i = 0; i < used; i++) {
		read_seat(i, &s);
		if (s.state != SEAT_FREE && s.pid == mine->seat.next)
			return false;
	}
	return mine->seat.next != 0 && downstream_lives(mine->seat.next);
}

bool
pipeline_leave(struct seat *lines, size_t *n)
{
	bool last = false, entered;
	int used = 0;

	*n = 0;
	if (mine == NULL)
		return false;
	mine->seat.ended = clock_monotonic_ms();
	pipeline_find_next_at_end();
	while ((entered = enter()) && (used = read_used()) >= 0 && !others_live() &&
	       is_awaited(used)) {
		lock(LOCK_JOINING, F_UNLCK);
		clock_sleep_ms(LOOK_MS);
	}
	mine->seat.state = SEAT_LEFT;
	if (entered && used >= 0 && !others_live()) {
		last = true;
		*n = pipeline_look(lines);
		unlinkat(mine->dir, mine->name, 0);
	} else if (entered && used >= 0) {
		write_left(mine->place, &mine->seat, used);
	} else if (!entered) {
		pipeline_publish();
	}
	forget();
	return last;
}
