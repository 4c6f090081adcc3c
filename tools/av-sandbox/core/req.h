/*
 * req: one request and its answer, and how services read the one and write the other. The
 * server fills a request in, the service's handler sets the answer, the server sends it.
 */
#ifndef SANDBOX_REQ_H
#define SANDBOX_REQ_H

#include <json-c/json.h>
#include <stdbool.h>

#include "base/buf.h"
#include "core/faults.h"
#include "core/multipart.h"
#include "core/options.h"
#include "core/util.h"

struct MHD_Connection;
struct req;
struct sb_item;

/* One documented call. */
struct route {
	const char *method;
	const char *path; /* below the base; {} stands for one segment */
	enum scope scope;
	const char *query; /* the parameters it has, blanks between; NULL: none */
	bool body;         /* may have one */
	void (*handle)(struct req *r);
};

/* What a service is to the core. */
struct service {
	enum service_no no;
	const char *base;           /* "/anam/v1" */
	const struct route *routes; /* ends with an empty one */
	bool (*authorized)(struct req *r);
	/* Sets the answer of that status in the service's own form. code is the service's word
	 * for it (NULL: its usual one), field what it is about (NULL: nothing). */
	void (*error)(struct req *r, unsigned status, const char *code, const char *field,
	    const char *message);
	unsigned no_money;  /* status past the quota */
	unsigned bad_query; /* status for a parameter that it does not have */
};

enum { MAX_HEADERS = 16, MAX_ARGS = 3 };

struct header {
	const char *name;
	char *value;
};

struct sb_answer {
	unsigned status;
	const char *type; /* NULL: no body */
	struct buf body;
	struct header headers[MAX_HEADERS];
	size_t n;
	/* What becomes of it: sent as it is, or as the fault says. */
	const struct fault *fault;
};

struct req {
	struct MHD_Connection *conn;
	const char *method;
	char *url;  /* as it came, with the query */
	char *path; /* decoded; NULL where that failed */
	struct pairs query;
	bool query_bad;
	struct buf body;
	const struct service *service; /* NULL: none, as on the media origin */
	const struct route *route;     /* NULL: no such call */
	char *arg[MAX_ARGS];           /* what stood for {} */
	const struct fault *fault;     /* what strikes it; NULL: nothing */
	struct sb_answer answer;
	bool media;  /* came to the media origin */
	bool reused; /* not the first request of its connection */
	bool begun, counted, media_counted, served, stalled;
	bool fault_struck; /* the fault had its way */
	enum service_no counted_as;
};

void req_free(struct req *r);

/* A header of the request, or NULL. */
const char *req_header(const struct req *r, const char *name);

/* The query's value, or NULL. */
const char *req_query(const struct req *r, const char *name);

/* The whole number of a query parameter, or otherwise; refuses what is out of bounds and
 * returns -1. */
long req_number(struct req *r, const char *name, long otherwise, long min, long max);

/* true or false; refuses other values, sets *bad. */
bool req_flag(struct req *r, const char *name, bool otherwise, bool *bad);

/* Is it that media type, parameters aside? */
bool req_type_is(const struct req *r, const char *type);

/* The body as a JSON object that has no members but those (blanks between); else refuses it
 * and returns NULL. The caller puts it. */
struct json_object *req_json(struct req *r, const char *members);

/* Do all members stand in that list? Refuses the first that does not. */
bool req_only(
    struct req *r, struct json_object *o, const char *where, const char *members);

/* The body's parts, of those names, each at most once; else refuses. Release them anyway. */
bool req_parts(struct req *r, struct sb_parts *p, const char *names);
struct sb_part *part_find(struct sb_parts *p, const char *name);

/* A string member with its length in characters in bounds; refuses otherwise. */
const char *req_text(
    struct req *r, struct json_object *o, const char *name, size_t min, size_t max);

/* The client broke the contract: counted as a violation, and answered so. */
void req_refuse(struct req *r, unsigned status, const char *what, const char *field,
    const char *fmt, ...) __attribute__((format(printf, 5, 6)));

/* Not the client's fault: unknown ids, no money, faults. */
void req_fail(struct req *r, unsigned status, const char *message);

/* Sets the answer; json takes the reference. */
void req_answer(struct req *r, unsigned status);
void req_answer_json(struct req *r, unsigned status, struct json_object *o);
void req_answer_header(struct req *r, const char *name, const char *fmt, ...)
    __attribute__((format(printf, 3, 4)));

/* The paid effect of a request that is in order: makes the item now, later or never, as pace,
 * quota and faults have it; the item is the state's, or freed. True where the handler shall
 * answer with what was made, false where the answer is set. */
bool req_pay(struct req *r, struct sb_item *it, int64_t ready_after);

/* The account's bucket; false where it is empty. */
bool pace_allows(enum service_no service);

/* Fills in service, route and what strikes it, from method and URL. */
void req_begin(struct req *r);

/* Sets the answer of a request whose body is complete. */
void req_serve(struct req *r);

/* Sets an answer of the status that a fault wants, with its Retry-After or Location. */
void req_answer_fault(struct req *r, const struct fault *f);

#endif
