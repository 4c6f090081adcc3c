/*
 * req: one request and its answer.
 *
 * The server fills in the request, the service's handler reads it and sets the
 * answer, and the server sends the answer.
 */
#ifndef SANDBOX_REQ_H
#define SANDBOX_REQ_H

#include <json-c/json.h>
#include <stdbool.h>

#include "base/buf.h"
#include "core/faults.h"
#include "core/multipart.h"
#include "core/options.h"
#include "core/service.h"
#include "core/state.h"
#include "core/util.h"

struct MHD_Connection;

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
	const struct fault *fault; /* damages the answer; NULL: none */
};

struct req {
	struct MHD_Connection *conn;
	const char *method;
	char *url;  /* as it came, with the query */
	char *path; /* decoded; NULL: broken escapes */
	struct pairs query;
	bool query_bad;
	struct buf body;
	const struct service *service; /* NULL: none has this path */
	const struct route *route;     /* NULL: no such call */
	char *arg[MAX_ARGS];           /* the segments that {} stands for */
	const struct fault *fault;     /* hits the request; NULL: none */
	struct sb_answer answer;
	int64_t at;   /* when its headers were there, in unix ms */
	bool foreign; /* of a web page of another site: gets 403 */
	bool reused;  /* not the first request of its connection */
	bool begun, served, stalled;
	bool fault_hit; /* the fault had an effect */
	bool counted;   /* in the statistics, as these two */
	enum service_no counted_as;
	enum scope scope;
};

void req_free(struct req *r);

/* Finds the service, the call and the fault by method and URL. The services
 * end with NULL. */
void req_begin(struct req *r, const struct service *const *services);

/* Counts the request and finds the fault that hits it. */
void req_count(struct req *r, enum service_no service, enum scope scope);

/* Sets the answer of a request that has all of its body. */
void req_serve(struct req *r);

/*
 * Reading the request. What is wrong is refused: counted as a violation and
 * answered in the service's form.
 */

/* A header; NULL: absent. */
const char *req_header(const struct req *r, const char *name);

/* A query parameter; NULL: absent. */
const char *req_query(const struct req *r, const char *name);

/* The whole number of a parameter, or otherwise; -1: refused. */
long req_number(
    struct req *r, const char *name, long otherwise, long min, long max);

/* The true or false of a parameter, or otherwise; sets *bad if it is
 * refused. */
bool req_flag(struct req *r, const char *name, bool otherwise, bool *bad);

/* Is the body of that media type, whatever its parameters? */
bool req_type_is(const struct req *r, const char *type);

/* The body as an object that has only those members (blanks between); the
 * caller puts it. NULL: refused. */
struct json_object *req_json(struct req *r, const char *members);

/* Are all members in that list? where names the object to people. */
bool req_only(struct req *r, struct json_object *o, const char *where,
    const char *members);

/* Does each pair have one of these names, each at most once? kind is "query" or
 * "field". */
bool req_pairs(struct req *r, const struct pairs *p, const char *names,
    unsigned status, const char *kind);

/* The parts of the body, of those names, each at most once; false: refused.
 * Release the parts in either case. */
bool req_parts(struct req *r, struct sb_parts *p, const char *names);
struct sb_part *part_find(struct sb_parts *p, const char *name);

/* A required member that is text of min to max characters; NULL: refused. */
const char *req_text(struct req *r, struct json_object *o, const char *name,
    size_t min, size_t max);

/* Is the required member a URL? With https, http is refused. */
bool req_url(
    struct req *r, struct json_object *o, const char *name, bool https);

/*
 * Setting the answer.
 */

/* The client violated the contract: counts that and sets an error. */
void req_refuse(struct req *r, unsigned status, const char *what,
    const char *field, const char *fmt, ...)
    __attribute__((format(printf, 5, 6)));

/* Sets an error that is not the client's: unknown ids, faults. */
void req_fail(struct req *r, unsigned status, const char *message);

void req_answer(struct req *r, unsigned status);
/* Takes the reference. */
void req_answer_json(struct req *r, unsigned status, struct json_object *o);
void req_answer_header(struct req *r, const char *name, const char *fmt, ...)
    __attribute__((format(printf, 3, 4)));

/* Carries out a paid request that is in order: makes the item now, later or
 * not at all, as quota and faults decide. Takes the item. True: the handler
 * answers with the item; false: the answer is set. */
bool req_pay(struct req *r, struct sb_item *it, int64_t ready_after);

#endif
