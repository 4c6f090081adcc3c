#include <stdlib.h>
#include <string.h>

#include "base/clock.h"
#include "base/mem.h"
#include "base/utf8.h"
#include "http/data_url.h"
#include "provider/answer.h"
#include "provider/template.h"
#include "json/json.h"
#include "json/mend.h"

enum {
	HTTP_PAYMENT_REQUIRED = 402,
	HTTP_TOO_LARGE = 413,
	HTTP_UNPROCESSABLE = 422,
	HTTP_TOO_MANY = 429,
};

/* True if a part of the response is enough: it has what is required, or it does not count.
 * A part of a list must not be taken for all of it. */
static bool
part_will_do(const struct operation *op)
{
	return !op->pages && op->required != NULL;
}

void
answer_init(
    struct answer *a, const struct http_response *response, const struct operation *op)
{
	struct buf mended = {0};
	struct err ignored;
	bool cut;

	*a = (struct answer){.status = response->status, .response = response};
	if (response->len == 0)
		return;
	a->body = json_parse(response->body, response->len, &a->odd);
	if (a->body == NULL && json_mend(response->body, response->len, &mended, &cut) &&
	    (!cut || part_will_do(op)))
		a->body = json_parse(mended.data, mended.len, &ignored);
	a->is_odd = a->body != NULL && mended.len > 0;
	buf_release(&mended);
}

void
answer_release(struct answer *a)
{
	json_object_put(a->body);
	a->body = NULL;
}

/* The first element of a list whose members hold the wanted values. */
static struct json_object *
find_element(
    struct json_object *list, struct json_object *where, struct json_object *vars)
{
	struct json_object *values = template_fill(where, vars), *found = NULL;

	for (size_t i = 0; found == NULL && i < json_len(list); i++) {
		struct json_object *element = json_item(list, i);
		bool fits = true;

		json_object_object_foreach(where, pointer, ignored)
		{
			struct json_object *wanted = json_member(values, pointer);

			(void)ignored;
			fits = fits && wanted != NULL &&
			       json_object_equal(json_at(element, pointer), wanted);
		}
		if (fits)
			found = element;
	}
	json_object_put(values);
	return found;
}

/* The texts at a pointer within each element of a list, joined; NULL: there is none. The
 * caller frees it. */
static char *
join_texts(struct json_object *list, const char *pointer)
{
	struct buf out = {0};

	for (size_t i = 0; i < json_len(list); i++) {
		char *text =
		    json_text(json_item(list, i), pointer != NULL ? pointer : "");

		if (text != NULL && *text != '\0')
			buf_printf(&out, "%s%s", out.len > 0 ? "; " : "", text);
		free(text);
	}
	return out.len > 0 ? buf_take(&out) : NULL;
}

static char *read_place(struct json_object *take, const struct answer *a);

/* Reads a place within the element of a list that fits. */
static char *
read_element(struct json_object *take, const struct answer *a)
{
	struct answer element = {
	    .body = find_element(json_at(a->body, json_str(take, "/list")),
	        json_at(take, "/where"), a->vars),
	    .vars = a->vars};

	return read_place(json_member(take, "pointer"), &element);
}

/* Reads the place that a `take` of the description names; of several, the first one that
 * holds more than an empty text. The caller frees the text. */
static char *
read_place(struct json_object *take, const struct answer *a)
{
	const char *header;
	char *text = NULL;

	if (json_object_is_type(take, json_type_string))
		return json_text(a->body, json_object_get_string(take));
	for (size_t i = 0; i < json_len(take) && (text == NULL || *text == '\0'); i++) {
		free(text);
		text = read_place(json_item(take, i), a);
	}
	if (json_object_is_type(take, json_type_array))
		return text;
	header = json_str(take, "/header");
	if (header != NULL) /* an entry of a list has no headers */
		return a->response != NULL ? mem_str(http_header_of(a->response, header))
		                           : NULL;
	if (json_has(take, "/value"))
		return json_text(take, "/value");
	if (json_has(take, "/join"))
		return join_texts(json_at(a->body, json_str(take, "/join")),
		    json_str(take, "/pointer"));
	return json_has(take, "/list") ? read_element(take, a) : NULL;
}

/* True if the response has every required member, and a paid one an id that is one. */
static bool
has_required(const struct answer *a, const struct provider *p, const struct operation *op)
{
	const char *passed = json_str(op->def, "/answer/findings/passed");
	bool all = passed == NULL || json_has(a->body, passed);

	for (size_t i = 0; all && i < json_len(op->required); i++) {
		const char *name = json_item_str(op->required, i);
		char *text = read_place(json_member(op->take, name), a);
		all = text != NULL && *text != '\0' &&
		      (op->repeatable || strcmp(name, "id") != 0 ||
		          provider_is_id(p, text));
		free(text);
	}
	return all;
}

static bool
status_fits(struct json_object *status, int got)
{
	if (!json_object_is_type(status, json_type_array))
		return json_object_get_int(status) == got;
	for (size_t i = 0; i < json_len(status); i++)
		if (json_object_get_int(json_item(status, i)) == got)
			return true;
	return false;
}

static bool
rule_fits(struct json_object *rule, const struct answer *a)
{
	const char *pointer = json_str(rule, "/pointer"),
	           *header = json_str(rule, "/header");
	const char *wanted = json_str(rule, "/value");
	char *got;
	bool fits;

	if (!status_fits(json_at(rule, "/status"), a->status))
		return false;
	if (pointer == NULL && header == NULL)
		return true;
	got = pointer != NULL ? json_scalar(a->body, pointer)
	                      : mem_str(http_header_of(a->response, header));
	fits = got != NULL && (wanted == NULL || strcmp(got, wanted) == 0);
	free(got);
	return fits;
}

/* Finds the first rule that fits. False if there is none. */
static bool
apply_rules(struct json_object *rules, const struct answer *a, enum outcome *outcome)
{
	static const char *const words[] = {[OUTCOME_OK] = "ok",
	    [OUTCOME_WAIT] = "wait",
	    [OUTCOME_AUTH] = "auth",
	    [OUTCOME_REFUSED] = "refused",
	    [OUTCOME_ACCOUNT] = "account",
	    [OUTCOME_UNKNOWN] = "unknown"};

	for (size_t i = 0; i < json_len(rules); i++) {
		const char *word = json_str(json_item(rules, i), "/is");
		if (!rule_fits(json_item(rules, i), a))
			continue;
		*outcome = OUTCOME_UNKNOWN;
		for (size_t w = 0; w < sizeof words / sizeof *words; w++)
			if (strcmp(words[w], word) == 0)
				*outcome = (enum outcome)w;
		return true;
	}
	return false;
}

/* True for a status with which HTTP itself says that nothing was done (RFC 9110, 15.5, and
 * RFC 6585, 4), so that no description has to. */
static bool
says_not_done(int status)
{
	return status == HTTP_PAYMENT_REQUIRED || status == HTTP_TOO_LARGE ||
	       status == HTTP_UNPROCESSABLE || status == HTTP_TOO_MANY;
}

enum outcome
answer_by_status(int status)
{
	if (status >= 200 && status < 300)
		return OUTCOME_OK;
	if (status == 401)
		return OUTCOME_AUTH;
	if (status == HTTP_PAYMENT_REQUIRED)
		return OUTCOME_ACCOUNT;
	return http_is_temporary(status) ? OUTCOME_WAIT : OUTCOME_REFUSED;
}

bool
answer_has_rule(
    const struct answer *a, const struct provider *p, const struct operation *op)
{
	enum outcome ignored;

	return apply_rules(op->outcomes, a, &ignored) ||
	       apply_rules(json_at(p->def, "/outcomes"), a, &ignored);
}

enum outcome
answer_outcome(
    const struct answer *a, const struct provider *p, const struct operation *op)
{
	enum outcome outcome;

	if (http_is_redirect(a->status))
		return OUTCOME_REDIRECTED;
	if (op->in_flight != NULL && rule_fits(op->in_flight, a))
		return OUTCOME_IN_FLIGHT;
	if (!apply_rules(op->outcomes, a, &outcome) &&
	    !apply_rules(json_at(p->def, "/outcomes"), a, &outcome)) {
		outcome = answer_by_status(a->status);
		/* an undocumented 2xx of a paid operation must have required members */
		if (!op->repeatable && !says_not_done(a->status) &&
		    (outcome != OUTCOME_OK || op->required == NULL))
			outcome = OUTCOME_UNKNOWN;
	}
	if (outcome == OUTCOME_OK && !has_required(a, p, op))
		outcome = op->repeatable ? OUTCOME_WAIT : OUTCOME_UNKNOWN;
	return outcome;
}

/* Writes a Unix time as RFC 3339, since people and programs compare times as texts. Other
 * times stay as the service writes them. */
static void
write_time(struct json_object *taken, const char *name)
{
	const char *text = json_str(json_member(taken, name), "");
	char time[CLOCK_TEXT];
	int64_t ms;
	bool zoned;

	if (text != NULL && strchr(text, '-') == NULL && clock_read(text, &ms, &zoned))
		json_put_str(taken, name, clock_write(time, ms));
}

/* Writes when it ends, if the answer does not say and the description does: so long after it
 * was made, or from now on. */
static void
write_expiry(struct json_object *taken, const struct operation *op)
{
	int64_t life = (int64_t)(op->expires_s * 1000), made;
	const char *at = json_str(taken, "/created_at");
	char time[CLOCK_TEXT];
	bool zoned;

	write_time(taken, "expires_at");
	if (life == 0 || json_str(taken, "/expires_at") != NULL)
		return;
	if (at == NULL || !clock_read(at, &made, &zoned) || !zoned)
		made = clock_unix_ms();
	json_put_str(taken, "expires_at", clock_write(time, made + life));
}

/* Writes the progress as whole per cent, of "45", "45%", "9/20" or, with progress_max 1,
 * "0.45". */
static void
write_progress(struct json_object *taken, const struct operation *op)
{
	const char *text = json_str(taken, "/progress");
	double max = op->progress_max, value;
	char *end;

	if (text == NULL)
		return;
	value = strtod(text, &end);
	if (*end == '/')
		max = strtod(end + 1, NULL);
	if (end == text || !(max > 0) || !(value >= 0))
		json_object_object_del(taken, "progress");
	else
		json_put_int(
		    taken, "progress", value >= max ? 100 : (int64_t)(value / max * 100));
}

/* Writes our words for the service's. False if it has one that the description lacks. */
static bool
write_states(struct json_object *taken, const struct operation *op)
{
	const char *word = json_str(taken, "/provider_status"),
	           *final = json_str(taken, "/final"), *state;
	bool known = true;
	char shown[257];

	if (op->finals != NULL && final != NULL) {
		state = provider_state(op->finals, final);
		json_put_str(taken, "final_status", state != NULL ? state : "processing");
	}
	json_object_object_del(taken, "final");
	if (word == NULL)
		return true;
	if (op->states != NULL) {
		state = provider_state(op->states, word);
		known = state != NULL;
		json_put_str(taken, "status", known ? state : "processing");
	}
	utf8_show(shown, sizeof shown, word);
	if (strcmp(shown, word) != 0)
		json_put_str(taken, "provider_status", shown);
	return known;
}

/* The text that a place names, as a new reference or value; NULL: there is none. */
static struct json_object *
take_place(struct json_object *place, const struct answer *a, bool keeps_data)
{
	struct json_object *found = NULL;
	char *text;

	if (json_object_is_type(place, json_type_string))
		found = json_at(a->body, json_object_get_string(place));
	if (json_is_text(found) &&
	    (keeps_data || !data_url_is(json_object_get_string(found))))
		return json_object_get(found);
	text = read_place(place, a);
	found = text != NULL && (keeps_data || !data_url_is(text)) ? json_new_string(text)
	                                                           : NULL;
	free(text);
	return found;
}

struct json_object *
answer_taken(const struct answer *a, const struct operation *op, bool *known)
{
	struct json_object *taken = json_new_object();
	bool all_known;

	if (known != NULL)
		*known = true;
	if (op->take == NULL)
		return taken;
	json_object_object_foreach(op->take, name, place)
	    json_put(taken, name, take_place(place, a, op->repeatable));
	write_time(taken, "created_at");
	write_expiry(taken, op);
	write_progress(taken, op);
	all_known = write_states(taken, op);
	if (known != NULL)
		*known = all_known;
	return taken;
}

const char *
answer_url(struct json_object *taken, const char *name)
{
	const char *text = json_str(json_member(taken, name), "");

	return text != NULL && text[strspn(text, " \t\r\n")] != '\0' ? text : NULL;
}

int64_t
answer_wait_ms(const struct answer *a, const struct provider *p, int64_t now)
{
	struct json_object *names = json_at(p->def, "/retry_after");
	const char *value =
	    names == NULL ? http_header_of(a->response, "Retry-After") : NULL;

	for (size_t i = 0; value == NULL && i < json_len(names); i++)
		value = http_header_of(
		    a->response, json_object_get_string(json_item(names, i)));
	return http_retry_after_ms(a->response, value, now);
}

char *
answer_error(const struct answer *a, const struct provider *p, const char *what)
{
	return read_place(json_member(json_at(p->def, "/error"), what), a);
}
