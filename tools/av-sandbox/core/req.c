#include <microhttpd.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "base/clock.h"
#include "base/mem.h"
#include "base/utf8.h"
#include "core/object.h"
#include "core/origin.h"
#include "core/req.h"
#include "core/stats.h"
#include "core/timer.h"

static struct bucket {
	double tokens;
	int64_t at; /* when tokens was computed; 0: never */
} buckets[SERVICES];

const char *
req_header(const struct req *r, const char *name)
{
	return MHD_lookup_connection_value(r->conn, MHD_HEADER_KIND, name);
}

const char *
req_query(const struct req *r, const char *name)
{
	return pairs_get(&r->query, name);
}

long
req_number(struct req *r, const char *name, long otherwise, long min, long max)
{
	const char *s = req_query(r, name);

	if (s == NULL)
		return otherwise;
	if (is_integer(s, min, max))
		return strtol(s, NULL, 10);
	req_refuse(r, r->service->bad_query, "bad_value", name,
	    "%s is '%s', not a whole number from %ld to %ld", name, s, min, max);
	return -1;
}

bool
req_flag(struct req *r, const char *name, bool otherwise, bool *bad)
{
	const char *s = req_query(r, name);

	if (s == NULL)
		return otherwise;
	if (strcmp(s, "true") == 0 || strcmp(s, "false") == 0)
		return *s == 't';
	req_refuse(r, r->service->bad_query, "bad_value", name,
	    "%s is '%s', not true or false", name, s);
	*bad = true;
	return otherwise;
}

bool
req_type_is(const struct req *r, const char *type)
{
	const char *s = req_header(r, "Content-Type");
	size_t len = strlen(type);

	return s != NULL && strncasecmp(s, type, len) == 0 &&
	       (s[len] == '\0' || s[len] == ';' || s[len] == ' ');
}

static bool
demand_type(struct req *r, const char *type)
{
	const char *got = req_header(r, "Content-Type");

	if (req_type_is(r, type))
		return true;
	req_refuse(r, 400, "wrong_content_type", NULL, "the content type is '%s', not %s",
	    got != NULL ? got : "absent", type);
	return false;
}

bool
req_only(struct req *r, struct json_object *o, const char *where, const char *members)
{
	json_object_object_foreach(o, key, value)
	{
		(void)value;
		if (word_in(members, key))
			continue;
		req_refuse(
		    r, 400, "unknown_field", key, "%s has no member '%s'", where, key);
		return false;
	}
	return true;
}

struct json_object *
req_json(struct req *r, const char *members)
{
	struct json_tokener *t;
	struct json_object *o = NULL;
	bool whole = false;

	if (!demand_type(r, "application/json"))
		return NULL;
	t = json_tokener_new();
	if (t != NULL && r->body.len > 0) {
		json_tokener_set_flags(
		    t, JSON_TOKENER_STRICT | JSON_TOKENER_VALIDATE_UTF8);
		o = json_tokener_parse_ex(t, r->body.data, (int)r->body.len + 1);
	}
	if (o != NULL && json_tokener_get_error(t) == json_tokener_success) {
		const char *rest = r->body.data + json_tokener_get_parse_end(t);

		whole = rest + strspn(rest, " \t\r\n") == r->body.data + r->body.len;
	}
	json_tokener_free(t);
	if (!whole || !json_object_is_type(o, json_type_object))
		req_refuse(
		    r, 400, "malformed_body", NULL, "the body is not one JSON object");
	else if (req_only(r, o, "the body", members))
		return o;
	json_object_put(o);
	return NULL;
}

bool
req_pairs(struct req *r, const struct pairs *p, const char *names, unsigned status,
    const char *kind)
{
	char what[32];

	for (size_t i = 0; i < p->n; i++) {
		const char *name = p->at[i].name;
		bool known = word_in(names, name);

		if (known && pairs_get(p, name) == p->at[i].value)
			continue;
		snprintf(
		    what, sizeof what, "%s_%s", known ? "repeated" : "unknown", kind);
		req_refuse(r, status, what, name,
		    known ? "'%s' comes twice" : "no parameter is named '%s'", name);
		return false;
	}
	return true;
}

struct sb_part *
part_find(struct sb_parts *p, const char *name)
{
	for (size_t i = 0; i < p->n; i++)
		if (strcmp(p->at[i].name, name) == 0)
			return &p->at[i];
	return NULL;
}

bool
req_parts(struct req *r, struct sb_parts *p, const char *names)
{
	const char *wrong;

	p->n = 0;
	if (!demand_type(r, "multipart/form-data"))
		return false;
	wrong = multipart_read(p, req_header(r, "Content-Type"), &r->body);
	if (wrong != NULL) {
		req_refuse(r, 400, "malformed_body", NULL, "%s", wrong);
		return false;
	}
	for (size_t i = 0; i < p->n; i++) {
		const char *name = p->at[i].name;

		if (!word_in(names, name))
			req_refuse(r, 400, "unknown_field", name,
			    "no field is named '%s'", name);
		else if (part_find(p, name) != &p->at[i])
			req_refuse(
			    r, 400, "repeated_field", name, "'%s' comes twice", name);
		else if (p->at[i].filename == NULL &&
		         (!utf8_valid(p->at[i].data, p->at[i].len) ||
		             memchr(p->at[i].data, '\0', p->at[i].len) != NULL))
			req_refuse(r, 400, "bad_value", name, "'%s' is not text", name);
		else
			continue;
		return false;
	}
	return true;
}

const char *
req_text(struct req *r, struct json_object *o, const char *name, size_t min, size_t max)
{
	struct json_object *v = NULL;
	const char *s;
	size_t n;

	if (!json_object_object_get_ex(o, name, &v)) {
		req_refuse(r, 400, "missing_field", name, "'%s' is required", name);
		return NULL;
	}
	if (!json_object_is_type(v, json_type_string)) {
		req_refuse(r, 400, "bad_value", name, "'%s' is not a string", name);
		return NULL;
	}
	s = json_object_get_string(v);
	n = utf8_count(s);
	if (n >= min && n <= max)
		return s;
	req_refuse(r, 400, "bad_value", name, "'%s' has %zu characters, not %zu to %zu",
	    name, n, min, max);
	return NULL;
}

bool
req_url(struct req *r, struct json_object *o, const char *name, bool https)
{
	const char *s = req_text(r, o, name, 1, 4096);

	if (s == NULL || is_url(s, https))
		return s != NULL;
	req_refuse(r, 400, "bad_value", name, "'%s' is not %s URL", name,
	    https ? "an https" : "a");
	return false;
}

static void
answer_clear(struct sb_answer *a)
{
	for (size_t i = 0; i < a->n; i++)
		free(a->headers[i].value);
	a->n = 0;
	a->type = NULL;
	buf_release(&a->body);
}

void
req_free(struct req *r)
{
	answer_clear(&r->answer);
	pairs_release(&r->query);
	buf_release(&r->body);
	for (int i = 0; i < MAX_ARGS; i++)
		free(r->arg[i]);
	free(r->url);
	free(r->path);
	free(r);
}

void
req_answer(struct req *r, unsigned status)
{
	answer_clear(&r->answer);
	r->answer.status = status;
}

void
req_answer_json(struct req *r, unsigned status, struct json_object *o)
{
	req_answer(r, status);
	r->answer.type = "application/json";
	obj_write(&r->answer.body, o);
}

void
req_answer_header(struct req *r, const char *name, const char *fmt, ...)
{
	struct sb_answer *a = &r->answer;
	struct buf b = {0};
	va_list ap;
	char text[4096];

	va_start(ap, fmt);
	vsnprintf(text, sizeof text, fmt, ap);
	va_end(ap);
	buf_str(&b, text);
	if (a->n < MAX_HEADERS)
		a->headers[a->n++] = (struct header){name, buf_take(&b)};
	else
		buf_release(&b);
}

void
req_refuse(struct req *r, unsigned status, const char *what, const char *field,
    const char *fmt, ...)
{
	char detail[512];
	va_list ap;

	va_start(ap, fmt);
	vsnprintf(detail, sizeof detail, fmt, ap);
	va_end(ap);
	utf8_cut(detail);
	stats_violation(r->service->no, r->method, r->url, what, detail);
	r->service->error(r, status, NULL, field, detail);
}

void
req_fail(struct req *r, unsigned status, const char *message)
{
	r->service->error(r, status, NULL, NULL, message);
}

/* Takes a token out of the bucket; false: it is empty. */
static bool
pace_allows(enum service_no service)
{
	const struct sb_account *a = &opts.account[service];
	struct bucket *b = &buckets[service];
	int64_t now = clock_unix_ms();

	if (a->rate <= 0)
		return true;
	b->tokens =
	    b->at == 0 ? a->burst : b->tokens + (double)(now - b->at) / 1000 * a->rate;
	if (b->tokens > a->burst)
		b->tokens = a->burst;
	b->at = now;
	if (b->tokens < 1)
		return false;
	b->tokens -= 1;
	return true;
}

/* Answers as the fault says, with its Retry-After or Location. */
static void
answer_fault(struct req *r, const struct fault *f)
{
	r->fault_hit = true;
	if (f->kind != FAULT_STATUS) {
		req_answer(r, 0);
		r->answer.fault = f;
		return;
	}
	if (f->status < 400) {
		req_answer(r, f->status);
		req_answer_header(r, "Location", "%s/elsewhere", origin_media());
		return;
	}
	if (f->status == 401 && r->service->revoke != NULL)
		r->service->revoke(r);
	req_fail(r, f->status, "an injected fault");
	if ((f->status == 423 || f->status == 429 || f->status == 503) &&
	    opts.retry_after != NULL)
		req_answer_header(r, "Retry-After", "%s", opts.retry_after);
}

struct late {
	const struct service *service;
	struct sb_item *item;
	int64_t ready_after;
};

static void
take_effect(const struct service *s, struct sb_item *it, int64_t ready_after)
{
	state_make(it, ready_after);
	stats_made(it);
	if (s->made != NULL)
		s->made(it);
}

static void
take_effect_late(void *arg)
{
	struct late *late = arg;

	take_effect(late->service, late->item, late->ready_after);
	free(late);
}

bool
req_pay(struct req *r, struct sb_item *it, int64_t ready_after)
{
	const struct service *s = r->service;
	const struct sb_account *a = &opts.account[s->no];
	const struct fault *f = r->fault;

	if (a->quota >= 0 && stats_charges(s->no) >= a->quota) {
		s->error(r, a->past > 0 ? a->past : s->no_money, "quota", NULL,
		    "the account's quota is used up");
	} else if (s->busy > 0 && opts.concurrent > 0 &&
	           state_jobs(s->no) >= opts.concurrent) {
		req_fail(r, s->busy, "too many background jobs");
	} else if (f != NULL && f->kind == FAULT_LATE) {
		struct late *late = mem_new(1, sizeof *late);

		*late = (struct late){s, it, ready_after};
		sb_timer_add(opts.late, take_effect_late, late);
		answer_fault(r, f);
		return false;
	} else if (f != NULL && !f->after) {
		answer_fault(r, f);
	} else {
		take_effect(s, it, ready_after);
		r->answer.fault = f;
		r->fault_hit = f != NULL;
		return true;
	}
	sb_item_free(it);
	return false;
}

/* Does the path match the pattern? Sets r->arg to the segments of {}. */
static bool
match(struct req *r, const char *pattern, const char *path)
{
	int n = 0;

	for (int i = 0; i < MAX_ARGS; i++) {
		free(r->arg[i]);
		r->arg[i] = NULL;
	}
	while (*pattern != '\0') {
		if (strncmp(pattern, "{}", 2) == 0) {
			size_t len = strcspn(path, "/");

			if (len == 0 || n == MAX_ARGS)
				return false;
			r->arg[n++] = mem_strn(path, len);
			pattern += 2;
			path += len;
		} else if (*pattern++ != *path++) {
			return false;
		}
	}
	return *path == '\0';
}

/* The service whose base the path begins with, *rest being what follows. If only the
 * base's first segment is there, *rest is NULL. */
static const struct service *
service_at(const struct service *const *services, const char *path, const char **rest)
{
	for (; *services != NULL; services++) {
		const char *base = (*services)->base;
		size_t len = strlen(base), first = strcspn(base + 1, "/") + 1;

		*rest = NULL;
		if (strncmp(path, base, len) == 0 &&
		    (path[len] == '/' || path[len] == '\0'))
			*rest = path + len;
		else if (strncmp(path, base, first) != 0 || path[first] != '/')
			continue;
		return *services;
	}
	return NULL;
}

void
req_count(struct req *r, enum service_no service, enum scope scope)
{
	stats_begin(service, scope);
	if (r->route != NULL)
		stats_operation(service, r->route->method, r->route->path);
	r->fault = fault_pick(service, scope, r->reused);
	r->counted = true;
	r->counted_as = service;
	r->scope = scope;
}

/* True for a request that a web page of another site makes a browser send: the page has
 * another origin, or gave our address to a name of its own (DNS rebinding). */
static bool
is_foreign(const struct req *r)
{
	const char *ours = r->service != NULL ? origin_media() : origin_api();
	const char *host = req_header(r, "Host"), *page = req_header(r, "Origin");

	return (host != NULL && !origin_has(ours, host)) ||
	       (page != NULL &&
	           (strncmp(page, "http://", 7) != 0 || !origin_has(ours, page + 7)));
}

void
req_begin(struct req *r, const struct service *const *services)
{
	const struct route *route;
	const char *rest;

	r->at = clock_unix_ms();
	r->foreign = is_foreign(r);
	if (r->foreign || r->path == NULL || r->service != NULL)
		return;
	r->service = service_at(services, r->path, &rest);
	if (r->service == NULL)
		return;
	for (route = r->service->routes; rest != NULL && route->method != NULL; route++)
		if (strcmp(route->method, r->method) == 0 &&
		    match(r, route->path, rest)) {
			r->route = route;
			break;
		}
	req_count(r, r->service->no, r->route != NULL ? r->route->scope : FREE);
}

/* Checks a request against its route; false: refused. */
static bool
in_order(struct req *r)
{
	const struct service *s = r->service;

	if (r->route == NULL) {
		req_refuse(r, 404, "unknown_call", NULL, "the contract has no %s %s",
		    r->method, r->path);
		return false;
	}
	if (r->query_bad) {
		req_refuse(r, s->bad_query, "bad_query", NULL,
		    "the query has a broken escape or is not UTF-8");
		return false;
	}
	if (!req_pairs(r, &r->query, r->route->query, s->bad_query, "query"))
		return false;
	if (r->body.len > 0 && !r->route->body) {
		req_refuse(r, 400, "unexpected_body", NULL, "the call takes no body");
		return false;
	}
	return true;
}

static void
serve_call(struct req *r)
{
	const struct service *s = r->service;
	const struct fault *f = r->fault;

	if (s->authorized != NULL && !pace_allows(s->no)) {
		req_fail(r, 429, "too many requests");
		return;
	}
	if (s->authorized != NULL && !s->authorized(r)) {
		stats_unauthorized(s->no);
		req_fail(r, 401, "missing or invalid credentials");
		return;
	}
	if (!in_order(r))
		return;
	if (f != NULL && r->route->scope != PAID && !f->after) {
		answer_fault(r, f);
		return;
	}
	r->route->handle(r);
	if (f != NULL && r->route->scope != PAID) {
		r->answer.fault = f;
		r->fault_hit = true;
	}
	f = r->answer.fault;
	if (f != NULL && f->kind == FAULT_STATUS) {
		answer_fault(r, f);
		r->answer.fault = NULL;
	}
}

void
req_serve(struct req *r)
{
	if (r->foreign) {
		req_answer(r, 403);
		r->answer.type = "text/plain";
		buf_str(&r->answer.body,
		    "Host and Origin must be the sandbox's own address.\n");
	} else if (r->service != NULL && r->service->serve != NULL) {
		r->service->serve(r);
	} else if (r->service != NULL) {
		serve_call(r);
	} else if (r->path != NULL && strcmp(r->path, "/_stats") == 0 &&
	           strcmp(r->method, "GET") == 0) {
		req_answer_json(r, 200, stats_json());
	} else if (r->path != NULL && strcmp(r->path, "/_reset") == 0 &&
	           strcmp(r->method, "POST") == 0) {
		stats_reset();
		req_answer(r, 204);
	} else {
		stats_violation(
		    OTHER, r->method, r->url, "unknown_call", "no service has this path");
		req_answer(r, 404);
	}
}
