/*
 * util: hashes, seeded random numbers, checks of values, decoded queries.
 */
#ifndef SANDBOX_UTIL_H
#define SANDBOX_UTIL_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/sha256.h"

enum { UUID_SIZE = 37 };

/* An evenly distributed number that depends on both arguments. */
uint64_t mix(uint64_t a, uint64_t b);
uint64_t mix_str(uint64_t a, const char *s);

/* Maps such a number to 0 <= x < 1. */
double chance(uint64_t n);

/* Lower-case hexadecimal digits of a SHA-256 and of an HMAC-SHA-256. */
void digest_hex(const void *data, size_t len, char out[SHA256_HEX]);
void hmac_hex(const char *key, const char *text, char out[SHA256_HEX]);
void uuid_of(uint64_t a, uint64_t b, char out[UUID_SIZE]);

bool is_uuid(const char *s);

/* Has it the form of an absolute URL, with a host, and without blanks and
 * control characters? With https, http is refused. Nothing is resolved. */
bool is_url(const char *s, bool https);

bool is_integer(const char *s, long min, long max);

/* The decoded pairs of a query or a form body. */
struct pair {
	char *name;
	char *value;
};

struct pairs {
	struct pair *at;
	size_t n;
};

/* Returns false if an escape is broken, or if decoded text holds a NUL or is
 * not UTF-8. Release the pairs in either case. */
bool pairs_parse(struct pairs *p, const char *s, size_t len);

/* The value of the first pair of that name, or NULL. */
const char *pairs_get(const struct pairs *p, const char *name);
void pairs_release(struct pairs *p);

/* Is the word in a list that is separated by blanks? NULL is an empty list. */
bool word_in(const char *list, const char *word);

#endif
