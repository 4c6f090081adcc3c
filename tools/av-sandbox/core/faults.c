#include <ctype.h>
#include <stdlib.h>
#include <string.h>

#include "base/mem.h"
#include "core/faults.h"
#include "core/util.h"

static const struct {
	const char *prefix;
	enum scope scope;
} scopes[] = {{"poll-", POLL}, {"list-", LIST}, {"read-", READ}, {"token-", TOKEN},
    {"media-", MEDIA}, {"event-", EVENT}};

static const struct fault kinds[] = {
    {.spec = "lost", .kind = FAULT_LOST},
    {.spec = "lost-before", .kind = FAULT_LOST},
    {.spec = "lost-after", .kind = FAULT_LOST, .after = true},
    {.spec = "close-idle", .kind = FAULT_LOST, .reused_only = true},
    {.spec = "late", .kind = FAULT_LATE},
    {.spec = "reset", .kind = FAULT_RESET},
    {.spec = "stall", .kind = FAULT_STALL, .after = true},
    {.spec = "stall-before", .kind = FAULT_STALL},
    {.spec = "stall-body", .kind = FAULT_STALL_BODY, .after = true},
    {.spec = "truncated", .kind = FAULT_TRUNCATED, .after = true},
    {.spec = "garbage", .kind = FAULT_GARBAGE, .after = true},
    {.spec = "redirect", .kind = FAULT_STATUS, .status = 302},
    {.spec = "doubled", .kind = FAULT_DOUBLED},
    {.spec = "forged", .kind = FAULT_FORGED},
    {.spec = "reordered", .kind = FAULT_REORDERED},
};

static struct fault *rules;
static size_t count;
static unsigned long seen[SERVICES][SCOPES], seen_all[SCOPES];

/* Reads "503", "503-before" or "503-after". */
static bool
read_status(const char *kind, struct fault *f)
{
	char *end;
	unsigned long status = strtoul(kind, &end, 10);

	if (!isdigit((unsigned char)*kind) || status < 300 || status > 599)
		return false;
	f->kind = FAULT_STATUS;
	f->status = (unsigned)status;
	f->after = strcmp(end, "-after") == 0;
	return f->after || *end == '\0' || strcmp(end, "-before") == 0;
}

static bool
read_kind(const char *kind, struct fault *f)
{
	for (size_t i = 0; i < sizeof scopes / sizeof *scopes; i++) {
		size_t len = strlen(scopes[i].prefix);

		if (strncmp(kind, scopes[i].prefix, len) == 0) {
			f->scope = scopes[i].scope;
			kind += len;
			break;
		}
	}
	for (size_t i = 0; i < sizeof kinds / sizeof *kinds; i++)
		if (strcmp(kind, kinds[i].spec) == 0) {
			f->kind = kinds[i].kind;
			f->status = kinds[i].status;
			f->after = kinds[i].after;
			f->reused_only = kinds[i].reused_only;
			return true;
		}
	return read_status(kind, f);
}

/* Can it happen to requests of its scope? */
static bool
fits(const struct fault *f)
{
	if (f->scope == EVENT)
		return f->kind >= FAULT_DOUBLED || f->kind == FAULT_LATE ||
		       (f->kind == FAULT_LOST && !f->after && !f->reused_only);
	return f->kind < FAULT_DOUBLED;
}

/* Reads what follows the kind: "[@NAME]=RATE" or "[@NAME]#N". */
static bool
read_when(const char *s, struct fault *f)
{
	char *end;

	if (*s == '@') {
		size_t len = strcspn(s + 1, "=#");

		f->service = service_no(s + 1, len);
		if (f->service < 0)
			return false;
		s += 1 + len;
	}
	if (*s == '=') {
		f->rate = strtod(s + 1, &end);
		return end > s + 1 && *end == '\0' && f->rate >= 0 && f->rate <= 1;
	}
	if (*s != '#' || !isdigit((unsigned char)s[1]))
		return false;
	f->nth = strtoul(s + 1, &end, 10);
	return *end == '\0' && f->nth > 0;
}

static bool
add(const char *spec)
{
	struct fault f = {.spec = spec, .scope = PAID, .service = -1};
	size_t len = strcspn(spec, "@=#");
	char *kind = mem_strn(spec, len);
	bool ok = read_kind(kind, &f) && fits(&f) && read_when(spec + len, &f);

	free(kind);
	if (ok)
		rules[count++] = f;
	return ok;
}

const char *
faults_read(void)
{
	rules = mem_new(opts.faults_n, sizeof *rules);
	for (size_t i = 0; i < opts.faults_n; i++)
		if (!add(opts.faults[i]))
			return opts.faults[i];
	return NULL;
}

const struct fault *
fault_pick(enum service_no service, enum scope scope, bool reused)
{
	unsigned long n = ++seen[service][scope];
	unsigned long all = ++seen_all[scope];

	for (size_t i = 0; i < count; i++) {
		const struct fault *f = &rules[i];
		uint64_t dice = mix(mix(mix(opts.seed, i), (uint64_t)service), n);

		if (f->scope != scope || (f->reused_only && !reused) ||
		    (f->service >= 0 && f->service != (int)service))
			continue;
		if (f->nth > 0 ? f->nth == (f->service >= 0 ? n : all)
		               : chance(dice) < f->rate)
			return f;
	}
	return NULL;
}
