#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sysexits.h>
#include <unistd.h>

#include "base/utf8.h"
#include "report.h"
#include "json/json.h"

enum { NAME_COLUMNS = 16, MESSAGE_COLUMN = 6 + NAME_COLUMNS + 1 };

static const struct {
	const char *word;
	const char *colour; /* of a terminal */
} verdicts[] = {{"ok", "32"}, {"warn", "33"}, {"fail", "31"}};

void
report_init(struct report *r, bool json)
{
	const char *no_colour = getenv("NO_COLOR"), *term = getenv("TERM");
	bool dumb = term == NULL || strcmp(term, "dumb") == 0;
	struct winsize size = {0};

	*r = (struct report){.json = json};
	if (json || !isatty(STDOUT_FILENO))
		return;
	r->colour = !dumb && (no_colour == NULL || *no_colour == '\0');
	r->width = ioctl(STDOUT_FILENO, TIOCGWINSZ, &size) == 0 && size.ws_col > 0
	               ? size.ws_col
	               : 80;
}

/* The text as a terminal may show it. */
static const char *
shown(char *to, size_t size, const char *text)
{
	utf8_show(to, size, text);
	return to;
}

/* Prints text, wrapped between words; the line has `column` columns already. */
static void
print_wrapped(const char *text, int column, int width)
{
	int at = column;

	while (*text != '\0') {
		int len = (int)strcspn(text, " ");
		if (width > 0 && at > column && at + 1 + len > width) {
			printf("\n%*s", column, "");
			at = column;
		} else if (at > column) {
			putchar(' ');
			at++;
		}
		printf("%.*s", len, text);
		at += len;
		text += len;
		text += strspn(text, " ");
	}
	putchar('\n');
}

void
report_json(struct json_object *o)
{
	struct buf b = {0};

	json_write(&b, o);
	puts(b.data);
	buf_release(&b);
	json_object_put(o);
}

/* Prints an object of texts: members are names and values in turn; NULL: left out. */
static void
print_json(const char *const *members, size_t n)
{
	struct json_object *o = json_new_object();

	for (size_t i = 0; i < n; i += 2)
		json_put_str(o, members[i], members[i + 1]);
	report_json(o);
}

void
report_add(struct report *r, enum verdict verdict, const char *check, const char *fix,
    const char *fmt, ...)
{
	const char *word = verdicts[verdict].word;
	char text[sizeof((struct err *)0)->message], message[sizeof text];
	va_list ap;

	va_start(ap, fmt);
	vsnprintf(text, sizeof text, fmt, ap);
	va_end(ap);
	utf8_cut(text);
	utf8_show(message, sizeof message, text);
	if (r->json) {
		print_json((const char *[]){"check", check, "status", word, "message",
		               message, "fix", fix},
		    8);
	} else {
		if (r->colour)
			printf("\033[%sm%-4s\033[0m", verdicts[verdict].colour, word);
		else
			printf("%-4s", word);
		printf("  %-*s ", NAME_COLUMNS, shown(text, sizeof text, check));
		print_wrapped(message, MESSAGE_COLUMN, r->width);
		if (fix != NULL)
			printf("%*sfix: %s\n", MESSAGE_COLUMN, "",
			    shown(text, sizeof text, fix));
	}
	fflush(stdout);
}

void
report_fail(struct report *r, const char *check, const char *fix, const struct err *e)
{
	report_add(r, VERDICT_FAIL, check, fix, "%s", e->message);
	report_status(r, code_exit_status(e->code, code_info(e->code)->retryable));
}

void
report_status(struct report *r, int status)
{
	/* The statuses 78, 77, 75 and 65 are in the order of their weight. */
	if (status > r->status)
		r->status = status;
}

void
report_setting(const struct report *r, const char *setting, const char *value,
    const char *source, const char *place)
{
	char text[1024], where[1024];

	if (r->json)
		print_json((const char *[]){"setting", setting, "value", value, "source",
		               source, "place", place},
		    8);
	else
		printf("%-22s %s  (%s%s%s)\n", setting, shown(text, sizeof text, value),
		    source, place != NULL ? ": " : "",
		    shown(where, sizeof where, place != NULL ? place : ""));
}
