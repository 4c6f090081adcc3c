/* A decoder that misbehaves becomes a finding of its photo; all other photos are checked.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include <jpeglib.h>

#include <jerror.h>

#include "photo_case.h"

#define GOOD    "tests/photos/baseline.jpg"
#define MISDEED "/tmp/avtools-pool-misdeed"

#if defined(__SANITIZE_ADDRESS__)
#define SANITIZED 1
#elif defined(__has_feature)
#if __has_feature(address_sanitizer)
#define SANITIZED 1
#endif
#endif

/* What the decoder does wrong. A worker has the value of the time when it started. */
static enum misdeed {
	NONE,
	CRASH,
	HANG,
	ALLOCATE,
	WRITE,
	CONNECT,
	LIE,
	LIE_CODE,
	LIE_TEXT
} misdeed;

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

/* The decoder misbehaves only on exif.jpg. */
static void
decode(int fd, const struct photo *photo, struct decoded *d)
{
	volatile int forever = 1;

	(void)fd;
	if (photo->orientation == 1)
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
		memset(d, 0x7f, sizeof *d);
		break;
	case LIE_CODE:
		*d = (struct decoded){.result = DECODED_DAMAGED, .code = 1 << 20};
		break;
	case LIE_TEXT:
		d->result = DECODED_DAMAGED;
		d->code = JERR_TFILE_CREATE; /* its message has a %s */
		memcpy(d->args, "the password is", 16);
		break;
	default:
		break;
	}
}

/* Blocks on the worker's socket without using the processor. */
static void
decode_stall(int fd, const struct photo *photo, struct decoded *d)
{
	char c;
	struct iovec iov = {&c, 1};
	struct msghdr msg = {.msg_iov = &iov, .msg_iovlen = 1};

	(void)fd;
	(void)photo;
	(void)d;
	for (;;)
		(void)!recvmsg(3, &msg, MSG_PEEK);
}

static const struct photo_options deep = {
    .depth = PHOTO_DECODE, .max_pixels = PHOTO_MAX_PIXELS, .at_once = PHOTO_AT_ONCE};

#define PHOTOS 12

struct seen {
	unsigned n, sound, bad;
	enum code code;
	char got[96];
	int fd[PHOTOS];
	struct photo_job job[PHOTOS];
};

static void
on_done(void *arg, int status, struct photo *photo, const struct err *e)
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
	/* what was known before the decoder started is still there */
	assert_string_equal(photo->type, "image/jpeg");
	assert_true(photo->orientation > 1);
	assert_int_equal(strlen(photo->sha256), 64);
}

static void
submit(struct photo_pool *pool, const char *path, struct seen *seen, unsigned i)
{
	struct stat st;
	struct err e;

	assert_int_equal(photo_open(path, &seen->fd[i], &st, &e), 0);
	photo_pool_submit(
	    pool, &seen->job[i], seen->fd[i], (uint64_t)st.st_size, &deep, on_done, seen);
}

/* Sound photos before, between and after three bad ones. */
static const struct seen *
run(const struct photo_pool_options *options)
{
	static struct seen seen;
	struct photo_case c;

	memset(&seen, 0, sizeof seen);
	photo_case_init(&c, options);
	for (unsigned i = 0; i < PHOTOS; i++)
		submit(c.pool, i % 4 == 1 ? "tests/photos/exif.jpg" : GOOD, &seen, i);
	assert_int_equal(seen.n, 0);
	loop_run(c.loop);
	assert_int_equal(seen.n, PHOTOS);
	photo_case_release(&c);
	for (unsigned i = 0; i < PHOTOS; i++)
		close(seen.fd[i]);
	assert_int_equal(seen.sound, 9);
	assert_int_equal(seen.bad, 3);
	return &seen;
}

static const struct seen *
misbehave(enum misdeed deed, unsigned workers)
{
	struct photo_pool_options options = {.workers = workers,
	    .cpu_s = 1,
	    .wall_ms = 60000,
	    .memory = 256 << 20,
	    .decode = decode};

	misdeed = deed;
	return run(&options);
}

static void
test_crash(void **state)
{
	(void)state;
	assert_int_equal(misbehave(CRASH, 1)->code, CODE_DECODER_CRASHED);
	assert_int_equal(misbehave(CRASH, 3)->code, CODE_DECODER_CRASHED);
}

static void
test_hang(void **state)
{
	const struct seen *seen = misbehave(HANG, 3);

	(void)state;
	assert_int_equal(seen->code, CODE_DECODER_TIMEOUT);
	assert_string_equal(seen->got, "too much processor time");
}

static void
test_stall(void **state)
{
	struct photo_pool_options options = {.wall_ms = 200, .decode = decode_stall};
	struct photo_case c;
	struct photo photo;
	struct err e;

	(void)state;
	photo_case_init(&c, &options);
	assert_int_equal(photo_case_check(&c, GOOD, &deep, &photo, &e), 0);
	assert_non_null(finding_get(&photo.findings, CODE_DECODER_TIMEOUT));
	photo_case_release(&c);
}

static void
test_allocate(void **state)
{
	(void)state;
#ifdef SANITIZED
	print_message("# skip: a sanitizer's address space cannot be limited\n");
	skip();
#else
	assert_int_equal(misbehave(ALLOCATE, 2)->code, CODE_DECODER_CRASHED);
#endif
}

static void
test_write(void **state)
{
	const struct seen *seen;

	(void)state;
	unlink(MISDEED);
	seen = misbehave(WRITE, 2);
	assert_int_equal(access(MISDEED, F_OK), -1);
#if defined(__x86_64__) || defined(__aarch64__)
	assert_int_equal(seen->code, CODE_DECODER_CRASHED);
	assert_string_equal(seen->got, "a forbidden system call");
	assert_string_equal(misbehave(CONNECT, 1)->got, "a forbidden system call");
#else
	(void)seen;
#endif
}

/* An invalid reply ends the worker. */
static void
test_lie(void **state)
{
	(void)state;
	for (enum misdeed deed = LIE; deed <= LIE_TEXT; deed++) {
		const struct seen *seen = misbehave(deed, 1);
		assert_int_equal(seen->code, CODE_DECODER_CRASHED);
		assert_string_equal(seen->got, "an answer that makes no sense");
	}
}

static char **environment; /* the strings, known from before the fork */

/* Says "damaged" when the environment has a byte left. */
static void
decode_spy(int fd, const struct photo *photo, struct decoded *d)
{
	(void)fd;
	(void)photo;
	if (getenv("ANAM_API_KEY") != NULL)
		d->result = DECODED_DAMAGED;
	for (char **e = environment; *e != NULL; e++)
		if (**e != '\0')
			d->result = DECODED_DAMAGED;
	d->code = 1;
}

/* A decoder sees no environment. */
static void
test_inherits_nothing(void **state)
{
	struct photo_pool_options options = {.workers = 1, .decode = decode_spy};
	char *copy[512];
	struct photo_case c;
	size_t n = 0;

	(void)state;
	setenv("ANAM_API_KEY", "key-of-anam", 1);
	for (; n < 511 && environ[n] != NULL; n++)
		copy[n] = environ[n];
	copy[n] = NULL;
	environment = copy;
	photo_case_init(&c, &options);
	for (unsigned i = 0; i < 3; i++) {
		struct photo photo;
		struct err e;
		assert_int_equal(photo_case_check(&c, GOOD, &deep, &photo, &e), 0);
		assert_int_equal(photo.findings.n, 0);
	}
	photo_case_release(&c);
	assert_string_equal(getenv("ANAM_API_KEY"), "key-of-anam");
}

/* Damage is found in exif.jpg, and in any photo that comes after it in this process. */
static void
decode_grudge(int fd, const struct photo *photo, struct decoded *d)
{
	static bool damaged;

	(void)fd;
	damaged |= photo->orientation != 1;
	if (damaged)
		*d = (struct decoded){.result = DECODED_DAMAGED, .code = 1};
}

/* What is wrong with a photo is wrong with no later one: not its damage, not the state that
 * the decoder was left in. */
static void
test_damage_ends_process(void **state)
{
	struct photo_pool_options options = {.workers = 1, .decode = decode_grudge};

	(void)state;
	assert_int_equal(run(&options)->code, CODE_DAMAGED);
}

/* A worker that died while it was idle is replaced, and its death is no finding. */
static void
test_death_while_idle(void **state)
{
	static const struct photo_options shallow = {.depth = PHOTO_READ,
	    .max_pixels = PHOTO_MAX_PIXELS,
	    .at_once = PHOTO_AT_ONCE};
	struct photo_pool_options options = {.workers = 1};
	struct photo_case c;
	struct photo photo;
	struct err e;
	FILE *children;
	siginfo_t info;
	int pid = 0;

	(void)state;
	photo_case_init(&c, &options);
	assert_int_equal(photo_case_check(&c, GOOD, &shallow, &photo, &e), 0);
	children = fopen("/proc/thread-self/children", "re");
	if (children == NULL || fscanf(children, "%d", &pid) != 1)
		fail_msg("the kernel does not list the children");
	fclose(children);
	assert_int_equal(kill(pid, SIGKILL), 0);
	assert_int_equal(waitid(P_PID, (id_t)pid, &info, WEXITED | WNOWAIT), 0);
	assert_int_equal(photo_case_check(&c, GOOD, &shallow, &photo, &e), 0);
	assert_int_equal(findings_worst(&photo.findings), SEVERITY_NOTE);
	photo_case_release(&c);
}

/* Without processes every photo gets an error, and the next one another try. */
static void
test_no_process(void **state)
{
	struct photo_pool_options options = {.workers = 2};
	struct rlimit old, none;
	struct photo_case c;
	struct photo photo;
	struct err e;

	(void)state;
	photo_case_init(&c, &options);
	assert_int_equal(getrlimit(RLIMIT_NOFILE, &old), 0);
	none = old;
	none.rlim_cur = (rlim_t)dup(0) + 1; /* the photo's descriptor, and no socket */
	close((int)none.rlim_cur - 1);
	assert_int_equal(setrlimit(RLIMIT_NOFILE, &none), 0);
	assert_int_equal(photo_case_check(&c, GOOD, &deep, &photo, &e), -1);
	assert_int_equal(e.code, CODE_DECODER_FAILED);
	assert_int_equal(setrlimit(RLIMIT_NOFILE, &old), 0);
	assert_int_equal(photo_case_check(&c, GOOD, &deep, &photo, &e), 0);
	photo_case_release(&c);
}

/* A worker finds the same as this process, at every depth. */
static void
test_same_findings(void **state)
{
	static const char *const names[] = {"tests/photos/exif.webp",
	    "tests/photos/interlaced.png", "tests/photos/exif.jpg", "README.md"};
	struct photo_pool_options options = {.workers = 1};
	struct err e;
	struct photo_case c;
	struct filetype *types = filetype_new();

	(void)state;
	photo_case_init(&c, &options);
	for (size_t i = 0; i < sizeof names / sizeof *names; i++)
		for (int depth = PHOTO_QUICK; depth <= PHOTO_DECODE; depth++) {
			struct photo_options o = {.depth = (enum photo_depth)depth,
			    .max_pixels = PHOTO_MAX_PIXELS,
			    .at_once = PHOTO_AT_ONCE};
			struct photo in, out;
			memset(&in, 0, sizeof in);
			memset(&out, 0, sizeof out);
			assert_int_equal(photo_case_check(&c, names[i], &o, &in, &e), 0);
			assert_int_equal(
			    photo_check_file(names[i], &o, types, &out, &e), 0);
			assert_memory_equal(&in.facts, &out.facts, sizeof in.facts);
			assert_string_equal(in.type, out.type);
			assert_string_equal(in.sha256, out.sha256);
			assert_int_equal(in.findings.n, out.findings.n);
		}
	assert_int_equal(
	    photo_case_check(&c, "tests/nowhere", &deep, &(struct photo){0}, &e), -1);
	assert_int_equal(e.code, CODE_FILE_MISSING);
	filetype_free(types);
	photo_case_release(&c);
}

/* A JPEG cut in its coded data and closed with an EOI: only decoding finds it. */
static void
test_found_by_decoding(void **state)
{
	char path[] = "/tmp/avtools-pool-XXXXXX", data[900];
	int fd = mkstemp(path), good = open(GOOD, O_RDONLY);
	struct photo_pool_options options = {.workers = 1};
	struct err e;
	struct photo_case c;
	struct photo photo;
	struct filetype *types = filetype_new();

	(void)state;
	photo_case_init(&c, &options);
	assert_int_equal(read(good, data, sizeof data), sizeof data);
	close(good);
	memcpy(data + sizeof data - 2, "\xff\xd9", 2);
	assert_int_equal(write(fd, data, sizeof data), sizeof data);
	close(fd);
	assert_int_equal(photo_check_file(path, &deep, types, &photo, &e), 0);
	assert_int_equal(findings_worst(&photo.findings), SEVERITY_NOTE);
	assert_int_equal(photo_case_check(&c, path, &deep, &photo, &e), 0);
	assert_non_null(finding_get(&photo.findings, CODE_DAMAGED));
	unlink(path);
	filetype_free(types);
	photo_case_release(&c);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(test_same_findings),
	    cmocka_unit_test(test_found_by_decoding),
	    cmocka_unit_test(test_crash),
	    cmocka_unit_test(test_hang),
	    cmocka_unit_test(test_stall),
	    cmocka_unit_test(test_allocate),
	    cmocka_unit_test(test_write),
	    cmocka_unit_test(test_lie),
	    cmocka_unit_test(test_inherits_nothing),
	    cmocka_unit_test(test_damage_ends_process),
	    cmocka_unit_test(test_death_while_idle),
	    cmocka_unit_test(test_no_process),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
