/*
 * doctor: the checks of av-doctor.
 */
#ifndef AV_DOCTOR_DOCTOR_H
#define AV_DOCTOR_DOCTOR_H

#include <stdint.h>

#include "auth/token.h"
#include "program/opt.h"
#include "provider/provider.h"
#include "report.h"

struct doctor {
	struct opt_common common; /* -p, -u, -j, -v */
	const char *provider;     /* -p as given, or NULL */
	int64_t jobs;             /* -j as given, or 0 */
	const char *ledger;       /* --ledger, or NULL */
	bool offline;
};

/* The machine: files and directories, the ledger, proxy, TLS, libraries. */
void check_machine(const struct doctor *d, struct report *r);

/* The clock, by the Date of services: offset is theirs minus ours in ms. */
void check_clock(struct report *r, bool known, int64_t offset);

/* A provider that is checked. */
struct service {
	struct provider *provider;
	struct auth auth;
	struct creds creds;
	struct err creds_err; /* CODE_NONE: creds are loaded */
	char *key; /* what is set, for people; NULL: key_err says what is not */
	struct err key_err;
};

/* What mends key_err, for a shell. The caller frees it. */
char *service_fix_key(const struct service *one);

/* The providers of -p; else the default one and all that have something
 * configured. */
struct services {
	const struct doctor *doctor;
	struct report *report;
	struct service *list;
	size_t n;
	struct err file_err; /* of the credentials file, which all read */
};

/* Reports providers that cannot be loaded. Released by services_release. */
void services_collect(
    struct services *s, const struct doctor *d, struct report *r);
void services_release(struct services *s);

/* Checks the credentials, asks the services, and compares the clock. */
void check_services(const struct doctor *d, struct report *r);

/* Compares the answers of the services of -p with their descriptions. */
void check_answers(const struct doctor *d, struct report *r);

/* Prints what is in force and from where, without secrets. */
void show_settings(const struct doctor *d, struct report *r);

#endif
