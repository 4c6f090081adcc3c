/*
 * key: the canonical form of what is asked for, and its SHA-256.
 *
 * The form is the word "avtools-key-1" and the seven parts (operation,
 * provider, base, account, subject, name, options), each as a netstring; an
 * absent name is "-". The base URL has scheme and host in lower case, without
 * the scheme's default port and without a slash at the end; the caller gives
 * it in the one spelling of url_canonical (http/url.h). Options are one JSON
 * object in canonical form: members sorted by name (bytes), no space, strings
 * with the fewest escapes, integers as their digits, other whole numbers below
 * 2^53 likewise, all other numbers as printf's "%.17g".
 *
 * The hashed bytes must never change, or every request would be paid for again:
 * a test compares known hashes.
 */
#ifndef AV_LEDGER_KEY_H
#define AV_LEDGER_KEY_H

#include "ledger/types.h"

/* The options as one canonical JSON object. A value that is not JSON is taken
 * as a string. The caller frees it. */
char *ledger_key_options(const struct ledger_option *options, size_t n);

/* The canonical form of one JSON value. The caller frees it. */
char *ledger_key_canonical(const char *json);

/* The base URL in the form that the key uses. The caller frees it. */
char *ledger_key_base(const char *base);

/* Bytes of a key's hash: SHA-256. */
#define LEDGER_KEY_HASH 32

/* Bytes of a mark: the first digits of a key, and a NUL. It tells requests of
 * one name apart. */
#define LEDGER_KEY_MARK 9

/* options: as from ledger_key_options. hash: LEDGER_KEY_HASH bytes. */
void ledger_key_hash(
    const struct ledger_key *key, const char *options, unsigned char *hash);

#endif
