#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <sys/ioctl.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/codes.h"
#include "base/mem.h"
#include "base/units.h"
#include "base/utf8.h"
#include "program/block.h"
#include "json/json.h"

enum { PARTS = 9, TEXT = 256, RANKS = 7 };

/* How long a record may be at work before its time is told. */
#define LONG_MS 5000

/* A part of a line. */
struct part {
	int rank; /* 0: it stays; else the lower goes first */
	const char *colour;
	char text[TEXT];
};

struct row {
	struct part parts[PARTS];
	size_t n;
};

#define GREEN  "\033[32m"
#define RED    "\033[31m"
#define YELLOW "\033[33m"

static bool
is_utf8(void)
{
	static const char *const names[] = {"LC_ALL", "LC_CTYPE", "LANG"};
	const char *value = "";

	for (size_t i = 0; i < 3 && *value == '\0'; i++)
		if ((value = getenv(names[i])) == NULL)
			value = "";
	return strcasestr(value, "utf-8") != NULL || strcasestr(value, "utf8") != NULL;
}

void
style_read(struct style *style)
{
	const char *none = getenv("NO_COLOR");
	struct winsize size = {0};

	*style = (struct style){.utf8 = is_utf8(),
	    .colour = none == NULL || *none == '\0',
	    .columns = 80,
	    .rows = 24};
	if (ioctl(STDERR_FILENO, TIOCGWINSZ, &size) == 0 && size.ws_col > 0)
		style->columns = size.ws_col;
	if (size.ws_row > 0)
		style->rows = size.ws_row;
}

static int64_t
less(uint64_t a, uint64_t b)
{
	return a > b ? (int64_t)(a - b) : 0;
}

static bool
is_over(const struct seat *s)
{
	return s->state == SEAT_LEFT || (s->over == s->processes && s->at_work == 0);
}

void
views_count(struct view *views, const struct seat *lines, size_t n)
{
	for (size_t i = 0; i < n; i++) {
		const struct seat *s = &lines[i];
		const struct view *up = i > 0 ? &views[i - 1] : NULL;
		int64_t failed_before = less(s->all_failed, s->failed);
		struct view *v = &views[i];

		*v = (struct view){.seat = s,
		    .done = (uint64_t)less(s->out, (uint64_t)failed_before),
		    .total = -1,
		    .expect = -1,
		    .left_s = -1};
		/* The line before is what it reads, unless it reads a file. */
		if (up != NULL && up->seat->level > s->level && s->total < 0) {
			v->total = less(up->seat->out, up->seat->all_failed);
			if (up->expect >= 0)
				v->expect = less((uint64_t)up->expect, up->seat->failed);
			if (is_over(up->seat))
				v->expect = v->total;
		} else if (s->over == s->processes) {
			v->total = v->expect = (int64_t)(v->done + s->at_work);
		} else if (s->total >= 0) {
			v->total = v->expect =
			    less((uint64_t)s->total, (uint64_t)failed_before);
		}
		/* A filter between the two may have added records, or what the other
		 * program tells is older. */
		if (v->total >= 0 && v->total < (int64_t)(v->done + s->at_work))
			v->total = (int64_t)(v->done + s->at_work);
		if (v->expect >= 0 && v->expect < v->total)
			v->expect = v->total;
	}
}

void
block_write_text(struct buf *out, const char *text)
{
	size_t size = 4 * strlen(text) + 1; /* a byte becomes \\x1b at most */
	char *shown = mem_new(size, 1);

	utf8_show(shown, size, text);
	buf_str(out, shown);
	free(shown);
}

/* What the program waits for now, or "". */
static const char *
wait_of(const struct seat *s)
{
	return s->state == SEAT_LIVE && s->wait_until > clock_unix_ms() ? s->wait : "";
}

const char *
block_failed_word(const struct seat *s)
{
	for (int i = 0; i < PIPELINE_REASONS; i++)
		if (s->reasons[i].count > 0 && s->reasons[i].code != CODE_PHOTO_REFUSED)
			return "failed";
	return s->reasons[0].count > 0 ? "refused" : "failed";
}

/* "2 failed", or "". */
static void
write_failed(struct buf *out, const struct seat *s)
{
	if (s->failed > 0)
		buf_printf(
		    out, "%llu %s", (unsigned long long)s->failed, block_failed_word(s));
}

/* "35 in training", what it waits for, or how it ended. */
static void
write_doing(struct buf *out, const struct seat *s)
{
	if (s->killed > 0 && s->state == SEAT_LEFT) {
		buf_str(out, "killed");
	} else if (s->state == SEAT_LEFT) {
		buf_str(out, s->signo != 0 ? "stopped" : "done");
	} else if (*wait_of(s) != '\0') {
		block_write_text(out, wait_of(s));
	} else if (s->signo != 0) {
		buf_printf(out, "stopping, %llu at work", (unsigned long long)s->at_work);
	} else if (s->at_work > 0 && *s->doing != '\0') {
		buf_printf(out, "%llu ", (unsigned long long)s->at_work);
		block_write_text(out, s->doing);
		if (s->told > 0)
			buf_printf(out, ", %llu %%",
			    (unsigned long long)(s->percents / s->told));
	}
}

/* "longest 8 s" */
static void
write_longest(struct buf *out, const struct seat *s)
{
	int64_t age = clock_monotonic_ms() - s->oldest;

	if (s->state != SEAT_LIVE || s->at_work == 0 || *s->doing == '\0' ||
	    s->oldest == 0 || age < LONG_MS || *wait_of(s) != '\0')
		return;
	buf_str(out, "longest ");
	units_write_ms(out, age / 1000 * 1000);
	if (s->usual_ms > 0) {
		buf_str(out, " of usually ");
		units_write_ms(out, s->usual_ms);
	}
}

static void
write_rate(struct buf *out, double rate)
{
	if (rate >= 9.5)
		buf_printf(out, "%.0f/s", rate);
	else if (rate >= 0.95)
		buf_printf(out, "%.1f/s", rate);
	else if (rate > 0)
		buf_printf(out, "%.1f/min", rate * 60);
}

static void
write_left(struct buf *out, int64_t s)
{
	long long h = s / 3600, min = s / 60 % 60;

	if (s < 0)
		return;
	if (h > 0)
		buf_printf(out, "%lld:%02lld:%02d left", h, min, (int)(s % 60));
	else
		buf_printf(out, "%lld:%02d left", min, (int)(s % 60));
}

static void
write_count(struct buf *out, const struct view *v)
{
	buf_printf(out, "%llu", (unsigned long long)v->done);
	if (v->total >= 0)
		buf_printf(out, "/%lld", (long long)v->total);
}

/* How much of `width` is done: of all that will come, else of what came. */
static size_t
filled(const struct view *v, size_t width)
{
	int64_t of = v->expect >= 0 ? v->expect : v->total;

	if (of <= 0)
		return v->seat->state == SEAT_LEFT ? width : 0;
	return (size_t)((double)v->done / (double)of * (double)width);
}

static void
write_bar(struct buf *out, const struct view *v, const struct style *style)
{
	size_t width = style->columns >= 100  ? 20
	               : style->columns >= 72 ? 12
	                                      : 8,
	       full = filled(v, width);

	if (v->total < 0)
		return;
	for (size_t i = 0; i < width; i++)
		buf_str(out, style->utf8 ? (i < full ? "█" : "░") : i < full ? "#" : "-");
}

/* Moves the text into a new part, unless it is empty; at least `columns` wide. */
static void
add_part(struct row *row, struct buf *text, int rank, const char *colour, int columns)
{
	struct part *p = &row->parts[row->n];
	int pad;

	if (text->len == 0)
		return;
	pad = columns < 0 ? -columns : columns;
	pad -= (int)utf8_columns(text->data);
	if (pad < 0)
		pad = 0;
	*p = (struct part){.rank = rank, .colour = colour};
	snprintf(p->text, sizeof p->text, "%*s%s%*s", columns < 0 ? pad : 0, "",
	    text->data, columns > 0 ? pad : 0, "");
	utf8_cut(p->text);
	row->n++;
	buf_clear(text);
}

/* Fills in the parts of a line; name and count are so wide. */
static void
make_row(struct row *row, const struct view *v, const struct style *style, int name_width,
    int count_width)
{
	const struct seat *s = v->seat;
	bool live = s->state == SEAT_LIVE, waits = *wait_of(s) != '\0',
	     bad = s->killed > 0 && !live;
	struct buf b = {0};

	row->n = 0;
	buf_printf(&b, "%s ",
	    bad           ? (style->utf8 ? "✘" : "x")
	    : live        ? (style->utf8 ? "…" : "-")
	    : style->utf8 ? "✔"
	                  : "+");
	block_write_text(&b, s->step);
	add_part(row, &b, 0, bad ? RED : live ? NULL : GREEN, name_width + 2);
	write_bar(&b, v, style);
	add_part(row, &b, 5, NULL, 0);
	write_count(&b, v);
	add_part(row, &b, 0, NULL, -count_width);
	if (live)
		write_rate(&b, v->rate);
	add_part(row, &b, 4, NULL, 0);
	write_left(&b, live ? v->left_s : -1);
	add_part(row, &b, 6, NULL, 0);
	write_doing(&b, s);
	add_part(row, &b, waits || !live ? 7 : 3, waits ? YELLOW : bad ? RED : NULL, 0);
	write_longest(&b, s);
	add_part(row, &b, 2, NULL, 0);
	if (s->failed > 0)
		buf_str(&b, style->utf8 ? "✘ " : "x ");
	write_failed(&b, s);
	add_part(row, &b, 0, RED, 0);
	block_write_text(&b, s->failed > 0 ? s->error : "");
	add_part(row, &b, 1, NULL, 0);
	buf_release(&b);
}

static size_t
columns_of(const struct row *row)
{
	size_t columns = 0;

	for (size_t i = 0; i < row->n; i++)
		columns += utf8_columns(row->parts[i].text) + (i > 0 ? 2 : 0);
	return columns;
}

/* Cuts text to so many columns, with an ellipsis. */
static void
cut(char *text, size_t columns, bool utf8)
{
	size_t len = strlen(text);

	if (utf8_columns(text) <= columns)
		return;
	do {
		text[--len] = '\0';
		utf8_cut(text);
		len = strlen(text);
	} while (len > 0 && utf8_columns(text) + (utf8 ? 1 : 3) > columns);
	strcpy(text + len, utf8 ? "…" : "...");
}

/* Drops parts until the line fits. The last message is cut first. */
static void
fit_row(struct row *row, const struct style *style)
{
	enum { ENOUGH = 16 };
	size_t room = style->columns - 1; /* a full line would wrap */

	for (int rank = 1; columns_of(row) > room && rank <= RANKS; rank++) {
		for (size_t i = 0; i < row->n; i++) {
			struct part *p = &row->parts[i];
			size_t over = columns_of(row) - room;

			if (p->rank != rank)
				continue;
			if (rank == 1 && utf8_columns(p->text) >= over + ENOUGH) {
				cut(p->text, utf8_columns(p->text) - over, style->utf8);
				return;
			}
			memmove(p, p + 1, (row->n - i - 1) * sizeof *p);
			row->n--;
			break;
		}
	}
	for (size_t i = row->n; columns_of(row) > room && i > 0; i--) {
		size_t over = columns_of(row) - room,
		       columns = utf8_columns(row->parts[i - 1].text);
		if (columns > over + 3)
			cut(row->parts[i - 1].text, columns - over, style->utf8);
		else
			row->n--;
	}
}

static void
write_row(struct buf *out, const struct row *row, const struct style *style)
{
	for (size_t i = 0; i < row->n; i++) {
		const struct part *p = &row->parts[i];
		bool colour = style->colour && p->colour != NULL;

		buf_printf(out, "%s%s%s%s", i > 0 ? "  " : "", colour ? p->colour : "",
		    p->text, colour ? "\033[m" : "");
	}
}

void
block_write(
    struct buf *out, const struct view *views, size_t n, const struct style *style)
{
	size_t first = n + 1 > style->rows ? n + 1 - style->rows : 0;
	int name_width = 0, count_width = 0;
	struct buf text = {0};
	struct row row;

	for (size_t i = first; i < n; i++) {
		int width = (int)utf8_columns(views[i].seat->step);
		if (width > name_width)
			name_width = width;
		buf_clear(&text);
		write_count(&text, &views[i]);
		if ((int)text.len > count_width)
			count_width = (int)text.len;
	}
	buf_release(&text);
	buf_str(out, "\r");
	for (size_t i = first; i < n; i++) {
		make_row(&row, &views[i], style, name_width, count_width);
		fit_row(&row, style);
		write_row(out, &row, style);
		buf_str(out, i + 1 < n ? "\033[K\n" : "\033[J\r");
	}
	if (n > first + 1)
		buf_printf(out, "\033[%zuA", n - first - 1);
}

void
block_write_plain(struct buf *out, const struct view *views, size_t n)
{
	int64_t began = INT64_MAX;

	for (size_t i = 0; i < n; i++)
		if (views[i].seat->began < began)
			began = views[i].seat->began;
	units_write_ms(out, (clock_monotonic_ms() - began) / 1000 * 1000);
	for (size_t i = 0; i < n; i++) {
		const struct view *v = &views[i];
		struct buf part = {0};

		buf_str(out, i > 0 ? "; " : ": ");
		block_write_text(out, v->seat->step);
		buf_printf(out, " %llu", (unsigned long long)v->done);
		if (v->total >= 0)
			buf_printf(out, " of %lld", (long long)v->total);
		write_failed(&part, v->seat);
		if (part.len > 0)
			buf_printf(out, ", %s", part.data);
		buf_clear(&part);
		write_doing(&part, v->seat);
		if (part.len > 0)
			buf_printf(out, ", %s", part.data);
		buf_clear(&part);
		write_longest(&part, v->seat);
		if (part.len > 0)
			buf_printf(out, ", %s", part.data);
		buf_release(&part);
	}
	if (n > 0 && views[n - 1].left_s >= 0) {
		buf_str(out, "; about ");
		units_write_ms(out, views[n - 1].left_s * 1000);
		buf_str(out, " left");
	}
}

struct json_object *
block_json(const struct view *views, size_t n)
{
	struct json_object *list = json_new_array();

	for (size_t i = 0; i < n; i++) {
		const struct view *v = &views[i];
		const struct seat *s = v->seat;
		struct json_object *o = json_new_object();
		const char *wait = wait_of(s);
		char rate[32];

		json_put_str(o, "step", s->step);
		json_put_str(o, "state",
		    s->state == SEAT_LIVE ? (s->signo != 0   ? "stopping"
		                                : *wait != 0 ? "waiting"
		                                             : "running")
		    : s->killed > 0       ? "killed"
		    : s->signo != 0       ? "stopped"
		                          : "done");
		json_put_int(o, "processes", (int64_t)s->processes);
		json_put_int(o, "done", (int64_t)v->done);
		if (v->total >= 0)
			json_put_int(o, "total", v->total);
		if (v->expect >= 0)
			json_put_int(o, "expected", v->expect);
		json_put_int(o, "failed", (int64_t)s->failed);
		json_put_int(o, "at_work", (int64_t)s->at_work);
		if (s->told > 0)
			json_put_int(o, "percent", (int64_t)(s->percents / s->told));
		snprintf(rate, sizeof rate, "%.3g", v->rate);
		if (v->rate > 0)
			json_put(o, "rate", json_object_new_double_s(v->rate, rate));
		if (v->left_s >= 0)
			json_put_int(o, "left_s", v->left_s);
		json_put_str(o, "waits_for", *wait != '\0' ? wait : NULL);
		json_put_str(o, "last_error", *s->error != '\0' ? s->error : NULL);
		json_append(list, o);
	}
	return list;
}
