/*
 * err: errors, and messages on stderr.
 *
 * A function that can fail for a reason that the user should know takes a
 * `struct err *` as its last parameter. On success it returns 0 (or a pointer)
 * and does not touch *e. On failure it sets *e, undoes what it began, and
 * returns -1 (or NULL). Callers return the error unchanged or put it into a
 * record's `error`.
 *
 * Out of memory, out of descriptors, or a broken library end the process;
 * nothing else in lib/ does. Only program/ also ends it for mistakes of the
 * user, before any input is read.
 *
 * A message is lower case without a full stop: what failed, on what, what to
 * do. It never holds a secret. It may quote any text from outside: all messages
 * are made safe for terminals and records here (utf8_show), and only here.
 */
#ifndef AV_BASE_ERR_H
#define AV_BASE_ERR_H

#include <stdbool.h>

#include "base/codes.h"

#define PRINTF(fmt, args) __attribute__((format(printf, fmt, args)))

/* Why something failed: code is for programs, message for people. */
struct err {
	enum code code;
	char message[512]; /* ends in a NUL; cut between characters */
};

/* True for an error number of the machine's passing trouble, such as EMFILE,
 * ENOMEM, EIO or ESTALE, which says nothing about the file. */
bool err_passes(int number);

/* Sets *e. A format that ends in ':' gets strerror(errno) appended, and if
 * err_passes(errno), the code becomes too_many_files or machine_failed. Returns
 * -1, for `return err_set(e, CODE_X, "...")`. */
int err_set(struct err *e, enum code code, const char *fmt, ...) PRINTF(3, 4);

/* Puts text in front of the message: "photos/a.jpg: " + message. Returns -1. */
int err_prefix(struct err *e, const char *fmt, ...) PRINTF(2, 3);

/* Which messages are printed: -1 only errors, 0 warnings too, 1 and more all.
 * main sets it once. */
void err_set_level(int level);
int err_level(void);

/* What to do after a write failed with this errno, for a message. */
const char *err_after_write(int number);

/* True if the last message that was printed has this text. */
bool err_said(const char *text);

/* "av-upload: message" on stderr. warn() is silent at level -1, note() below
 * level 1. */
void warn(const char *fmt, ...) PRINTF(1, 2);
void note(const char *fmt, ...) PRINTF(1, 2);

/* A line without the program's name, at any level: what a user has to do. */
void say(const char *fmt, ...) PRINTF(1, 2);

/* What to write before each message: the function returns it, such as the
 * bytes that remove the progress from a terminal. */
void err_set_lead(const char *(*lead)(void));
const char *err_lead(void);

/* Prints the message at any level and exits with a status of <sysexits.h>. */
_Noreturn void die(int status, const char *fmt, ...) PRINTF(2, 3);

/* The same with the message of *e and the exit status of its code. */
_Noreturn void err_die(const struct err *e);

#endif
