/*
 * hashes: a set of SHA-256 sums in memory, 64 to 128 bytes for each.
 */
#ifndef AV_HASHES_H
#define AV_HASHES_H

#include <stdbool.h>
#include <stddef.h>

/* Zeroed is empty. */
struct hashes {
	struct hashes_slot *table;
	size_t size, count; /* size is a power of two, or 0 */
};

void hashes_release(struct hashes *set);

bool hashes_has(const struct hashes *set, const unsigned char *hash);

/* False where it was there already. */
bool hashes_add(struct hashes *set, const unsigned char *hash);

#endif
