/*
 * util: the small things every part of the sandbox needs: time, hashes, names that follow
 * from the seed, and name=value lists as queries and forms carry them.
 */
#ifndef SANDBOX_UTIL_H
#define SANDBOX_UTIL_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum { HEX_SIZE = 65, UUID_SIZE = 37, TIME_SIZE = 32 };

/* Milliseconds since 1970 by the wall clock: what is kept must survive a restart. */
int64_t wall_ms(void);

/* "2026-05-01T10:00:00.000Z", or without the fraction. */
void time_iso(int64_t ms, bool fraction, char out[TIME_SIZE]);

/* A number that depends on both, evenly spread; chance() makes a fraction of 1 of one. */
uint64_t mix(uint64_t a, uint64_t b);
uint64_t mix_str(uint64_t a, const char *s);
double chance(uint64_t n);

void digest_hex(const void *data, size_t len, char out[HEX_SIZE]);
void hmac_hex(const char *key, const char *text, char out[HEX_SIZE]);
void uuid_of(uint64_t a, uint64_t b, char out[UUID_SIZE]);

bool is_uuid(const char *s);
/* An absolute URL with a host and without blanks or control characters; https only where
 * asked for. Judged by its form alone. */
bool is_url(const char *s, bool https);
bool is_integer(const char *s, long min, long max);

/* The pairs of a query or form body, decoded. */
struct pair {
	char *name;
	char *value;
};

struct pairs {
	struct pair *at;
	size_t n;
};

/* False where an escape is broken or a decoded byte is no text (NUL, not UTF-8). */
bool pairs_parse(struct pairs *p, const char *s, size_t len);
/* The value of the first pair of that name, or NULL. */
const char *pairs_get(const struct pairs *p, const char *name);
void pairs_release(struct pairs *p);

/* Is the word one of a list that blanks separate? */
bool word_in(const char *list, const char *word);

#endif
