#include <errno.h>
#include <fcntl.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "base/buf.h"
#include "base/err.h"
#include "base/file.h"
#include "base/mem.h"
#include "base/sha256.h"
#include "service/pace.h"

enum {
	VERSION = 1,
	LOCK_AT = 0,     /* the byte whose lock guards the contents */
	TURN_AT = 1,     /* its lock is the turn */
	QUEUE_AT = 2,    /* a shared lock on it says that its holder waits for the turn */
	SLOTS_AT = 4096, /* a locked byte from here on is a request in flight */
};

#define SECOND INT64_C(1000000000)
#define DAY    (86400 * SECOND)
/* Timers wake up late by a few milliseconds; below this interval that much may be made good
 * in one go, or high rates could not be reached. */
#define LATENESS (SECOND / 100)
/* Intervals are that much longer, as a request may be quicker on its way than the one before,
 * and would be one too many in the service's second. */
#define HEADROOM 1.02

/* The file's contents, in the machine's own byte order: the file never leaves it. */
struct shared {
	uint32_t version;
	uint32_t jobs;  /* allowed in flight; 0: as many as the limits say */
	char boot[40];  /* /proc/sys/kernel/random/boot_id */
	int64_t next;   /* nanoseconds: when the bucket will be full again (GCRA's TAT) */
	int64_t pause;  /* nothing starts before */
	int64_t halved; /* when jobs was last halved */
	uint64_t sum;   /* of all that stands before it */
};

struct pace {
	int fd; /* -1: this process alone */
	uint32_t jobs;
	int64_t interval, tolerance; /* nanoseconds */
	int64_t *entered;            /* by slot: when it was taken; 0: it is not ours */
	struct shared own;           /* what is used instead of the file where fd is -1 */
};

static int64_t
now(void)
{
	struct timespec ts;

	clock_gettime(CLOCK_BOOTTIME, &ts);
	return ts.tv_sec * SECOND + ts.tv_nsec;
}

/* Of this boot; empty where the kernel does not tell. */
static const char *
boot_id(void)
{
	static char id[40];
	int fd;

	if (id[0] != '\0')
		return id;
	fd = open("/proc/sys/kernel/random/boot_id", O_RDONLY | O_CLOEXEC);
	if (fd >= 0) {
		if (read(fd, id, 36) != 36)
			id[0] = '\0';
		close(fd);
	}
	return id;
}

/* FNV-1a: it is against torn and foreign contents, not against people. */
static uint64_t
checksum(const struct shared *s)
{
	const unsigned char *p = (const unsigned char *)s;
	uint64_t sum = UINT64_C(14695981039346656037);

	for (size_t i = 0; i < offsetof(struct shared, sum); i++)
		sum = (sum ^ p[i]) * UINT64_C(1099511628211);
	return sum;
}

static int
lock(int fd, int cmd, short type, off_t at)
{
	struct flock fl = {
	    .l_type = type, .l_whence = SEEK_SET, .l_start = at, .l_len = 1};
	int rc;

	do
		rc = fcntl(fd, cmd, &fl);
	while (rc < 0 && errno == EINTR);
	return rc;
}

/* Contents that cannot be true are those of a file just made. */
static bool
plausible(const struct shared *s, int64_t t)
{
	return s->version == VERSION && s->sum == checksum(s) &&
	       memcmp(s->boot, boot_id(), sizeof s->boot) == 0 && s->next <= t + DAY &&
	       s->pause <= t + DAY && s->halved <= t + DAY;
}

static bool
read_file(const struct pace *p, struct shared *s, int64_t t)
{
	return pread(p->fd, s, sizeof *s, 0) == (ssize_t)sizeof *s && plausible(s, t);
}

/* Locks the file and reads it. */
static void
begin(struct pace *p, struct shared *s, int64_t t)
{
	if (p->fd < 0) {
		*s = p->own;
		return;
	}
	lock(p->fd, F_OFD_SETLKW, F_WRLCK, LOCK_AT);
	if (!read_file(p, s, t)) {
		memset(s, 0, sizeof *s);
		s->version = VERSION;
		memcpy(s->boot, boot_id(), sizeof s->boot);
	}
}

/* Writes what has changed and unlocks. A file that cannot be written any more is given up. */
static void
end(struct pace *p, struct shared *s)
{
	bool written;

	p->own = *s;
	if (p->fd < 0)
		return;
	s->sum = checksum(s);
	written = pwrite(p->fd, s, sizeof *s, 0) == (ssize_t)sizeof *s;
	lock(p->fd, F_OFD_SETLK, F_UNLCK, LOCK_AT);
	if (!written) {
		warn(
		    "cannot write the shared pace; other processes will not see this one's:");
		close(p->fd);
		p->fd = -1;
	}
}

/* Reads the file for who changes nothing. The lock is taken only where the file is new, and is
 * made then, or where another process is just writing it. */
static void
look(struct pace *p, struct shared *s, int64_t t)
{
	if (p->fd >= 0 && read_file(p, s, t))
		return;
	begin(p, s, t);
	end(p, s);
}

/* PROVIDER-HASH: readable, and no character of a base URL or label reaches the path. */
static char *
file_name(const char *provider, const char *base, const char *account)
{
	const char *parts[] = {provider, base, account};
	struct buf name = {0};
	struct sha256 sha;
	char hash[SHA256_HEX];

	sha256_init(&sha);
	for (size_t i = 0; i < 3; i++)
		sha256_add(&sha, parts[i], strlen(parts[i]) + 1);
	sha256_hex(&sha, hash);
	buf_str(&name, "pace/");
	for (const char *s = provider; *s != '\0' && s < provider + 32; s++)
		buf_chr(&name, strchr("/.", *s) != NULL ? '_' : *s);
	buf_chr(&name, '-');
	buf_add(&name, hash, 24);
	return buf_take(&name);
}

static int
open_file(const char *provider, const char *base, const char *account)
{
	static bool warned;
	char *name = file_name(provider, base, account);
	struct err e;
	char *path = file_state_path(name, &e);
	int fd = -1;

	if (path != NULL) {
		fd = open(path, O_RDWR | O_CREAT | O_CLOEXEC | O_NOFOLLOW, 0600);
		if (fd < 0)
			err_set(&e, CODE_STATE_UNUSABLE, "cannot open '%s':", path);
	}
	if (fd < 0 && !warned) {
		warn("the pace is not shared with other processes: %s", e.message);
		warned = true;
	}
	free(path);
	free(name);
	return fd;
}

struct pace *
pace_open(const char *provider, const char *base, const char *account,
    const struct pace_limits *limits)
{
	struct pace *p = mem_new(1, sizeof *p);

	p->jobs = limits->jobs > 0 ? limits->jobs : PACE_JOBS;
	p->entered = mem_new(p->jobs, sizeof *p->entered);
	if (limits->rate > 0) {
		/* Rounded up, so that the rate is never exceeded. */
		double interval = (double)SECOND * HEADROOM / limits->rate;
		p->interval = interval < (double)DAY ? (int64_t)interval + 1 : DAY;
		if (limits->burst > 1)
			p->tolerance = (limits->burst - 1) * p->interval;
		if (p->interval < LATENESS && p->tolerance < LATENESS)
			p->tolerance = LATENESS;
	}
	p->fd = open_file(provider, base, account);
	return p;
}

void
pace_free(struct pace *p)
{
	if (p == NULL)
		return;
	if (p->fd >= 0)
		close(p->fd);
	free(p->entered);
	free(p);
}

/* When the next request may go. */
static int64_t
next_slot(const struct pace *p, const struct shared *s, int64_t t)
{
	int64_t slot = t;

	if (s->next - p->tolerance > slot)
		slot = s->next - p->tolerance;
	return s->pause > slot ? s->pause : slot;
}

int64_t
pace_reserve(struct pace *p)
{
	int64_t t = now(), slot;
	struct shared s;

	if (p->interval == 0) { /* takes nothing from those who come after */
		look(p, &s, t);
		slot = next_slot(p, &s, t);
	} else {
		begin(p, &s, t);
		slot = next_slot(p, &s, t);
		/* After a pause the bucket holds one request, so that a crowd does not
		 * burst out. */
		if (s.pause >= slot && s.next < s.pause + p->tolerance)
			s.next = s.pause + p->tolerance;
		s.next = (s.next > slot ? s.next : slot) + p->interval;
		end(p, &s);
	}
	return (slot - t + SECOND / 1000 - 1) / (SECOND / 1000);
}

bool
pace_paused(struct pace *p)
{
	int64_t t = now();
	struct shared s;

	look(p, &s, t);
	return s.pause > t;
}

void
pace_pause(struct pace *p, int64_t ms)
{
	int64_t t = now(), until;
	struct shared s;

	if (ms <= 0)
		return;
	until = t + (ms < DAY / 1000000 ? ms * 1000000 : DAY);
	begin(p, &s, t);
	if (until > s.pause)
		s.pause = until;
	end(p, &s);
}

static uint32_t
allowed(const struct pace *p, const struct shared *s)
{
	return s->jobs > 0 && s->jobs < p->jobs ? s->jobs : p->jobs;
}

int
pace_enter(struct pace *p)
{
	int64_t t = now();
	struct shared s;

	look(p, &s, t);
	for (uint32_t i = 0; i < allowed(p, &s); i++) {
		if (p->entered[i] != 0)
			continue;
		if (p->fd < 0 ||
		    lock(p->fd, F_OFD_SETLK, F_WRLCK, SLOTS_AT + (off_t)i) == 0) {
			p->entered[i] = t;
			return (int)i;
		}
	}
	return -1;
}

void
pace_leave(struct pace *p, int slot)
{
	if (slot < 0)
		return;
	if (p->fd >= 0)
		lock(p->fd, F_OFD_SETLK, F_UNLCK, SLOTS_AT + (off_t)slot);
	p->entered[slot] = 0;
}

/* Whether another process holds a lock on the byte. */
static bool
locked(const struct pace *p, off_t at)
{
	struct flock fl = {
	    .l_type = F_WRLCK, .l_whence = SEEK_SET, .l_start = at, .l_len = 1};

	return p->fd >= 0 && fcntl(p->fd, F_OFD_GETLK, &fl) == 0 && fl.l_type != F_UNLCK;
}

/* All processes' together. */
static uint32_t
in_flight(const struct pace *p)
{
	uint32_t n = 0;

	for (uint32_t i = 0; i < p->jobs; i++)
		if (p->entered[i] != 0 || locked(p, SLOTS_AT + (off_t)i))
			n++;
	return n;
}

void
pace_crowded(struct pace *p, int slot)
{
	int64_t t = now();
	struct shared s;

	begin(p, &s, t);
	if (slot >= 0 && p->entered[slot] > s.halved) {
		s.jobs = in_flight(p) / 2;
		if (s.jobs == 0)
			s.jobs = 1;
		s.halved = t;
	}
	end(p, &s);
}

void
pace_ok(struct pace *p, int slot)
{
	int64_t t = now();
	struct shared s;

	look(p, &s, t);
	if (slot < 0 || s.jobs == 0 || p->entered[slot] <= s.halved)
		return;
	begin(p, &s, t);
	if (s.jobs > 0 && p->entered[slot] > s.halved)
		s.jobs = s.jobs + 1 < p->jobs ? s.jobs + 1 : 0;
	end(p, &s);
}

unsigned
pace_jobs(struct pace *p)
{
	struct shared s;

	look(p, &s, now());
	return allowed(p, &s);
}

bool
pace_take_turn(struct pace *p)
{
	if (p->fd < 0)
		return true;
	if (lock(p->fd, F_OFD_SETLK, F_WRLCK, TURN_AT) < 0) {
		lock(p->fd, F_OFD_SETLK, F_RDLCK, QUEUE_AT);
		return false;
	}
	lock(p->fd, F_OFD_SETLK, F_UNLCK, QUEUE_AT);
	return true;
}

bool
pace_give_turn(struct pace *p)
{
	if (p->fd < 0)
		return false;
	lock(p->fd, F_OFD_SETLK, F_UNLCK, QUEUE_AT);
	lock(p->fd, F_OFD_SETLK, F_UNLCK, TURN_AT);
	return locked(p, QUEUE_AT);
}
