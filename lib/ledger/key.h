/*
 * key: the canonical form of what is asked for, and its SHA-256.
 *
 * The form is the word "avtools-key-1" and the seven parts (operation, provider, base,
 * account, subject, name, options), each as a netstring, an absent name as "-". The base URL
 * has its scheme and host in small letters, and neither its scheme's own port nor a slash at
 * its end. Options are one JSON object in its canonical form: members sorted by name (bytes), no
 * space, strings with the fewest escapes, an integer as its digits, as is any other whole
 * number below 2^53, the rest as printf's "%.17g". What is hashed here must never change, or
 * everything would be paid for again: a test holds known hashes.
 */
#ifndef AV_LEDGER_KEY_H
#define AV_LEDGER_KEY_H

#include <stddef.h>

#include "ledger/ledger.h"

/* The options as one canonical JSON object. The caller frees it. A value that is not JSON is
 * taken as a string. */
char *ledger_key_options(const struct ledger_option *options, size_t n);

/* The canonical form of one JSON value. The caller frees it. */
char *ledger_key_canonical(const char *json);

/* The base URL as the key has it. The caller frees it. */
char *ledger_key_base(const char *base);

/* options: as from ledger_key_options. hash: 32 bytes. */
void ledger_key_hash(
    const struct ledger_key *key, const char *options, unsigned char *hash);

#endif
