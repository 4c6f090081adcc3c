#include <fcntl.h>
#include <linux/magic.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/inotify.h>
#include <sys/stat.h>
#include <sys/vfs.h>
#include <unistd.h>

#include "events.h"
#include "json/json.h"
#include "json/rec.h"

#define LINE_MAX ((size_t)1 << 20)

static void on_ready(void *arg, int fd, uint32_t what);

static void
hint(struct events *events, const char *provider, const char *id)
{
	if (provider != NULL && id != NULL)
		poller_hint(events->poller, hints_hash(provider, id));
}

static void
warn_once(struct events *events, const char *what)
{
	if (!events->warned)
		warn("%s: %s", events->file, what);
	events->warned = true;
}

/* Takes the ids of a record. */
static void
take(struct events *events, const struct line *line)
{
	struct err e;
	struct rec *rec = line->too_long ? NULL : rec_parse(line->text, line->len, &e);
	struct json_object *all;
	const char *provider;

	if (rec == NULL) {
		warn_once(events, "not all lines are records of av-listen");
		return;
	}
	if (rec_failed(rec))
		warn("%s: %s", events->file, json_str(rec_get(rec, "error"), "/message"));
	provider = rec_str(rec, "provider");
	hint(events, provider, json_str(rec_get(rec, "avatar"), "/id"));
	all = rec_get(rec, "renderings");
	for (size_t i = 0; i < json_len(all); i++)
		hint(events, provider, json_str(json_item(all, i), "/id"));
	rec_free(rec);
}

/* Opens the file and watches it. */
static int
start(struct events *events)
{
	bool is_stdin = strcmp(events->file, "-") == 0;
	int fd = is_stdin
	             ? STDIN_FILENO
	             : open(events->file, O_RDONLY | O_NONBLOCK | O_CLOEXEC | O_NOCTTY);
	struct loop *loop = events->poller->engine->loop;
	struct stat st;

	if (fd < 0)
		return -1;
	lines_init(&events->lines, fd, '\n', LINE_MAX);
	if (fstat(fd, &st) < 0 || !S_ISREG(st.st_mode)) {
		loop_watch(loop, fd, EPOLLIN, on_ready, events);
		return 0;
	}
	events->changes = is_stdin ? -1 : inotify_init1(IN_CLOEXEC | IN_NONBLOCK);
	if (events->changes >= 0 &&
	    inotify_add_watch(events->changes, events->file, IN_MODIFY) >= 0)
		loop_watch(loop, events->changes, EPOLLIN, on_ready, events);
	on_ready(events, events->changes, EPOLLIN);
	return 0;
}

static void
end(struct events *events)
{
	struct loop *loop = events->poller->engine->loop;

	if (events->lines.fd >= 0)
		loop_unwatch(loop, events->lines.fd);
	if (events->changes >= 0) {
		loop_unwatch(loop, events->changes);
		close(events->changes);
	}
	if (events->lines.fd > STDIN_FILENO)
		close(events->lines.fd);
	lines_release(&events->lines);
	events->lines.fd = events->changes = -1;
	events->since[0] = '\0';
}

/* True for a fifo, which has a name, so that another writer may open it. */
static bool
has_name(int fd)
{
	struct statfs fs;

	return fd != STDIN_FILENO && fstatfs(fd, &fs) == 0 && fs.f_type != PIPEFS_MAGIC;
}

/* The writer has ended: asks as usual, until there is another one. */
static void
start_again(struct events *events)
{
	bool again = has_name(events->lines.fd);

	end(events);
	poller_hints_over(events->poller);
	note("%s: the events have ended; asking as usual", events->file);
	if (again && start(events) < 0)
		warn("cannot open '%s' again:", events->file);
}

static void
on_ready(void *arg, int fd, uint32_t what)
{
	struct events *events = arg;
	bool grows = fd != events->lines.fd;
	struct line line;
	char changes[4096];
	ssize_t n;
	size_t had;

	(void)what;
	if (grows && fd >= 0)
		(void)!read(fd, changes, sizeof changes);
	do {
		had = events->lines.buf.len - events->lines.at;
		n = lines_read(&events->lines);
		if (n < 0) {
			warn("cannot read '%s':", events->file);
			end(events);
			poller_hints_over(events->poller);
			return;
		}
		n = (ssize_t)(events->lines.buf.len - had);
		if (grows || n > 0) /* a last line without its end may grow */
			events->lines.eof = false;
		while (!events->lines.eof && lines_next(&events->lines, &line))
			if (line.len > 0)
				take(events, &line);
			else if (!grows)
				clock_write(events->since, clock_unix_ms());
	} while (grows && n > 0);
	if (events->lines.eof)
		start_again(events);
}

int
events_open(struct events *events, const char *file, struct poller *poller, struct err *e)
{
	*events = (struct events){.poller = poller, .file = file, .changes = -1};
	poller_expect_hints(poller);
	if (start(events) < 0)
		return err_set(e, CODE_INPUT_UNREADABLE, "cannot open '%s':", file);
	return 0;
}

void
events_close(struct events *events)
{
	if (events->poller == NULL)
		return;
	end(events);
}
