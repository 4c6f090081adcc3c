#include <ctype.h>
#include <stdlib.h>
#include <string.h>

#include "base/buf.h"
#include "base/codes.h"
#include "base/mem.h"
#include "base/shell.h"
#include "program/hint.h"

#define RETRY " --retry-failed"

enum { STAGES = 8 };

struct pipe {
	const struct seat *lines;
	size_t n;
	const char *file; /* of the records, as a shell reads it */
};

/* Appends text with each `from` replaced. */
static void
add_replaced(struct buf *out, const char *text, const char *from, const char *to)
{
	const char *at;

	for (; (at = strstr(text, from)) != NULL; text = at + strlen(from)) {
		buf_add(out, text, (size_t)(at - text));
		buf_str(out, to);
	}
	buf_str(out, text);
}

/* The hint of the code for this provider. The caller frees it. */
static char *
text_of(const struct seat_reason *r)
{
	enum code code = r->finding != CODE_NONE ? r->finding : r->code;
	const char *provider = *r->provider != '\0' ? r->provider : "PROVIDER";
	char *prefix = mem_printf("%s_", provider);
	struct buf named = {0}, out = {0};

	for (char *p = prefix; *p != '\0'; p++)
		*p = isalnum((unsigned char)*p) ? (char)toupper((unsigned char)*p) : '_';
	if (*r->provider == '\0')
		memcpy(prefix, "NAME_", sizeof "NAME_");
	add_replaced(&named, code_info(code)->hint, "NAME_", prefix);
	add_replaced(&out, named.data, "PROVIDER", provider);
	buf_release(&named);
	free(prefix);
	return buf_take(&out);
}

/* The place of a step in a pipe, or -1. */
static int
place_of(const char *step)
{
	static const char *const steps[] = {
	    "fetch", "validate", "fit", "upload", "poll", "render"};

	for (int i = 0; i < (int)(sizeof steps / sizeof *steps); i++)
		if (strcmp(steps[i], step) == 0)
			return i;
	return -1;
}

/* The place of the last step of the pipe. */
static int
furthest(const struct pipe *p)
{
	int most = -1;

	for (size_t i = 0; i < p->n; i++)
		if (place_of(p->lines[i].step) > most)
			most = place_of(p->lines[i].step);
	return most;
}

/* The step of a stage of a command: "upload" of "av-upload ...", or "". */
static void
step_of(const char *stage, char step[16])
{
	size_t len = strncmp(stage, "av-", 3) == 0 ? strcspn(stage + 3, " ") : 0;

	if (len > 15)
		len = 0;
	memcpy(step, stage + (len > 0 ? 3 : 0), len);
	step[len] = '\0';
}

/* Appends a stage, with the options that its program had in this pipe. */
static void
add_stage(const struct pipe *p, struct buf *out, const char *stage)
{
	const struct seat *line = NULL;
	char step[16];

	if (out->len > 0)
		buf_str(out, " | ");
	step_of(stage, step);
	for (size_t i = 0; i < p->n; i++)
		if (strcmp(p->lines[i].step, step) == 0)
			line = &p->lines[i];
	/* The options of av-fit, and a template of names, are what the hint is about. */
	if (line == NULL || *line->options == '\0' || strcmp(step, "fit") == 0 ||
	    strchr(stage, '{') != NULL) {
		add_replaced(out, stage, HINT_RECORDS, p->file);
		return;
	}
	buf_printf(out, "av-%s%s", step, strstr(stage, RETRY) != NULL ? RETRY : "");
	add_replaced(out, line->options, RETRY, "");
}

/* Splits a command into its stages, and removes the "<done.jsonl". */
static size_t
split(char *command, char *stages[STAGES], bool *reads)
{
	size_t n = 0;

	*reads = false;
	while (command != NULL && n < STAGES) {
		char *end = strstr(command, " | "), *redirect;

		if (end != NULL)
			*end = '\0';
		redirect = strstr(command, " <" HINT_RECORDS);
		if (redirect != NULL)
			*redirect = '\0';
		*reads = *reads || redirect != NULL;
		stages[n++] = command;
		command = end != NULL ? end + 3 : NULL;
	}
	return n;
}

/* Makes the command for this pipe. The caller frees it. */
static char *
fit_command(const struct pipe *p, const char *text, const char *failed)
{
	char *copy = mem_str(text), *stages[STAGES + 1], step[16];
	char *begin = mem_printf("av-%s" RETRY, failed);
	bool reads, retries = strstr(text, RETRY) != NULL && place_of(failed) >= 0;
	size_t n = split(copy, stages + 1, &reads) + 1, first = 1;
	struct buf out = {0};

	while (retries && first < n && strncmp(stages[first], begin, strlen(begin)) != 0)
		first++;
	if (first == n) { /* the hint begins with a later step */
		stages[0] = begin;
		first = 0;
	}
	for (size_t i = first; i < n; i++) {
		step_of(stages[i], step);
		if (i > first && place_of(step) > furthest(p))
			continue;
		add_stage(p, &out, stages[i]);
		if (i == first && reads)
			buf_printf(&out, " <%s", p->file);
	}
	free(copy);
	free(begin);
	return buf_take(&out);
}

void
hint_records(struct buf *out, const struct seat *last)
{
	shell_word(out, *last->file != '\0' ? last->file : HINT_RECORDS);
}

void
hint_init(struct hint *hint, const struct seat_reason *reason, const struct seat *lines,
    size_t n)
{
	char *text = text_of(reason), *command = strstr(text, "$ ");
	size_t len = command != NULL ? (size_t)(command - text) : strlen(text);
	struct pipe p = {.lines = lines, .n = n};
	struct buf file = {0};

	hint_records(&file, &lines[n - 1]);
	p.file = file.data;
	while (len > 0 && text[len - 1] == ' ')
		len--;
	hint->words = mem_strn(text, len);
	hint->command =
	    command != NULL ? fit_command(&p, command + 2, reason->step) : mem_str("");
	hint->has_records = strstr(hint->command, p.file) != NULL;
	buf_release(&file);
	free(text);
}

void
hint_release(struct hint *hint)
{
	free(hint->words);
	free(hint->command);
}

bool
hint_equal(const struct hint *a, const struct hint *b)
{
	return strcmp(a->words, b->words) == 0 && strcmp(a->command, b->command) == 0;
}
