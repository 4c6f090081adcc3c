/*
 * finding: what is to be said about a photo, one thing each.
 *
 * Plain values without pointers, so that a list of them crosses from a worker process to its
 * parent as the bytes it is. Texts are UTF-8 and always terminated; longer ones are cut on a
 * character's boundary.
 */
#ifndef AV_PHOTO_FINDING_H
#define AV_PHOTO_FINDING_H

#include <stdbool.h>

#include "base/err.h"

enum severity {
	SEVERITY_NOTE,    /* worth knowing; nothing will fail */
	SEVERITY_RISKY,   /* the service may refuse it or show it wrong */
	SEVERITY_REFUSED, /* must not be sent */
};

struct finding {
	enum code code;
	enum severity severity;
	char message[224]; /* a sentence for people: lower case, no full stop */
	char got[96];      /* what the photo has: "1919x1080" */
	char wanted[96];   /* what it should have; "" where that cannot be said */
	char fix[128];     /* what to do: "av-fit crops it"; "" where there is none */
};

/* Findings past the last place are dropped and counted in n_dropped, a worse one in place of
 * the first note. */
#define FINDINGS_MAX 24
struct findings {
	unsigned n;
	unsigned n_dropped;
	struct finding list[FINDINGS_MAX];
};

/* Makes a list empty, or as another one, at the cost of what is in it and not of the places. */
void findings_clear(struct findings *fs);
void findings_copy(struct findings *to, const struct findings *from);

/* Adds one with its message; got, wanted and fix (borrowed, copied, NULL welcome) too. */
void finding_add(struct findings *fs, enum code code, enum severity severity,
    const char *got, const char *wanted, const char *fix, const char *fmt, ...)
    PRINTF(7, 8);

/* The first finding of that code, or NULL. */
const struct finding *finding_get(const struct findings *fs, enum code code);

/* The highest severity of the list; SEVERITY_NOTE for an empty one. */
enum severity findings_worst(const struct findings *fs);

/* "note", "risky", "refused". */
const char *severity_name(enum severity severity);

/* Makes a list that came from an untrusted process safe to read: counts and enums within
 * range, every text terminated and UTF-8. False where it was not all right. */
bool findings_valid(struct findings *fs);

#endif
