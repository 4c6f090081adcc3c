#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "base/utf8.h"
#include "photo/finding.h"

void
findings_copy(struct findings *to, const struct findings *from)
{
	to->n = from->n;
	memcpy(to->list, from->list, from->n * sizeof *to->list);
}

/* The place of the next finding: a free one, or that of a less severe finding; or NULL. */
static struct finding *
next_slot(struct findings *fs, enum severity severity)
{
	if (fs->n < FINDINGS_MAX)
		return &fs->list[fs->n++];
	for (unsigned i = 0; i < fs->n; i++)
		if (fs->list[i].severity < severity)
			return &fs->list[i];
	return NULL;
}

void
finding_add(struct findings *fs, enum code code, enum severity severity, const char *got,
    const char *wanted, const char *fix, const char *fmt, ...)
{
	struct finding *f = next_slot(fs, severity);
	char message[1024];
	va_list ap;

	if (f == NULL)
		return;
	memset(f, 0, sizeof *f);
	f->code = code;
	f->severity = severity;
	utf8_show(f->got, sizeof f->got, got != NULL ? got : "");
	utf8_show(f->wanted, sizeof f->wanted, wanted != NULL ? wanted : "");
	utf8_show(f->fix, sizeof f->fix, fix != NULL ? fix : "");
	va_start(ap, fmt);
	vsnprintf(message, sizeof message, fmt, ap);
	va_end(ap);
	utf8_cut(message);
	utf8_show(f->message, sizeof f->message, message);
}

const struct finding *
finding_get(const struct findings *fs, enum code code)
{
	for (unsigned i = 0; i < fs->n; i++)
		if (fs->list[i].code == code)
			return &fs->list[i];
	return NULL;
}

enum severity
findings_worst(const struct findings *fs)
{
	enum severity worst = SEVERITY_NOTE;

	for (unsigned i = 0; i < fs->n; i++)
		if (fs->list[i].severity > worst)
			worst = fs->list[i].severity;
	return worst;
}

const struct finding *
findings_refusal(const struct findings *fs)
{
	for (unsigned i = 0; i < fs->n; i++)
		if (fs->list[i].severity == SEVERITY_REFUSED)
			return &fs->list[i];
	return NULL;
}

const char *
severity_name(enum severity severity)
{
	static const char *const names[] = {"note", "risky", "refused"};

	return names[severity];
}
