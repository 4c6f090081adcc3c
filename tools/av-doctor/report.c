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

static void
print_json(struct json_object *o)
{
	struct buf b = {0};

	json_write(&b, o);
	puts(b.data);
	buf_release(&b);
	json_object_put(o);
}

void
report_add(struct report *r, enum verdict verdict, const char *check, const char *fix,
    const char *fmt, ...)
{
	const char *word = verdicts[verdict].word;
	char text[sizeof((struct err *)0)->message], message[sizeof text];
	struct json_object *o;
	va_list ap;

	va_start(ap, fmt);
	vsnprintf(text, sizeof text, fmt, ap);
	va_end(ap);
	utf8_show(message, sizeof message, text);
	if (r->json) {
		o = json_new_object();
		json_put_str(o, "check", check);
		json_put_str(o, "status", word);
		json_put_str(o, "message", message);
		json_put_str(o, "fix", fix);
		print_json(o);
	} else {
		if (r->colour)
			printf("\033[%sm%-4s\033[0m", verdicts[verdict].colour, word);
		else
			printf("%-4s", word);
		printf("  %-*s ", NAME_COLUMNS, check);
		print_wrapped(message, MESSAGE_COLUMN, r->width);
		if (fix != NULL)
			printf("%*sfix: %s\n", MESSAGE_COLUMN, "", fix);
	}
	fflush(stdout);
}

void
report_fail(struct report *r, const char *check, const char *fix, const struct err *e)
{
	int status = code_exit_status(e->code, code_info(e->code)->retryable);

	report_add(r, VERDICT_FAIL, check, fix, "%s", e->message);
	/* The statuses 78, 77, 75 and 65 are in the order of their weight. */
	if (status > r->status)
		r->status = status;
}

void
report_setting(const struct report *r, const char *setting, const char *value,
    const char *source, const char *place)
{
	char shown[1024];
	struct json_object *o;

	utf8_show(shown, sizeof shown, value);
	if (r->json) {
		o = json_new_object();
		json_put_str(o, "setting", setting);
		json_put_str(o, "value", value);
		json_put_str(o, "source", source);
		json_put_str(o, "place", place);
		print_json(o);
	} else {
		printf("%-22s %s  (%s%s%s)\n", setting, shown, source,
		    place != NULL ? ": " : "", place != NULL ? place : "");
	}
}
