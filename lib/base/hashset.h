/*
 * hashset: a set of SHA-256 hashes in memory, 22 to 43 bytes each.
 *
 * The first 128 bits of each hash are kept. Among n hashes the chance that two
 * different ones collide is about n*n / 2^129; to make a collision on purpose
 * takes about 2^64 hashes.
 */
#ifndef AV_BASE_HASHSET_H
#define AV_BASE_HASHSET_H

#include <stdbool.h>
#include <stddef.h>

/* Zeroed is empty. */
struct hashset {
	struct hashset_slot *table;
	size_t size, count; /* slots, a power of two or 0; used slots */
};

void hashset_release(struct hashset *set);

/* Adds a hash (the 32 bytes of a SHA-256), or the hash of a string. False: it
 * was in the set already. */
bool hashset_add(struct hashset *set, const unsigned char *hash);
bool hashset_add_str(struct hashset *set, const char *s);

/* True if the hash is in the set. */
bool hashset_has(const struct hashset *set, const unsigned char *hash);

#endif
