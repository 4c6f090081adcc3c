/*
 * err: the one error idiom of the tree, and the one way to talk to people.
 *
 * A function that can fail for a reason the user should hear takes a `struct err *` as its
 * last parameter. On success it returns 0 (or a pointer) and leaves *e alone; on failure it
 * returns -1 (or NULL), has set *e, and has undone what it began. Callers either return the
 * error upwards unchanged or turn it into a record's `error`. Only tools/ may die().
 *
 * A message is written for the one who must act: lower case, no full stop, what failed, on
 * what, what to do. It never holds a secret.
 */
#ifndef AV_BASE_ERR_H
#define AV_BASE_ERR_H

#include "base/codes.h"

#define PRINTF(fmt, args) __attribute__((format(printf, fmt, args)))

/* Why something failed. code says it to programs, message to people. */
struct err {
	enum code code;
	char message[512]; /* always terminated; cut on a character's boundary */
};

/* Sets *e. A format that ends in ':' gets strerror(errno) appended. Always returns -1, so
 * that a failing function may say `return err_set(e, CODE_X, "...")`. */
int err_set(struct err *e, enum code code, const char *fmt, ...) PRINTF(3, 4);

/* Puts words in front of a message that a callee set: "photos/a.jpg: " + message. Returns -1. */
int err_prefix(struct err *e, const char *fmt, ...) PRINTF(2, 3);

/* How much is said on stderr: -1 quiet (errors only), 0 usual, 1 and more verbose. Set once,
 * by main. */
void err_set_level(int level);
int err_level(void);

/* "av-upload: message" on stderr. warn() is silent at level -1, note() below level 1. */
void warn(const char *fmt, ...) PRINTF(1, 2);
void note(const char *fmt, ...) PRINTF(1, 2);

/* One line on a terminal that the next one, or a message, takes the place of; "" takes it away. */
void err_status(const char *fmt, ...) PRINTF(1, 2);

/* Says the message at any level and exits with a status of <sysexits.h>. For main()s. */
_Noreturn void die(int status, const char *fmt, ...) PRINTF(2, 3);

/* The same with the message of *e and the exit status of its code. */
_Noreturn void err_die(const struct err *e);

#endif
