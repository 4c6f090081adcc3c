/*
 * ledger_key: the canonical form of what is asked for, and its SHA-256.
 *
 * The form is the word "avtools-key-1" and the seven parts (operation, provider, base,
 * account, subject, name, options), each as a netstring, an absent name as "-". Options are one
 * JSON object in its canonical form: members sorted by name (bytes), no space, strings with
 * the fewest escapes, a number that is whole written as an integer. What is hashed here must
 * never change, or everything would be paid for again: a test holds known hashes.
 */
#ifndef AV_LEDGER_KEY_H
#define AV_LEDGER_KEY_H

#include <stddef.h>

#include "ledger.h"

/* The options as one canonical JSON object. The caller frees it. A value that is not JSON is
 * taken as a string. */
char *ledger_key_options(const struct ledger_option *options, size_t n);

/* The canonical form of one JSON value. The caller frees it. */
char *ledger_key_canonical(const char *json);

/* The base URL without slashes at its end. The caller frees it. */
char *ledger_key_base(const char *base);

/* options: as from ledger_key_options. hash: 32 bytes. */
void ledger_key_hash(
    const struct ledger_key *key, const char *options, unsigned char *hash);

#endif
