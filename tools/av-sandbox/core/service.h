/*
 * service: what a service is to the core.
 *
 * A service has a base path, a table of calls, and the functions that make its
 * contract. Each contract in services/ defines one.
 */
#ifndef SANDBOX_SERVICE_H
#define SANDBOX_SERVICE_H

#include <stdbool.h>
#include <stdint.h>

#include "core/faults.h"
#include "core/options.h"

struct req;
struct sb_item;

/* One documented call. */
struct route {
	const char *method;
	const char *path; /* below the base; {} stands for one segment */
	enum scope scope;
	const char *query; /* its parameters, blanks between; NULL: none */
	bool body;         /* it may have one */
	void (*handle)(struct req *r);
};

struct service {
	enum service_no no;
	const char *name;           /* in the trace */
	const char *base;           /* "/anam/v1" */
	const struct route *routes; /* ends with an empty one */

	/* Are the request's credentials valid? NULL: no credentials, no pace */
	bool (*authorized)(struct req *r);

	/* Makes the request's credentials invalid, for a fault that answers
	 * 401. NULL: they stay valid. */
	void (*revoke)(struct req *r);

	/* Sets an answer of that status in the service's own form. code is
	 * the service's word for the error (NULL: its usual word), field the
	 * member or parameter that is wrong (NULL: none). */
	void (*error)(struct req *r, unsigned status, const char *code,
	    const char *field, const char *message);

	/* The id of the n-th item of the sandbox; the caller frees it.
	 * NULL: ids are UUIDs. */
	char *(*new_id)(uint64_t n);

	/* Sets the answer of every request, in place of the routes. */
	void (*serve)(struct req *r);

	/* An item of a paid request was made. NULL: nothing follows. */
	void (*made)(struct sb_item *it);

	unsigned no_money;  /* status past the quota */
	unsigned busy;      /* status past --concurrent; 0: no such limit */
	unsigned bad_query; /* status for an unknown parameter */
};

#endif
