/* The pool: a decoder that misbehaves is a finding about its photo; other photos are not affected. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>
#include <fcntl.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "os/loop.h"
#include "photo/pool.h"

#define GOOD    "tests/photos/baseline.jpg"
#define MISDEED "/tmp/avtools-cage-misdeed"

#if defined(__SANITIZE_ADDRESS__)
#define SANITIZED 1
#elif defined(__has_feature)
#if __has_feature(address_sanitizer)
#define SANITIZED 1
#endif
#endif

/* What the decoder does; a worker keeps the value from when it was started. */
static enum misdeed { NONE, CRASH, HANG, ALLOCATE, WRITE, CONNECT, LIE } misdeed;

static char *volatile kept;

static void
allocate(void)
{
	for (;;) {
		char *p = malloc(1 << 24);
		if (p == NULL)
			abort();
		memset(p, 1, 1 << 24);
		kept = p;
	}
}

static void
write_file(void)
{
	int fd = open(MISDEED, O_WRONLY | O_CREAT, 0600);

	if (fd >= 0)
		close(fd);
}

/* The decoder misbehaves only on palette.png. */
static void
decode(int fd, uint64_t memory, struct photo *photo)
{
	volatile int forever = 1;

	(void)fd;
	(void)memory;
	if (!photo->facts.palette)
		return;
	switch (misdeed) {
	case CRASH:
		raise(SIGSEGV);
		break;
	case HANG:
		while (forever)
			;
		break;
	case ALLOCATE:
		allocate();
		break;
	case WRITE:
		write_file();
		break;
	case CONNECT:
		(void)!socket(AF_INET, SOCK_STREAM, 0);
		break;
	case LIE:
		photo->findings.n = 1;
		photo->findings.list[0].code = CODE_COUNT;
		break;
	default:
		break;
	}
}

/* Blocks on the worker's socket without using the processor. */
static void
decode_stall(int fd, uint64_t memory, struct photo *photo)
{
	char c;
	struct iovec iov = {&c, 1};
	struct msghdr msg = {.msg_iov = &iov, .msg_iovlen = 1};

	(void)fd;
	(void)memory;
	(void)photo;
	for (;;)
		(void)!recvmsg(3, &msg, MSG_PEEK);
}

static const struct photo_options deep = {PHOTO_DECODE, PHOTO_MAX_PIXELS};

struct seen {
	unsigned n, sound, bad;
	enum code code;
	char got[96];
	int fd[64];
};

static void
on_done(void *arg, int status, const struct photo *photo, const struct err *e)
{
	struct seen *seen = arg;

	(void)e;
	assert_int_equal(status, 0);
	seen->n++;
	if (findings_worst(&photo->findings) < SEVERITY_REFUSED) {
		seen->sound++;
		return;
	}
	seen->bad++;
	for (unsigned i = 0; i < photo->findings.n; i++)
		if (photo->findings.list[i].severity == SEVERITY_REFUSED) {
			seen->code = photo->findings.list[i].code;
			strcpy(seen->got, photo->findings.list[i].got);
		}
	/* the facts from before decoding are kept */
	assert_string_equal(photo->type, "image/png");
	assert_int_equal(photo->width, 24);
	assert_int_equal(strlen(photo->sha256), 64);
}

static void
submit(struct photo_pool *cage, const char *path, struct seen *seen, unsigned i)
{
	struct stat st;
	struct err e;

	assert_int_equal(photo_open(path, &seen->fd[i], &st, &e), 0);
	photo_pool_submit(cage, seen->fd[i], (uint64_t)st.st_size, &deep, on_done, seen);
}

/* Sound photos before, between and after three bad photos. */
static struct seen
run(const struct photo_pool_options *options, struct loop *loop)
{
	struct seen seen = {0};
	struct err e;
	struct photo_pool *cage = photo_pool_new(options, &e);
	unsigned total = 12;

	assert_non_null(cage);
	if (loop != NULL)
		photo_pool_attach(cage, loop);
	for (unsigned i = 0; i < total; i++)
		submit(cage, i % 4 == 1 ? "tests/photos/palette.png" : GOOD, &seen, i);
	assert_int_equal(seen.n, 0);
	if (loop != NULL)
		loop_run(loop);
	while (loop == NULL && photo_pool_pending(cage) > 0)
		photo_pool_run(cage, true);
	assert_int_equal(photo_pool_pending(cage), 0);
	photo_pool_free(cage);
	for (unsigned i = 0; i < total; i++)
		close(seen.fd[i]);
	assert_int_equal(seen.n, total);
	assert_int_equal(seen.sound, 9);
	assert_int_equal(seen.bad, 3);
	return seen;
}

static struct seen
misbehave(enum misdeed deed, unsigned workers)
{
	struct photo_pool_options options = {.workers = workers,
	    .cpu_s = 1,
	    .wall_ms = 60000,
	    .memory = 256 << 20,
	    .decode = decode};

	misdeed = deed;
	return run(&options, NULL);
}

static void
test_crash(void **state)
{
	(void)state;
	assert_int_equal(misbehave(CRASH, 1).code, CODE_DECODER_CRASHED);
	assert_int_equal(misbehave(CRASH, 3).code, CODE_DECODER_CRASHED);
}

static void
test_hang(void **state)
{
	struct seen seen = misbehave(HANG, 3);

	(void)state;
	assert_int_equal(seen.code, CODE_DECODER_TIMEOUT);
	assert_string_equal(seen.got, "too much processor time");
}

static void
test_stall(void **state)
{
	struct photo_pool_options options = {.wall_ms = 200, .decode = decode_stall};
	struct err e;
	struct photo photo;
	struct photo_pool *cage = photo_pool_new(&options, &e);

	(void)state;
	assert_int_equal(photo_pool_check_file(cage, GOOD, &deep, &photo, &e), 0);
	assert_non_null(finding_get(&photo.findings, CODE_DECODER_TIMEOUT));
	photo_pool_free(cage);
}

static void
test_allocate(void **state)
{
	(void)state;
#ifdef SANITIZED
	skip(); /* a sanitizer's address space cannot be limited */
#else
	assert_int_equal(misbehave(ALLOCATE, 2).code, CODE_DECODER_CRASHED);
#endif
}

static void
test_write(void **state)
{
	struct seen seen;

	(void)state;
	unlink(MISDEED);
	seen = misbehave(WRITE, 2);
	assert_int_equal(access(MISDEED, F_OK), -1);
#if defined(__x86_64__) || defined(__aarch64__)
	assert_int_equal(seen.code, CODE_DECODER_CRASHED);
	assert_string_equal(seen.got, "a forbidden system call");
	assert_string_equal(misbehave(CONNECT, 1).got, "a forbidden system call");
#else
	(void)seen;
#endif
}

/* The parent checks a reply: a worker under an attacker's control cannot send nonsense. */
static void
test_lie(void **state)
{
	(void)state;
	assert_int_equal(misbehave(LIE, 1).code, CODE_DECODER_CRASHED);
}

static void
test_loop(void **state)
{
	struct photo_pool_options options = {.workers = 2, .decode = decode};
	struct loop *loop = loop_new();

	(void)state;
	misdeed = CRASH;
	assert_int_equal(run(&options, loop).code, CODE_DECODER_CRASHED);
	loop_free(loop);
}

/* A worker has the same findings as this process, at every depth. */
static void
test_same_verdict(void **state)
{
	static const char *const names[] = {"tests/photos/exif.webp",
	    "tests/photos/interlaced.png", "tests/photos/exif.jpg", "README.md"};
	struct photo_pool_options options = {.workers = 1};
	struct err e;
	struct photo_pool *cage = photo_pool_new(&options, &e);
	struct filetype *types = filetype_new();

	(void)state;
	for (size_t i = 0; i < sizeof names / sizeof *names; i++)
		for (int depth = PHOTO_QUICK; depth <= PHOTO_DECODE; depth++) {
			struct photo_options o = {
			    (enum photo_depth)depth, PHOTO_MAX_PIXELS};
			struct photo in, out;
			memset(&in, 0, sizeof in);
			memset(&out, 0, sizeof out);
			assert_int_equal(
			    photo_pool_check_file(cage, names[i], &o, &in, &e), 0);
			assert_int_equal(
			    photo_check_file(names[i], &o, types, &out, &e), 0);
			assert_memory_equal(&in.facts, &out.facts, sizeof in.facts);
			assert_string_equal(in.type, out.type);
			assert_string_equal(in.sha256, out.sha256);
			assert_int_equal(in.findings.n, out.findings.n);
		}
	assert_int_equal(
	    photo_pool_check_file(cage, "tests/nowhere", &deep, &(struct photo){0}, &e),
	    -1);
	assert_int_equal(e.code, CODE_FILE_MISSING);
	filetype_free(types);
	photo_pool_free(cage);
}

/* A JPEG cut in its coded data and closed with an EOI: only decoding finds that. */
static void
test_decoding_tells(void **state)
{
	char path[] = "/tmp/avtools-cage-XXXXXX", data[900];
	int fd = mkstemp(path), good = open(GOOD, O_RDONLY);
	struct photo_pool_options options = {.workers = 1};
	struct err e;
	struct photo_pool *cage = photo_pool_new(&options, &e);
	struct photo photo;
	struct filetype *types = filetype_new();

	(void)state;
	assert_int_equal(read(good, data, sizeof data), sizeof data);
	close(good);
	memcpy(data + sizeof data - 2, "\xff\xd9", 2);
	assert_int_equal(write(fd, data, sizeof data), sizeof data);
	close(fd);
	assert_int_equal(photo_check_file(path, &deep, types, &photo, &e), 0);
	assert_int_equal(findings_worst(&photo.findings), SEVERITY_NOTE);
	assert_int_equal(photo_pool_check_file(cage, path, &deep, &photo, &e), 0);
	assert_non_null(finding_get(&photo.findings, CODE_DAMAGED));
	unlink(path);
	filetype_free(types);
	photo_pool_free(cage);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(test_same_verdict),
	    cmocka_unit_test(test_decoding_tells),
	    cmocka_unit_test(test_crash),
	    cmocka_unit_test(test_hang),
	    cmocka_unit_test(test_stall),
	    cmocka_unit_test(test_allocate),
	    cmocka_unit_test(test_write),
	    cmocka_unit_test(test_lie),
	    cmocka_unit_test(test_loop),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
