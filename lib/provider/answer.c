#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "base/mem.h"
#include "http/response.h"
#include "provider/answer.h"
#include "json/json.h"

void
answer_init(struct answer *a, const struct http_response *response)
{
	struct err ignored;

	*a = (struct answer){.status = response->status, .response = response};
	if (response->len > 0)
		a->body = json_parse(response->body, response->len, &ignored);
}

void
answer_release(struct answer *a)
{
	json_object_put(a->body);
	a->body = NULL;
}

/* The first entry of a list whose members hold the wanted values. */
static struct json_object *
pick(struct json_object *list, struct json_object *where)
{
	if (!json_object_is_type(list, json_type_array))
		return NULL;
	for (size_t i = 0; i < json_object_array_length(list); i++) {
		struct json_object *entry = json_object_array_get_idx(list, i);
		bool fits = true;

		json_object_object_foreach(where, pointer, wanted) fits =
		    fits && json_object_equal(json_at(entry, pointer), wanted);
		if (fits)
			return entry;
	}
	return NULL;
}

char *
answer_take_from(struct json_object *take, struct json_object *body,
    const struct http_response *response)
{
	const char *header = json_str(take, "/header");

	if (json_object_is_type(take, json_type_string))
		return json_text(body, json_object_get_string(take));
	if (header != NULL)
		return mem_str(
		    response != NULL ? http_header_of(response, header) : NULL);
	if (json_has(take, "/value"))
		return json_text(take, "/value");
	return json_text(
	    pick(json_at(body, json_str(take, "/list")), json_at(take, "/where")),
	    json_str(take, "/pointer"));
}

char *
answer_take(const struct answer *a, const struct operation *op, const char *member)
{
	struct json_object *all = json_at(op->def, "/answer/take"), *take = NULL;

	if (all == NULL || !json_object_object_get_ex(all, member, &take))
		return NULL;
	return answer_take_from(take, a->body, a->response);
}

bool
answer_complete(const struct answer *a, const struct operation *op)
{
	struct json_object *required = json_at(op->def, "/answer/required");

	for (size_t i = 0; required != NULL && i < json_object_array_length(required);
	     i++) {
		char *text = answer_take(a, op,
		    json_object_get_string(json_object_array_get_idx(required, i)));
		bool there = text != NULL && *text != '\0';

		free(text);
		if (!there)
			return false;
	}
	return true;
}

static bool
status_fits(struct json_object *status, int got)
{
	if (!json_object_is_type(status, json_type_array))
		return json_object_get_int(status) == got;
	for (size_t i = 0; i < json_object_array_length(status); i++)
		if (json_object_get_int(json_object_array_get_idx(status, i)) == got)
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
	got = pointer != NULL ? json_text(a->body, pointer)
	                      : mem_str(http_header_of(a->response, header));
	fits = got != NULL && (wanted == NULL || strcmp(got, wanted) == 0);
	free(got);
	return fits;
}

static enum outcome
outcome_of(const char *word)
{
	static const char *const words[] = {[OUTCOME_OK] = "ok",
	    [OUTCOME_WAIT] = "wait",
	    [OUTCOME_AUTH] = "auth",
	    [OUTCOME_REFUSED] = "refused",
	    [OUTCOME_ACCOUNT] = "account",
	    [OUTCOME_UNKNOWN] = "unknown"};

	for (size_t i = 0; i < sizeof words / sizeof *words; i++)
		if (strcmp(words[i], word) == 0)
			return (enum outcome)i;
	return OUTCOME_UNKNOWN;
}

static struct json_object *
first_rule(struct json_object *rules, const struct answer *a)
{
	for (size_t i = 0; rules != NULL && i < json_object_array_length(rules); i++) {
		struct json_object *rule = json_object_array_get_idx(rules, i);
		if (rule_fits(rule, a))
			return rule;
	}
	return NULL;
}

enum outcome
answer_by_status(int status)
{
	if (status >= 200 && status < 300)
		return OUTCOME_OK;
	if (status == 401)
		return OUTCOME_AUTH;
	return http_is_temporary(status) ? OUTCOME_WAIT : OUTCOME_REFUSED;
}

/* Of a status that no rule names. A good one beside the documented, with all that was to be told,
 * is as good. */
static enum outcome
unlisted(const struct answer *a, const struct operation *op)
{
	if (op->repeatable)
		return answer_by_status(a->status);
	if (a->status < 200 || a->status >= 300 ||
	    json_at(op->def, "/answer/required") == NULL)
		return OUTCOME_UNKNOWN;
	return OUTCOME_OK;
}

enum outcome
answer_outcome(
    const struct answer *a, const struct provider *p, const struct operation *op)
{
	struct json_object *rule = first_rule(json_at(op->def, "/outcomes"), a);
	enum outcome outcome;

	if (http_is_redirect(a->status))
		return OUTCOME_REDIRECTED;
	if (rule == NULL)
		rule = first_rule(json_at(p->def, "/outcomes"), a);
	if (rule != NULL)
		outcome = outcome_of(json_str(rule, "/is"));
	else
		outcome = unlisted(a, op);
	if (outcome == OUTCOME_OK && !answer_complete(a, op))
		outcome = op->repeatable ? OUTCOME_WAIT : OUTCOME_UNKNOWN;
	return outcome;
}

/* Our word for one of the service's; false for one that the description does not map. */
static bool
put_status(struct json_object *taken, const struct operation *op)
{
	const char *word = json_str(taken, "/provider_status");
	struct json_object *state = NULL;
	bool known;

	if (op->states == NULL || word == NULL)
		return true;
	known = json_object_object_get_ex(op->states, word, &state);
	json_put_str(
	    taken, "status", known ? json_object_get_string(state) : "processing");
	return known;
}

static struct json_object *
take_all(struct json_object *body, const struct http_response *response,
    const struct operation *op, bool *known)
{
	struct json_object *all = json_at(op->def, "/answer/take");
	struct json_object *taken = json_new_object();

	*known = true;
	if (all == NULL)
		return taken;
	json_object_object_foreach(all, name, take)
	{
		char *text = answer_take_from(take, body, response);
		json_put_str(taken, name, text);
		free(text);
	}
	*known = put_status(taken, op);
	return taken;
}

struct json_object *
answer_taken(const struct answer *a, const struct operation *op, bool *known)
{
	return take_all(a->body, a->response, op, known);
}

struct json_object *
answer_taken_of(struct json_object *entry, const struct operation *op)
{
	bool known;

	return take_all(entry, NULL, op, &known);
}

int64_t
answer_wait_ms(const struct answer *a, const struct provider *p, int64_t now)
{
	struct json_object *names = json_at(p->def, "/retry_after");
	const char *value = NULL;

	if (names == NULL)
		value = http_header_of(a->response, "Retry-After");
	for (size_t i = 0;
	     value == NULL && names != NULL && i < json_object_array_length(names); i++)
		value = http_header_of(a->response,
		    json_object_get_string(json_object_array_get_idx(names, i)));
	return http_retry_after_ms(a->response, value, now);
}

char *
answer_error_code(const struct answer *a, const struct provider *p)
{
	return answer_take_from(json_at(p->def, "/error/code"), a->body, a->response);
}

char *
answer_error_message(const struct answer *a, const struct provider *p)
{
	struct json_object *places = json_at(p->def, "/error/message");
	char *text = NULL;

	if (!json_object_is_type(places, json_type_array))
		return answer_take_from(places, a->body, a->response);
	for (size_t i = 0; text == NULL && i < json_object_array_length(places); i++)
		text = answer_take_from(
		    json_object_array_get_idx(places, i), a->body, a->response);
	return text;
}

char *
answer_request_id(const struct answer *a, const struct provider *p)
{
	return answer_take_from(
	    json_at(p->def, "/error/request_id"), a->body, a->response);
}
