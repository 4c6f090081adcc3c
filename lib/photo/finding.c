#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "base/utf8.h"
#include "photo/finding.h"

void
findings_clear(struct findings *fs)
{
	fs->n = fs->n_dropped = 0;
}

void
findings_copy(struct findings *to, const struct findings *from)
{
	to->n = from->n;
	to->n_dropped = from->n_dropped;
	memcpy(to->list, from->list, from->n * sizeof *to->list);
}

/* Where the next finding goes; NULL: the list is full of findings as severe. */
static struct finding *
next_slot(struct findings *fs, enum severity severity)
{
	if (fs->n < FINDINGS_MAX)
		return &fs->list[fs->n++];
	fs->n_dropped++;
	for (unsigned i = 0; i < fs->n; i++)
		if (fs->list[i].severity < severity)
			return &fs->list[i];
	return NULL;
}

static void
copy(char *to, size_t size, const char *from)
{
	snprintf(to, size, "%s", from != NULL ? from : "");
	utf8_cut(to);
}

void
finding_add(struct findings *fs, enum code code, enum severity severity, const char *got,
    const char *wanted, const char *fix, const char *fmt, ...)
{
	struct finding *f = next_slot(fs, severity);
	va_list ap;

	if (f == NULL)
		return;
	memset(f, 0, sizeof *f);
	f->code = code;
	f->severity = severity;
	copy(f->got, sizeof f->got, got);
	copy(f->wanted, sizeof f->wanted, wanted);
	copy(f->fix, sizeof f->fix, fix);
	va_start(ap, fmt);
	vsnprintf(f->message, sizeof f->message, fmt, ap);
	va_end(ap);
	utf8_cut(f->message);
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

const char *
severity_name(enum severity severity)
{
	static const char *const names[] = {"note", "risky", "refused"};

	return names[severity];
}

static bool
check_text(char *s, size_t size)
{
	size_t len = strnlen(s, size);

	if (len < size && utf8_valid(s, len))
		return true;
	s[0] = '\0';
	return false;
}

bool
findings_valid(struct findings *fs)
{
	bool ok = fs->n <= FINDINGS_MAX;

	if (!ok)
		fs->n = 0;
	for (unsigned i = 0; i < fs->n; i++) {
		struct finding *f = &fs->list[i];
		if ((unsigned)f->code == CODE_NONE || (unsigned)f->code >= CODE_COUNT ||
		    (unsigned)f->severity > SEVERITY_REFUSED) {
			fs->n = i;
			return false;
		}
		ok &= check_text(f->message, sizeof f->message);
		ok &= check_text(f->got, sizeof f->got);
		ok &= check_text(f->wanted, sizeof f->wanted);
		ok &= check_text(f->fix, sizeof f->fix);
	}
	return ok;
}
