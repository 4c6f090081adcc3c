/*
 * token_file: one token on disk, shared by all processes of a user.
 *
 * $XDG_STATE_HOME/avtools/tokens/ (~/.local/state; 0700) has for each token HASH, a JSON
 * object (0600), and HASH.lock, which is locked while the token is being renewed and never
 * removed. HASH is the SHA-256 of what the token is for. A token is replaced whole: written
 * beside, fsynced, renamed; so it may be read without the lock.
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

/* What is kept. Strings are secrets, NULL where absent. */
struct stored_token {
	char *access_token, *token_type, *scope, *refresh_token;
	int64_t lifetime; /* seconds; -1: the service did not say */
	struct clock_stamp obtained;
	bool in_doubt; /* refresh_token was sent and no answer is known */
};

/* The seconds that it may still be used: 0 where it is past its end or comes from the future
 * (the wall's clock was set back), INT64_MAX where its end is not known. */
int64_t stored_token_left(const struct stored_token *k, const struct clock_stamp *now);

void stored_token_release(struct stored_token *k);

/* parts: what the token is for, n strings, NULL for an absent one. Makes the directory. -1 and
 * CODE_UNSAFE_SECRET where there is no safe place. */
int token_file_open(
    struct token_file *f, const char *const *parts, size_t n, struct err *e);

/* Also gives the lock back. */
void token_file_close(struct token_file *f);

/* 1 and *k, or 0 where there is no readable token, or -1. k is released by the caller. */
int token_file_read(const struct token_file *f, struct stored_token *k, struct err *e);

/* Tries to get the lock, of this process and thread alone. 1 got, 0 another has it, -1. */
int token_file_lock(struct token_file *f, struct err *e);

/* With the lock held. Durable when it returns 0. */
int token_file_write(
    const struct token_file *f, const struct stored_token *k, struct err *e);
int token_file_remove(const struct token_file *f, struct err *e);

#endif
