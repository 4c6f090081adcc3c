/*
 * hashset: a set of SHA-256 sums in memory, 22 to 43 bytes for each.
 *
 * Half of each sum is kept, 128 bits: with n of them the chance that any two are taken for one is
 * about n*n / 2^129, and to make two such on purpose is the work of 2^64 hashes.
 */
#ifndef AV_BASE_HASHSET_H
#define AV_BASE_HASHSET_H

#include <stdbool.h>
#include <stddef.h>

/* Zeroed is empty. */
struct hashset {
	struct hashset_slot *table;
	size_t size, count; /* size is a power of two, or 0 */
};

void hashset_release(struct hashset *set);

bool hashset_has(const struct hashset *set, const unsigned char *hash);

/* False where it was there already. */
bool hashset_add(struct hashset *set, const unsigned char *hash);

#endif
