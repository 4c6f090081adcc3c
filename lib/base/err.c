#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/err.h"
#include "base/utf8.h"

static int level;
static const char *(*lead)(void);

enum { LINE_BYTES = 8192 }; /* a sign-in URL may be long */

static _Thread_local char last_said[LINE_BYTES];

/* Formats into buf, and appends strerror when the format ends in ':'. Each message passes
 * here, so this is where text from files, services, options and the environment is made
 * safe for terminals and records. */
static void
format(char *buf, size_t size, const char *fmt, va_list ap)
{
	char text[LINE_BYTES];
	int saved = errno;
	int n = vsnprintf(text, sizeof text, fmt, ap);
	size_t len = strlen(fmt);

	if (n < 0 || (size_t)n >= sizeof text)
		utf8_cut(text);
	else if (len > 0 && fmt[len - 1] == ':')
		snprintf(text + n, sizeof text - (size_t)n, " %s", strerror(saved));
	utf8_show(buf, size, text);
}

/* Prints a message unless the level is lower than the one needed. */
static void
print_line(int needed, const char *name, const char *fmt, va_list ap)
{
	char message[LINE_BYTES];

	if (level < needed)
		return;
	format(message, sizeof message, fmt, ap);
	snprintf(last_said, sizeof last_said, "%s", message);
	fprintf(
	    stderr, "%s%s%s%s\n", err_lead(), name, *name != '\0' ? ": " : "", message);
}

bool
err_passes(int number)
{
	static const int passing[] = {EMFILE, ENFILE, ENOMEM, EIO, ESTALE, ENOLCK, EAGAIN,
	    EINTR, EBUSY, ENOBUFS, EDEADLK, ETIMEDOUT, EREMOTEIO, EHOSTDOWN, EHOSTUNREACH,
	    ENETDOWN, ENETUNREACH, ENOTCONN, ECONNRESET, ECONNABORTED};

	for (size_t i = 0; i < sizeof passing / sizeof *passing; i++)
		if (number == passing[i])
			return true;
	return false;
}

const char *
err_after_write(int number)
{
	switch (number) {
	case ENOSPC:
	case EDQUOT:
		return "free some space, then run the same line again";
	case EFBIG:
		return "raise the limit on the size of files (ulimit -f), then run the same "
		       "line again";
	}
	return "run the same line again";
}

int
err_set(struct err *e, enum code code, const char *fmt, ...)
{
	size_t len = strlen(fmt);
	va_list ap;

	va_start(ap, fmt);
	e->code = code;
	if (len > 0 && fmt[len - 1] == ':' && err_passes(errno))
		e->code = errno == EMFILE || errno == ENFILE ? CODE_TOO_MANY_FILES
		                                             : CODE_MACHINE_FAILED;
	format(e->message, sizeof e->message, fmt, ap);
	va_end(ap);
	return -1;
}

int
err_prefix(struct err *e, const char *fmt, ...)
{
	char text[sizeof e->message];
	va_list ap;

	va_start(ap, fmt);
	format(text, sizeof text, fmt, ap);
	va_end(ap);
	return err_set(e, e->code, "%s%s", text, e->message);
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
	print_line(0, program_invocation_short_name, fmt, ap);
	va_end(ap);
}

void
note(const char *fmt, ...)
{
	va_list ap;

	va_start(ap, fmt);
	print_line(1, program_invocation_short_name, fmt, ap);
	va_end(ap);
}

void
say(const char *fmt, ...)
{
	va_list ap;

	va_start(ap, fmt);
	print_line(-1, "", fmt, ap);
	va_end(ap);
}

bool
err_said(const char *text)
{
	return strstr(last_said, text) != NULL;
}

void
err_set_lead(const char *(*fn)(void))
{
	lead = fn;
}

const char *
err_lead(void)
{
	return lead != NULL ? lead() : "";
}

void
die(int status, const char *fmt, ...)
{
	va_list ap;

	va_start(ap, fmt);
	print_line(-1, program_invocation_short_name, fmt, ap);
	va_end(ap);
	exit(status);
}

void
err_die(const struct err *e)
{
	die(code_exit_status(e->code, code_info(e->code)->retryable), "%s", e->message);
}
