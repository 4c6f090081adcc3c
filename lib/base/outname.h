/*
 * outname: the paths of output files, made from a template and a record.
 *
 *	outname_template -> outname_take for each file
 *
 * Only the template chooses the directory: in the values of placeholders
 * slashes, control characters and leading dots become `_`. The value of {dir}
 * keeps its slashes, but is never absolute and has no `..`.
 */
#ifndef AV_BASE_OUTNAME_H
#define AV_BASE_OUTNAME_H

#include "base/buf.h"
#include "base/err.h"
#include "base/hashset.h"

/* What placeholders stand for; each may be any bytes, or NULL. {stem}, {dir}
 * and {source_ext} come from file, else from url; {stem} else from id. */
struct outname {
	const char *file, *url, *provider, *kind, *name, *id, *ext;
};

/* What -o DIR means for files made of an avatar or a photo. */
#define OUTNAME_USUAL "{stem}.{provider}.{kind}.{ext}"

/* The template of "-o OUT": OUT if it has a `{`, else "OUT/" and the usual
 * name. The caller frees it. NULL: *bad is where an unknown placeholder starts
 * in OUT. */
char *outname_template(const char *out, const char *usual, const char **bad);

/* All placeholders, for a message. */
#define OUTNAME_KEYS                                                           \
	"{dir} {stem} {source_ext} {provider} {kind} {name} {id} {ext}"

/* A message about `bad` of outname_template; a directory to try follows. */
#define OUTNAME_NO_KEY "-o: '%s' begins with none of " OUTNAME_KEYS "; try -o "

/* Appends the path. An unknown placeholder gives nothing. */
void outname_path(
    const char *template, const struct outname *name, struct buf *path);

/* Appends the path and notes it in `taken`. -1: target_taken, since another
 * record of this run has it; the message has a template that tells the two
 * apart, if there is one. */
int outname_take(struct hashset *taken, const char *template,
    const struct outname *name, struct buf *path, struct err *e);

#endif
