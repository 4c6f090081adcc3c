/*
 * finding: one thing to say about a photo, and the list of them.
 *
 * Plain values without pointers. Texts are UTF-8 and always terminated; longer
 * ones are cut between characters.
 */
#ifndef AV_PHOTO_FINDING_H
#define AV_PHOTO_FINDING_H

#include <stdbool.h>
#include <stddef.h>

#include "base/err.h"

enum severity {
	SEVERITY_NOTE,    /* worth knowing; nothing will fail */
	SEVERITY_RISKY,   /* the service may refuse it or show it wrong */
	SEVERITY_REFUSED, /* must not be sent */
};

struct finding {
	enum code code;
	enum severity severity;
	char message[224]; /* a sentence: lower case, no full stop */
	char got[96];      /* what the photo has: "1919x1080" */
	char wanted[96];   /* what it should have; "": cannot be said */
	char fix[128]; /* what to do: "av-fit crops it"; "": nothing known */
};

/* When the list is full, a finding replaces the first less severe one or is
 * dropped. */
#define FINDINGS_MAX 24
struct findings {
	unsigned n;
	struct finding list[FINDINGS_MAX];
};

/* The cost is that of the findings in the list, not of FINDINGS_MAX. */
void findings_copy(struct findings *to, const struct findings *from);

/* Adds a finding. got, wanted and fix are copied; NULL is "". */
void finding_add(struct findings *fs, enum code code, enum severity severity,
    const char *got, const char *wanted, const char *fix, const char *fmt, ...)
    PRINTF(7, 8);

/* The first finding with that code, or NULL. */
const struct finding *finding_get(const struct findings *fs, enum code code);

/* The highest severity of the list; SEVERITY_NOTE for an empty one. */
enum severity findings_worst(const struct findings *fs);

/* The first finding that refuses the photo, or NULL. */
const struct finding *findings_refusal(const struct findings *fs);

/* "note", "risky", "refused". */
const char *severity_name(enum severity severity);

#endif
