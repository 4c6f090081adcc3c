/*
 * faults: what goes wrong on purpose.
 *
 * Each --fault is a rule. Whether it hits a request follows from the seed, the
 * service, and the number of requests of that scope before it, so that a run
 * can be repeated.
 */
#ifndef SANDBOX_FAULTS_H
#define SANDBOX_FAULTS_H

#include <stdbool.h>

#include "core/options.h"

/* The kind of a request: it selects the faults and the counters. An EVENT is a
 * request of ours to a client. */
enum scope { PAID, POLL, LIST, READ, TOKEN, MEDIA, FREE, EVENT, SCOPES };

enum fault_kind {
	FAULT_LOST,       /* the connection closes without an answer */
	FAULT_LATE,       /* FAULT_LOST, and the effect comes later */
	FAULT_RESET,      /* TCP RST once the body has begun */
	FAULT_STALL,      /* no answer for --stall-ms, then FAULT_LOST */
	FAULT_STALL_BODY, /* half an answer, then FAULT_STALL */
	FAULT_TRUNCATED,  /* half an answer, then the connection closes */
	FAULT_GARBAGE,    /* a success status with a body of garbage */
	FAULT_STATUS,     /* that status */
	/* Only of events, as FAULT_LOST and FAULT_LATE are too. */
	FAULT_DOUBLED,   /* it is sent twice */
	FAULT_FORGED,    /* others come with it, which are not true */
	FAULT_REORDERED, /* it comes after the next one */
};

struct fault {
	const char *spec; /* as on the command line */
	enum fault_kind kind;
	enum scope scope;
	unsigned status;
	bool after; /* the request takes effect first */
	bool reused_only;
	int service; /* -1: any */
	double rate;
	unsigned long nth; /* 0: by rate */
};

/* Adds the rules of opts.faults. Returns NULL, or the first wrong text. */
const char *faults_read(void);

/* The fault that hits this request, or NULL. Counts the request. */
const struct fault *fault_pick(
    enum service_no service, enum scope scope, bool reused);

#endif
