#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/err.h"
#include "base/utf8.h"

static int level;
static bool status_shown;

/* Formats into buf; appends strerror when the format ends in ':'. */
static void
format(char *buf, size_t size, const char *fmt, va_list ap)
{
	int saved = errno;
	int n = vsnprintf(buf, size, fmt, ap);
	size_t len = strlen(fmt);

	if (n >= 0 && (size_t)n < size && len > 0 && fmt[len - 1] == ':')
		snprintf(buf + n, size - (size_t)n, " %s", strerror(saved));
	utf8_cut(buf);
}

/* Prints a message unless the level is lower than the one needed. */
static void
say(int needed, const char *fmt, va_list ap)
{
	char message[2048];

	if (level < needed)
		return;
	format(message, sizeof message, fmt, ap);
	err_status("%s", "");
	fprintf(stderr, "%s: %s\n", program_invocation_short_name, message);
}

int
err_set(struct err *e, enum code code, const char *fmt, ...)
{
	va_list ap;

	va_start(ap, fmt);
	e->code = code;
	format(e->message, sizeof e->message, fmt, ap);
	va_end(ap);
	return -1;
}

int
err_prefix(struct err *e, const char *fmt, ...)
{
	struct err old = *e;
	va_list ap;
	size_t len;

	va_start(ap, fmt);
	vsnprintf(e->message, sizeof e->message, fmt, ap);
	va_end(ap);
	len = strlen(e->message);
	snprintf(e->message + len, sizeof e->message - len, "%s", old.message);
	utf8_cut(e->message);
	return -1;
}

void
err_set_level(int new_level)
{
	level = new_level;
}

int
err_level(void)
{
	return level;
}

void
warn(const char *fmt, ...)
{
	va_list ap;

	va_start(ap, fmt);
	say(0, fmt, ap);
	va_end(ap);
}

void
note(const char *fmt, ...)
{
	va_list ap;

	va_start(ap, fmt);
	say(1, fmt, ap);
	va_end(ap);
}

void
err_status(const char *fmt, ...)
{
	char line[256];
	va_list ap;

	va_start(ap, fmt);
	vsnprintf(line, sizeof line, fmt, ap);
	va_end(ap);
	if (line[0] != '\0' || status_shown)
		fprintf(stderr, "\r%s\033[K", line);
	status_shown = line[0] != '\0';
}

void
die(int status, const char *fmt, ...)
{
	va_list ap;

	va_start(ap, fmt);
	say(-1, fmt, ap);
	va_end(ap);
	exit(status);
}

void
err_die(const struct err *e)
{
	die(code_exit_status(e->code, code_info(e->code)->retryable), "%s", e->message);
}
