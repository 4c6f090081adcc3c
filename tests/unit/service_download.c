/* Downloads from a server that follows a script: a complete file is kept, a broken download is
 * resumed only if the file is surely the same, nothing is kept that is damaged or too large, and no
 * other file is left. In the scripts ~ stands for a NUL. */
#include <dirent.h>
#include <fcntl.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stdatomic.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include <cmocka.h>

#include "base/mem.h"
#include "loopback_server.h"
#include "service/download.h"
#include "json/json.h"

#define N(a) (sizeof(a) / sizeof *(a))

#define OLD  "0123456789abcdefghij"
#define NEW  "ABCDEFGHIJKLMNOPQRST"
#define HALF "0123456789"
#define REST "abcdefghij"

#define OK(headers, body) "HTTP/1.1 200 OK\r\n" headers "\r\n" body
#define PART(range, head, body)                                                          \
	"HTTP/1.1 206 Part\r\nContent-Range: bytes " range "\r\n" head "\r\n" body
#define LENGTH(n) "Content-Length: " #n "\r\n"
#define TAG(t)    "ETag: \"" t "\"\r\n"
#define WEAK      "ETag: W/\"a\"\r\n"
#define TYPE(t)   "Content-Type: " t "\r\n"
#define SERVED    "Date: Sun, 06 Nov 1994 08:49:37 GMT\r\n"
#define MONDAY    "Mon, 31 Oct 1994 08:00:00 GMT"
#define CHANGED   "Last-Modified: " MONDAY "\r\n"
#define JUST_NOW  "Last-Modified: Sun, 06 Nov 1994 08:49:36 GMT\r\n"
#define LATER     "Last-Modified: Sun, 06 Nov 1994 08:00:00 GMT\r\n"
/* Only the first half of OLD. */
#define BROKEN(headers)      OK(LENGTH(20) headers, HALF)
#define WHOLE(headers, body) OK(LENGTH(20) headers, body)
#define RANGE                "bytes=10-"
/* A GIF of one pixel, of 43 bytes; the same with the last sub-block changed. */
#define GIF_HEAD "GIF89a\1~\1~\x80~~abcdef"
#define GIF_TAIL "!\xf9\4~~~~~,~~~~\1~\1~~\2\2\x44\1~;"
#define GIF      GIF_HEAD GIF_TAIL
#define BAD_TAIL "!\xf9\4~~~~~,~~~~\1~\1~~\2\7\x44\1~;"
#define CHUNKED  "Transfer-Encoding: chunked\r\n"
#define OVER     "0123456789abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ+-"

enum { MAX_BYTES = 60 };

enum { STEPS = 6 };

/* The server's answers, one for each connection, and the Range and If-Range that it expects of each
 * request after the first. */
static const struct script {
	const char *what, *answers[STEPS];
	const char *asked[STEPS]; /* "RANGE IF-RANGE"; NULL: neither */
	const char *kept;         /* NULL: download_failed, and no file */
	bool expired;
	const char *says; /* part of the message */
	int64_t wait_ms;  /* the least wait between the first two requests */
} scripts[] = {
    {"whole at once", {WHOLE(TAG("a"), OLD)}, .kept = OLD},
    {"only a length", {WHOLE("", OLD)}, .kept = OLD},
    {"resumed with the same tag",
        {BROKEN(TAG("a")), PART("10-19/20", LENGTH(10) TAG("a"), REST)},
        .asked = {NULL, RANGE " \"a\""}, .kept = OLD},
    {"resumed twice",
        {BROKEN(TAG("a")), PART("10-19/20", LENGTH(10) TAG("a"), "abc"),
            PART("13-19/20", LENGTH(7) TAG("a"), "defghij")},
        .asked = {NULL, RANGE " \"a\"", "bytes=13- \"a\""}, .kept = OLD},
    {"changed: the server sends a 200", {BROKEN(TAG("a")), WHOLE(TAG("b"), NEW)},
        .asked = {NULL, RANGE " \"a\""}, .kept = NEW},
    {"changed, and broken off again",
        {BROKEN(TAG("a")), OK(LENGTH(20) TAG("b"), "ABC"),
            PART("3-19/20", LENGTH(17) TAG("b"), "DEFGHIJKLMNOPQRST")},
        .asked = {NULL, RANGE " \"a\"", "bytes=3- \"b\""}, .kept = NEW},
    {"changed, and the server ignores If-Range",
        {BROKEN(TAG("a")), PART("10-19/20", LENGTH(10) TAG("b"), "KLMNOPQRST"),
            WHOLE(TAG("b"), NEW)},
        .asked = {NULL, RANGE " \"a\""}, .kept = NEW},
    {"a range without its tag",
        {BROKEN(TAG("a")), PART("10-19/20", LENGTH(10), "KLMNOPQRST"),
            WHOLE(TAG("b"), NEW)},
        .asked = {NULL, RANGE " \"a\""}, .kept = NEW},
    {"a range whose tag has become weak",
        {BROKEN(TAG("a")), PART("10-19/20", LENGTH(10) WEAK, "KLMNOPQRST"),
            WHOLE(TAG("b"), NEW)},
        .asked = {NULL, RANGE " \"a\""}, .kept = NEW},
    {"another length",
        {BROKEN(TAG("a")), PART("10-18/19", LENGTH(9) TAG("a"), "KLMNOPQRS"),
            WHOLE(TAG("b"), NEW)},
        .asked = {NULL, RANGE " \"a\""}, .kept = NEW},
    {"another type",
        {BROKEN(TAG("a") TYPE("video/mp4")),
            PART("10-19/20", LENGTH(10) TAG("a") TYPE("text/html"), "<p>sorry!!"),
            WHOLE(TAG("a") TYPE("video/mp4"), OLD)},
        .asked = {NULL, RANGE " \"a\""}, .kept = OLD},
    {"the same type, with other parameters and case",
        {BROKEN(TAG("a") TYPE("text/plain; charset=utf-8")),
            PART("10-19/20", LENGTH(10) TAG("a") TYPE("Text/Plain"), REST)},
        .asked = {NULL, RANGE " \"a\""}, .kept = OLD},
    {"a range that begins elsewhere",
        {BROKEN(TAG("a")), PART("9-19/20", LENGTH(11) TAG("a"), "9" REST),
            WHOLE(TAG("a"), OLD)},
        .asked = {NULL, RANGE " \"a\""}, .kept = OLD},
    {"a range without Content-Range",
        {BROKEN(TAG("a")), "HTTP/1.1 206 Part\r\n" LENGTH(10) TAG("a") "\r\n" REST,
            WHOLE(TAG("a"), OLD)},
        .asked = {NULL, RANGE " \"a\""}, .kept = OLD},
    {"a range longer than its Content-Range",
        {BROKEN(TAG("a")), PART("10-14/20", LENGTH(10) TAG("a"), REST),
            WHOLE(TAG("a"), OLD)},
        .asked = {NULL, RANGE " \"a\""}, .kept = OLD},
    {"a range shorter than its Content-Range",
        {BROKEN(TAG("a")), PART("10-19/20", LENGTH(5) TAG("a"), "abcde"),
            WHOLE(TAG("a"), OLD)},
        .asked = {NULL, RANGE " \"a\""}, .kept = OLD},
    {"ranges shorter than requested",
        {BROKEN(TAG("a")), PART("10-14/20", LENGTH(5) TAG("a"), "abcde"),
            PART("15-19/20", LENGTH(5) TAG("a"), "fghij")},
        .asked = {NULL, RANGE " \"a\"", "bytes=15- \"a\""}, .kept = OLD},
    {"a range without a total, which is known from before",
        {BROKEN(TAG("a")), PART("10-19/*", LENGTH(10) TAG("a"), REST)},
        .asked = {NULL, RANGE " \"a\""}, .kept = OLD},
    {"a range without a total, which is not known",
        {OK("Transfer-Encoding: chunked\r\n" TAG("a"), "a\r\n" HALF "\r\n5\r\n"),
            PART("10-19/*", LENGTH(10) TAG("a"), REST), WHOLE(TAG("a"), OLD)},
        .asked = {NULL, RANGE " \"a\""}, .kept = OLD},
    {"chunks that break off",
        {OK("Transfer-Encoding: chunked\r\n" TAG("a"), "a\r\n" HALF "\r\n5\r\n"),
            PART("10-19/20", LENGTH(10) TAG("a"), REST)},
        .asked = {NULL, RANGE " \"a\""}, .kept = OLD},
    {"a range that was not requested",
        {PART("0-9/20", LENGTH(10) TAG("a"), HALF),
            PART("10-19/20", LENGTH(10) TAG("a"), REST)},
        .asked = {NULL, RANGE " \"a\""}, .kept = OLD},
    {"the range is no longer there",
        {BROKEN(TAG("a")),
            "HTTP/1.1 416 No\r\nContent-Range: bytes */5\r\n" LENGTH(0) "\r\n",
            WHOLE(TAG("b"), NEW)},
        .asked = {NULL, RANGE " \"a\""}, .kept = NEW},
    {"no validator", {BROKEN(""), WHOLE("", NEW)}, .kept = NEW},
    {"a weak tag is no validator", {BROKEN(WEAK), WHOLE(WEAK, NEW)}, .kept = NEW},
    {"a malformed tag", {BROKEN("ETag: a\r\n"), WHOLE("", NEW)}, .kept = NEW},
    {"an old date is a validator",
        {BROKEN(SERVED CHANGED), PART("10-19/20", LENGTH(10) SERVED, REST)},
        .asked = {NULL, RANGE " " MONDAY}, .kept = OLD},
    {"the range has another date",
        {BROKEN(SERVED CHANGED), PART("10-19/20", LENGTH(10) LATER, "KLMNOPQRST"),
            WHOLE(SERVED LATER, NEW)},
        .asked = {NULL, RANGE " " MONDAY}, .kept = NEW},
    {"a recent date is no validator", {BROKEN(SERVED JUST_NOW), WHOLE("", NEW)},
        .kept = NEW},
    {"a date without the server's Date", {BROKEN(CHANGED), WHOLE("", NEW)}, .kept = NEW},
    {"a date beside a weak tag", {BROKEN(SERVED CHANGED WEAK), WHOLE("", NEW)},
        .kept = NEW},
    {"a redirect in the middle",
        {BROKEN(TAG("a")), "HTTP/1.1 302 Go\r\nLocation: ?\r\n" LENGTH(0) "\r\n",
            WHOLE(TAG("a"), OLD)},
        .asked = {NULL, RANGE " \"a\""}, .kept = OLD},
    {"503 in the middle",
        {BROKEN(TAG("a")), "HTTP/1.1 503 Wait\r\n" LENGTH(0) "\r\n",
            PART("10-19/20", LENGTH(10) TAG("a"), REST)},
        .asked = {NULL, RANGE " \"a\"", RANGE " \"a\""}, .kept = OLD},
    {"429 with a short Retry-After",
        {"HTTP/1.1 429 Wait\r\nRetry-After: 3\r\n" LENGTH(0) "\r\n", WHOLE("", OLD)},
        .kept = OLD, .wait_ms = 3000},
    {"503 with a Retry-After beyond the limit",
        {"HTTP/1.1 503 Wait\r\nRetry-After: 60\r\n" LENGTH(0) "\r\n"}, .kept = NULL},
    {"no answer at first", {"", WHOLE(TAG("a"), OLD)}, .kept = OLD},
    {"longer than its Content-Length", {WHOLE(TAG("a"), OLD "and more")}, .kept = OLD},
    {"ended by the connection's end", {OK("", OLD)}, .kept = OLD},
    {"ended by the connection's end, too early", {OK("", GIF_HEAD), OK("", GIF)},
        .kept = GIF},
    {"shorter than the file, with the length that it has",
        {OK(LENGTH(30), GIF), OK(LENGTH(43), GIF)}, .kept = GIF},
    {"damaged each time",
        {OK(LENGTH(43), GIF_HEAD BAD_TAIL), OK(LENGTH(43), GIF_HEAD BAD_TAIL),
            OK(LENGTH(43), GIF_HEAD BAD_TAIL), OK(LENGTH(43), GIF_HEAD BAD_TAIL)},
        .kept = NULL, .says = "ends too early"},
    {"a range of other bytes under the same tag",
        {OK(LENGTH(43) TAG("a"), GIF_HEAD),
            PART("19-42/43", LENGTH(24) TAG("a"), BAD_TAIL),
            OK(LENGTH(43) TAG("a"), GIF_HEAD), OK(LENGTH(43) TAG("a"), GIF)},
        .asked = {NULL, "bytes=19- \"a\""}, .kept = GIF},
    {"announced as too large", {OK(LENGTH(61), OVER)}, .says = "--max-bytes"},
    {"too large, by its range", {PART("0-9/61", LENGTH(10), HALF)},
        .says = "--max-bytes"},
    {"too large, in chunks", {OK(CHUNKED, "40\r\n" OVER "\r\n")}, .says = "--max-bytes"},
    {"too large, to the connection's end", {OK("", OVER)}, .says = "--max-bytes"},
    {"too large, by parts",
        {OK(CHUNKED TAG("a"), "a\r\n" HALF "\r\n5\r\n"), PART("10-99/*", TAG("a"), OVER)},
        .asked = {NULL, RANGE " \"a\""}, .says = "--max-bytes"},
    {"empty, then not", {OK(LENGTH(0), ""), WHOLE("", OLD)}, .kept = OLD},
    {"empty", {OK(LENGTH(0), ""), OK(LENGTH(0), ""), OK("", ""), OK(LENGTH(0), "")},
        .kept = NULL},
    {"another type of file",
        {OK(LENGTH(6), "%PDF-1"), OK(LENGTH(6), "%PDF-1"), OK(LENGTH(6), "%PDF-1"),
            OK(LENGTH(6), "%PDF-1")},
        .kept = NULL},
    {"expired", {"HTTP/1.1 403 No\r\n" LENGTH(0) "\r\n"}, .expired = true},
    {"expired in the middle",
        {BROKEN(TAG("a")), "HTTP/1.1 410 Gone\r\n" LENGTH(0) "\r\n"},
        .asked = {NULL, RANGE " \"a\""}, .expired = true},
    {"refused", {"HTTP/1.1 400 No\r\n" LENGTH(0) "\r\n"}, .kept = NULL},
    {"416 without a range in the request", {"HTTP/1.1 416 No\r\n" LENGTH(0) "\r\n"},
        .kept = NULL},
};

/* The server. The path of a request is the script's index. */

static void *connection(void *fd);

static struct loopback_server listening = {.connection = connection};
static struct {
	atomic_uint asked[N(scripts)];
	char *wanted[N(scripts)][STEPS]; /* the ranges that were asked for */
	int64_t at[N(scripts)][STEPS];   /* time of the request, in ms */
} server;

static char *
header(const char *head, const char *name)
{
	const char *at = strcasestr(head, name);

	return at != NULL ? mem_strn(at + strlen(name), strcspn(at + strlen(name), "\r"))
	                  : NULL;
}

static char *
range_of(const char *head)
{
	char *range = header(head, "\r\nRange: "), *tag = header(head, "\r\nIf-Range: ");
	char *both = range != NULL || tag != NULL
	                 ? mem_printf("%s %s", range != NULL ? range : "-",
	                       tag != NULL ? tag : "-")
	                 : NULL;

	free(range);
	free(tag);
	return both;
}

static int64_t
now_ms(void)
{
	struct timespec now;

	clock_gettime(CLOCK_MONOTONIC, &now);
	return (int64_t)now.tv_sec * 1000 + now.tv_nsec / 1000000;
}

static void *
connection(void *arg)
{
	int fd = (int)(intptr_t)arg;
	char head[4096] = "", rest[256];
	size_t len = 0;
	ssize_t n = 1;

	while (n > 0 && strstr(head, "\r\n\r\n") == NULL) {
		n = recv(fd, head + len, sizeof head - 1 - len, 0);
		len += n > 0 ? (size_t)n : 0;
	}
	if (n > 0) {
		unsigned long i = strtoul(strchr(head, '/') + 1, NULL, 10);
		unsigned step = server.asked[i]++;

		if (step < STEPS && scripts[i].answers[step] != NULL) {
			const char *answer = scripts[i].answers[step];

			server.wanted[i][step] = range_of(head);
			server.at[i][step] = now_ms();
			char *bytes = mem_str(answer);

			for (size_t k = 0; answer[k] != '\0'; k++)
				if (answer[k] == '~')
					bytes[k] = '\0';
			(void)send(fd, bytes, strlen(answer), MSG_NOSIGNAL);
			free(bytes);
		}
	}
	/* Shut down before closing, so that the client gets everything. */
	shutdown(fd, SHUT_WR);
	while (recv(fd, rest, sizeof rest, 0) > 0)
		;
	close(fd);
	return NULL;
}

/* The client runs one download for each script, all at once. */

struct fetch {
	bool over, expired;
	enum code code;
	char message[512];
	char *file;
	uint64_t bytes;
};

static char folder[] = "/tmp/download.XXXXXX";
static struct fetch fetches[N(scripts)];

static void
fetched(void *arg, const struct download_result *result)
{
	struct fetch *f = arg;

	assert_false(f->over);
	f->over = true;
	f->expired = result->expired;
	if (result->failure != NULL) {
		f->code = result->failure->err.code;
		snprintf(
		    f->message, sizeof f->message, "%s", result->failure->err.message);
		return;
	}
	f->file = mem_str(result->file);
	f->bytes = result->bytes;
}

static bool
never(void *unused)
{
	(void)unused;
	return false;
}

static int
fetch_all(void **unused)
{
	static char base[] = "http://127.0.0.1:1/v1";
	struct provider provider = {0};
	struct account account = {.provider = &provider, .base_url = base};
	struct engine engine = {.loop = loop_new(), .stopping = never};
	struct filetype *filetypes = filetype_new();
	struct json_object *types = json_new_object();
	char *template, ids[N(scripts)][8];

	(void)unused;
	signal(SIGPIPE, SIG_IGN);
	assert_non_null(mkdtemp(folder));
	template = mem_printf("%s/{id}.{ext}", folder);
	loopback_serve(&listening);
	json_put_str(types, "text/plain", "txt");
	json_put_str(types, "image/gif", "gif");
	engine.http = http_new(engine.loop,
	    &(struct http_options){.max_in_flight = N(scripts), .stall_seconds = 20});
	slots_init(&engine.slots, N(scripts), N(scripts));
	TAILQ_INIT(&engine.waiting);
	for (size_t i = 0; i < N(scripts); i++) {
		char *url = mem_printf("http://127.0.0.1:%d/%zu", listening.port, i);

		snprintf(ids[i], sizeof ids[i], "%zu", i);
		download_start(&engine,
		    &(struct download_spec){.account = &account,
		        .url = url,
		        .template = template,
		        .name = {.id = ids[i]},
		        .types = types,
		        .filetypes = filetypes,
		        .max_bytes = MAX_BYTES,
		        .timeout_ms = 60000},
		    fetched, &fetches[i]);
		free(url);
	}
	loop_run(engine.loop);
	http_free(engine.http);
	loop_free(engine.loop);
	filetype_free(filetypes);
	json_object_put(types);
	free(template);
	return 0;
}

static int
clean_up(void **unused)
{
	(void)unused;
	for (size_t i = 0; i < N(scripts); i++) {
		if (fetches[i].file != NULL)
			unlink(fetches[i].file);
		free(fetches[i].file);
		for (size_t k = 0; k < STEPS; k++)
			free(server.wanted[i][k]);
	}
	return rmdir(folder);
}

static const char *
or_none(const char *s)
{
	return s != NULL ? s : "nothing";
}

/* What is wrong with a download; "" if nothing is. The caller frees it. */
static char *
fault_of(size_t i)
{
	const struct script *s = &scripts[i];
	const struct fetch *f = &fetches[i];
	unsigned answers = 0;
	char kept[64] = "";
	int fd;

	while (answers < STEPS && s->answers[answers] != NULL)
		answers++;
	if (server.asked[i] != answers)
		return mem_printf("asked %u times, not %u; %s", (unsigned)server.asked[i],
		    answers, f->message);
	for (size_t k = 0; k < STEPS; k++)
		if (strcmp(or_none(server.wanted[i][k]), or_none(s->asked[k])) != 0)
			return mem_printf("asked for %s, not for %s",
			    or_none(server.wanted[i][k]), or_none(s->asked[k]));
	if (answers > 1 && server.at[i][1] - server.at[i][0] < s->wait_ms)
		return mem_str("asked again too soon");
	if (f->expired != s->expired)
		return mem_printf("expired: %d", f->expired);
	if (s->says != NULL && strstr(f->message, s->says) == NULL)
		return mem_printf("said %s", f->message);
	if (s->kept == NULL)
		return f->code == CODE_DOWNLOAD_FAILED ? mem_str("")
		                                       : mem_printf("code %d", f->code);
	if (f->file == NULL)
		return mem_printf("no file: %s", f->message);
	fd = open(f->file, O_RDONLY | O_CLOEXEC);
	if (fd < 0 || read(fd, kept, sizeof kept - 1) != (ssize_t)f->bytes)
		return mem_str("the file has another length than reported");
	close(fd);
	for (uint64_t k = 0; k < f->bytes; k++)
		if (kept[k] == '\0')
			kept[k] = '~';
	return strcmp(kept, s->kept) == 0 ? mem_str("") : mem_printf("kept %s", kept);
}

static void
each_script_ends_as_expected(void **unused)
{
	unsigned wrong = 0;

	(void)unused;
	for (size_t i = 0; i < N(scripts); i++) {
		char *said = fault_of(i);

		if (*said != '\0')
			print_message("# %s: %s\n", scripts[i].what, said);
		wrong += *said != '\0';
		free(said);
	}
	assert_int_equal(wrong, 0);
}

static void
no_other_file_is_left(void **unused)
{
	DIR *dir = opendir(folder);
	size_t kept = 0, found = 0;
	struct dirent *entry;

	(void)unused;
	assert_non_null(dir);
	for (size_t i = 0; i < N(scripts); i++)
		kept += fetches[i].file != NULL;
	while ((entry = readdir(dir)) != NULL)
		if (strcmp(entry->d_name, ".") != 0 && strcmp(entry->d_name, "..") != 0)
			found++;
	closedir(dir);
	assert_int_equal(found, kept);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(each_script_ends_as_expected),
	    cmocka_unit_test(no_other_file_is_left),
	};

	return cmocka_run_group_tests(tests, fetch_all, clean_up);
}
