/*
 * token_file: a token on disk, shared by all processes of a user.
 *
 * $XDG_STATE_HOME/avtools/tokens/ (~/.local/state; 0700) holds two files for
 * each token: HASH, a JSON object (0600), and HASH.lock, which is locked while
 * the token is renewed and never removed. HASH is the SHA-256 of what the token
 * is for. A token is replaced as a whole (written to another file, synced,
 * renamed), so it may be read without the lock.
 */
#ifndef AV_AUTH_TOKEN_FILE_H
#define AV_AUTH_TOKEN_FILE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/clock.h"
#include "base/err.h"

struct token_file {
	char *path, *lock, *temp;
	int fd; /* the lock, or -1 */
};

/* The contents. Strings are secrets, NULL if absent. */
struct stored_token {
	char *access_token, *token_type, *scope, *refresh_token;
	int64_t lifetime; /* seconds; -1: the service did not say */
	struct clock_stamp obtained;
	bool in_doubt; /* refresh_token was sent, and no answer is known */
};

/* The seconds for which it may still be used: 0 if it has expired or comes from
 * the future (the wall clock was set back), INT64_MAX if its lifetime is not
 * known. */
int64_t stored_token_left(
    const struct stored_token *token, const struct clock_stamp *now);

void stored_token_release(struct stored_token *k);

/* parts: what the token is for, n strings, NULL for an absent one. Makes the
 * directory. -1: state_unusable, or unsafe_secret if others can reach it. */
int token_file_open(
    struct token_file *file, const char *const *parts, size_t n, struct err *e);

/* Also unlocks. */
void token_file_close(struct token_file *f);

/* 1 and the token, which the caller releases; 0 if there is none that can be
 * read; -1. */
int token_file_read(
    const struct token_file *file, struct stored_token *token, struct err *e);

/* Tries to lock, for this process and thread alone. 1: locked; 0: another has
 * the lock; -1. */
int token_file_lock(struct token_file *f, struct err *e);

/* With the lock held. Durable when it returns 0. */
int token_file_write(
    const struct token_file *f, const struct stored_token *t, struct err *e);
int token_file_remove(const struct token_file *f, struct err *e);

#endif
