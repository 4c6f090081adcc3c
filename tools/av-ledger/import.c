#include <fcntl.h>
#include <poll.h>
#include <stdio.h>
#include <string.h>
#include <sysexits.h>
#include <time.h>
#include <unistd.h>

#include "base/err.h"
#include "commands.h"
#include "os/lines.h"
#include "json/json.h"

enum {
	LINE_MAX_BYTES = 16 << 20,
	BATCH = 5000, /* entries imported in one transaction */
};

/* Reads a time such as "2026-11-21T23:02:17.123Z" as ms since 1970; 0 if it is absent. False: the
 * value is not a time. */
static bool
get_time(struct json_object *o, const char *pointer, int64_t *at)
{
	const char *text = json_str(o, pointer), *rest;
	struct tm tm = {0};
	int ms = 0, used = 0;

	*at = 0;
	if (json_at(o, pointer) == NULL)
		return true;
	rest = text != NULL ? strptime(text, "%Y-%m-%dT%H:%M:%S", &tm) : NULL;
	if (rest == NULL)
		return false;
	if (strcmp(rest, "Z") != 0 &&
	    (sscanf(rest, ".%3dZ%n", &ms, &used) != 1 || used != 5 || rest[used] != '\0'))
		return false;
	*at = (int64_t)timegm(&tm) * 1000 + ms;
	return true;
}

/* True if the entry has every required text. */
static bool
is_complete(const struct ledger_entry *n)
{
	return n->key != NULL && n->state != NULL && n->operation != NULL &&
	       n->provider != NULL && n->base != NULL && n->account != NULL &&
	       n->subject != NULL && n->tag != NULL;
}

static int
import_line(struct ledger *l, const struct line *line, struct err *e)
{
	struct json_object *o = NULL;
	struct buf options = {0}, data = {0};
	struct ledger_entry n;
	int rc;

	if (line->too_long)
		return err_set(e, CODE_RECORD_TOO_LONG, "the line is longer than 16 MiB");
	if ((o = json_parse(line->text, line->len, e)) == NULL) {
		e->code = CODE_INVALID_RECORD;
		return -1;
	}
	json_write(&options, json_at(o, "/options"));
	if (json_at(o, "/data") != NULL)
		json_write(&data, json_at(o, "/data"));
	n = (struct ledger_entry){.key = json_str(o, "/key"),
	    .state = json_str(o, "/state"),
	    .operation = json_str(o, "/operation"),
	    .provider = json_str(o, "/provider"),
	    .base = json_str(o, "/base_url"),
	    .account = json_str(o, "/account"),
	    .subject = json_str(o, "/subject"),
	    .name = json_str(o, "/name"),
	    .sent_name = json_str(o, "/sent_name"),
	    .options = options.data,
	    .id = json_str(o, "/id"),
	    .data = data.data,
	    .tag = json_str(o, "/tag"),
	    .file = json_str(o, "/file"),
	    .unit = json_str(o, "/cost/unit"),
	    .amount = json_num(o, "/cost/amount", 0),
	    .clock_offset = json_int(o, "/clock_offset_ms", 0)};
	if (is_complete(&n) && get_time(o, "/first_at", &n.first_at) &&
	    get_time(o, "/at", &n.at) && get_time(o, "/settled_at", &n.settled_at))
		rc = ledger_import(l, &n, e);
	else
		rc = err_set(e, CODE_INVALID_RECORD,
		    "the line is not a ledger entry: a member is missing or of another type");
	buf_release(&options);
	buf_release(&data);
	json_object_put(o);
	return rc;
}

struct counts {
	long line, entered, known, refused, pending;
};

static void
import_lines(struct ledger *l, struct lines *lines, const char *name, struct counts *c)
{
	struct line line;
	struct err e;

	while (c->pending < BATCH && lines_next(lines, &line)) {
		int rc;

		c->line++;
		if (line.len == 0)
			continue;
		rc = import_line(l, &line, &e);
		if (rc < 0 && code_info(e.code)->retryable)
			err_die(&e);
		if (rc < 0)
			warn("%s:%ld: %s", name, c->line, e.message);
		c->entered += rc > 0;
		c->known += rc == 0;
		c->refused += rc < 0;
		c->pending++;
	}
}

static bool
would_block(int fd)
{
	struct pollfd p = {.fd = fd, .events = POLLIN};

	return poll(&p, 1, 0) == 0;
}

/* Imports lines in one transaction. The transaction ends before a read would block, so that other
 * processes can write meanwhile. */
static void
import_batch(struct ledger *l, struct lines *lines, const char *name, struct counts *c)
{
	struct err e;

	c->pending = 0;
	if (ledger_begin(l, &e) < 0)
		err_die(&e);
	import_lines(l, lines, name, c);
	while (c->pending < BATCH && !lines->eof && !would_block(lines->fd)) {
		if (lines_read(lines) < 0)
			die(EX_NOINPUT, "cannot read '%s':", name);
		import_lines(l, lines, name, c);
	}
	if (ledger_commit(l, &e) < 0)
		err_die(&e);
}

static void
import_file(struct ledger *l, int fd, const char *name, struct counts *c)
{
	struct lines lines;

	lines_init(&lines, fd, '\n', LINE_MAX_BYTES);
	c->line = c->pending = 0;
	while (!lines.eof || c->pending == BATCH) {
		/* A full batch may leave lines in memory. */
		if (c->pending < BATCH && lines_read(&lines) < 0)
			die(EX_NOINPUT, "cannot read '%s':", name);
		import_batch(l, &lines, name, c);
	}
	lines_release(&lines);
}

int
import_entries(struct ledger *l, const struct options *o, char **files)
{
	struct counts c = {0};

	(void)o;
	for (char **file = files; *file != NULL; file++)
		if (access(*file, R_OK) < 0)
			die(EX_NOINPUT, "cannot open '%s':", *file);
	if (*files == NULL)
		import_file(l, STDIN_FILENO, "stdin", &c);
	for (; *files != NULL; files++) {
		int fd = open(*files, O_RDONLY | O_CLOEXEC);
		if (fd < 0)
			die(EX_NOINPUT, "cannot open '%s':", *files);
		import_file(l, fd, *files, &c);
		close(fd);
	}
	printf("{\"entered\":%ld,\"known\":%ld,\"refused\":%ld}\n", c.entered, c.known,
	    c.refused);
	return c.refused > 0 ? EX_DATAERR : 0;
}
