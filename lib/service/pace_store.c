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
#include "ledger/shared.h"
#include "service/pace_store.h"

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

/* The contents of the file, in the byte order of the machine, which the file never
 * leaves. */
struct contents {
	uint32_t version;
	uint32_t jobs;
	char boot[BOOT_SIZE];
	int64_t next, pause, halved;
	uint64_t sum; /* checksum of the members above */
};

struct pace_store {
	struct ledger *ledger; /* of many hosts, or NULL */
	char *key;             /* in it */
	int fd;                /* -1: this process alone */
	char *path;            /* of the file */
	char boot[BOOT_SIZE];  /* clock_boot_id, padded with zeros */
	struct pace_state own; /* used instead of the file if fd is -1 */
};

/* FNV-1a: finds torn and foreign contents; it is not meant against an attacker. */
static uint64_t
checksum(const struct contents *s)
{
	const unsigned char *p = (const unsigned char *)s;
	uint64_t sum = UINT64_C(14695981039346656037);

	for (size_t i = 0; i < offsetof(struct contents, sum); i++)
		/* It loses sight of the bytes of an int.
		 * NOLINTNEXTLINE(clang-analyzer-core.UndefinedBinaryOperatorResult) */
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
read_file(const struct pace_store *p, struct pace_state *s, int64_t t)
{
	struct contents c = {0};

	*s = (struct pace_state){0};
	if (pread(p->fd, &c, sizeof c, 0) != (ssize_t)sizeof c || c.version != VERSION ||
	    c.sum != checksum(&c) || memcmp(c.boot, p->boot, sizeof c.boot) != 0 ||
	    c.next < 0 || c.next > t + DAY || c.pause < 0 || c.pause > t + DAY ||
	    c.halved > t + DAY)
		return false;
	*s = (struct pace_state){
	    .jobs = c.jobs, .next = c.next, .pause = c.pause, .halved = c.halved};
	return true;
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
open_file(const char *name, char **path)
{
	static bool warned;
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
	return fd;
}

struct pace_store *
pace_store_open(const char *provider, const char *base, const char *account,
    const char *of, struct ledger *ledger)
{
	struct pace_store *p = mem_new(1, sizeof *p);
	char *name = file_name(provider, base, account, of);

	p->fd = -1;
	clock_boot_id(p->boot);
	if (ledger_line_seconds(ledger) > 0) {
		p->ledger = ledger;
		p->key = mem_str(strrchr(name, '-') + 1);
	} else {
		p->fd = open_file(name, &p->path);
	}
	free(name);
	return p;
}

void
pace_store_free(struct pace_store *p)
{
	if (p->fd >= 0)
		close(p->fd);
	free(p->path);
	free(p->key);
	free(p);
}

static bool
of_database(
    bool there, const struct shared_pace *shared, struct pace_state *s, int64_t *now)
{
	*s = (struct pace_state){.jobs = shared->jobs,
	    .next = shared->next,
	    .pause = shared->pause,
	    .halved = shared->halved};
	*now = shared->now;
	return there;
}

bool
pace_store_begin(struct pace_store *p, struct pace_state *s, int64_t *now)
{
	struct shared_pace shared;

	if (p->ledger != NULL)
		return of_database(
		    shared_pace_begin(p->ledger, p->key, &shared), &shared, s, now);
	*now = clock_boot_ns();
	if (p->fd < 0) {
		*s = p->own;
		return true;
	}
	lock(p->fd, F_OFD_SETLKW, F_WRLCK, LOCK_AT);
	*s = (struct pace_state){0};
	read_file(p, s, *now);
	return true;
}

/* Gives up on a file that cannot be written. */
void
pace_store_end(struct pace_store *p, const struct pace_state *s)
{
	struct contents c = {.version = VERSION,
	    .jobs = s->jobs,
	    .next = s->next,
	    .pause = s->pause,
	    .halved = s->halved};
	bool written;

	if (p->ledger != NULL) {
		shared_pace_end(p->ledger, p->key,
		    &(struct shared_pace){.jobs = s->jobs,
		        .next = s->next,
		        .pause = s->pause,
		        .halved = s->halved});
		return;
	}
	p->own = *s;
	if (p->fd < 0)
		return;
	memcpy(c.boot, p->boot, sizeof c.boot);
	c.sum = checksum(&c);
	written = pwrite(p->fd, &c, sizeof c, 0) == (ssize_t)sizeof c;
	lock(p->fd, F_OFD_SETLK, F_UNLCK, LOCK_AT);
	if (!written) {
		warn(
		    "cannot write the shared pace; other processes will not see the requests of this one:");
		close(p->fd);
		p->fd = -1;
	}
}

/* Reads a file without locking; locks only to create it or if a write is in progress. */
bool
pace_store_look(struct pace_store *p, struct pace_state *s, int64_t *now)
{
	struct shared_pace shared;

	if (p->ledger != NULL)
		return of_database(
		    shared_pace_look(p->ledger, p->key, &shared), &shared, s, now);
	*now = clock_boot_ns();
	if (p->fd >= 0 && read_file(p, s, *now))
		return true;
	pace_store_begin(p, s, now);
	pace_store_end(p, s);
	return true;
}

/* True if another process holds a lock on the byte. */
static bool
locked(const struct pace_store *p, off_t at)
{
	struct flock fl = {
	    .l_type = F_WRLCK, .l_whence = SEEK_SET, .l_start = at, .l_len = 1};

	return p->fd >= 0 && fcntl(p->fd, F_OFD_GETLK, &fl) == 0 && fl.l_type != F_UNLCK;
}

bool
pace_store_take_slot(struct pace_store *p, uint32_t slot, uint32_t most,
    struct pace_state *s, int64_t *now)
{
	struct shared_pace shared;

	if (p->ledger != NULL)
		return of_database(
		    shared_slot_take(p->ledger, p->key, slot, most, &shared), &shared, s,
		    now);
	pace_store_look(p, s, now);
	return s->pause <= *now && slot < most && (s->jobs == 0 || slot < s->jobs) &&
	       (p->fd < 0 ||
	           lock(p->fd, F_OFD_SETLK, F_WRLCK, SLOTS_AT + (off_t)slot) == 0);
}

bool
pace_store_counts(const struct pace_store *p)
{
	return p->ledger != NULL;
}

void
pace_store_leave_slot(struct pace_store *p, uint32_t slot)
{
	if (p->ledger != NULL)
		shared_slot_leave(p->ledger, p->key, slot);
	else if (p->fd >= 0)
		lock(p->fd, F_OFD_SETLK, F_UNLCK, SLOTS_AT + (off_t)slot);
}

uint32_t
pace_store_slots(struct pace_store *p, const int64_t *ours, uint32_t slots)
{
	uint32_t n = 0;

	if (p->ledger != NULL)
		return shared_slots(p->ledger, p->key);
	for (uint32_t i = 0; i < slots; i++)
		if (ours[i] != 0 || locked(p, SLOTS_AT + (off_t)i))
			n++;
	return n;
}

bool
pace_store_take_turn(struct pace_store *p)
{
	if (p->ledger != NULL)
		return shared_turn_take(p->ledger, p->key);
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
pace_store_give_turn(struct pace_store *p)
{
	if (p->ledger != NULL)
		return shared_turn_give(p->ledger, p->key);
	if (p->fd < 0)
		return false;
	lock(p->fd, F_OFD_SETLK, F_UNLCK, QUEUE_AT);
	lock(p->fd, F_OFD_SETLK, F_UNLCK, TURN_AT);
	return locked(p, QUEUE_AT);
}

const char *
pace_store_file(const struct pace_store *p)
{
	return p->fd >= 0 ? p->path : NULL;
}
