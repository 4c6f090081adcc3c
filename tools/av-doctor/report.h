/*
 * report: what the checks found, for people or for programs.
 */
#ifndef AV_DOCTOR_REPORT_H
#define AV_DOCTOR_REPORT_H

#include <json-c/json.h>
#include <stdbool.h>

#include "base/buf.h"
#include "base/err.h"

enum verdict { VERDICT_OK, VERDICT_WARN, VERDICT_FAIL };

struct report {
	bool json;   /* a line of JSON for each check */
	bool colour; /* of the words ok, warn, fail */
	int width;   /* messages are wrapped to it; 0: they are not */
	int status;  /* the exit status by what failed so far */
};

/* Chooses colour and width by the terminal that standard output may be. */
void report_init(struct report *r, bool json);

/* Prints a check. fix is the command that mends it, or NULL. */
void report_add(struct report *r, enum verdict verdict, const char *check,
    const char *fix, const char *fmt, ...) PRINTF(5, 6);

/* The same for a check that failed because of e. */
void report_fail(
    struct report *r, const char *check, const char *fix, const struct err *e);

/* Prints an object as a line of JSON, and frees it. */
void report_json(struct json_object *o);

/* The exit status is this one, unless a weightier one was set. */
void report_status(struct report *r, int status);

/* Prints a setting, and where it comes from; place may be NULL. */
void report_setting(const struct report *r, const char *setting,
    const char *value, const char *source, const char *place);

#endif
