#include <errno.h>
#include <fcntl.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/buf.h"
#include "base/clock.h"
#include "base/err.h"
#include "base/file.h"
#include "base/mem.h"
#include "base/sha256.h"
#include "service/pace.h"

enum {
	VERSION = 1,
	LOCK_AT = 0,     /* the byte whose lock guards the contents */
	TURN_AT = 1,     /* its lock is the turn of the account */
	QUEUE_AT = 2,    /* a shared lock on it: the holder waits for the turn */
	SLOTS_AT = 4096, /* a locked byte from here on is a request in flight */
	BOOT_SIZE = 40,
};

#define SECOND INT64_C(1000000000)
#define DAY    (86400 * SECOND)
/* Timers wake up a few milliseconds late. If the interval is shorter than this, requests
 * may catch up by as much at once; high rates could not be reached otherwise. */
#define LATENESS (SECOND / 100)
/* Intervals are longer by this factor: a request may travel faster than the one before,
 * and would be one too many in the second that the service counts. */
#define HEADROOM 1.02

/* The contents of the file, in the byte order of the machine, which the file never
 * leaves. */
struct shared {
	uint32_t version;
	uint32_t jobs; /* allowed in flight; 0: what the limits say */
	char boot[BOOT_SIZE];
	int64_t next;   /* nanoseconds: when the bucket will be full again (GCRA's TAT) */
	int64_t pause;  /* nothing is sent before */
	int64_t halved; /* when jobs was last halved */
	uint64_t sum;   /* checksum of the members above */
};

struct pace {
	int fd;     /* -1: this process alone */
	char *path; /* of the file */
	uint32_t jobs;
	int64_t interval, tolerance; /* nanoseconds */
	int64_t *entered;            /* by slot: when we took it; 0: it is not ours */
	char boot[BOOT_SIZE];        /* clock_boot_id, padded with zeros */
	struct shared own;           /* used instead of the file if fd is -1 */
};

/* FNV-1a: finds torn and foreign contents; it is not meant against an attacker. */
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

/* Reads the file; false: its contents are implausible, and count as new. */
static bool
read_file(const struct pace *p, struct shared *s, int64_t t)
{
	return pread(p->fd, s, sizeof *s, 0) == (ssize_t)sizeof *s &&
	       s->version == VERSION && s->sum == checksum(s) &&
	       memcmp(s->boot, p->boot, sizeof s->boot) == 0 && s->next >= 0 &&
	       s->next <= t + DAY && s->pause >= 0 && s->pause <= t + DAY &&
	       s->halved <= t + DAY;
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
		*s = (struct shared){.version = VERSION};
		memcpy(s->boot, p->boot, sizeof s->boot);
	}
}

/* Writes the file and unlocks it. Gives up on a file that cannot be written. */
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
		    "cannot write the shared pace; other processes will not see the requests of this one:");
		close(p->fd);
		p->fd = -1;
	}
}

/* Reads without locking; locks only to create the file or if a write is in progress. */
static void
look(struct pace *p, struct shared *s, int64_t t)
{
	if (p->fd >= 0 && read_file(p, s, t))
		return;
	begin(p, s, t);
	end(p, s);
}

/* PROVIDER-HASH: readable; no character of a base URL or label gets into the path. */
static char *
file_name(const char *provider, const char *base, const char *account, const char *of)
{
	const char *parts[] = {provider, base, account, of};
	struct buf name = {0};
	struct sha256 sha;
	char hash[SHA256_HEX];

	sha256_init(&sha);
	for (size_t i = 0; i < (of != NULL ? 4 : 3); i++)
		sha256_add(&sha, parts[i], strlen(parts[i]) + 1);
	sha256_hex(&sha, hash);
	buf_str(&name, "pace/");
	for (size_t left = 32; *provider != '\0' && left > 0; provider++, left--)
		buf_chr(&name, strchr("/.", *provider) != NULL ? '_' : *provider);
	buf_chr(&name, '-');
	buf_add(&name, hash, 24);
	return buf_take(&name);
}

static int
open_file(const char *provider, const char *base, const char *account, const char *of,
    char **path)
{
	static bool warned;
	char *name = file_name(provider, base, account, of);
	struct err e;
	int fd = -1;

	*path = file_state_path(name, &e);
	if (*path != NULL) {
		fd = open(*path, O_RDWR | O_CREAT | O_CLOEXEC | O_NOFOLLOW, 0600);
		if (fd < 0)
			err_set(&e, CODE_STATE_UNUSABLE, "cannot open '%s':", *path);
	}
	if (fd < 0 && !warned) {
		warn("the pace is not shared with other processes: %s", e.message);
		warned = true;
	}
	free(name);
	return fd;
}

struct pace *
pace_open(const char *provider, const char *base, const char *account,
    const struct pace_limits *limits)
{
	struct pace *p = mem_new(1, sizeof *p);

	clock_boot_id(p->boot);
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
	p->fd = open_file(provider, base, account, limits->of, &p->path);
	return p;
}

void
pace_free(struct pace *p)
{
	if (p == NULL)
		return;
	if (p->fd >= 0)
		close(p->fd);
	free(p->path);
	free(p->entered);
	free(p);
}

/* The send time: when the next request may go. */
static int64_t
next_send(const struct pace *p, const struct shared *s, int64_t t)
{
	int64_t at = s->next - p->tolerance;

	if (at < t)
		at = t;
	return s->pause > at ? s->pause : at;
}

/* Rounded up. */
static int64_t
ms_of(int64_t ns)
{
	return (ns + SECOND / 1000 - 1) / (SECOND / 1000);
}

int64_t
pace_reserve(struct pace *p)
{
	int64_t t = clock_boot_ns(), at;
	struct shared s;

	if (p->interval == 0) { /* no rate limit: nothing to reserve */
		look(p, &s, t);
		at = next_send(p, &s, t);
	} else {
		begin(p, &s, t);
		at = next_send(p, &s, t);
		/* After a pause one request may go, not a burst of those that waited. */
		if (s.pause >= at && s.next < s.pause + p->tolerance)
			s.next = s.pause + p->tolerance;
		s.next = (s.next > at ? s.next : at) + p->interval;
		end(p, &s);
	}
	return ms_of(at - t);
}

const char *
pace_file(const struct pace *p)
{
	return p->fd >= 0 ? p->path : NULL;
}

int64_t
pace_interval(const struct pace *p)
{
	return ms_of(p->interval);
}

int64_t
pace_paused(struct pace *p)
{
	int64_t t = clock_boot_ns();
	struct shared s;

	look(p, &s, t);
	return s.pause > t ? ms_of(s.pause - t) : 0;
}

void
pace_pause(struct pace *p, int64_t ms)
{
	int64_t t = clock_boot_ns(), until;
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
	int64_t t = clock_boot_ns();
	struct shared s;

	look(p, &s, t);
	for (uint32_t i = 0; i < allowed(p, &s); i++) {
		if (p->entered[i] == 0 && (p->fd < 0 || lock(p->fd, F_OFD_SETLK, F_WRLCK,
		                                            SLOTS_AT + (off_t)i) == 0)) {
			p->entered[i] = t;
			return (int)i;
		}
	}
	return -1;
}

void
pace_leave(struct pace *p, int slot)
{
	if (p->fd >= 0)
		lock(p->fd, F_OFD_SETLK, F_UNLCK, SLOTS_AT + (off_t)slot);
	p->entered[slot] = 0;
}

/* True if another process holds a lock on the byte. */
static bool
locked(const struct pace *p, off_t at)
{
	struct flock fl = {
	    .l_type = F_WRLCK, .l_whence = SEEK_SET, .l_start = at, .l_len = 1};

	return p->fd >= 0 && fcntl(p->fd, F_OFD_GETLK, &fl) == 0 && fl.l_type != F_UNLCK;
}

/* Counts the requests in flight of all processes. */
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
	int64_t t = clock_boot_ns();
	struct shared s;

	begin(p, &s, t);
	if (p->entered[slot] > s.halved) {
		uint32_t half = in_flight(p) / 2;
		s.jobs = half > 0 ? half : 1;
		s.halved = t;
	}
	end(p, &s);
}

void
pace_ok(struct pace *p, int slot)
{
	int64_t t = clock_boot_ns();
	struct shared s;

	look(p, &s, t);
	if (s.jobs == 0 || p->entered[slot] <= s.halved)
		return;
	begin(p, &s, t);
	if (s.jobs > 0 && p->entered[slot] > s.halved)
		s.jobs = s.jobs + 1 < p->jobs ? s.jobs + 1 : 0;
	end(p, &s);
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
