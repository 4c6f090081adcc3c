/*
 * entries: lists, exports, imports and corrects the entries of a ledger.
 *
 * Every call takes effect before it returns; for programs without a loop.
 */
#ifndef AV_LEDGER_ENTRIES_H
#define AV_LEDGER_ENTRIES_H

#include "ledger/ledger.h"

/* Calls fn for each entry, the oldest first, until it returns false. The entry
 * is valid during the call. -1 if the ledger cannot be read on. */
int ledger_each(struct ledger *l, const struct ledger_filter *filter,
    bool (*fn)(void *arg, const struct ledger_entry *entry), void *arg,
    struct err *e);

/* How long the service took for the latest of its requests that made
 * something, at most LEDGER_LATEST of them: the median, from sending to the
 * outcome. where: operation, provider, base and account. Returns how many these
 * are; 0: none, and *ms is not set. -1 if the ledger cannot be read. */
#define LEDGER_LATEST 200
int ledger_answer_time(struct ledger *l, const struct ledger_key *where,
    int64_t *ms, struct err *e);

/* The next two take the first hex digits of a key. They fail with
 * CODE_NOT_IN_LEDGER if the digits are empty or match no key or several keys,
 * or if a living process owns an entry of the key. */

/* Settles the unknown entry of a key: made with this id, or not made (NULL).
 * CODE_INVALID_RECORD if the id is malformed: an id has at most 256 bytes,
 * without spaces, slashes and control characters. */
int ledger_settle_unknown(
    struct ledger *l, const char *key, const char *id, struct err *e);

/* 1 if a claim of the key will tell what became of it: it was made, or was not
 * made, or a living process is sending it again. 0 if a request is unknown, if
 * what it made failed later, or if there is no entry. May be called while a
 * loop runs. */
int ledger_is_settled(struct ledger *l, const char *key, struct err *e);

/* Removes all entries of a key: the next claim is YOURS, whatever was made. */
int ledger_forget(struct ledger *l, const char *key, struct err *e);

/* Adds an entry that another ledger exported. If this ledger has an entry with
 * the same key and tag, the state that knows more wins: made, failed and gone
 * before the others, then the later attempt. An intended entry becomes unknown,
 * since no process of this ledger owns it. 1 if something was written, 0 if the
 * entry was known.
 *
 * CODE_INVALID_RECORD if the key is not the hash of the parts, the state has an
 * unknown name, a made entry has no id, the id is malformed, or the tag is not
 * 24 hex digits; CODE_NOT_IN_LEDGER if the key would have two open entries, or
 * a living process owns the entry. */
int ledger_import(
    struct ledger *l, const struct ledger_entry *entry, struct err *e);

/* Makes all calls until ledger_commit one transaction. */
int ledger_begin(struct ledger *l, struct err *e);
int ledger_commit(struct ledger *l, struct err *e);

/* Reads all of the ledger and calls fn with each problem. How many, or -1.
 * quick: only the first problem that the pages of the file themselves show. */
int ledger_check(struct ledger *l, bool quick,
    void (*fn)(void *arg, const char *problem), void *arg, struct err *e);

#endif
