/*
 * faults: what goes wrong on purpose. Each --fault is a rule; whether it strikes a request
 * follows from the seed, the service and how many requests of that scope came before, so that
 * a run can be repeated.
 */
#ifndef SANDBOX_FAULTS_H
#define SANDBOX_FAULTS_H

#include <stdbool.h>

#include "core/options.h"

/* What a request is to the client, which decides the faults and the counters it meets. */
enum scope { PAID, POLL, LIST, READ, TOKEN, MEDIA, FREE, SCOPES };

enum fault_kind {
	FAULT_LOST,       /* the connection closes without an answer */
	FAULT_LATE,       /* the same, and the effect comes later */
	FAULT_RESET,      /* TCP RST once the body has begun */
	FAULT_STALL,      /* no answer for --stall-ms, then the connection closes */
	FAULT_STALL_BODY, /* half an answer, then the same */
	FAULT_TRUNCATED,  /* half an answer, then the connection closes */
	FAULT_GARBAGE,    /* a good status with nonsense */
	FAULT_STATUS,     /* that status */
};

struct fault {
	const char *spec; /* as the command line had it */
	enum fault_kind kind;
	enum scope scope;
	unsigned status;
	bool after; /* the effect takes place */
	bool reused_only;
	int service; /* -1: any */
	double rate;
	unsigned long nth; /* 0: by rate */
};

/* Adds the rule of a text such as "lost-after@loom=0.1" or "503#2"; the text must live on. */
bool fault_add(char *spec);

/* The fault that strikes this request, or NULL. Counts the request. */
const struct fault *fault_pick(enum service_no service, enum scope scope, bool reused);

#endif
