#include <inttypes.h>
#include <stdlib.h>
#include <string.h>
#include <sysexits.h>

#include "base/err.h"
#include "base/mem.h"
#include "base/units.h"
#include "base/utf8.h"
#include "os/run_id.h"
#include "photo/finding.h"
#include "program/hint.h"
#include "program/receipt.h"
#include "json/json.h"

/* Counting records. */

/* The finding that a photo was refused for. */
static struct json_object *
refusal(struct json_object *error)
{
	struct json_object *problems = json_at(error, "/problems");

	for (size_t i = 0; i < json_len(problems); i++) {
		struct json_object *p = json_item(problems, i);
		const char *severity = json_str(p, "/severity");
		if (severity != NULL &&
		    strcmp(severity, severity_name(SEVERITY_REFUSED)) == 0)
			return p;
	}
	return NULL;
}

static enum code
code_of(struct json_object *o)
{
	const char *name = json_str(o, "/code");

	return name != NULL ? code_find(name) : CODE_NONE;
}

static void
put_text(char *to, size_t size, const char *text)
{
	to[0] = '\0';
	if (text != NULL) {
		strncpy(to, text, size - 1);
		to[size - 1] = '\0';
		utf8_cut(to);
	}
}

/* The same for a message. One that is too long ends with a part, or else with a word. */
static void
put_message(char *to, size_t size, const char *text)
{
	char *end;

	put_text(to, size, text);
	if (strlen(text) == strlen(to))
		return;
	end = strrchr(to, ';');
	if (end == NULL || (size_t)(end - to) < size / 2)
		end = strrchr(to, ' ');
	if (end != NULL)
		*end = '\0';
}

static void
count_failed(struct seat *seat, struct rec *rec, struct json_object *error, bool before)
{
	struct json_object *finding = refusal(error);
	const char *wanted = json_str(finding, "/wanted"),
	           *message = json_str(finding != NULL ? finding : error, "/message");
	struct seat_reason r = {.count = 1, .code = (uint16_t)code_of(error)};
	const char *created = json_str(error, "/created");
	char *text;

	if (json_flag(error, "/retryable", false))
		r.state = REASON_RETRY;
	if (r.code == CODE_OUTCOME_UNKNOWN ||
	    (created != NULL && strcmp(created, "unknown") == 0))
		r.state = REASON_DECIDE;
	if (wanted != NULL && message != NULL && strstr(message, wanted) != NULL)
		wanted = NULL;
	seat->all_failed++;
	if (r.code == CODE_INTERRUPTED) {
		seat->stopped++;
		return;
	}
	if (finding != NULL)
		r.finding = (uint16_t)code_of(finding);
	text = mem_printf("%s%s%s", message != NULL ? message : "",
	    wanted != NULL ? "; wanted: " : "", wanted != NULL ? wanted : "");
	put_message(r.text, sizeof r.text, text);
	free(text);
	put_text(r.step, sizeof r.step, json_str(error, "/step"));
	put_text(r.provider, sizeof r.provider, rec_str(rec, "provider"));
	if (r.code != CODE_NONE)
		seat_add_reason(seat, &r);
	else
		seat->more_reasons++;
	if (!before) {
		seat->failed++;
		memcpy(seat->error, r.text, sizeof seat->error);
	}
}

void
receipt_count(struct seat *seat, struct rec *rec, bool before)
{
	bool has_avatar = rec_is(rec, "avatar", "/id", NULL);

	seat->out++;
	seat->avatars += has_avatar;
	if (rec_failed(rec)) {
		count_failed(seat, rec, rec_get(rec, "error"), before);
		return;
	}
	seat->made += has_avatar;
	seat->ready += has_avatar && rec_is(rec, "avatar", "/status", "ready");
}

void
receipt_count_costs(struct seat *seat, struct rec *rec)
{
	struct json_object *steps = rec_get(rec, "steps");

	for (size_t i = 0; i < json_len(steps); i++) {
		struct json_object *entry = json_item(steps, i);
		const char *step = json_str(entry, "/step"),
		           *run = json_str(entry, "/run"),
		           *charged = json_str(entry, "/cost/charged");
		bool paid = charged != NULL && strcmp(charged, "yes") == 0;
		struct seat_cost cost = {
		    .amount = paid ? json_num(entry, "/cost/amount", 0) : 0,
		    .n = paid,
		    .reused = json_flag(entry, "/cost/reused", false)};

		if (step == NULL || strcmp(step, seat->step) == 0 || run == NULL ||
		    strcmp(run, run_id()) != 0 || cost.n + cost.reused == 0)
			continue;
		put_text(cost.step, sizeof cost.step, step);
		put_text(cost.provider, sizeof cost.provider, rec_str(rec, "provider"));
		put_text(cost.unit, sizeof cost.unit, json_str(entry, "/cost/unit"));
		seat_add_cost(seat, &cost);
	}
}

/* What the lines tell together. */

static const struct seat *
last_of(const struct seat *lines, size_t n)
{
	return &lines[n - 1];
}

static int
signal_of(const struct seat *lines, size_t n)
{
	int signo = 0;

	for (size_t i = 0; i < n && signo == 0; i++)
		signo = lines[i].signo;
	return signo;
}

static uint64_t
killed_of(const struct seat *lines, size_t n)
{
	uint64_t killed = 0;

	for (size_t i = 0; i < n; i++)
		killed += lines[i].killed;
	return killed;
}

bool
receipt_has_news(const struct seat *lines, size_t n)
{
	return n > 0 &&
	       (last_of(lines, n)->out > 1 || last_of(lines, n)->all_failed > 0 ||
	           signal_of(lines, n) != 0 || killed_of(lines, n) > 0);
}

int64_t
receipt_time(const struct seat *lines, size_t n)
{
	int64_t began = INT64_MAX, ended = 0;

	for (size_t i = 0; i < n; i++) {
		if (lines[i].began < began)
			began = lines[i].began;
		if (lines[i].ended > ended)
			ended = lines[i].ended;
	}
	return ended > began ? ended - began : 0;
}

/* How many records went well, and the word for that. */
static uint64_t
good_of(const struct seat *last, const char **word)
{
	if (strcmp(last->step, "poll") == 0 || strcmp(last->step, "render") == 0) {
		*word = "ready";
		return last->ready;
	}
	if (strcmp(last->step, "upload") == 0) {
		*word = "made";
		return last->made;
	}
	*word = strcmp(last->step, "fetch") == 0 ? "fetched" : "accepted";
	return last->out - (last->all_failed < last->out ? last->all_failed : last->out);
}

static bool
has_line(const struct seat *lines, size_t n, const char *step)
{
	for (size_t i = 0; i < n; i++)
		if (strcmp(lines[i].step, step) == 0)
			return true;
	return false;
}

/* Adds up what all steps paid for: what each program tells of its own step, and of other
 * steps what the last program read in its records. */
static void
add_costs(struct seat *sum, const struct seat *lines, size_t n)
{
	for (size_t i = 0; i < n; i++) {
		for (int k = 0; k < PIPELINE_COSTS; k++) {
			struct seat_cost c = lines[i].costs[k];
			bool own = strcmp(c.step, lines[i].step) == 0,
			     told = own || has_line(lines, n, c.step);

			if (c.n + c.reused == 0 || (!own && (told || i + 1 < n)))
				continue;
			if (!told) /* nobody tells whether it was paid for once */
				sum->pays = PAYS_AGAIN;
			memset(c.step, 0, sizeof c.step);
			seat_add_cost(sum, &c);
		}
		if (lines[i].pays > sum->pays)
			sum->pays = lines[i].pays;
	}
}

static uint64_t
reused_of(const struct seat *sum)
{
	uint64_t reused = 0;

	for (int k = 0; k < PIPELINE_COSTS; k++)
		reused += sum->costs[k].reused;
	return reused;
}

/* The most records with an avatar that a program wrote: what is paid for. */
static uint64_t
avatars_of(const struct seat *lines, size_t n)
{
	uint64_t most = 0;

	for (size_t i = 0; i < n; i++)
		if (lines[i].avatars > most)
			most = lines[i].avatars;
	return most;
}

/* Writing. */

struct page {
	struct buf *out;
	const struct style *style;
	const struct seat *lines;
	size_t n;
	size_t column; /* of the last line of out */
	bool several;  /* providers: each reason tells its own */
	bool told_records;
};

static void
put(struct page *p, const char *text)
{
	buf_str(p->out, text);
	p->column += utf8_columns(text);
}

static void
end_line(struct page *p)
{
	buf_chr(p->out, '\n');
	p->column = 0;
}

enum glyph { GOOD, BAD, OPEN };

static void
put_glyph(struct page *p, enum glyph glyph)
{
	static const struct {
		const char *colour, *utf8, *ascii;
	} glyphs[] = {
	    {"\033[32m", "✔ ", "+ "}, {"\033[31m", "✘ ", "x "}, {"\033[33m", "… ", "- "}};

	if (p->style->colour)
		buf_str(p->out, glyphs[glyph].colour);
	put(p, p->style->utf8 ? glyphs[glyph].utf8 : glyphs[glyph].ascii);
	if (p->style->colour)
		buf_str(p->out, "\033[m");
}

/* Writes text from the outside in words, and goes on in a new line with this indent where
 * the terminal ends. A command is broken only behind a "|". */
static void
put_words(struct page *p, const char *text, size_t indent, bool command)
{
	struct buf shown = {0};
	const char *word, *end;

	buf_str(&shown, "");
	block_write_text(&shown, text);
	for (word = shown.data; *word != '\0'; word = end) {
		end = command ? strstr(word, "| ") : strchr(word, ' ');
		end = end == NULL ? word + strlen(word) : end + (command ? 1 : 0);
		if (p->column > indent &&
		    p->column + utf8_columns(word) -
		            (*end != '\0' ? utf8_columns(end) : 0) >=
		        p->style->columns) {
			end_line(p);
			while (p->column < indent)
				put(p, " ");
		} else if (word != shown.data) {
			put(p, " ");
		}
		buf_add(p->out, word, (size_t)(end - word));
		p->column += utf8_columns(word) - utf8_columns(end);
		if (*end == ' ')
			end++;
	}
	buf_release(&shown);
}

/* The pieces of the head are joined by dots, and go to a new line as wholes. */
static void
put_piece(struct page *p, struct buf *piece, bool first)
{
	const char *dot = p->style->utf8 ? " · " : ", ";

	if (!first && p->column + utf8_columns(piece->data) + 3 >= p->style->columns) {
		end_line(p);
		put(p, "  ");
	} else if (!first) {
		put(p, dot);
	}
	put(p, piece->data);
	buf_clear(piece);
}

static void
add_cost(struct buf *out, const struct seat_cost *c)
{
	bool rate = strchr(c->unit, '/') != NULL, one = c->amount == 1;
	char last = c->unit[strlen(c->unit) - 1];
	bool plural = last == 's', word = last >= 'a' && last <= 'z';

	if (rate)
		buf_printf(out, "%" PRIu64 " at ", c->n);
	buf_printf(out, "%.12g ", c->amount);
	block_write_text(out, c->unit);
	if (!rate && one && plural)
		out->data[--out->len] = '\0';
	buf_str(out, !rate && !one && word && !plural ? "s (" : " (");
	block_write_text(out, c->provider);
	buf_str(out, ")");
}

/* What was paid, and what was not. */
static void
put_costs(struct page *p)
{
	struct seat sum = {0};
	uint64_t paid = 0, reused;
	struct buf b = {0};

	add_costs(&sum, p->lines, p->n);
	for (int k = 0; k < PIPELINE_COSTS; k++) {
		const struct seat_cost *c = &sum.costs[k];
		paid += c->n;
		if (c->n == 0 || c->amount <= 0 || *c->unit == '\0')
			continue;
		add_cost(&b, c);
		put_piece(p, &b, false);
	}
	reused = reused_of(&sum);
	if (paid == 0 && reused > 0) {
		buf_str(&b, "nothing paid");
		put_piece(p, &b, false);
	}
	if (paid + reused > 0 && sum.pays == PAYS_ONCE) {
		buf_str(&b, "0 paid twice");
		if (reused > 0)
			buf_printf(&b, " (%" PRIu64 " reused)", reused);
		put_piece(p, &b, false);
	} else if (reused > 0) {
		buf_printf(&b, "%" PRIu64 " reused", reused);
		put_piece(p, &b, false);
	}
	buf_release(&b);
}

/* How many records failed. */
static uint64_t
bad_of(const struct seat *last)
{
	return last->all_failed > last->stopped ? last->all_failed - last->stopped : 0;
}

/* How many failed, by what can be done about it, and how many avatars are not ready. */
static void
put_failed(struct page *p)
{
	const struct seat *last = last_of(p->lines, p->n);
	uint64_t counts[] = {0, last->more_reasons, 0, 0, 0};
	static const char *const words[] = {
	    "refused", "failed", "to retry", "to decide", "waiting"};
	const char *word;
	struct buf b = {0};

	for (int i = 0; i < PIPELINE_REASONS; i++) {
		const struct seat_reason *r = &last->reasons[i];
		bool refused = r->code == CODE_PHOTO_REFUSED || r->code == CODE_REFUSED;

		counts[r->state == REASON_RETRY    ? 2
		       : r->state == REASON_DECIDE ? 3
		       : refused                   ? 0
		                                   : 1] += r->count;
	}
	(void)good_of(last, &word);
	if (strcmp(word, "ready") == 0 && last->made > last->ready)
		counts[4] = last->made - last->ready;
	for (int i = 0; i < 5; i++) {
		if (counts[i] == 0)
			continue;
		if (i < 4)
			buf_str(&b, p->style->utf8 ? "✘ " : "x ");
		buf_printf(&b, "%" PRIu64 " %s", counts[i], words[i]);
		put_piece(p, &b, false);
	}
	buf_release(&b);
}

static void
put_head(struct page *p)
{
	const struct seat *last = last_of(p->lines, p->n);
	int signo = signal_of(p->lines, p->n);
	uint64_t avatars = avatars_of(p->lines, p->n), bad = bad_of(last);
	const char *word;
	uint64_t good = good_of(last, &word);
	struct buf b = {0};

	put_glyph(p, signo != 0                                                 ? OPEN
	             : good > 0 || (bad == 0 && killed_of(p->lines, p->n) == 0) ? GOOD
	                                                                        : BAD);
	if (signo != 0) {
		buf_str(&b, "stopped after ");
		units_write_ms(&b, receipt_time(p->lines, p->n));
		put_piece(p, &b, true);
	}
	buf_printf(&b, "%" PRIu64 " of %" PRIu64 " %s", good, last->out, word);
	if (signo == 0) {
		buf_str(&b, " in ");
		units_write_ms(&b, receipt_time(p->lines, p->n));
	}
	put_piece(p, &b, signo == 0);
	if (signo != 0 && avatars > 0) {
		buf_printf(&b, "%" PRIu64 " %s paid for and noted, none is lost", avatars,
		    avatars == 1 ? "avatar is" : "avatars are");
		put_piece(p, &b, false);
	}
	put_costs(p);
	put_failed(p);
	if (signo != 0) {
		buf_str(&b, "go on with the same line");
		put_piece(p, &b, false);
	}
	end_line(p);
	buf_release(&b);
}

/* Writes text in lines of its own. */
static void
put_lines(struct page *p, const char *text, size_t indent, bool command)
{
	for (size_t i = 0; i < indent; i++)
		put(p, " ");
	put_words(p, text, indent + (command ? 4 : 0), command);
	end_line(p);
}

static void
put_reason(struct page *p, const struct seat_reason *r)
{
	enum code code = r->finding != CODE_NONE ? r->finding : r->code;
	struct buf b = {0};

	put(p, "  ");
	put_glyph(p, BAD);
	buf_printf(&b, "%" PRIu32 " %s %s", r->count, p->style->utf8 ? "×" : "x",
	    r->varied || *r->text == '\0' ? code_info(code)->text : r->text);
	if (p->several && *r->provider != '\0')
		buf_printf(&b, " (%s)", r->provider);
	put_words(p, b.data, 4, false);
	end_line(p);
	buf_release(&b);
}

static int
by_count(const void *a, const void *b)
{
	const struct seat_reason *x = a, *y = b;

	return (x->count < y->count) - (x->count > y->count);
}

/* Writes the reasons, the most frequent first, and once what to do about those that have
 * the same hint. */
static void
put_reasons(struct page *p)
{
	const struct seat *last = last_of(p->lines, p->n);
	struct seat_reason all[PIPELINE_REASONS];
	struct hint hints[PIPELINE_REASONS];
	size_t n = 0;

	memcpy(all, last->reasons, sizeof all);
	qsort(all, PIPELINE_REASONS, sizeof *all, by_count);
	for (; n < PIPELINE_REASONS && all[n].count > 0; n++) {
		hint_init(&hints[n], &all[n], p->lines, p->n);
		if (strcmp(all[n].provider, all[0].provider) != 0)
			p->several = true;
	}
	for (size_t i = 0; i < n; i++) {
		if (all[i].count == 0)
			continue;
		for (size_t k = i; k < n; k++) {
			if (all[k].count == 0 || !hint_equal(&hints[k], &hints[i]))
				continue;
			put_reason(p, &all[k]);
			all[k].count = 0;
		}
		if (*hints[i].words != '\0')
			put_lines(p, hints[i].words, 6, false);
		if (*hints[i].command != '\0')
			put_lines(p, hints[i].command, 6, true);
		p->told_records |= hints[i].has_records;
	}
	for (size_t i = 0; i < n; i++)
		hint_release(&hints[i]);
	if (last->more_reasons > 0) {
		put(p, "  ");
		put_glyph(p, BAD);
		buf_printf(p->out, "%" PRIu64 " for other reasons; see error.message",
		    last->more_reasons);
		end_line(p);
	}
}

/* Tells of programs that did not leave, and of the records that they had. */
static void
put_killed(struct page *p)
{
	for (size_t i = 0; i < p->n; i++) {
		const struct seat *s = &p->lines[i];
		struct buf b = {0};

		if (s->killed == 0)
			continue;
		put(p, "  ");
		put_glyph(p, BAD);
		buf_printf(&b, "av-%s was killed", s->step);
		if (s->at_work > 0)
			buf_printf(&b,
			    " with %" PRIu64 " records, which did not come out",
			    s->at_work);
		buf_str(&b, "; run the same line again");
		put_words(p, b.data, 4, false);
		end_line(p);
		buf_release(&b);
	}
}

void
receipt_write(
    struct buf *out, const struct seat *lines, size_t n, const struct style *style)
{
	struct page p = {.out = out, .style = style, .lines = lines, .n = n};

	if (n == 0)
		return;
	put_head(&p);
	put_killed(&p);
	put_reasons(&p);
	if (p.told_records && *last_of(lines, n)->file == '\0')
		put_lines(&p,
		    HINT_RECORDS ": add >" HINT_RECORDS
		                 " to the line to keep the records",
		    2, false);
}

/* Appends what to do, as one text: the hint's sentence and its command. */
static void
add_hint(struct buf *out, const struct seat_reason *r, const struct seat *seat)
{
	struct hint hint;

	hint_init(&hint, r, seat, 1);
	buf_printf(out, "; %s%s%s", hint.words,
	    *hint.words != '\0' && *hint.command != '\0' ? " " : "", hint.command);
	hint_release(&hint);
}

/* Appends the count and the first message of a kind of failure. subject: as below. */
static void
add_reason(
    struct buf *out, const struct seat_reason *r, uint64_t bad, const char *subject)
{
	if (bad > 1)
		buf_printf(
		    out, "%" PRIu32 " x %s", r->count, r->varied ? "such as: " : "");
	else if (subject != NULL && strstr(r->text, subject) == NULL) {
		buf_printf(out, "%s: ", subject);
	}
	buf_str(out, r->text);
}

/* Appends the kinds of failure that are worth telling, and what to do if there is one. */
static void
add_kinds(struct buf *out, const struct seat *seat, const char *subject)
{
	const struct seat_reason *only = NULL;
	uint64_t bad = bad_of(seat);
	int kinds = 0;

	for (int i = 0; i < PIPELINE_REASONS; i++) {
		const struct seat_reason *r = &seat->reasons[i];
		/* What was said is not said again, only what to do then. */
		bool said = r->count > 0 && err_said(r->text);
		if (r->count == 0 ||
		    (said && code_exit_status(r->code, true) != EX_TEMPFAIL))
			continue;
		if (kinds++ == 0)
			buf_printf(out, "av-%s: %" PRIu64 " of %" PRIu64 " failed",
			    seat->step, bad, seat->out);
		if (!said) {
			buf_str(out, kinds == 1 ? ": " : "; ");
			add_reason(out, r, bad, subject);
		}
		only = r;
	}
	if (kinds > 1) {
		buf_str(out, "; see error.problems, or: av-report ");
		hint_records(out, seat);
	} else if (kinds == 1 && (only->code != CODE_INVALID_RECORD ||
	                             strchr(only->text, ';') == NULL)) {
		add_hint(out, only, seat);
	}
}

void
receipt_complain(struct buf *out, const struct seat *seat, const char *subject)
{
	struct buf line = {0};

	add_kinds(&line, seat, subject);
	if (line.len > 0) {
		block_write_text(out, line.data);
		buf_chr(out, '\n');
	}
	buf_release(&line);
}

static struct json_object *
costs_json(const struct seat *sum)
{
	struct json_object *list = json_new_array();

	for (int k = 0; k < PIPELINE_COSTS; k++) {
		const struct seat_cost *c = &sum->costs[k];
		struct json_object *o;

		if (c->n == 0)
			continue;
		o = json_new_object();
		json_put_str(o, "provider", c->provider);
		json_put_num(o, "amount", c->amount);
		json_put_str(o, "unit", c->unit);
		json_put_int(o, "made", (int64_t)c->n);
		json_append(list, o);
	}
	return list;
}

static struct json_object *
reasons_json(const struct seat *lines, size_t n)
{
	const struct seat_reason *reasons = last_of(lines, n)->reasons;
	struct json_object *list = json_new_array();

	for (int i = 0; i < PIPELINE_REASONS && reasons[i].count > 0; i++) {
		const struct seat_reason *r = &reasons[i];
		struct json_object *o = json_new_object();
		struct hint hint;

		hint_init(&hint, r, lines, n);
		json_put_int(o, "count", r->count);
		json_put_str(o, "code", code_info(r->code)->name);
		if (r->finding != CODE_NONE)
			json_put_str(o, "finding", code_info(r->finding)->name);
		json_put_str(o, "state",
		    r->state == REASON_RETRY    ? "retry"
		    : r->state == REASON_DECIDE ? "decide"
		                                : "failed");
		json_put_str(o, "step", r->step);
		json_put_str(o, "provider", *r->provider != '\0' ? r->provider : NULL);
		json_put_str(o, "message", r->text);
		json_put_str(o, "hint", *hint.words != '\0' ? hint.words : NULL);
		json_put_str(o, "command", *hint.command != '\0' ? hint.command : NULL);
		json_append(list, o);
		hint_release(&hint);
	}
	return list;
}

struct json_object *
receipt_json(const struct seat *lines, size_t n)
{
	struct json_object *o = json_new_object();
	const struct seat *last;
	struct seat sum = {0};

	if (n == 0)
		return o;
	last = last_of(lines, n);
	add_costs(&sum, lines, n);
	json_put(
	    o, "seconds", json_object_new_double((double)receipt_time(lines, n) / 1000));
	json_put_bool(o, "stopped", signal_of(lines, n) != 0);
	json_put_int(o, "killed", (int64_t)killed_of(lines, n));
	json_put_int(o, "records", (int64_t)last->out);
	json_put_int(o, "avatars", (int64_t)avatars_of(lines, n));
	json_put_int(o, "made", (int64_t)last->made);
	json_put_int(o, "ready", (int64_t)last->ready);
	json_put_int(o, "failed", (int64_t)bad_of(last));
	json_put_int(o, "interrupted", (int64_t)last->stopped);
	json_put_int(o, "reused", (int64_t)reused_of(&sum));
	json_put(o, "costs", costs_json(&sum));
	json_put(o, "failures", reasons_json(lines, n));
	return o;
}
